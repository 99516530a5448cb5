//! The key that signs tokens is replaced: on command, by the calendar, by another program; and what old tokens open.

use std::sync::Arc;

use bartizan_base::{Clock, ManualClock, Ticks, Timespan};
use bartizan_control::identity;
use bartizan_testkit::in_process::{Caller, InProcess};
use serde_json::{Value, json};

use crate::hierarchy::root_owner;
use crate::{eventually, outcome, owner, rows, server};

const ROTATE: &str = "/portal/v1/signing-keys/rotate";

async fn key_ids(s: &InProcess) -> Vec<String> {
    let path = format!("/{}/discovery/v2.0/keys", s.server.app.home.tenant);
    let keys = s.anonymous().unwrap().get(&path).await.unwrap().json();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn opens(caller: &Caller) -> String {
    outcome(caller.get("/subscriptions").await.unwrap())
}

#[tokio::test]
async fn on_command_old_tokens_go_on_unless_they_are_withdrawn() {
    let s = server().await;
    let by = root_owner(&s).await;
    let first = key_ids(&s).await;
    assert_eq!(first.len(), 1);
    let below = owner(&s).await;
    assert_eq!(outcome(below.post(ROTATE, json!({})).await.unwrap()), "403 AuthorizationFailed");
    assert_eq!(
        outcome(s.anonymous().unwrap().post(ROTATE, json!({})).await.unwrap()),
        "401 AuthenticationFailed"
    );
    assert_eq!(outcome(by.post(ROTATE, json!({"revok": true})).await.unwrap()), "400 InvalidRequestContent");
    assert_eq!(key_ids(&s).await, first, "refused is not done");

    let answer = by.post(ROTATE, json!({})).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let both = key_ids(&s).await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    assert_eq!(answer.json()["keyId"], both[0].as_str());
    assert_eq!(opens(&by).await, "200", "a token of the old key");
    let newer = root_owner(&s).await;
    assert_eq!(opens(&newer).await, "200", "a token of the new key");
    let query = "AzureActivity | where OperationNameValue endswith 'SIGNINGKEYS/ROTATE/ACTION' | count";
    eventually("the rotation to be in AzureActivity", async || rows(&s, &by, query).await == json!([[1]]))
        .await;

    let answer = newer.post(ROTATE, json!({"revoke": true})).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(key_ids(&s).await.len(), 1);
    for old in [&by, &newer, &below] {
        assert_eq!(opens(old).await, "401 InvalidAuthenticationToken");
    }
    assert_eq!(opens(&root_owner(&s).await).await, "200");
}

#[tokio::test]
async fn another_program_may_do_it_and_a_restart_keeps_it() {
    let s = server().await;
    let by = owner(&s).await;
    let first = key_ids(&s).await;
    let dir = s.dir.path().join("data/pki");
    identity::rotate_in(&dir, false, s.server.app.clock.now()).unwrap();
    eventually("the server to follow", async || key_ids(&s).await.len() == 2).await;
    assert_eq!(opens(&by).await, "200");
    let both = key_ids(&s).await;
    let s = s.stopped().await.start().await.unwrap();
    assert_eq!(key_ids(&s).await, both);
    assert_eq!(both[1], first[0]);
}

#[tokio::test]
async fn by_the_calendar() {
    let clock = Arc::new(ManualClock::new(Ticks::parse("2026-01-02T03:04:05Z").unwrap()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let first = key_ids(&s).await;
    let state = async || -> Value {
        s.server.app.records.get_state("identity/token-key").await.unwrap().unwrap_or_default()
    };
    eventually("the server to note since when it signs", async || state().await["since"].is_i64()).await;
    clock.set(clock.now() + Timespan::from_seconds(91 * 86_400));
    eventually("a new key to sign", async || key_ids(&s).await.len() == 2).await;
    assert_eq!(key_ids(&s).await[1], first[0]);
    clock.set(clock.now() + Timespan::from_seconds(2 * 3600));
    eventually("the old key to be gone", async || key_ids(&s).await.len() == 1).await;
    assert_ne!(key_ids(&s).await, first);
}
