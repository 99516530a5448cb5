//! A disk that fails now and then without dying: errors of reads and writes, a file system that turns
//! read-only, a clock that is set back. What was acknowledged is there once; what was refused can be sent again.

use std::path::PathBuf;
use std::sync::Arc;

use bartizan_base::Timespan;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::fixture::{Fixture, TABLE};
use crate::sim_disk::SimDisk;

/// Input/output error, no space, read-only file system.
const ERRORS: [i32; 3] = [5, 28, 30];

/// Every third batch is as large as this, and goes to a file past the log.
const LARGE: usize = 400;

#[tokio::test]
async fn every_kind_of_error_at_every_kind_of_step() {
    for seed in 0..8 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut disk = SimDisk::new(seed);
        let mut fixture = Fixture::on(PathBuf::from("/sim"), Arc::new(disk.clone())).await;
        fixture.options.merge_files_min = 3;
        fixture.options.segment_bytes = 1500;
        fixture.options.load_bytes_min = LARGE;
        let mut store = fixture.open().await;
        let mut next = 1_u64;
        let (mut refused, mut failed) = (0, 0);
        for step in 0..120 {
            let case = format!("seed {seed}, step {step}");
            match rng.random_range(0..10) {
                0 => disk.fail_writes(rng.random_range(0.1..0.9), ERRORS[rng.random_range(0..3)]),
                1 | 2 => disk.fail_writes(0.0, 0),
                3 => failed += u64::from(store.flush().await.is_err()),
                4 => {
                    failed +=
                        u64::from(store.maintain(bartizan_base::Clock::now(&*fixture.clock)).await.is_err())
                }
                5 => failed += u64::from(store.publish().await.is_err()),
                6 if step % 4 == 0 => {
                    disk.fail_writes(0.0, 0);
                    disk = disk.restart(rng.random());
                    drop(store);
                    fixture.options.disk = Arc::new(disk.clone());
                    store = fixture.open().await;
                    assert_eq!(store.missing(), (0, 0), "{case}");
                }
                _ => {
                    let size = if next.is_multiple_of(3) { LARGE } else { 0 };
                    let body = Bytes::from(format!("{:size$}", format!("{{\"N\":{next}}}")));
                    match store.append_json(fixture.batch(TABLE, next), body).await {
                        Ok(_) => next += 1,
                        Err(error) => {
                            assert_eq!(
                                error.kind(),
                                bartizan_base::ErrorKind::Unavailable,
                                "{case}: {error}"
                            );
                            refused += 1;
                        }
                    }
                }
            }
            let found = fixture.numbers(&store, TABLE);
            let expected: Vec<i64> = (1..next as i64).collect();
            // A row that was refused may be in the log all the same, once; sending it again acknowledges it.
            let with_next: Vec<i64> = (1..=next as i64).collect();
            assert!(found == expected || found == with_next, "{case}: {found:?}, {next} is next");
            // Sometimes back by an hour.
            let by = if rng.random_range(0..6) == 0 { -3600 } else { 120 };
            fixture.clock.advance(Timespan::from_seconds(by));
        }
        assert!(
            next > 20 && refused + failed > 0,
            "seed {seed}: {next} rows, {refused} refused, {failed} failed"
        );
        disk.fail_writes(0.0, 0);
        let body = Bytes::from(format!("{{\"N\":{next}}}"));
        store.append_json(fixture.batch(TABLE, next), body).await.unwrap();
        next += 1;
        store.flush().await.unwrap();
        store.publish().await.unwrap();
        assert_eq!(fixture.numbers(&store, TABLE), (1..next as i64).collect::<Vec<i64>>());
    }
}

/// A disk whose syncs take for ever: nothing is acknowledged that is not durable, what waits is bounded, queries go on,
/// and all that waited shares few syncs when the disk is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_holds_up_acknowledgements_and_nothing_else() {
    const SENDERS: u64 = 200;
    let disk = SimDisk::new(1);
    let mut fixture = Fixture::on(PathBuf::from("/sim"), Arc::new(disk.clone())).await;
    fixture.options.buffer_bytes_max = 1 << 20;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":0}"#).await.unwrap();
    disk.hang(true);
    let (syncs, before) = (disk.syncs(), store.committed_seq());
    let text = "x".repeat(100);
    let waiting: Vec<_> = (1..=SENDERS)
        .map(|n| {
            let (store, to) = (store.clone(), fixture.target(TABLE));
            let body = Bytes::from(format!("{{\"N\":{n},\"Text\":\"{text}\"}}"));
            tokio::spawn(async move { store.append_json(to, body).await })
        })
        .collect();
    let large = Bytes::from(format!("{{\"N\":1000,\"Text\":\"{}\"}}", "y".repeat(600 << 10)));
    let refused = store.append_json(fixture.target(TABLE), large).await.unwrap_err();
    assert_eq!(refused.kind(), bartizan_base::ErrorKind::TooMany, "{refused}");
    assert_eq!(fixture.numbers(&store, TABLE), [0], "what is not durable is not visible");
    assert_eq!((store.committed_seq(), disk.syncs()), (before, syncs));
    assert!(waiting.iter().all(|sender| !sender.is_finished()));
    disk.hang(false);
    for sender in waiting {
        sender.await.unwrap().unwrap();
    }
    assert_eq!(fixture.numbers(&store, TABLE), (0..=SENDERS as i64).collect::<Vec<_>>());
    assert!(disk.syncs() - syncs <= SENDERS, "{} syncs", disk.syncs() - syncs);
    store.close().await;
}

#[tokio::test]
async fn a_clock_set_back_delays_no_flush() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    fixture.append(&store, r#"{"N":1}"#).await.unwrap();
    fixture.clock.advance(Timespan::from_seconds(-3600));
    store.flush_due().await.unwrap();
    let snapshot = store.snapshot(fixture.workspace, &[TABLE]).unwrap();
    assert_eq!((snapshot.tables[TABLE].files.len(), snapshot.tables[TABLE].memory.len()), (1, 0));
    fixture.append(&store, r#"{"N":2}"#).await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2]);
}
