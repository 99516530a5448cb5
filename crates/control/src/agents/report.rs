//! What agents tell: status, evidence, goodbye.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use bartizan_api::ApiError;
use bartizan_base::{ResourceId, Ticks};
use bartizan_records::{Actor, Edit, Family};
use bartizan_wire::{AgentStatus, EvidenceReport};
use http::{HeaderMap, StatusCode};

use crate::access::Caller;
use crate::agents::together::Together;
use crate::agents::{AGENT_BODY_MAX, guest_configuration, location, resource};
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::plans::component::EXTENSION_TYPE;
use crate::plans::extension;

/// Topics one machine may have; there are four today.
const TOPICS_MAX: usize = 64;

/// Statuses that wait to be written, each the last word of its machine; whether the machine is there.
pub(crate) type Reports = Together<Report, bool>;

/// A status and who says it.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    machine: ResourceId,
    actor: Actor,
    status: Arc<AgentStatus>,
    /// A hash of what it says.
    print: u64,
}

pub(super) async fn status(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let (agent, _) = caller.agent()?;
    let status: AgentStatus = read_json(&headers, body, AGENT_BODY_MAX).await?;
    app.heard.note(agent.vm_id, app.clock.now(), &status.agent_version);
    let print = print_of(&status, caller.actor.ip.as_deref());
    if app.desired.is_told(&agent.machine, print) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let (machine, actor) = (agent.machine.clone(), caller.actor.clone());
    let report = Report { machine, actor, status: Arc::new(status), print };
    let of = Arc::clone(&app);
    match app.reports.ask(report, move |reports| async move { write(&of, &reports).await }).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::not_found(agent.machine.as_str()).into()),
    }
}

/// The same for statuses that say the same to the records: without times, and with amounts in their steps.
fn print_of(status: &AgentStatus, from: Option<&str>) -> u64 {
    let mut body = serde_json::json!({});
    resource::describe(&mut body, &status.facts, &status.agent_version);
    resource::describe_agent(&mut body, status);
    let mut hasher = DefaultHasher::new();
    body.to_string().hash(&mut hasher);
    serde_json::json!(status.extensions).to_string().hash(&mut hasher);
    from.hash(&mut hasher);
    hasher.finish()
}

/// Writes what reports change of machines and their extensions, in one transaction; mostly they change nothing, and
/// then nothing is written. Says of each whether its machine is there.
async fn write(app: &App, reports: &[Report]) -> Result<Vec<bool>, Failure> {
    let (records, now) = (&app.records, app.clock.now());
    // Of two reports of a machine the later one counts.
    let last: HashMap<&ResourceId, &Report> =
        reports.iter().map(|report| (&report.machine, report)).collect();
    let mut edit = |family: &Family| match last.get(&family.parent.id) {
        Some(report) => edits(family, report, now),
        None => Vec::new(),
    };
    let machines: Vec<ResourceId> = last.keys().map(|machine| (*machine).clone()).collect();
    let heard: HashMap<&ResourceId, Option<u64>> =
        machines.iter().map(|machine| (machine, app.desired.changes_of(machine))).collect();
    let mut there = HashSet::new();
    let mut changed = Vec::new();
    for family in records.families(&machines, EXTENSION_TYPE).await? {
        let machine = &family.parent.id;
        if !edit(&family).is_empty() {
            changed.push(machine.clone());
        } else if let (Some(report), Some(Some(changes))) = (last.get(machine), heard.get(machine)) {
            app.desired.note_told(machine, report.print, *changes);
        }
        there.insert(family.parent.id);
    }
    // Read again by who writes, with no other writer between.
    records.edit_families(&changed, EXTENSION_TYPE, &mut edit).await?;
    Ok(reports.iter().map(|report| there.contains(&report.machine)).collect())
}

/// What a report changes of its machine and the machine's extensions.
fn edits(family: &Family, report: &Report, now: Ticks) -> Vec<Edit> {
    let status = &report.status;
    let mut body = family.parent.body.clone();
    resource::describe(&mut body, &status.facts, &status.agent_version);
    let location = location::of(
        report.actor.ip.as_deref(),
        &status.facts,
        &body["properties"]["agentReport"]["location"],
    );
    resource::describe_agent(&mut body, status);
    body["properties"]["agentReport"]["location"] = location;
    resource::set_status(&mut body, "Connected", now);
    let mut edits = Vec::new();
    if body != family.parent.body {
        edits.push(Edit { id: family.parent.id.clone(), body: Some(body), actor: report.actor.clone() });
    }
    edits.extend(extension::edits(&family.parent.id, &family.children, status));
    edits
}

pub(super) async fn evidence(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let (agent, _) = caller.agent()?;
    let report: EvidenceReport = read_json(&headers, body, AGENT_BODY_MAX).await?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if report.topics.len() > TOPICS_MAX
        || report.topics.keys().any(|topic| topic.len() > 100 || !topic.chars().all(plain))
    {
        return Err(ApiError::field(
            "topics",
            "a report has at most 64 topics, named by letters, digits, `.`, `-` and `_`",
        )
        .into());
    }
    let mut topics = app.records.evidence_topics(&agent.machine).await?;
    topics.extend(report.topics.keys().cloned());
    if topics.len() > TOPICS_MAX {
        return Err(ApiError::field("topics", "a machine has at most 64 topics").into());
    }
    // A machine's clock may be wrong; its evidence must not come from the future.
    let at = report.time.min(app.clock.now());
    for (topic, facts) in report.topics {
        guest_configuration::judge(&app.records, &agent.machine, &caller.actor, &topic, &facts, at).await?;
        app.records.put_evidence(&agent.machine, &topic, facts, at).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn disconnect(State(app): State<Arc<App>>, caller: Caller) -> Result<StatusCode, Failure> {
    let (agent, _) = caller.agent()?;
    app.records.delete(&agent.machine, &caller.actor, None).await?;
    tracing::info!(machine = agent.machine.as_str(), "machine disconnected");
    Ok(StatusCode::NO_CONTENT)
}
