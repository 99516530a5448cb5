//! The process dies at every step it takes on disk. After each death: everything acknowledged is there
//! exactly once, and what was not acknowledged can be sent again without doubling.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bartizan_base::{Timespan, WorkspaceId};
use bartizan_store::Store;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::fixture::{Fixture, OTHER, TABLE};
use crate::sim_disk::SimDisk;

const ROWS: i64 = 3;

/// Every third batch is as large as this, and goes to a file past the log.
const LARGE: usize = 400;

/// A sender that numbers its batches per table and sends one again until it is acknowledged.
#[derive(Default)]
struct Sender {
    /// Acknowledged batches per table.
    sent: BTreeMap<&'static str, u64>,
}

impl Sender {
    /// Sends the next batch. Returns whether it was acknowledged.
    async fn send(&mut self, fixture: &Fixture, store: &Store, table: &'static str) -> bool {
        let seq = self.sent.get(table).copied().unwrap_or_default() + 1;
        let rows: Vec<String> =
            (0..ROWS).map(|row| format!(r#"{{"N":{}}}"#, seq as i64 * ROWS + row)).collect();
        let size = if seq.is_multiple_of(3) { LARGE } else { 0 };
        let body = Bytes::from(format!("{:size$}", rows.join("\n")));
        let acknowledged = store.append_json(fixture.batch(table, seq), body).await.is_ok();
        if acknowledged {
            self.sent.insert(table, seq);
        }
        acknowledged
    }

    /// What must be stored.
    fn expected(&self, table: &str) -> Vec<i64> {
        let sent = self.sent.get(table).copied().unwrap_or_default() as i64;
        (ROWS..(sent + 1) * ROWS).collect()
    }
}

/// One piece of work.
async fn act(choice: u32, fixture: &Fixture, store: &Store, sender: &mut Sender) {
    let result = match choice {
        0..5 => {
            sender.send(fixture, store, TABLE).await;
            Ok(())
        }
        5..7 => {
            sender.send(fixture, store, OTHER).await;
            Ok(())
        }
        7 => store.flush().await,
        8 => store.flush_due().await,
        10 => store.publish().await,
        _ => store.maintain(fixture.clock_now()).await,
    };
    if let Err(error) = result {
        assert!(error.kind() == bartizan_base::ErrorKind::Internal || store_is_gone(&error), "{error}");
    }
    fixture.clock.advance(Timespan::from_seconds(3600));
}

fn store_is_gone(error: &bartizan_store::StoreError) -> bool {
    matches!(error, bartizan_store::StoreError::Closed)
}

impl Fixture {
    fn clock_now(&self) -> bartizan_base::Ticks {
        use bartizan_base::Clock;
        self.clock.now()
    }
}

fn check(fixture: &Fixture, store: &Store, sender: &Sender, case: &str) {
    for table in [TABLE, OTHER] {
        let found = fixture.numbers(store, table);
        let expected = sender.expected(table);
        // A batch whose acknowledgement got lost may be there, once; it is the next one.
        let unacknowledged: Vec<i64> =
            (0..ROWS).map(|row| expected.last().map_or(ROWS, |last| last + 1) + row).collect();
        let with_next: Vec<i64> = expected.iter().chain(&unacknowledged).copied().collect();
        assert!(
            found == expected || found == with_next,
            "{case}: {table} has {found:?}, expected {expected:?}"
        );
    }
}

async fn fixture_on(disk: &SimDisk) -> Fixture {
    let mut fixture = Fixture::on(PathBuf::from("/sim"), Arc::new(disk.clone())).await;
    fixture.workspace = WorkspaceId(uuid::Uuid::from_u128(7));
    fixture.options.merge_files_min = 3;
    // One table is flushed without the other now and then.
    fixture.options.flush_bytes = 6000;
    fixture.options.flush_age = std::time::Duration::from_secs(1_000_000);
    // Segments of a few records, so that there are several.
    fixture.options.segment_bytes = 1000;
    fixture.options.load_bytes_min = LARGE;
    fixture
}

#[tokio::test]
async fn every_step_of_a_fixed_course() {
    const COURSE: [u32; 25] = [0, 5, 0, 7, 10, 0, 5, 0, 0, 8, 5, 9, 0, 0, 0, 8, 10, 0, 0, 7, 9, 10, 5, 0, 7];
    for is_power_cut in [false, true] {
        let mut steps = 0;
        loop {
            let case = format!("crash after {steps} steps, power cut: {is_power_cut}");
            let disk = SimDisk::new(steps);
            let mut fixture = fixture_on(&disk).await;
            let mut sender = Sender::default();
            let store = fixture.open().await;
            disk.crash_after(steps);
            for choice in COURSE {
                act(choice, &fixture, &store, &mut sender).await;
                if disk.is_dead() {
                    break;
                }
            }
            let finished = !disk.is_dead();
            let next = disk.restart(is_power_cut);
            drop(store);
            fixture.options.disk = Arc::new(next);
            let store = fixture.open().await;
            assert_eq!(store.recovery().missing_files, Vec::<PathBuf>::new(), "{case}");
            assert_eq!(store.recovery().quarantined, Vec::<PathBuf>::new(), "{case}");
            check(&fixture, &store, &sender, &case);
            for table in [TABLE, OTHER] {
                assert!(sender.send(&fixture, &store, table).await, "{case}");
            }
            store.flush().await.unwrap();
            for table in [TABLE, OTHER] {
                assert_eq!(fixture.numbers(&store, table), sender.expected(table), "{case}");
            }
            if finished {
                assert!(steps > 60, "the course takes {steps} steps");
                break;
            }
            steps += 1;
        }
    }
}

#[tokio::test]
async fn many_lives_in_a_row() {
    for seed in 0..6 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut disk = SimDisk::new(seed);
        let mut fixture = fixture_on(&disk).await;
        let mut sender = Sender::default();
        for life in 0..25 {
            let case = format!("seed {seed}, life {life}");
            disk.crash_after(rng.random_range(1..80));
            // Dying while opening is a death like any other.
            if let Ok(store) = fixture.try_open().await {
                // Opening may die at its last step, tidying up, and not notice.
                if !disk.is_dead() {
                    check(&fixture, &store, &sender, &case);
                }
                for _ in 0..40 {
                    if disk.is_dead() {
                        break;
                    }
                    act(rng.random_range(0..11), &fixture, &store, &mut sender).await;
                }
            } else {
                assert!(disk.is_dead(), "{case}");
            }
            disk = disk.restart(rng.random());
            fixture.options.disk = Arc::new(disk.clone());
        }
        let store = fixture.open().await;
        check(&fixture, &store, &sender, &format!("seed {seed}, the end"));
        let sent: u64 = sender.sent.values().sum();
        assert!(sent > 20, "seed {seed}: only {sent} batches came through");
    }
}
