//! What agents tell: status, evidence, goodbye.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use bartizan_api::ApiError;
use bartizan_records::RecordsError;
use bartizan_wire::{AgentStatus, EvidenceReport};
use http::{HeaderMap, StatusCode};

use crate::access::Caller;
use crate::agents::{AGENT_BODY_MAX, resource};
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::plans::extension;

/// Topics one machine may have; there are four today.
const TOPICS_MAX: usize = 64;

pub(super) async fn status(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let (agent, _) = caller.agent()?;
    let status: AgentStatus = read_json(&headers, body, AGENT_BODY_MAX).await?;
    let now = app.clock.now();
    app.records.touch_agent(agent.vm_id, now, &status.agent_version).await?;
    let edit = |body: &mut serde_json::Value| {
        let before = body.clone();
        resource::describe(body, &status.facts, &status.agent_version);
        resource::describe_agent(body, &status);
        resource::set_status(body, "Connected", now);
        *body != before
    };
    match app.records.modify(&agent.machine, &caller.actor, false, edit).await {
        Ok(_) => {}
        Err(RecordsError::Missing(id)) => return Err(ApiError::not_found(&id).into()),
        Err(error) => return Err(error.into()),
    }
    extension::apply_status(&app.records, &agent.machine, &status).await?;
    Ok(StatusCode::NO_CONTENT)
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
