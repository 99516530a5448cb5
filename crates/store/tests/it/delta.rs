//! The published Delta tables: their log says at every version exactly which files a table has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bartizan_base::{Clock, Timespan};
use bartizan_schema::{Column, KqlType};
use bartizan_store::{DeltaOptions, Filter, Operator, Store};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::fixture::{Fixture, TABLE, table};

/// A reader that knows the protocol and nothing of the store.
#[derive(Debug, Default)]
struct Reader {
    version: u64,
    files: BTreeMap<String, u64>,
    columns: Vec<String>,
    metadata_count: usize,
}

fn read(folder: &Path) -> Reader {
    let mut reader = Reader::default();
    let log = folder.join("_delta_log");
    let mut first = 0;
    if let Ok(last) = fs::read(log.join("_last_checkpoint")) {
        let version = serde_json::from_slice::<Value>(&last).unwrap()["version"].as_u64().unwrap();
        let file = fs::File::open(log.join(format!("{version:020}.checkpoint.parquet"))).unwrap();
        let mut lines = arrow::json::LineDelimitedWriter::new(Vec::new());
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            lines.write(&batch.unwrap()).unwrap();
        }
        lines.finish().unwrap();
        for line in lines.into_inner().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            reader.apply(&serde_json::from_slice(line).unwrap());
        }
        (reader.version, first) = (version, version + 1);
    }
    for version in first.. {
        let Ok(text) = fs::read_to_string(log.join(format!("{version:020}.json"))) else { break };
        text.lines().for_each(|line| reader.apply(&serde_json::from_str(line).unwrap()));
        reader.version = version;
    }
    reader
}

impl Reader {
    fn apply(&mut self, action: &Value) {
        if let Some(path) = action["add"]["path"].as_str() {
            let stats: Value = serde_json::from_str(action["add"]["stats"].as_str().unwrap()).unwrap();
            let before = self.files.insert(path.to_owned(), stats["numRecords"].as_u64().unwrap());
            assert!(before.is_none(), "`{path}` was added twice");
        }
        if let Some(path) = action["remove"]["path"].as_str() {
            assert!(self.files.remove(path).is_some(), "`{path}` was not there");
        }
        if let Some(schema) = action["metaData"]["schemaString"].as_str() {
            self.metadata_count += 1;
            let schema: Value = serde_json::from_str(schema).unwrap();
            let fields = schema["fields"].as_array().unwrap();
            self.columns = fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect();
        }
    }

    fn rows(&self) -> u64 {
        self.files.values().sum()
    }
}

fn folder(fixture: &Fixture) -> PathBuf {
    fixture.options.dir.join("data").join(fixture.workspace.to_string()).join(TABLE)
}

async fn add(fixture: &Fixture, store: &Store, n: i64) {
    fixture.append(store, &json!({"N": n, "Text": format!("row {n}")}).to_string()).await.unwrap();
    store.flush().await.unwrap();
}

fn check(fixture: &Fixture, store: &Store, rows: u64) {
    let reader = read(&folder(fixture));
    let files = &store.snapshot(fixture.workspace, &[TABLE]).unwrap().tables[TABLE].files;
    let expected: BTreeSet<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let found: BTreeSet<PathBuf> = reader.files.keys().map(|path| folder(fixture).join(path)).collect();
    assert_eq!(found, expected);
    assert_eq!(reader.rows(), rows);
}

#[tokio::test]
async fn every_version_names_the_files_of_the_table() {
    let mut fixture = Fixture::new().await;
    fixture.options.merge_files_min = 3;
    fixture.options.delta = Some(DeltaOptions { checkpoint_commits: 4, ..DeltaOptions::default() });
    let mut store = fixture.open().await;
    for n in 0..30 {
        add(&fixture, &store, n).await;
        if n % 5 == 4 {
            store.maintain(fixture.clock.now()).await.unwrap();
        }
        if n % 7 == 3 {
            drop(store);
            store = fixture.open().await;
        }
        store.publish().await.unwrap();
        check(&fixture, &store, n as u64 + 1);
        let version = read(&folder(&fixture)).version;
        store.publish().await.unwrap();
        assert_eq!(read(&folder(&fixture)).version, version, "no change, no commit");
    }
    let logs = fs::read_dir(folder(&fixture).join("_delta_log")).unwrap().count();
    assert!(logs < 16, "{logs} files of the log remain");
}

#[tokio::test]
async fn a_replaced_file_stays_until_its_readers_had_time() {
    let mut fixture = Fixture::new().await;
    fixture.options.merge_files_min = 2;
    let store = fixture.open().await;
    for n in 0..3 {
        add(&fixture, &store, n).await;
    }
    store.publish().await.unwrap();
    let old: Vec<PathBuf> =
        read(&folder(&fixture)).files.keys().map(|path| folder(&fixture).join(path)).collect();
    store.maintain(fixture.clock.now()).await.unwrap();
    store.publish().await.unwrap();
    check(&fixture, &store, 3);
    assert!(old.iter().all(|path| path.exists()));
    drop(store);
    let store = fixture.open().await;
    assert_eq!(store.recovery().orphans_removed, 0);
    assert!(old.iter().all(|path| path.exists()), "a restart is no reason");
    fixture.clock.advance(Timespan::from_seconds(3599));
    store.publish().await.unwrap();
    assert!(old.iter().all(|path| path.exists()));
    fixture.clock.advance(Timespan::from_seconds(2));
    store.publish().await.unwrap();
    assert!(old.iter().all(|path| !path.exists()));
    check(&fixture, &store, 3);
}

#[tokio::test]
async fn added_columns_are_published_and_purged_rows_are_not() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    add(&fixture, &store, 1).await;
    add(&fixture, &store, 2).await;
    store.publish().await.unwrap();
    assert!(!read(&folder(&fixture)).columns.contains(&"Extra".to_owned()));
    let mut wider = table(TABLE);
    wider.columns.push(Column::new("Extra", KqlType::String));
    store.create_table(fixture.workspace, wider).await.unwrap();
    store.publish().await.unwrap();
    let reader = read(&folder(&fixture));
    assert!(reader.columns.contains(&"Extra".to_owned()));
    assert_eq!((reader.metadata_count, reader.rows()), (2, 2));
    let old: Vec<PathBuf> = reader.files.keys().map(|path| folder(&fixture).join(path)).collect();
    let filter = Filter { column: "N".to_owned(), key: None, operator: Operator::Equal, value: json!(1) };
    store.purge(fixture.workspace, TABLE, vec![filter]).await.unwrap();
    store.run_purges().await.unwrap();
    check(&fixture, &store, 1);
    assert_eq!(old.iter().filter(|path| path.exists()).count(), 1, "no grace for what is purged");
}

#[tokio::test]
async fn a_commit_that_the_manifest_does_not_know_is_taken_over() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    add(&fixture, &store, 1).await;
    store.publish().await.unwrap();
    // As if the process had died between the commit and the manifest.
    sqlx::query("DELETE FROM store_delta").execute(&fixture.options.pool).await.unwrap();
    sqlx::query("DELETE FROM store_delta_files").execute(&fixture.options.pool).await.unwrap();
    drop(store);
    let store = fixture.open().await;
    add(&fixture, &store, 2).await;
    store.publish().await.unwrap();
    check(&fixture, &store, 2);
    assert_eq!(read(&folder(&fixture)).version, 1);
}
