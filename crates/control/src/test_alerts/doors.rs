//! Who may start a test and ask for it: people below a machine, Azure's clients for all machines of a subscription, and
//! the machine itself.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Ticks, Timespan};
use bartizan_engine::{QueryLimits, QueryRequest};
use bartizan_wire::{TEST_ALERT_MARKER, TestAlertReport, TestAlertStarted, TestAlertState};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::hops::{self, Facts, Opened, Raised};
use super::run::Run;
use crate::access::Caller;
use crate::activity;
use crate::app::App;
use crate::arm::Call;
use crate::http::{Failure, read_json};
use crate::plans::component::{COMPONENTS, MACHINE_TYPE};
use crate::plans::features;
use crate::plans::plan::Tier;

/// The type of the answer. Our own; Azure's `simulate` tells nothing of its alerts.
pub(crate) const TEST_TYPE: &str = "Bartizan.Security/testAlerts";
/// Starting a test is what changing alerts is: it makes one.
const START_ACTION: &str = "Microsoft.Security/alerts/write";
const READ_ACTION: &str = "Microsoft.HybridCompute/machines/read";
/// The shipped rule that finds the marker, `content/detections/execution/detection-test`.
const RULE: &str = "6f0a3f0e-8f5c-4d0e-9a53-4a1f4d7d1c07";
/// Machines that one `simulate` may start tests on; a person who wants more asks them one by one.
const SIMULATED_MAX: usize = 100;
/// Azure's request for sample alerts: a kind and some names.
const SIMULATE_BODY_MAX: usize = 16 << 10;
/// The only bundle that has something here to try.
const BUNDLE: &str = "VirtualMachines";
/// How far the machine's clock may be from ours: the row's time is the machine's.
const CLOCK_ROOM: Timespan = Timespan::from_seconds(86_400);

/// `POST {machine}/providers/Bartizan.Security/testAlerts/latest/start`.
pub(crate) async fn start_on_machine(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let machine = machine_of(id)?;
    call.app.authorize(&call.caller, START_ACTION, &machine).await?;
    let by = call.caller.actor.name.clone();
    let report = start(&call.app, &call.caller, &machine, by, false).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(&report))).into_response())
}

/// `GET {machine}/providers/Bartizan.Security/testAlerts/latest`.
pub(crate) async fn latest(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let machine = machine_of(id)?;
    call.app.authorize(&call.caller, READ_ACTION, &machine).await?;
    let report = report_of(&call.app, &machine).await?;
    let report = report.ok_or_else(|| ApiError::not_found(id.as_str()))?;
    Ok(Json(shown(&report)).into_response())
}

/// `GET {machine}/providers/Bartizan.Security/testAlerts`: the last test; none is an empty list.
pub(crate) async fn list(call: &Call, machine: &ResourceId) -> Result<Response, Failure> {
    let latest = machine.join(&format!("providers/{TEST_TYPE}/latest"));
    let machine = machine_of(&latest.map_err(|error| ApiError::invalid(error.to_string()))?)?;
    call.app.authorize(&call.caller, READ_ACTION, &machine).await?;
    let report = report_of(&call.app, &machine).await?;
    Ok(Json(json!({"value": report.iter().map(shown).collect::<Vec<_>>()})).into_response())
}

/// `POST {subscription}/providers/Microsoft.Security/locations/{location}/alerts/default/simulate`: a test on every
/// machine of the subscription that is connected. Azure makes up sample alerts; ours come from the machines.
pub(crate) async fn simulate(call: &Call, on: &ResourceId, body: Body) -> Result<Response, Failure> {
    let app = &call.app;
    let subscription = features::subscription_of(on).ok_or_else(|| ApiError::not_found(on.as_str()))?;
    app.authorize(&call.caller, START_ACTION, &subscription).await?;
    let sent: Value = read_json(&call.parts.headers, body, SIMULATE_BODY_MAX).await?;
    if sent["properties"]["kind"] != "Bundles" {
        return Err(ApiError::field("properties.kind", "`kind` must be `Bundles`").into());
    }
    let bundles = sent["properties"]["bundles"].as_array().cloned().unwrap_or_default();
    let other = bundles.iter().find(|bundle| *bundle != BUNDLE);
    if let Some(other) = other {
        let shown: String = other.to_string().chars().take(60).collect();
        let text = format!(
            "there is nothing to try for {shown}; `{BUNDLE}` starts a test on each connected machine"
        );
        return Err(ApiError::field("properties.bundles", text).into());
    }
    if bundles.is_empty() {
        return Err(
            ApiError::field("properties.bundles", "name at least one bundle: `VirtualMachines`").into()
        );
    }
    let machines = app.records.list_all(&subscription, MACHINE_TYPE).await?;
    let is_connected =
        |status: &Value| status.as_str().is_some_and(|status| status.eq_ignore_ascii_case("Connected"));
    let connected: Vec<ResourceId> = machines
        .into_iter()
        .filter(|machine| machine.property("status").is_some_and(is_connected))
        .map(|machine| machine.id)
        .collect();
    if connected.len() > SIMULATED_MAX {
        let text = format!(
            "{} machines are connected; one call starts tests on at most {SIMULATED_MAX}. Start them on single machines: POST {{machine}}/providers/{TEST_TYPE}/latest/start",
            connected.len()
        );
        return Err(ApiError::new(ErrorKind::TooMany, text).into());
    }
    for machine in connected {
        start(app, &call.caller, &machine, call.caller.actor.name.clone(), false).await?;
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `POST /agent/v1/test-alerts`: a test whose process the caller starts.
pub(crate) async fn agent_start(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<TestAlertReport>, Failure> {
    let machine = caller.agent()?.0.machine.clone();
    let by = format!("the machine {}", machine.name());
    start(&app, &caller, &machine, by, true).await.map(Json)
}

/// `GET /agent/v1/test-alerts/latest`.
pub(crate) async fn agent_latest(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<TestAlertReport>, Failure> {
    let (agent, _) = caller.agent()?;
    let report = report_of(&app, &agent.machine).await?;
    report.map(Json).ok_or_else(|| ApiError::not_found("a test alert of this machine").into())
}

/// `POST /agent/v1/test-alerts/started`: the process was started, or could not be.
pub(crate) async fn agent_started(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    /// Longest error of a machine that is kept.
    const ERROR_MAX: usize = 400;
    let (agent, _) = caller.agent()?;
    let mut told: TestAlertStarted = read_json(&headers, body, SIMULATE_BODY_MAX).await?;
    told.error = told.error.map(|error| error.chars().take(ERROR_MAX).collect());
    app.test_alerts.started(&app.records, &agent.machine, told).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn machine_of(id: &ResourceId) -> Result<ResourceId, Failure> {
    let machine = id.parent().filter(|parent| parent.resource_type().eq_ignore_ascii_case(MACHINE_TYPE));
    let machine = machine.filter(|_| id.name().eq_ignore_ascii_case("latest"));
    machine.ok_or_else(|| {
        let text = format!("Test alerts are of a machine: {{machine}}/providers/{TEST_TYPE}/latest.");
        ApiError::coded(ErrorKind::NotFound, "InvalidScope", text).into()
    })
}

fn shown(report: &TestAlertReport) -> Value {
    json!({
        "id": format!("{}/providers/{TEST_TYPE}/latest", report.machine_id),
        "name": "latest",
        "type": TEST_TYPE,
        "properties": report,
    })
}

async fn start(
    app: &App,
    caller: &Caller,
    machine: &ResourceId,
    requested_by: String,
    on_machine: bool,
) -> Result<TestAlertReport, Failure> {
    // The rows come to the leading server, which notes when.
    app.must_lead().await?;
    if app.records.get(machine).await?.is_none() {
        return Err(ApiError::not_found(machine.as_str()).into());
    }
    let run = Run::new(Uuid::new_v4(), machine.clone(), app.clock.now(), requested_by, on_machine);
    if !app.test_alerts.begin(&app.records, &run).await? {
        let text = "As many test alerts run as may at one time; try again in some minutes.";
        return Err(ApiError::new(ErrorKind::TooMany, text).into());
    }
    let operation = format!("{TEST_TYPE}/start/action");
    app.records.note(&activity::entry(app, caller, &operation, machine.as_str(), MACHINE_TYPE)).await?;
    tracing::info!(machine = machine.as_str(), id = %run.id, "test alert started");
    let report = look(app, &run).await?;
    if report.state == TestAlertState::Running {
        app.desired.wake(machine);
    }
    Ok(report)
}

/// The machine's last test, as it stands now; `None` when it has had none.
async fn report_of(app: &App, machine: &ResourceId) -> Result<Option<TestAlertReport>, Failure> {
    let Some(run) = app.test_alerts.last(&app.records, machine).await? else { return Ok(None) };
    match run.finished.clone() {
        Some(report) => Ok(Some(report)),
        None => look(app, &run).await.map(Some),
    }
}

/// Looks how far a test is, and writes down how it ended when it did.
async fn look(app: &App, run: &Run) -> Result<TestAlertReport, Failure> {
    let machine = app.records.get(&run.machine).await?;
    let machine = machine.ok_or_else(|| ApiError::not_found(run.machine.as_str()))?;
    let cover = features::cover_at(&app.records, &run.machine).await?;
    let sensor = COMPONENTS.iter().find(|component| component.name == "sensor");
    let sensor =
        match sensor.and_then(|found| run.machine.join(&format!("extensions/{}", found.extension)).ok()) {
            Some(id) => app.records.get(&id).await?,
            None => None,
        };
    let rule = insights(app, &format!("alertRules/{RULE}"));
    let rule = match &rule {
        Some(id) => app.records.get(id).await?,
        None => None,
    };
    let row = row_of(app, run).await?;
    let alert = match row {
        Some(_) => alert_of(app, run).await?,
        None => None,
    };
    let incident = match &alert {
        Some(alert) => incident_of(app, run, &alert.id).await?,
        None => None,
    };
    let facts = Facts {
        run,
        machine: &machine,
        plan: (cover.tier != Tier::Free).then(|| cover.tier.as_str()),
        sensor: sensor.as_ref(),
        rule: rule.as_ref(),
        row,
        alert,
        incident,
        now: app.clock.now(),
    };
    let report = hops::report(&facts);
    if report.state != TestAlertState::Running {
        tracing::info!(machine = run.machine.as_str(), id = %run.id, summary = report.summary, "test alert ended");
        app.test_alerts.finish(&app.records, run, report.clone()).await?;
    }
    Ok(report)
}

fn insights(app: &App, path: &str) -> Option<ResourceId> {
    app.home.workspace.join(&format!("providers/Microsoft.SecurityInsights/{path}")).ok()
}

/// When the process ran, by its row.
async fn row_of(app: &App, run: &Run) -> Result<Option<Ticks>, Failure> {
    let query = format!(
        "DeviceProcessEvents | where ProcessCommandLine has '{TEST_ALERT_MARKER}' and ProcessCommandLine has '{}' \
         | where _ResourceId =~ '{}' | summarize Time = min(TimeGenerated)",
        run.word(),
        // Names in ids have no quotes; who shares a kernel with the machine may see the process too.
        run.machine.as_str().replace('\'', "")
    );
    Ok(first(app, run, query).await?.and_then(|row| time(&row, "Time")))
}

/// The alert whose evidence is that row.
async fn alert_of(app: &App, run: &Run) -> Result<Option<Raised>, Failure> {
    let query = format!(
        "SecurityAlert | where ExtendedProperties has '{}' and AlertType endswith '{RULE}' \
         | project Looked = TimeGenerated, Written = ingestion_time(), Id = SystemAlertId | sort by Looked asc | take 1",
        run.word()
    );
    let Some(row) = first(app, run, query).await? else { return Ok(None) };
    let (Some(looked), Some(id)) = (time(&row, "Looked"), row["Id"].as_str()) else { return Ok(None) };
    let resource = format!(
        "/subscriptions/{}/providers/Microsoft.Security/locations/local/alerts/{id}",
        app.home.subscription
    );
    Ok(Some(Raised {
        id: id.to_owned(),
        resource: ResourceId::parse(&resource).ok(),
        looked,
        written: time(&row, "Written").unwrap_or(looked),
    }))
}

/// The incident that has the alert.
async fn incident_of(app: &App, run: &Run, alert: &str) -> Result<Option<Opened>, Failure> {
    let query = format!(
        "SecurityIncident | where tostring(AlertIds) has '{alert}' \
         | project Time = TimeGenerated, IncidentName, IncidentNumber | sort by Time asc | take 1"
    );
    let Some(row) = first(app, run, query).await? else { return Ok(None) };
    let Some(time) = time(&row, "Time") else { return Ok(None) };
    let name = row["IncidentName"].as_str().unwrap_or_default();
    Ok(Some(Opened {
        id: insights(app, &format!("incidents/{name}")),
        number: row["IncidentNumber"].as_u64().unwrap_or(0),
        time,
    }))
}

/// The first row of a query of our own over what came since the test began.
async fn first(app: &App, run: &Run, text: String) -> Result<Option<Map<String, Value>>, Failure> {
    let request = QueryRequest {
        workspace: app.home.customer,
        text,
        timespan: Some((run.requested - CLOCK_ROOM, Ticks::MAX)),
        now: app.clock.now(),
        principal: String::new(),
        ingested: None,
        limits: QueryLimits::default(),
    };
    Ok(app.engine.query(request).await?.objects().into_iter().next())
}

fn time(row: &Map<String, Value>, column: &str) -> Option<Ticks> {
    Ticks::parse(row.get(column)?.as_str()?).ok()
}
