//! Exports to an S3-compatible store: each row in one object, whatever the store does meanwhile.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bartizan_control::ExportOptions;
use bartizan_testkit::bartizan_server::{S3Options, ServeOptions, Server};
use bartizan_testkit::in_process::InProcess;
use serde_json::{Value, json};

use crate::clients::clients;
use crate::export::{rule, rule_path, send};
use crate::s3_store::{BUCKET, KEY_ID, REGION, S3Store, SECRET};
use crate::{eventually, owner, rows};

fn bucket(endpoint: &str, dir: &Path, secret: &str) -> S3Options {
    let file = dir.join("s3-credentials");
    let text = format!("[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {secret}\n");
    std::fs::write(&file, text).unwrap();
    S3Options {
        endpoint: endpoint.to_owned(),
        bucket: BUCKET.to_owned(),
        region: REGION.to_owned(),
        virtual_host: false,
        credentials: Some(file),
        ca: None,
    }
}

async fn start(endpoint: &str, secret: &str) -> InProcess {
    let dir = tempfile::tempdir().unwrap();
    let bucket = bucket(endpoint, dir.path(), secret).open().unwrap();
    let export = ExportOptions { dir: None, bucket: Some(bucket), every: Duration::from_millis(20) };
    let options = ServeOptions {
        store: |store| store.reserve_bytes = 0,
        export: Some(export),
        ..ServeOptions::new(dir.path().join("data"), "127.0.0.1:0".parse().unwrap())
    };
    InProcess { server: Server::start(options).await.unwrap(), dir }
}

/// How often each message is in an object, and the objects' keys.
fn exported(store: &S3Store) -> (BTreeMap<String, usize>, Vec<String>) {
    let inside = store.inside.lock();
    let mut counts = BTreeMap::new();
    for line in inside.objects.values().flat_map(|object| object.split(|byte| *byte == b'\n')) {
        if !line.is_empty() {
            let row: Value = serde_json::from_slice(line).unwrap();
            *counts.entry(row["SyslogMessage"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    (counts, inside.objects.keys().cloned().collect())
}

async fn has(store: &S3Store, n: usize) {
    eventually("the rows in the bucket", async || exported(store).0.len() >= n).await;
    let (counts, _) = exported(store);
    assert!(counts.len() == n && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[tokio::test]
async fn each_row_is_in_one_object_of_the_bucket() {
    let store = S3Store::start().await;
    let s = start(&store.url, SECRET).await;
    let caller = owner(&s).await;
    let made = caller.put(&rule_path(&s, "archive"), rule(json!(["Syslog"]), "s3:soc")).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["properties"]["destination"]["type"], json!("S3"));
    send(&s, &caller, "Syslog", 0..10).await;
    has(&store, 10).await;
    // Busy for a moment: the request is sent again, and nobody hears of it.
    store.inside.lock().busy = 2;
    send(&s, &caller, "Syslog", 10..15).await;
    has(&store, 15).await;
    assert!(store.inside.lock().log.contains(&"busy"));
    let (_, keys) = exported(&store);
    assert!(keys.iter().all(|key| key.starts_with("soc/Syslog/y=") && key.ends_with(".json")), "{keys:?}");
    let told = rows(&s, &caller, "Operation | where OperationCategory == 'Export' | count").await;
    assert_eq!(told, json!([[0]]));

    let folder = caller.put(&rule_path(&s, "b"), rule(json!(["Syslog"]), "folder:soc")).await.unwrap();
    assert!(folder.status == 400 && folder.text.contains("--export-to"), "{}", folder.text);
    let same = caller.put(&rule_path(&s, "b"), rule(json!(["Event"]), "s3:soc")).await.unwrap();
    assert!(same.status == 400 && same.text.contains("`archive`"), "{}", same.text);
}

#[tokio::test]
async fn a_store_that_refuses_is_told_of_once_and_the_export_goes_on_later() {
    let store = S3Store::start().await;
    let s = start(&store.url, "wrong+secret/geheim").await;
    let caller = owner(&s).await;
    let path = rule_path(&s, "archive");
    assert_eq!(caller.put(&path, rule(json!(["Syslog"]), "s3:soc")).await.unwrap().status, 201);
    send(&s, &caller, "Syslog", 0..3).await;
    let told = "Operation | where OperationCategory == 'Export' and OperationKey == 'archive/Syslog' \
        | sort by TimeGenerated asc, ingestion_time() asc | project OperationStatus, Detail";
    let count = async |n: usize| rows(&s, &caller, told).await.as_array().unwrap().len() == n;
    eventually("the wrong secret in Operation", async || count(1).await).await;
    // The keys are read anew for each object: mended, the export goes on.
    store.inside.lock().denied = true;
    bucket(&store.url, s.dir.path(), SECRET);
    eventually("another reason in Operation", async || count(2).await).await;
    store.inside.lock().denied = false;
    has(&store, 3).await;
    eventually("its end in Operation", async || count(3).await).await;
    let found = rows(&s, &caller, told).await;
    let detail = |n: usize| found[n][1].as_str().unwrap().to_owned();
    assert!(
        detail(0).contains("SignatureDoesNotMatch") && detail(0).contains("soc-logs at http://"),
        "{found}"
    );
    assert!(detail(1).contains("AccessDenied") && detail(1).contains("s3:PutObject"), "{found}");
    assert_eq!(found[2][0], json!("Succeeded"));
    let answered = caller.get(&path).await.unwrap().text + &found.to_string();
    for secret in ["geheim", "Signature=", KEY_ID] {
        assert!(!answered.contains(secret), "{answered}");
    }
}

#[tokio::test]
async fn a_large_object_goes_up_in_parts() {
    let store = S3Store::start().await;
    let dir = tempfile::tempdir().unwrap();
    let bucket = bucket(&store.url, dir.path(), SECRET).open().unwrap();
    let body: Vec<u8> = (0..40 << 20).map(|n: u32| (n % 251) as u8).collect();
    bucket.put("soc/y=1/large.json", body.clone().into()).await.unwrap();
    {
        let inside = store.inside.lock();
        assert!(inside.objects["soc/y=1/large.json"] == body);
        let log =
            ["CreateMultipartUpload", "UploadPart", "UploadPart", "UploadPart", "CompleteMultipartUpload"];
        assert_eq!(inside.log, log);
    }
    store.inside.lock().incomplete = 1;
    let error = bucket.put("soc/never.json", body.into()).await.unwrap_err();
    assert!(error.contains("InternalError"), "{error}");
    let inside = store.inside.lock();
    assert!(!inside.objects.contains_key("soc/never.json"));
    assert!(inside.uploads.is_empty(), "its parts are given up");
}

/// A store of others that answers as S3 does, when it is installed beside the build.
struct Moto {
    process: std::process::Child,
    url: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It ends by itself when its input does; this is for one that hangs.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Moto {
    fn start(folder: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat/s3/s3_store.py");
        let mut process = Command::new(folder.join("bin/python"))
            .args([script.as_os_str(), BUCKET.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { process, url: url.trim().to_owned() }
    }

    /// The object, by an address that anyone may read.
    async fn object(&self, http: &reqwest::Client, key: &str) -> Option<Vec<u8>> {
        let answer = http.get(format!("{}/{BUCKET}/{key}", self.url)).send().await.unwrap();
        if !answer.status().is_success() {
            return None;
        }
        Some(answer.bytes().await.unwrap().to_vec())
    }
}

#[tokio::test]
async fn a_store_of_others_keeps_what_is_put() {
    let Some(folder) = clients("s3") else { return };
    let moto = tokio::task::spawn_blocking(move || Moto::start(&folder)).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let bucket = bucket(&moto.url, dir.path(), SECRET).open().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let large: Vec<u8> = (0..20 << 20).map(|n: u32| (n % 251) as u8).collect();
    for (key, body) in [("soc/T/y=2026/a b+c.json", b"one".to_vec()), ("soc/large.json", large)] {
        bucket.put(key, body.clone().into()).await.unwrap();
        let address = key.replace(' ', "%20").replace('+', "%2B");
        assert!(moto.object(&http, &address).await.as_ref() == Some(&body), "{key}");
    }
    let nowhere = S3Options { bucket: "nowhere".to_owned(), ..self::bucket(&moto.url, dir.path(), SECRET) };
    let error = nowhere.open().unwrap().put("a", "b".into()).await.unwrap_err();
    assert!(error.contains("NoSuchBucket") && error.contains("--export-s3-bucket"), "{error}");
}
