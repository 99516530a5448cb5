//! The ingestion door: bodies, encodings, batches, and who may write where.

use std::io::Write;

use bartizan_testkit::in_process::{Caller, InProcess, read};
use reqwest::Method;
use serde_json::json;

use crate::{outcome, owner, rows, server};

async fn stream(s: &InProcess, caller: &Caller, name: &str) -> String {
    let rule = caller.get(s.server.app.home.default_rule.as_str()).await.unwrap().json();
    let id = rule["properties"]["immutableId"].as_str().unwrap().to_owned();
    format!("/dataCollectionRules/{id}/streams/{name}?api-version=2023-01-01")
}

#[tokio::test]
async fn rows_in_any_encoding_are_there_after_the_answer() {
    let s = server().await;
    let caller = owner(&s).await;
    let path = stream(&s, &caller, "Microsoft-Syslog").await;
    let body = serde_json::to_vec(
        &json!([{"TimeGenerated": "2026-01-01T00:00:00Z", "SyslogMessage": "hello", "Nope": 1}]),
    )
    .unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&body).unwrap();
    let encoded = [
        ("", body.clone()),
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd::encode_all(&body[..], 3).unwrap()),
    ];
    for (encoding, body) in encoded {
        let mut request =
            caller.request(Method::POST, &path).header("content-type", "application/json").body(body);
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        let answer = read(request).await.unwrap();
        assert_eq!(answer.status, 204, "{encoding}: {}", answer.text);
    }
    let found = rows(&s, &caller, "Syslog | where SyslogMessage == 'hello' | count").await;
    assert_eq!(found, json!([[3]]));
}

#[tokio::test]
async fn a_repeated_batch_is_stored_once() {
    let s = server().await;
    let caller = owner(&s).await;
    let path = stream(&s, &caller, "Microsoft-Syslog").await;
    let send = |batch: &str| {
        let request = caller.request(Method::POST, &path).header("x-bartizan-batch", batch);
        read(request.json(&json!([{"TimeGenerated": "2026-01-01T00:00:00Z", "SyslogMessage": "once"}])))
    };
    let batch = "7e2c37b4-1c50-4a6f-9a53-000000000001/1";
    assert_eq!(send(batch).await.unwrap().status, 204);
    assert_eq!(send(batch).await.unwrap().status, 204);
    assert_eq!(outcome(send("first").await.unwrap()), "400 InvalidRequestContent");
    assert_eq!(rows(&s, &caller, "Syslog | where SyslogMessage == 'once' | count").await, json!([[1]]));
}

#[tokio::test]
async fn wrong_uploads_are_refused_clearly() {
    let s = server().await;
    let caller = owner(&s).await;
    let syslog = stream(&s, &caller, "Microsoft-Syslog").await;
    let upload = |path: &str, body: Vec<u8>| {
        caller.request(Method::POST, path).header("content-type", "application/json").body(body)
    };
    let some = || b"[{}]".to_vec();
    let unknown = stream(&s, &caller, "Microsoft-Nope").await;
    assert_eq!(outcome(read(upload(&unknown, some())).await.unwrap()), "400 InvalidStream");
    let bare = stream(&s, &caller, "Syslog").await;
    assert_eq!(outcome(read(upload(&bare, some())).await.unwrap()), "400 InvalidStream");
    let own = stream(&s, &caller, "Microsoft-AzureActivity").await;
    assert_eq!(outcome(read(upload(&own, some())).await.unwrap()), "403 AuthorizationFailed");
    let no_rule = "/dataCollectionRules/dcr-0/streams/Microsoft-Syslog?api-version=2023-01-01";
    assert_eq!(outcome(read(upload(no_rule, some())).await.unwrap()), "404 ResourceNotFound");
    let no_version = syslog.split('?').next().unwrap();
    assert_eq!(outcome(read(upload(no_version, some())).await.unwrap()), "400 MissingApiVersionParameter");
    let malformed = read(upload(&syslog, br#"[{"a": 1}, {"b": ]"#.to_vec())).await.unwrap();
    assert!(malformed.text.contains("at byte"), "{}", malformed.text);
    assert_eq!(malformed.status, 400);
    let lies = upload(&syslog, some()).header("content-encoding", "gzip");
    assert_eq!(outcome(read(lies).await.unwrap()), "400 InvalidContentEncoding");
    let strange = upload(&syslog, some()).header("content-encoding", "br");
    assert_eq!(outcome(read(strange).await.unwrap()), "415 UnsupportedMediaType");
    let reader = s.principal("Reader").await.unwrap();
    let refused = reader.request(Method::POST, &syslog).json(&json!([{}]));
    assert_eq!(outcome(read(refused).await.unwrap()), "403 AuthorizationFailed");
    let publisher = s.principal("Monitoring Metrics Publisher").await.unwrap();
    let taken =
        publisher.request(Method::POST, &syslog).json(&json!([{"TimeGenerated": "2026-01-01T00:00:00Z"}]));
    assert_eq!(read(taken).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_and_the_server_stays_up() {
    let s = server().await;
    let caller = owner(&s).await;
    let path = stream(&s, &caller, "Microsoft-Syslog").await;
    let large = caller.request(Method::POST, &path).body(vec![b' '; 100 << 20]);
    assert_eq!(outcome(read(large).await.unwrap()), "413 RequestEntityTooLarge");
    // The same, small on the wire.
    let bomb = zstd::encode_all(&vec![b' '; 100 << 20][..], 1).unwrap();
    assert!(bomb.len() < 1 << 20);
    let bomb = caller.request(Method::POST, &path).header("content-encoding", "zstd").body(bomb);
    assert_eq!(outcome(read(bomb).await.unwrap()), "413 RequestEntityTooLarge");
    assert_eq!(caller.get("/healthz").await.unwrap().status, 200);
}
