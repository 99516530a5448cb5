//! Analytics rules: a rule that cannot run is refused when it is written, with the place in its query.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_api::incidents::Severity;
use bartizan_api::timespan;
use bartizan_base::{ErrorKind, RuleId};
use bartizan_content::rule::{SCHEDULE_MAX, SCHEDULE_MIN};
use bartizan_kql::Severity as Finding;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::arm::kinds::not_one_of;
use crate::http::Failure;

const KINDS: [&str; 2] = ["Scheduled", "NRT"];
const OPERATORS: [&str; 4] = ["GreaterThan", "LessThan", "Equal", "NotEqual"];

pub(super) struct AlertRules;

#[async_trait]
impl Kind for AlertRules {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let kind = draft.body["kind"].clone();
        if !kind.as_str().is_some_and(|kind| KINDS.contains(&kind)) {
            return Err(not_one_of("kind", &kind, &KINDS).into());
        }
        if draft.id.name().parse::<RuleId>().is_err() {
            return Err(ApiError::field("name", "a rule's name must be a uuid").into());
        }
        if draft.text("displayName").is_empty() {
            return Err(ApiError::field("properties.displayName", "a rule needs a `displayName`").into());
        }
        if !draft.property("enabled").is_boolean() {
            return Err(ApiError::field("properties.enabled", "`enabled` must be true or false").into());
        }
        if Severity::parse(draft.text("severity")).is_none() {
            return Err(not_one_of("properties.severity", draft.property("severity"), Severity::NAMES).into());
        }
        if kind == "Scheduled" {
            check_schedule(draft)?;
        }
        check_query(app, draft.text("query"))?;
        draft.set("lastModifiedUtc", app.clock.now().to_string());
        Ok(())
    }
}

fn check_schedule(draft: &Draft<'_>) -> Result<(), Failure> {
    let span = |name: &str| {
        let text = draft.text(name);
        timespan::duration(text).filter(|span| (SCHEDULE_MIN..=SCHEDULE_MAX).contains(span)).ok_or_else(
            || {
                ApiError::field(
                    &format!("properties.{name}"),
                    format!("`{name}` must be a duration from PT1M to P14D, not `{text}`"),
                )
            },
        )
    };
    if span("queryPeriod")? < span("queryFrequency")? {
        return Err(ApiError::field(
            "properties.queryPeriod",
            "`queryPeriod` must not be shorter than `queryFrequency`",
        )
        .into());
    }
    let operator = draft.property("triggerOperator");
    if !operator.as_str().is_some_and(|operator| OPERATORS.contains(&operator)) {
        return Err(not_one_of("properties.triggerOperator", operator, &OPERATORS).into());
    }
    if draft.property("triggerThreshold").as_u64().is_none() {
        return Err(ApiError::field(
            "properties.triggerThreshold",
            "`triggerThreshold` must be a number from 0",
        )
        .into());
    }
    Ok(())
}

fn check_query(app: &App, query: &str) -> Result<(), Failure> {
    let checked = app.engine.check(app.home.customer, query);
    let details: Vec<Value> = checked
        .diagnostics
        .iter()
        .filter(|finding| finding.severity == Finding::Error)
        .map(|finding| {
            json!({"code": finding.code, "message": finding.message, "start": finding.span.start, "end": finding.span.end})
        })
        .collect();
    let Some(first) = details.first() else { return Ok(()) };
    let message = format!(
        "The rule's query cannot run: {} at {}.",
        first["message"].as_str().unwrap_or_default(),
        first["start"]
    );
    Err(Failure(ApiError {
        target: Some("properties.query".to_owned()),
        details,
        ..ApiError::coded(ErrorKind::Invalid, "InvalidQuery", message)
    }))
}
