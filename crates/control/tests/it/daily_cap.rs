//! The daily cap of the workspace: what stops, what goes on, what is told, and when it is over.

use std::sync::Arc;

use bartizan_base::time::TICKS_PER_SECOND;
use bartizan_base::{ManualClock, Ticks, Timespan};
use bartizan_control::{follow_daily_cap, store_from_listener};
use bartizan_testkit::in_process::{Answer, Caller, InProcess};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{outcome, owner, rows};

const DAY: Timespan = Timespan(86_400 * TICKS_PER_SECOND);

struct Capped {
    s: InProcess,
    clock: Arc<ManualClock>,
    caller: Caller,
    rule: String,
}

async fn capped() -> Capped {
    let clock = Arc::new(ManualClock::new(Ticks::parse("2026-03-01T12:00:00Z").unwrap()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let caller = owner(&s).await;
    let rule = caller.get(s.server.app.home.default_rule.as_str()).await.unwrap().json();
    let rule = rule["properties"]["immutableId"].as_str().unwrap().to_owned();
    Capped { s, clock, caller, rule }
}

impl Capped {
    async fn set(&self, quota: Value) -> Answer {
        let body = json!({"properties": {"workspaceCapping": {"dailyQuotaGb": quota}}});
        let workspace = self.s.server.app.home.workspace.to_string();
        self.caller.send(Method::PATCH, &workspace, Some(&body)).await.unwrap()
    }

    /// What the workspace says of its cap, after the server has looked.
    async fn status(&self) -> Value {
        follow_daily_cap(&self.s.server.app).await.unwrap();
        let workspace = self.s.server.app.home.workspace.to_string();
        self.caller.get(&workspace).await.unwrap().json()["properties"]["workspaceCapping"].clone()
    }

    /// Sends one row whose text has so many megabytes.
    async fn send(&self, table: &str, column: &str, megabytes: usize) -> Answer {
        let path =
            format!("/dataCollectionRules/{}/streams/Microsoft-{table}?api-version=2023-01-01", self.rule);
        self.caller.post(&path, json!([{column: "x".repeat(megabytes * 1_000_000)}])).await.unwrap()
    }

    async fn told(&self) -> Value {
        let query = "Operation | where OperationKey endswith 'Quota' | project OperationKey, OperationStatus | sort by OperationKey asc";
        rows(&self.s, &self.caller, query).await
    }
}

#[tokio::test]
async fn a_reached_cap_stops_what_is_billed_until_it_is_raised_or_the_day_is_over() {
    let mut it = capped().await;
    let set = it.set(json!(0.023)).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let expected = json!({"dailyQuotaGb": 0.023, "quotaNextResetTime": "2026-03-02T00:00:00Z", "dataIngestionStatus": "RespectQuota"});
    assert_eq!(set.json()["properties"]["workspaceCapping"], expected);
    assert_eq!(it.send("Syslog", "SyslogMessage", 19).await.status, 204);
    assert_eq!(it.status().await["dataIngestionStatus"], "ApproachingQuota");
    assert_eq!(
        it.send("Syslog", "SyslogMessage", 5).await.status,
        204,
        "what crosses the line is still taken"
    );
    assert_eq!(it.status().await["dataIngestionStatus"], "OverQuota");
    it.status().await;
    assert_eq!(
        it.told().await,
        json!([["ApproachingQuota", "Warning"], ["OverQuota", "Warning"]]),
        "each once"
    );

    let refused = it.send("Syslog", "SyslogMessage", 0).await;
    assert_eq!(outcome(refused.clone()), "429 TooManyRequests", "{}", refused.text);
    assert_eq!(refused.headers["retry-after"], "600");
    assert!(
        refused.text.contains("2026-03-02T00:00:00") && refused.text.contains("`Syslog`"),
        "{}",
        refused.text
    );
    assert_eq!(it.send("Heartbeat", "Computer", 0).await.status, 204, "free tables go on");
    let dropped = store_from_listener(&it.s.server.app, "Microsoft-Syslog", "[{}]".into()).await.unwrap_err();
    assert!(
        !dropped.kind.retryable(),
        "a listener that waits for a day would hold up all others: {dropped:?}"
    );

    assert_eq!(
        it.set(json!(1)).await.json()["properties"]["workspaceCapping"]["dataIngestionStatus"],
        "RespectQuota"
    );
    assert_eq!(it.send("Syslog", "SyslogMessage", 0).await.status, 204, "a raised cap holds at once");
    assert_eq!(it.told().await[2], json!(["RespectQuota", "Info"]));
    assert_eq!(
        it.set(json!(0.023)).await.json()["properties"]["workspaceCapping"]["dataIngestionStatus"],
        "OverQuota"
    );
    assert_eq!(it.send("Syslog", "SyslogMessage", 0).await.status, 429);

    it.clock.advance(DAY);
    it.caller = owner(&it.s).await;
    assert_eq!(it.send("Syslog", "SyslogMessage", 0).await.status, 204, "the next day starts at nought");
    let status = it.status().await;
    assert_eq!(
        (&status["dataIngestionStatus"], &status["quotaNextResetTime"]),
        (&json!("RespectQuota"), &json!("2026-03-03T00:00:00Z"))
    );
    assert_eq!(it.set(json!(-1)).await.status, 200);
    for wrong in [json!(0), json!(-2), json!("much"), json!(0.001)] {
        let answer = it.set(wrong.clone()).await;
        assert_eq!(
            (answer.status, answer.text.contains("dailyQuotaGb")),
            (400, true),
            "{wrong}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn with_servers_p2_security_tables_neither_count_nor_stop() {
    let it = capped().await;
    // Before there is a cap: it counts what has arrived today from the rows themselves.
    assert_eq!(it.send("SecurityEvent", "CommandLine", 20).await.status, 204);
    assert_eq!(it.send("Syslog", "SyslogMessage", 10).await.status, 204);
    assert_eq!(it.set(json!(0.023)).await.status, 200);
    assert_eq!(it.status().await["dataIngestionStatus"], "OverQuota");
    assert_eq!(it.send("SecurityEvent", "CommandLine", 0).await.status, 429);

    let plan = format!(
        "{}/providers/Microsoft.Security/pricings/VirtualMachines",
        it.s.server.app.home.subscription_id()
    );
    let on = json!({"properties": {"pricingTier": "Standard", "subPlan": "P2"}});
    let answer = it.caller.put(&plan, on).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        it.status().await["dataIngestionStatus"],
        "RespectQuota",
        "20 MB of security events do not count"
    );
    assert_eq!(it.send("Syslog", "SyslogMessage", 14).await.status, 204);
    assert_eq!(it.status().await["dataIngestionStatus"], "OverQuota");
    assert_eq!(it.send("Syslog", "SyslogMessage", 0).await.status, 429);
    assert_eq!(it.send("SecurityEvent", "CommandLine", 0).await.status, 204);
}
