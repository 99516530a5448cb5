//! What a hostile or broken sender may bring to the ingestion door: each is answered, told of in `Operation`
//! where it came with a right to send, and harms nobody else's rows.

use std::io::Write as _;

use bartizan_control::identity::service_principals;
use bartizan_testkit::in_process::{Answer, Caller, InProcess, read};
use bytes::Bytes;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{eventually, outcome, owner, rows, server, tls};

/// The largest body, compressed or not.
const BODY_MAX: usize = 32 << 20;

/// A server whose table `Door_CL` takes a value of each kind, and the door to it.
struct Door {
    s: InProcess,
    caller: Caller,
    path: String,
}

async fn door() -> Door {
    let s = server().await;
    let caller = owner(&s).await;
    let columns = json!([
        {"name": "TimeGenerated", "type": "datetime"}, {"name": "Door", "type": "string"},
        {"name": "N", "type": "long"}, {"name": "R", "type": "real"}, {"name": "D", "type": "dynamic"},
    ]);
    let table = format!("{}/tables/Door_CL", s.server.app.home.workspace);
    let body = json!({"properties": {"schema": {"name": "Door_CL", "columns": columns}}});
    assert_eq!(caller.put(&table, body).await.unwrap().status, 200);
    let rule = caller.get(s.server.app.home.default_rule.as_str()).await.unwrap().json();
    let id = rule["properties"]["immutableId"].as_str().unwrap();
    let path = format!("/dataCollectionRules/{id}/streams/Custom-Door_CL?api-version=2023-01-01");
    Door { s, caller, path }
}

impl Door {
    async fn send(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = self.caller.request(Method::POST, &self.path);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.body(body)).await.unwrap()
    }

    /// The rows that are there, by name of the door.
    async fn doors(&self) -> Value {
        rows(&self.s, &self.caller, "Door_CL | project Door | sort by Door asc").await
    }

    /// Waits until `Operation` tells `detail` of the table.
    async fn told(&self, detail: &str) {
        eventually(detail, async || {
            let query =
                format!("Operation | where Detail has 'Door_CL' and Detail contains \"{detail}\" | count");
            rows(&self.s, &self.caller, &query).await != json!([[0]])
        })
        .await;
    }
}

#[tokio::test]
async fn values_that_do_not_fit_cost_only_themselves() {
    let door = door().await;
    let deep = format!("{}1{}", "[".repeat(50), "]".repeat(50));
    let many: Vec<String> = (0..10_000).map(|n| format!("\"field{n}\": {n}")).collect();
    let body = format!(
        r#"[
            {{"TimeGenerated": "0000-01-01T00:00:00Z", "Door": "year 0"}},
            {{"TimeGenerated": "2026-01-01T00:00:00Z", "Door": "a number", "R": "NaN", "N": "NaN"}},
            {{"TimeGenerated": "2026-01-01T00:00:00Z", "Door": "deep", "D": {deep}}},
            {{"TimeGenerated": "2026-01-01T00:00:00Z", "Door": "twice", "N": 1, "N": 2}},
            {{"TimeGenerated": "2026-01-01T00:00:00Z", "Door": "wide", "N": 7, {}}},
            {{"TimeGenerated": "2026-01-01T00:00:00Z", "Door": "good", "N": 3}}
        ]"#,
        many.join(", ")
    );
    assert_eq!(door.send(&[], body).await.status, 204);
    let found = rows(
        &door.s,
        &door.caller,
        "Door_CL | project Door, N, isnan(R), year = getyear(TimeGenerated), strlen(tostring(D)) | sort by Door asc",
    )
    .await;
    let now = rows(&door.s, &door.caller, "print getyear(now())").await[0][0].clone();
    assert_eq!(
        found,
        json!([
            ["a number", null, true, 2026, 0],
            ["deep", null, null, 2026, 101],
            ["good", 3, null, 2026, 0],
            ["twice", 1, null, 2026, 0],
            ["wide", 7, null, 2026, 0],
            ["year 0", null, null, now, 0],
        ])
    );
    // Year 0, the whole number that is none, and the second value of one field.
    door.told("3 values that did not fit their column").await;
    door.told("10000 fields without a column").await;
}

#[tokio::test]
async fn a_request_that_is_no_rows_is_refused_with_the_place_and_told() {
    let door = door().await;
    assert_eq!(door.send(&[], r#"[{"Door": "before"}]"#).await.status, 204);
    let deep = format!("[{{\"D\": {}1{}}}]", "[".repeat(100), "]".repeat(100));
    for (name, body, says) in [
        ("a bare NaN", br#"[{"Door": "x"}, {"R": NaN}]"#.to_vec(), "at byte"),
        ("invalid UTF-8", b"[{\"Door\": \"\xff\xfe\"}]".to_vec(), "not UTF-8"),
        ("nested too deep", deep.into_bytes(), "nest more than 64 deep"),
        ("no rows", b"[1, 2]".to_vec(), "an object"),
        ("cut off", br#"[{"Door": "x"}, {"Door"#.to_vec(), "at byte"),
        ("text", b"hello".to_vec(), "at byte"),
    ] {
        let answer = door.send(&[], body).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text);
        assert!(answer.text.contains(says), "{name}: {}", answer.text);
    }
    door.told("requests refused because their body is not rows in JSON").await;
    assert_eq!(door.doors().await, json!([["before"]]), "nothing of a refused request is stored");
}

#[tokio::test]
async fn other_types_and_encodings_are_refused_and_told() {
    let door = door().await;
    for content_type in ["text/csv", "application/xml", "multipart/form-data"] {
        let answer = door.send(&[("content-type", content_type)], "Door\nx\n").await;
        assert_eq!(outcome(answer), "415 UnsupportedMediaType", "{content_type}");
    }
    let answer = door.send(&[("content-encoding", "br")], "x").await;
    assert_eq!(outcome(answer), "415 UnsupportedMediaType");
    door.told("requests refused because of their content type or encoding").await;
    assert_eq!(door.doors().await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_decompressed_is_refused_and_told() {
    let door = door().await;
    let answer = door.send(&[("content-encoding", "gzip")], "[{}]").await;
    assert_eq!(outcome(answer), "400 InvalidContentEncoding");
    door.told("requests refused because their body cannot be decompressed").await;
    assert_eq!(door.doors().await, json!([]));
}

#[tokio::test]
async fn bombs_and_endless_bodies_end() {
    let door = door().await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..200 {
        gzip.write_all(&zeros).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "small on the wire");
    // Two of them in one body are one text, and no way around the bound.
    let twice = [bomb.clone(), bomb.clone()].concat();
    for body in [bomb, twice] {
        let answer = door.send(&[("content-encoding", "gzip")], body).await;
        assert_eq!(outcome(answer), "413 RequestEntityTooLarge");
    }
    let endless = futures::stream::iter(
        (0_u64..).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 16 << 10]))),
    );
    let request = door.caller.request(Method::POST, &door.path).header("content-type", "application/json");
    // The answer may meet a sender that is still sending, and then the connection just ends.
    if let Ok(answer) = read(request.body(Body::wrap_stream(endless))).await {
        assert_eq!(outcome(answer), "413 RequestEntityTooLarge");
    }
    door.told("requests refused because their body is too large").await;
    assert_eq!(door.send(&[], r#"[{"Door": "after"}]"#).await.status, 204);
    let large = format!("[{{\"Door\": \"{}\"}}]", "x".repeat(BODY_MAX));
    assert_eq!(outcome(door.send(&[], large).await), "413 RequestEntityTooLarge");
    assert_eq!(door.doors().await, json!([["after"]]));
}

#[tokio::test]
async fn half_a_request_stores_nothing_and_is_told() {
    let door = door().await;
    let (app, home) = (&door.s.server.app, &door.s.server.app.home);
    let scope = home.subscription_id();
    let made = service_principals::create(&app.records, home, "half", "Owner", &scope).await.unwrap();
    let token = door.s.token(&made.app_id.to_string(), &made.secret).await.unwrap().json();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n[{{\"Door\": \"half\"}}",
        door.path,
        token["access_token"].as_str().unwrap()
    );
    let port: u16 = door.s.server.ready.url.rsplit(':').next().unwrap().parse().unwrap();
    let mut stream = tls(&door.s, ([127, 0, 0, 1], port).into(), None).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    // What the server says to a sender that is gone is its own business.
    drop(stream.read_to_end(&mut rest).await);
    door.told("1 requests that broke off before their end").await;
    assert_eq!(door.doors().await, json!([]));
}
