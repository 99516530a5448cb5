//! Two servers on one PostgreSQL: one leads, the other answers for the control plane and takes over.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::SystemClock;
use bartizan_testkit::in_process::InProcess;
use reqwest::Method;
use serde_json::json;

/// A server on the same records as `first`, with the same authority, and a data folder of its own.
async fn second(first: &InProcess) -> InProcess {
    let from = first.dir.path().join("data");
    InProcess::start_with(Arc::new(SystemClock), |options| {
        std::fs::create_dir_all(options.data.join("pki")).unwrap();
        for entry in std::fs::read_dir(from.join("pki")).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), options.data.join("pki").join(entry.file_name())).unwrap();
        }
        copy(&from.join("database.url"), &options.data.join("database.url"));
    })
    .await
    .unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

#[tokio::test]
async fn one_leads_the_other_waits_answers_and_takes_over() {
    if std::env::var_os("BARTIZAN_TEST_POSTGRES").is_none() {
        println!("skipped: BARTIZAN_TEST_POSTGRES names no server");
        return;
    }
    let first = InProcess::start().await.unwrap();
    let second = second(&first).await;
    assert!(first.server.app.leads());
    assert!(!second.server.app.leads());
    assert_eq!(first.server.app.home.tenant, second.server.app.home.tenant, "the same records");

    // What one writes, the other has.
    let (at_first, at_second) =
        (first.principal("Owner").await.unwrap(), second.principal("Owner").await.unwrap());
    let group = format!("{}/resourceGroups/made-by-the-second", second.server.app.home.subscription_id());
    let made = at_second.send(Method::PUT, &group, Some(&json!({"location": "local"}))).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(at_first.send(Method::GET, &group, None).await.unwrap().status, 200);

    // Logs are the leading one's: the other says so and where.
    let query = format!("/v1/workspaces/{}/query", second.server.app.home.customer);
    let ask = json!({"query": "print 1"});
    assert_eq!(at_first.send(Method::POST, &query, Some(&ask)).await.unwrap().status, 200);
    let refused = at_second.send(Method::POST, &query, Some(&ask)).await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.text.contains("NotTheLeader"), "{}", refused.text);
    assert!(refused.text.contains(&first.server.app.public_url), "{}", refused.text);
    let table = format!("{}/tables/Made_CL", second.server.app.home.workspace);
    let body = json!({"properties": {"schema": {"name": "Made_CL", "columns": [
        {"name": "TimeGenerated", "type": "datetime"}, {"name": "A", "type": "string"}]}}});
    assert_eq!(at_second.send(Method::PUT, &table, Some(&body)).await.unwrap().status, 503);

    first.server.stop().await;
    // It looks every few seconds; the limit is for a busy machine.
    let took_over = async {
        while !second.server.app.leads() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), took_over).await.expect("the second one takes over");
    let answer = at_second.send(Method::POST, &query, Some(&ask)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    second.server.stop().await;
}
