//! Test support: a workspace in a temporary folder, and the fixture rows of every shipped detection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{Clock, ManualClock, ResourceId, TenantId, Ticks, Timespan, WorkspaceId};
use bartizan_content::Pack;
use bartizan_engine::{Engine, EngineOptions};
use bartizan_records::{Actor, Records};
use bartizan_schema::TableRegistry;
use bartizan_store::{AppendTarget, Store, StoreOptions};
use serde_json::Value;

use crate::context::{DetectContext, Workspace};
use crate::entities::Row;
use crate::run::run;
use crate::scheduler::start;
use crate::state::RuleState;
use crate::{INCIDENT_TYPE, delivery, incident};

/// The moment the fixtures' rows are a minute old at.
const NOW: &str = "2026-01-05T10:01:00Z";

struct Bench {
    ctx: DetectContext,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Ticks::parse(NOW).unwrap()));
    let dyn_clock: Arc<dyn Clock> = clock.clone();
    let records = Records::open(&folder.path().join("control.db"), Arc::clone(&dyn_clock)).await.unwrap();
    let mut options = StoreOptions::new(folder.path().join("store"), records.pool());
    options.clock = Arc::clone(&dyn_clock);
    let store = Store::open(options, TableRegistry::shipped().unwrap()).await.unwrap();
    let engine = Engine::new(store.clone(), EngineOptions::default()).unwrap();
    let resource = ResourceId::parse(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/w",
    );
    let workspace =
        Workspace { id: WorkspaceId::random(), tenant: TenantId::random(), resource: resource.unwrap() };
    let ctx = DetectContext {
        records,
        store,
        engine,
        clock: dyn_clock,
        workspace,
        portal_url: "https://localhost".to_owned(),
    };
    Bench { ctx, clock, _folder: folder }
}

/// Appends fixture rows to the tables that their `Type` names.
async fn append(ctx: &DetectContext, lines: &str) {
    let mut tables: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let row: Row = serde_json::from_str(line).unwrap();
        tables.entry(row["Type"].as_str().unwrap().to_owned()).or_default().push(row);
    }
    for (table, rows) in tables {
        let target = AppendTarget::new(ctx.workspace.id, ctx.workspace.tenant, table);
        ctx.store.append_rows(target, rows).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_detection_fires_on_its_rows_and_is_quiet_on_near_misses() {
    for detection in Pack::shipped().0.detections {
        for (rows, fires) in [(&detection.fires, true), (&detection.quiet, false)] {
            let bench = bench().await;
            append(&bench.ctx, rows).await;
            let mut state = RuleState::default();
            let now = bench.clock.now();
            let result = run(&bench.ctx, &detection.rule, &mut state, now).await;
            result.unwrap_or_else(|error| panic!("{}: {error}", detection.path));
            let names: Vec<_> = state.pending.iter().map(|alert| alert.name.clone()).collect();
            assert_eq!(!names.is_empty(), fires, "{}: {names:?}", detection.path);
            for alert in &state.pending {
                assert!(!alert.entities.is_empty(), "{}: no entities", detection.path);
                assert!(!alert.name.contains("{{"), "{}", alert.name);
            }
        }
    }
}

fn failures(address: &str, count: u32) -> String {
    (0..count)
        .map(|n| {
            format!(
                "{{\"Type\":\"Syslog\",\"Computer\":\"web-01\",\"Facility\":\"auth\",\"ProcessName\":\"sshd\",\
                 \"SyslogMessage\":\"Failed password for root from {address} port {n} ssh2\"}}\n"
            )
        })
        .collect()
}

async fn incidents(ctx: &DetectContext) -> Vec<Value> {
    let list = ctx.records.list_all(&ctx.workspace.resource, INCIDENT_TYPE).await.unwrap();
    list.iter().map(|incident| incident.to_arm_json()).collect()
}

/// Waits for what the scheduler does, while the clock goes on as a clock does.
async fn until(bench: &Bench, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.clock.advance(Timespan::from_duration(Duration::from_millis(50)));
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_become_alerts_one_incident_and_rows_again() {
    let bench = bench().await;
    let ctx = &bench.ctx;
    let handle = start(ctx.clone()).await.unwrap();
    append(ctx, &failures("198.51.100.7", 4)).await;
    until(&bench, "first incident", async || incidents(ctx).await.len() == 1).await;

    // More of the same joins the incident; another address opens another.
    bench.clock.advance(Timespan::from_seconds(61));
    append(ctx, &failures("198.51.100.7", 2)).await;
    until(&bench, "second alert", async || {
        incidents(ctx).await.iter().any(|i| i["properties"]["additionalData"]["alertsCount"] == 2)
    })
    .await;
    assert_eq!(incidents(ctx).await.len(), 1);
    bench.clock.advance(Timespan::from_seconds(5));
    append(ctx, &failures("198.51.100.8", 4)).await;
    until(&bench, "second incident", async || incidents(ctx).await.len() == 2).await;

    // Closing is a change like any other, and a row.
    let first = incidents(ctx).await.into_iter().find(|i| i["properties"]["incidentNumber"] == 1).unwrap();
    let id = ResourceId::parse(first["id"].as_str().unwrap()).unwrap();
    bench.clock.advance(Timespan::from_seconds(1));
    let close = |body: &mut Value| {
        body["properties"]["status"] = "Closed".into();
        true
    };
    ctx.records.modify(&id, &Actor::system("test"), true, close).await.unwrap();
    let rows = async |table: &str| {
        let snapshot = ctx.store.snapshot(ctx.workspace.id, &[table]).unwrap();
        let memory: usize = snapshot.tables[table].memory.iter().map(|batch| batch.num_rows()).sum();
        memory as u64 + snapshot.tables[table].files.iter().map(|file| file.rows).sum::<u64>()
    };
    until(&bench, "row of the closed incident", async || rows("SecurityIncident").await >= 4).await;
    assert_eq!(rows("SecurityAlert").await, 3);

    // A closed incident takes no more alerts.
    bench.clock.advance(Timespan::from_seconds(61));
    append(ctx, &failures("198.51.100.7", 1)).await;
    until(&bench, "third incident", async || incidents(ctx).await.len() == 3).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_repeated_doubles_nothing() {
    let bench = bench().await;
    let ctx = &bench.ctx;
    let rule =
        Pack::shipped().0.detections.into_iter().find(|d| d.path.ends_with("ssh-sign-ins")).unwrap().rule;
    append(ctx, &failures("198.51.100.9", 5)).await;
    let mut state = RuleState::default();
    run(ctx, &rule, &mut state, bench.clock.now()).await.unwrap();
    assert_eq!(state.pending.len(), 1);
    // As after a crash in the middle of the delivery: the same pending alerts, delivered again.
    for _ in 0..2 {
        let incidents = incident::Incidents::load(&ctx.records).await.unwrap();
        delivery::deliver(ctx, &incidents, &rule, &mut state.clone()).await.unwrap();
    }
    assert_eq!(incidents(ctx).await.len(), 1);
    let snapshot = ctx.store.snapshot(ctx.workspace.id, &["SecurityAlert"]).unwrap();
    let rows: usize = snapshot.tables["SecurityAlert"].memory.iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_cannot_run_says_so_on_itself() {
    let bench = bench().await;
    let ctx = &bench.ctx;
    let id = ctx.workspace.insights("alertRules/00000000-0000-0000-0000-00000000000a").unwrap();
    let body = serde_json::json!({"kind": "NRT", "properties": {
        "displayName": "bad", "severity": "Low", "enabled": true, "query": "NoSuchTable | take 1"}});
    ctx.put_once(id.clone(), body).await.unwrap();
    let handle = start(ctx.clone()).await.unwrap();
    until(&bench, "health", async || {
        let rule = ctx.records.get(&id).await.unwrap().unwrap();
        rule.body["properties"]["health"]["message"].as_str().unwrap_or_default().contains("NoSuchTable")
    })
    .await;
    handle.stop().await;
}
