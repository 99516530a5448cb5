//! `bartizan ingest`: every format, exactly once, and what it says about broken rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use bartizan_testkit::bartizan_server::cli::ingest_files;
use bartizan_testkit::in_process::InProcess;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::{owner, rows, server};

/// Runs the command and gives the summary of its one file.
async fn ingest(s: &InProcess, file: &Path, more: &[&str]) -> anyhow::Result<Value> {
    let (data, state) = (s.dir.path().join("data"), s.dir.path().join("state"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let mut arguments =
        vec!["--data".to_owned(), text(&data), "--state".to_owned(), text(&state), text(file)];
    arguments.extend(more.iter().map(|word| (*word).to_owned()));
    let lines = ingest_files(arguments).await?;
    Ok(serde_json::from_str(&lines[0])?)
}

fn lines(s: &InProcess, name: &str, text: &str) -> PathBuf {
    let path = s.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn a_file_is_stored_once_however_often_it_is_interrupted() {
    let s = server().await;
    let caller = owner(&s).await;
    let mut text = String::new();
    for n in 0..12_000 {
        text += &format!(
            "{}\n",
            json!({"TimeGenerated": "2026-01-02T03:04:05Z", "SyslogMessage": format!("row {n}")})
        );
        if n == 50 {
            text += "{broken\n\n";
        }
    }
    let file = lines(&s, "rows.ndjson", &text);
    let sent = ingest(&s, &file, &["--table", "Syslog"]).await.unwrap();
    assert_eq!((&sent["rows"], &sent["malformed"], &sent["batches"]), (&json!(12_000), &json!(1), &json!(3)));
    let count = "Syslog | summarize count(), dcount(SyslogMessage)";
    assert_eq!(rows(&s, &caller, "Syslog | count").await, json!([[12_000]]));
    let refused = ingest(&s, &file, &["--table", "Syslog"]).await.unwrap_err();
    assert!(format!("{refused:#}").contains("--again"), "{refused:#}");

    // As if the second run had died after the first batch, and as if the state were lost altogether.
    let folder = s.dir.path().join("state");
    let state = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let mut known: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    known["complete"] = false.into();
    known["batches"] = 1.into();
    std::fs::write(&state, known.to_string()).unwrap();
    let again = ingest(&s, &file, &["--table", "Syslog"]).await.unwrap();
    assert_eq!(again["resumedAfterBatches"], 1);
    std::fs::remove_file(&state).unwrap();
    ingest(&s, &file, &["--table", "Syslog"]).await.unwrap();
    assert_eq!(rows(&s, &caller, count).await[0][0], 12_000, "nothing was doubled");

    ingest(&s, &file, &["--table", "Syslog", "--again"]).await.unwrap();
    assert_eq!(rows(&s, &caller, count).await[0][0], 24_000, "that was asked for");
}

#[tokio::test]
async fn csv_and_parquet_fill_tables() {
    let s = server().await;
    let caller = owner(&s).await;
    let table = format!("{}/tables/DoorLog_CL", s.server.app.home.workspace);
    let columns = json!([
        {"name": "TimeGenerated", "type": "datetime"}, {"name": "Door", "type": "string"}, {"name": "n", "type": "long"},
    ]);
    let made = caller
        .put(&table, json!({"properties": {"schema": {"name": "DoorLog_CL", "columns": columns}}}))
        .await;
    assert_eq!(made.unwrap().status, 200);
    let file = lines(
        &s,
        "doors.csv",
        "TimeGenerated,Door,n\n2026-01-02T03:04:05Z,\"north, left\",1\nx,south,\nshort\n",
    );
    let sent = ingest(&s, &file, &["--table", "DoorLog_CL"]).await.unwrap();
    assert_eq!((&sent["rows"], &sent["malformed"]), (&json!(2), &json!(1)));

    let schema = Arc::new(Schema::new(vec![
        Field::new("TimeGenerated", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), false),
        Field::new("Door", DataType::Utf8, false),
        Field::new("n", DataType::Int64, true),
    ]));
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![
            Arc::new(TimestampMillisecondArray::from(vec![1_767_323_045_000_i64; 2]).with_timezone("UTC")),
            Arc::new(StringArray::from(vec!["east", "west"])),
            Arc::new(Int64Array::from(vec![Some(3), None])),
        ],
    )
    .unwrap();
    let file = s.dir.path().join("doors.parquet");
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&file).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    ingest(&s, &file, &["--table", "DoorLog_CL"]).await.unwrap();
    let found = rows(
        &s,
        &caller,
        "DoorLog_CL | project Door, n, TimeGenerated == datetime(2026-01-02T03:04:05Z) | sort by Door asc",
    )
    .await;
    assert_eq!(
        found,
        json!([["east", 3, true], ["north, left", 1, true], ["south", null, false], ["west", null, true]])
    );
}

#[tokio::test]
async fn mistakes_are_named() {
    let s = server().await;
    let wrong = async |name: &str, text: &str, more: &[&str]| {
        let file = lines(&s, name, text);
        format!("{:#}", ingest(&s, &file, more).await.unwrap_err())
    };
    assert!(wrong("rows.ndjson", "{}", &[]).await.contains("--table"));
    assert!(wrong("rows.xyz", "{}", &["--table", "Syslog"]).await.contains("--format"));
    assert!(wrong("a.ndjson", "{}", &["--table", "Nope"]).await.contains("InvalidStream"));
    assert!(wrong("b.ndjson", "{}", &["--table", "Syslog", "--rule", "dcr-0"]).await.contains("dcr-0"));
    assert!(wrong("c.csv", "a,,c\n1,2,3\n", &["--table", "Syslog"]).await.contains("column 2"));
    assert!(wrong("d.parquet", "no", &["--table", "Syslog"]).await.contains("no Parquet"));
    assert!(wrong("e.evtx", "no", &[]).await.contains("no .evtx"));
    assert!(wrong("f.json", "[1, 2", &["--table", "Syslog"]).await.contains("no JSON array"));
}

#[tokio::test]
async fn real_event_logs_become_rows() {
    let root = std::env::var_os("BARTIZAN_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = root.join("host/evtx");
    let file = folder.join("CA_4624_4625_LogonType2_LogonProc_chrome.evtx");
    if !file.exists() {
        println!("skipped: there is no `{}`", file.display());
        return;
    }
    let s = server().await;
    let caller = owner(&s).await;
    let sent = ingest(&s, &file, &[]).await.unwrap();
    assert!(sent["rows"].as_u64().unwrap() > 0 && sent["malformed"] == 0, "{sent}");
    let query = "SecurityEvent | where EventID in (4624, 4625) | where isempty(TargetUserName) or isempty(Computer) \
        or isnull(LogonType) or isempty(Account) or Channel != 'Security' | count";
    assert_eq!(rows(&s, &caller, query).await, json!([[0]]));
    let found = rows(&s, &caller, "SecurityEvent | summarize count()").await;
    assert_eq!(found[0][0], sent["rows"]);
    let mut others = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path != file && path.extension().is_some_and(|ending| ending == "evtx") {
            others += ingest(&s, &path, &[]).await.unwrap()["rows"].as_u64().unwrap();
        }
    }
    let query = "union SecurityEvent, Event, WindowsEvent | summarize count(), countif(isempty(Computer))";
    let expected = others + sent["rows"].as_u64().unwrap();
    assert_eq!(rows(&s, &caller, query).await, json!([[expected, 0]]));
}
