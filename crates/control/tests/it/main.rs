//! Every door over real HTTPS: what it does, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up stops there")]

mod activity;
mod agents;
mod arm;
mod collection;
mod daily_cap;
mod elastic;
mod identity;
mod ingest;
mod otlp;
mod portal;
mod query;
mod security;
mod syslog;
mod upkeep;
mod usage;

use bartizan_testkit::in_process::{Answer, Caller, InProcess};
use serde_json::{Value, json};

pub(crate) async fn server() -> InProcess {
    InProcess::start().await.unwrap()
}

pub(crate) async fn owner(server: &InProcess) -> Caller {
    server.principal("Owner").await.unwrap()
}

/// Status and error code in one word: `404 ResourceNotFound`.
pub(crate) fn outcome(answer: Answer) -> String {
    let code = answer.code();
    if code.is_empty() { answer.status.to_string() } else { format!("{} {code}", answer.status) }
}

/// Runs a query and gives its rows.
pub(crate) async fn rows(server: &InProcess, caller: &Caller, query: &str) -> Value {
    let path = format!("/v1/workspaces/{}/query", server.server.app.home.customer);
    let answer = caller.post(&path, json!({"query": query})).await.unwrap();
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    answer.json()["tables"][0]["rows"].clone()
}

/// Waits for `check` to hold; background work has no other way to be seen.
pub(crate) async fn eventually<F, Fut>(what: &str, check: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    for _ in 0..200 {
        if check().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen");
}
