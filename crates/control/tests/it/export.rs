//! Export rules: new rows go on to files, each once, also over a stop and a crash.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::SystemClock;
use bartizan_control::ExportOptions;
use bartizan_testkit::bartizan_server::{ServeOptions, Server, open_records};
use bartizan_testkit::in_process::{Caller, InProcess};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, rows, server};

async fn start(dir: tempfile::TempDir) -> InProcess {
    let export = ExportOptions {
        dir: Some(dir.path().join("exports")),
        bucket: None,
        every: Duration::from_millis(20),
    };
    let options = ServeOptions {
        store: |store| store.reserve_bytes = 0,
        export: Some(export),
        ..ServeOptions::new(dir.path().join("data"), "127.0.0.1:0".parse().unwrap())
    };
    InProcess { server: Server::start(options).await.unwrap(), dir }
}

pub(crate) fn rule_path(s: &InProcess, name: &str) -> String {
    format!("{}/dataExports/{name}", s.server.app.home.workspace)
}

pub(crate) fn rule(tables: Value, destination: &str) -> Value {
    json!({"properties": {"tableNames": tables, "destination": {"resourceId": destination}}})
}

pub(crate) async fn send(s: &InProcess, caller: &Caller, table: &str, messages: std::ops::Range<u32>) {
    let rule = caller.get(s.server.app.home.default_rule.as_str()).await.unwrap().json();
    let id = rule["properties"]["immutableId"].as_str().unwrap().to_owned();
    let path = format!("/dataCollectionRules/{id}/streams/Microsoft-{table}?api-version=2023-01-01");
    let rows: Vec<Value> = messages
        .map(|n| json!({"TimeGenerated": "2026-01-02T03:04:05Z", "SyslogMessage": format!("row {n}")}))
        .collect();
    assert_eq!(caller.post(&path, json!(rows)).await.unwrap().status, 204);
}

/// How often each message is in a file below `folder`, and the files' names.
fn exported(folder: &Path) -> (BTreeMap<String, usize>, Vec<String>) {
    let (mut counts, mut names, mut folders) = (BTreeMap::new(), Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Half a file has another ending, and is none.
            if path.extension().is_some_and(|ending| ending == "json") {
                names.push(path.file_name().unwrap().to_string_lossy().into_owned());
                for line in std::fs::read_to_string(&path).unwrap().lines() {
                    let row: Value = serde_json::from_str(line).unwrap();
                    assert_eq!(
                        (&row["Type"], &row["TimeGenerated"]),
                        (&json!("Syslog"), &json!("2026-01-02T03:04:05Z"))
                    );
                    *counts.entry(row["SyslogMessage"].as_str().unwrap().to_owned()).or_default() += 1;
                }
            }
        }
    }
    names.sort();
    (counts, names)
}

/// Waits until the messages up to `n` are there, each once.
async fn has(folder: &Path, n: usize) -> Vec<String> {
    eventually("the rows in files", async || exported(folder).0.len() >= n).await;
    let (counts, names) = exported(folder);
    assert!(counts.len() == n && counts.values().all(|count| *count == 1), "{counts:?}");
    names
}

#[tokio::test]
async fn each_row_is_in_one_file_over_stops_and_crashes() {
    let s = start(tempfile::tempdir().unwrap()).await;
    let caller = owner(&s).await;
    send(&s, &caller, "Syslog", 1000..1010).await;
    let made = caller.put(&rule_path(&s, "archive"), rule(json!(["syslog"]), "folder:soc")).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["properties"]["tableNames"], json!(["Syslog"]));
    let folder = s.dir.path().join("exports/soc");
    send(&s, &caller, "Syslog", 0..10).await;
    has(&folder, 10).await;
    send(&s, &caller, "Syslog", 10..15).await;
    let files = has(&folder, 15).await;

    // As if the server had died when the last file was written and its window not yet done.
    let export = made.json()["properties"]["dataExportId"].as_str().unwrap().to_owned();
    let InProcess { server, dir } = s;
    server.stop().await;
    let records = open_records(&dir.path().join("data"), Arc::new(SystemClock)).await.unwrap();
    let key = format!("export/{export}/syslog");
    let last = files.last().unwrap();
    let (after, upto) = last.trim_end_matches(".json").split_once('-').unwrap();
    let (after, upto): (u64, u64) = (after.parse().unwrap(), upto.parse().unwrap());
    let hour = newest_hour(&folder.join("Syslog"));
    let name = format!("Syslog/{hour}/{last}");
    std::fs::write(folder.join(&name).with_extension("part"), "{\"half\": ").unwrap();
    std::fs::remove_file(folder.join(&name)).unwrap();
    let mark = json!({"seq": after, "next": {"upto": upto, "file": name}});
    records.put_state(&key, mark).await.unwrap();
    records.close().await;

    let s = start(dir).await;
    let caller = owner(&s).await;
    assert_eq!(has(&folder, 15).await, files, "the same file again");
    send(&s, &caller, "Syslog", 15..20).await;
    has(&folder, 20).await;

    let disabled = json!({"properties": {
        "tableNames": ["Syslog"], "destination": {"resourceId": "folder:soc"}, "enable": false,
    }});
    let path = rule_path(&s, "archive");
    assert_eq!(caller.put(&path, disabled).await.unwrap().status, 200);
    send(&s, &caller, "Syslog", 20..25).await;
    assert_eq!(caller.put(&path, rule(json!(["Syslog"]), "folder:soc")).await.unwrap().status, 200);
    has(&folder, 25).await;
    assert_eq!(caller.delete(&path).await.unwrap().status, 200);
    let records = &s.server.app.records;
    eventually("the mark is forgotten", async || records.get_state(&key).await.unwrap().is_none()).await;
}

/// The part of a path with the newest date and hour.
fn newest_hour(table: &Path) -> String {
    let mut path = table.to_owned();
    let mut parts = Vec::new();
    for _ in 0..4 {
        let newest = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).max().unwrap();
        path.push(&newest);
        parts.push(newest.to_string_lossy().into_owned());
    }
    parts.join("/")
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_of_and_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("exports")).unwrap();
    // A file in the place of the folder.
    std::fs::write(dir.path().join("exports/soc"), "").unwrap();
    let s = start(dir).await;
    let caller = owner(&s).await;
    let made = caller.put(&rule_path(&s, "archive"), rule(json!(["Syslog"]), "folder:soc")).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    send(&s, &caller, "Syslog", 0..3).await;
    eventually("the failure in Operation", async || {
        let query =
            "Operation | where OperationCategory == 'Export' and OperationKey == 'archive/Syslog' | count";
        rows(&s, &caller, query).await != json!([[0]])
    })
    .await;
    let folder = s.dir.path().join("exports/soc");
    std::fs::remove_file(&folder).unwrap();
    has(&folder, 3).await;
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused_by_name() {
    let s = start(tempfile::tempdir().unwrap()).await;
    let caller = owner(&s).await;
    let put = async |name: &str, body: Value| caller.put(&rule_path(&s, name), body).await.unwrap();
    let storage = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers\
        /Microsoft.Storage/storageAccounts/a";
    for destination in [storage, "s3://bucket", "s3:../up", "folder:../up", "/etc", ""] {
        let answer = put("a", rule(json!(["Syslog"]), destination)).await;
        assert!(
            answer.status == 400 && answer.text.contains("folder:NAME"),
            "{destination}: {}",
            answer.text
        );
    }
    for (tables, says) in
        [(json!(["Nope"]), "`Nope`"), (json!([]), "at least one"), (Value::Null, "at least one")]
    {
        let answer = put("a", rule(tables, "folder:a")).await;
        assert!(answer.status == 400 && answer.text.contains(says), "{}", answer.text);
    }
    assert_eq!(put("a", rule(json!(["Syslog"]), "folder:a")).await.status, 201);
    let same = put("b", rule(json!(["Event"]), "folder:a")).await;
    assert!(same.status == 400 && same.text.contains("`a`"), "{}", same.text);
    for n in 0..9 {
        assert_eq!(put(&format!("r{n}"), rule(json!(["Event"]), &format!("folder:r{n}"))).await.status, 201);
    }
    assert_eq!(put("r9", rule(json!(["Event"]), "folder:r9")).await.status, 409);
    let reader = s.principal("Reader").await.unwrap();
    let refused = reader.put(&rule_path(&s, "x"), rule(json!(["Syslog"]), "folder:x")).await.unwrap();
    assert_eq!(outcome(refused), "403 AuthorizationFailed");

    let s = server().await;
    let caller = owner(&s).await;
    let nowhere = caller.put(&rule_path(&s, "a"), rule(json!(["Syslog"]), "folder:a")).await.unwrap();
    assert!(nowhere.status == 400 && nowhere.text.contains("--export-to"), "{}", nowhere.text);
}
