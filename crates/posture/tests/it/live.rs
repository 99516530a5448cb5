//! The evaluator over a real record store.

use std::sync::Arc;

use bartizan_base::{Clock, ManualClock, ResourceId, Ticks, Timespan};
use bartizan_posture::rows::{Row, RowSink, RowsRefused};
use bartizan_posture::{ASSESSMENT_TYPE, Evaluator, PostureContext, catalog};
use bartizan_records::{Actor, Condition, Records, Resource, Write};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const SUBSCRIPTION: &str = "/subscriptions/5d9a1f0e-7f1c-4c55-9f7a-000000000001";
const ROOT_LOGIN: &str = "3f1f6a0e-52a5-4d43-8d55-0b8b7e3f9a61";
const PLAN: &str = "56a6e81f-7413-4f72-9a1b-aaeeaa87c872";

/// Rows that were appended: table, row.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<(String, Row)>>);

#[async_trait::async_trait]
impl RowSink for Told {
    async fn append(&self, table: &str, rows: Vec<Row>) -> Result<(), RowsRefused> {
        self.0.lock().extend(rows.into_iter().map(|row| (table.to_owned(), row)));
        Ok(())
    }
}

struct House {
    ctx: PostureContext,
    clock: Arc<ManualClock>,
    told: Arc<Told>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Ticks::parse("2026-03-01T12:00:00Z").unwrap()));
        let told = Arc::new(Told::default());
        let ctx = PostureContext {
            records: Records::open(&folder.path().join("control.db"), clock.clone()).await.unwrap(),
            rows: told.clone(),
            clock: clock.clone(),
            workspace_id: "w".to_owned(),
            stop: CancellationToken::new(),
        };
        let house = Self { ctx, clock, told, _folder: folder };
        house.put(&id(SUBSCRIPTION), json!({"displayName": "Test"})).await;
        house
    }

    async fn put(&self, id: &ResourceId, body: Value) {
        let write = Write {
            id: id.clone(),
            body,
            condition: Condition::None,
            actor: Actor::system("test"),
            audit: true,
        };
        self.ctx.records.put(write).await.unwrap();
    }

    async fn machine(&self, name: &str) -> ResourceId {
        let id = id(&format!(
            "{SUBSCRIPTION}/resourceGroups/bartizan/providers/Microsoft.HybridCompute/machines/{name}"
        ));
        let properties = json!({"osType": "linux", "osSku": "debian", "osVersion": "12", "status": "Connected", "vmId": "v"});
        self.put(&id, json!({"location": "local", "properties": properties})).await;
        id
    }

    async fn evidence(&self, machine: &ResourceId, topic: &str, facts: Value) {
        self.ctx.records.put_evidence(machine, topic, facts, self.clock.now()).await.unwrap();
    }

    async fn assessment(&self, of: &ResourceId, key: &str) -> Option<Resource> {
        self.ctx.records.get(&of.join(&format!("providers/{ASSESSMENT_TYPE}/{key}")).unwrap()).await.unwrap()
    }

    async fn status(&self, of: &ResourceId, key: &str, member: &str) -> String {
        let found = self.assessment(of, key).await;
        let status = found.as_ref().and_then(|found| found.property("status"));
        status.map(|status| status[member].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
    }

    async fn score(&self) -> Value {
        let score = id(&format!("{SUBSCRIPTION}/providers/Microsoft.Security/secureScores/ascScore"));
        self.ctx.records.get(&score).await.unwrap().unwrap().body["properties"]["score"].clone()
    }

    fn told(&self, table: &str) -> Vec<Row> {
        let mut told = self.told.0.lock();
        let (mine, rest) = told.drain(..).partition(|(name, _)| name == table);
        *told = rest;
        let mine: Vec<(String, Row)> = mine;
        mine.into_iter().map(|(_, row)| row).collect()
    }
}

fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

#[tokio::test]
async fn evidence_decides_and_only_changes_are_written() {
    let house = House::new().await;
    let web = house.machine("web-1").await;
    let mut evaluator = Evaluator::new(house.ctx.clone(), catalog());
    evaluator.round().await.unwrap();
    assert_eq!(house.status(&web, ROOT_LOGIN, "code").await, "NotApplicable");
    assert_eq!(house.status(&id(SUBSCRIPTION), PLAN, "code").await, "Unhealthy");
    let first = house.status(&web, ROOT_LOGIN, "firstEvaluationDate").await;

    house.clock.advance(Timespan::from_seconds(60));
    house.evidence(&web, "ssh.config", json!({"installed": true, "permitRootLogin": "yes"})).await;
    house.told("SecurityRecommendation");
    evaluator.round().await.unwrap();
    let found = house.assessment(&web, ROOT_LOGIN).await.unwrap();
    assert_eq!(house.status(&web, ROOT_LOGIN, "code").await, "Unhealthy");
    assert_eq!(found.property("resourceDetails").unwrap()["machineName"], "web-1");
    assert_eq!(found.property("additionalData").unwrap()["permitRootLogin"], "yes");
    assert_eq!(house.status(&web, ROOT_LOGIN, "firstEvaluationDate").await, first);
    assert_eq!(house.status(&web, ROOT_LOGIN, "statusChangeDate").await, "2026-03-01T12:01:00Z");
    let rows = house.told("SecurityRecommendation");
    assert!(
        rows.iter()
            .any(|row| row["RecommendationName"] == ROOT_LOGIN && row["RecommendationState"] == "Unhealthy"),
        "{rows:?}"
    );

    house.clock.advance(Timespan::from_seconds(60));
    evaluator.round().await.unwrap();
    assert_eq!(
        house.assessment(&web, ROOT_LOGIN).await.unwrap().etag,
        found.etag,
        "nothing changed, nothing is written"
    );
    assert!(house.told("SecurityRecommendation").is_empty());
}

#[tokio::test]
async fn the_score_follows_the_assessments() {
    let house = House::new().await;
    let web = house.machine("web-1").await;
    let mut evaluator = Evaluator::new(house.ctx.clone(), catalog());
    evaluator.round().await.unwrap();
    // Known without evidence: a supported release (6 of 6), reporting (1 of 1), log collection missing (0 of 4),
    // sensor missing (0 of 2); the plan and the inventory count nothing.
    assert_eq!(house.score().await, json!({"max": 13, "current": 7.0, "percentage": 0.5385}));
    for (name, publisher) in [
        ("MDE.Linux", "Microsoft.Azure.AzureDefenderForServers"),
        ("AzureMonitorLinuxAgent", "Microsoft.Azure.Monitor"),
    ] {
        let body =
            json!({"properties": {"publisher": publisher, "type": name, "provisioningState": "Succeeded"}});
        house.put(&web.join(&format!("extensions/{name}")).unwrap(), body).await;
    }
    evaluator.round().await.unwrap();
    assert_eq!(house.score().await, json!({"max": 13, "current": 13.0, "percentage": 1.0}));
    house.evidence(&web, "packages.updates", json!({"securityCount": 4, "updates": []})).await;
    house.told("SecureScores");
    house.told("SecureScoreControls");
    evaluator.round().await.unwrap();
    assert_eq!(house.score().await, json!({"max": 13, "current": 7.0, "percentage": 0.5385}));
    assert_eq!(house.told("SecureScores")[0]["CurrentScore"], 7.0);
    let controls = house.told("SecureScoreControls");
    let names: Vec<&Value> = controls.iter().map(|row| &row["ControlName"]).collect();
    assert_eq!(names, ["Apply system updates"]);

    house.ctx.records.delete(&web, &Actor::system("test"), None).await.unwrap();
    evaluator.round().await.unwrap();
    assert_eq!(house.score().await["max"], 0);
}

#[tokio::test]
async fn the_running_task_follows_changes_and_stops() {
    let house = House::new().await;
    let handle = bartizan_posture::start(house.ctx.clone());
    let web = house.machine("web-1").await;
    until(async || house.status(&web, ROOT_LOGIN, "code").await == "NotApplicable").await;
    house.evidence(&web, "ssh.config", json!({"installed": true, "permitRootLogin": "no"})).await;
    until(async || house.status(&web, ROOT_LOGIN, "code").await == "Healthy").await;
    let plan = id(&format!("{SUBSCRIPTION}/providers/Microsoft.Security/pricings/VirtualMachines"));
    house.put(&plan, json!({"properties": {"pricingTier": "Standard", "subPlan": "P2"}})).await;
    until(async || house.status(&id(SUBSCRIPTION), PLAN, "code").await == "Healthy").await;
    house.ctx.records.delete(&web, &Actor::system("test"), None).await.unwrap();
    until(async || house.score().await["max"] == 0).await;
    handle.stop().await;
}

/// Waits for the task, which gathers events for 150 ms.
async fn until<F: AsyncFn() -> bool>(condition: F) {
    for _ in 0..400 {
        if condition().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("did not happen within ten seconds");
}
