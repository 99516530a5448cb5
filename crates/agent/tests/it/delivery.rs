//! Outputs and uploader over a server that fails in every way.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bartizan_agent::extension::{Health, OutputOptions, Outputs, Row};
use bartizan_agent::spool::{Encoding, Positions};
use bartizan_agent::upload::{Ingest, Outcome, Upload};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::wait::until;

/// A door that remembers, refuses repeats as the store does, and fails as told.
#[derive(Default)]
struct Door {
    state: Mutex<DoorState>,
}

#[derive(Default)]
struct DoorState {
    rows: Vec<u64>,
    highest: BTreeMap<uuid::Uuid, u64>,
    repeats: u64,
    calls: u64,
    /// Answers given before the real ones. `Stored` here means: stored, but the answer is lost.
    script: VecDeque<Outcome>,
    encodings: Vec<Encoding>,
}

impl Door {
    fn scripted(script: impl IntoIterator<Item = Outcome>) -> Arc<Self> {
        let door = Self::default();
        door.state.lock().script.extend(script);
        Arc::new(door)
    }

    fn rows(&self) -> Vec<u64> {
        self.state.lock().rows.clone()
    }
}

impl DoorState {
    fn store(&mut self, upload: &Upload) {
        let highest = self.highest.entry(upload.batch.source).or_default();
        if upload.batch.seq <= *highest {
            self.repeats += 1;
            return;
        }
        *highest = upload.batch.seq;
        self.encodings.push(upload.encoding);
        let json = match upload.encoding {
            Encoding::Zstd => zstd::decode_all(&upload.body[..]).unwrap(),
            Encoding::Gzip => {
                let mut out = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&upload.body[..]), &mut out)
                    .unwrap();
                out
            }
        };
        let rows: Vec<Value> = serde_json::from_slice(&json).unwrap();
        self.rows.extend(rows.iter().map(|row| row["n"].as_u64().unwrap()));
    }
}

#[async_trait::async_trait]
impl Ingest for Door {
    async fn upload(&self, upload: &Upload) -> Outcome {
        assert_eq!((upload.rule.as_str(), upload.stream.as_str()), ("dcr-1", "Custom-T"));
        let mut state = self.state.lock();
        state.calls += 1;
        match state.script.pop_front() {
            Some(Outcome::Stored) => {
                state.store(upload);
                later("the answer was lost")
            }
            Some(Outcome::UnknownEncoding(_)) if upload.encoding == Encoding::Gzip => {
                state.store(upload);
                Outcome::Stored
            }
            Some(outcome) => outcome,
            None => {
                state.store(upload);
                Outcome::Stored
            }
        }
    }
}

fn later(reason: &str) -> Outcome {
    Outcome::Later { reason: reason.to_owned(), retry_after: None }
}

fn outputs(folder: &std::path::Path) -> (Outputs, Health) {
    let health = Health::default();
    let options = OutputOptions {
        age_max: Duration::from_millis(1),
        age_max_away: Duration::from_millis(1),
        retry_first: Duration::from_millis(1),
        retry_max: Duration::from_millis(5),
        ..OutputOptions::new(folder.to_owned())
    };
    (Outputs::new(options, health.clone()), health)
}

fn rules() -> BTreeMap<String, String> {
    BTreeMap::from([("Custom-T".to_owned(), "dcr-1".to_owned())])
}

fn row(n: u64) -> Row {
    Row::from_iter([("n".to_owned(), json!(n))])
}

#[tokio::test]
async fn rows_arrive_once_and_in_order_over_failures_and_lost_answers() {
    let folder = tempfile::tempdir().unwrap();
    let door =
        Door::scripted([later("503"), Outcome::Stored, later("reset"), Outcome::Stored, Outcome::Stored]);
    let (outputs, health) = outputs(folder.path());
    outputs.send_to(door.clone(), rules());
    let output = outputs.stream("Custom-T").unwrap();
    for n in 0..50 {
        output.send_rows(vec![row(n)]).await;
        if n % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
    until("all rows", || door.rows().len() == 50).await;
    assert_eq!(door.rows(), (0..50).collect::<Vec<_>>());
    until("acknowledged", || health.report(&outputs).counters["waitingRows"] == 0).await;
    assert_eq!(health.report(&outputs).counters["uploadedRows"], 50);
    assert_eq!(door.state.lock().repeats, 3, "each lost answer led to one recognised repeat");
}

#[tokio::test]
async fn rows_spooled_while_the_server_is_away_arrive_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::scripted([]);
    {
        let (outputs, health) = outputs(folder.path());
        let output = outputs.stream("Custom-T").unwrap();
        let position = Positions::from([("log".to_owned(), json!(7))]);
        output.send(vec![row(1), row(2)], position).await;
        until("spooled", || health.report(&outputs).counters["waitingRows"] == 2).await;
        // Dropped without finishing; the tasks of this test's runtime are cut off where they stand.
        std::mem::forget(outputs);
    }
    let (outputs, _) = outputs(folder.path());
    outputs.send_to(door.clone(), rules());
    let output = outputs.stream("Custom-T").unwrap();
    assert_eq!(output.position("log"), Some(json!(7)));
    until("delivered", || door.rows().len() == 2).await;
    assert_eq!(door.rows(), [1, 2]);
}

#[tokio::test]
async fn a_refused_batch_does_not_block_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::scripted([Outcome::Rejected("400: bad row".to_owned())]);
    let (outputs, health) = outputs(folder.path());
    outputs.send_to(door.clone(), rules());
    let output = outputs.stream("Custom-T").unwrap();
    output.send_rows(vec![row(1)]).await;
    until("rejected", || health.report(&outputs).counters["rejectedRows"] == 1).await;
    output.send_rows(vec![row(2)]).await;
    until("the next", || door.rows() == [2]).await;
    let reason = std::fs::read_dir(folder.path().join("Custom-T/rejected")).unwrap().flatten().count();
    assert_eq!(reason, 2, "the body and the reason");
}

#[tokio::test]
async fn a_server_without_zstd_gets_gzip() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::scripted([
        Outcome::UnknownEncoding("zstd".to_owned()),
        Outcome::UnknownEncoding("unreached with gzip".to_owned()),
    ]);
    let (outputs, _) = outputs(folder.path());
    outputs.send_to(door.clone(), rules());
    outputs.stream("Custom-T").unwrap().send_rows(vec![row(1)]).await;
    until("delivered", || door.rows() == [1]).await;
    assert_eq!(door.state.lock().encodings, [Encoding::Gzip]);
}

#[tokio::test]
async fn a_stream_without_a_rule_waits_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::scripted([]);
    let (outputs, health) = outputs(folder.path());
    outputs.send_to(door.clone(), BTreeMap::new());
    outputs.stream("Custom-T").unwrap().send_rows(vec![row(1)]).await;
    until("the issue", || {
        health.report(&outputs).issues.iter().any(|issue| issue.contains("no data collection rule"))
    })
    .await;
    outputs.send_to(door.clone(), rules());
    until("delivered", || door.rows() == [1]).await;
    until("healthy", || health.report(&outputs).healthy).await;
}

#[tokio::test]
async fn finish_delivers_what_is_still_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::scripted([later("busy")]);
    let (outputs, _) = outputs(folder.path());
    outputs.send_to(door.clone(), rules());
    let output = outputs.stream("Custom-T").unwrap();
    output.send_rows((0..1000).map(row).collect()).await;
    drop(output);
    outputs.finish().await;
    assert_eq!(door.rows().len(), 1000);
}

#[tokio::test]
async fn a_large_send_is_cut_only_between_sends() {
    let folder = tempfile::tempdir().unwrap();
    let door = Door::scripted([]);
    let (outputs, _) = outputs(folder.path());
    outputs.send_to(door.clone(), rules());
    let output = outputs.stream("Custom-T").unwrap();
    let wide = |n: u64| {
        let mut wide = row(n);
        wide.insert("text".to_owned(), json!("x".repeat(1000)));
        wide
    };
    for part in 0..10 {
        output.send_rows((part * 300..(part + 1) * 300).map(wide).collect()).await;
    }
    until("delivered", || door.rows().len() == 3000).await;
    assert_eq!(door.rows(), (0..3000).collect::<Vec<_>>());
    assert!(door.state.lock().calls >= 4, "300 rows are 300 kB, so at most three sends make a batch");
}
