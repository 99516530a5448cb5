//! The Logs Ingestion door: rows for a stream of a data collection rule, durable before the answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use bartizan_api::{ApiError, versions};
use bartizan_base::{BatchId, ErrorKind, ResourceId, Ticks};
use bartizan_records::{ListQuery, Resource};
use bartizan_wire::BATCH_HEADER;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::Value;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, header as header_text, query_value, read_body};
use crate::logs::intake::{self, Sender};
use crate::logs::rule::{RULE_TYPE, table_name};

/// What the sensor sends processes as.
const TEST_STREAM: &str = "Microsoft-DeviceProcessEvents";

/// Largest upload, compressed or not. Azure takes 1 MB; the store takes 32 MiB.
pub(crate) const UPLOAD_MAX: usize = 32 << 20;

pub(super) async fn upload(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((rule, stream)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<StatusCode, Failure> {
    versions::check("Microsoft.Insights", query_value(&uri, "api-version").as_deref())?;
    let rule = find_rule(&app, &rule).await?;
    let batch = batch(&headers)?;
    let sender = Sender::Caller(&caller);
    let probe = Probe::of(&app, &caller, &stream);
    if let Err(failure) = intake::open(&app, sender, &rule, &stream).await {
        probe.refused(&failure);
        return Err(failure);
    }
    let table = table_name(&stream).unwrap_or(&stream);
    let request = intake::Request::begin(&app, rule.id.name(), table);
    let taken = async {
        let content_type = header_text(&headers, header::CONTENT_TYPE.as_str());
        if !content_type.is_empty() && !content_type.contains("json") {
            return Err(ApiError::unsupported_media("Rows are sent as application/json or NDJSON.").into());
        }
        let body = read_body(&headers, body, UPLOAD_MAX).await?;
        let arrival = probe.look(&body);
        let taken = intake::take(&app, sender, &rule, &stream, batch, body).await;
        if let Some(received) = arrival {
            probe.arrived(received, &taken);
        }
        taken
    };
    let taken = taken.await;
    request.end(taken)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks for the row of a test alert in what its machine sends. Mostly no test runs, and nothing is looked at.
struct Probe<'a> {
    app: &'a App,
    awaited: Option<(&'a ResourceId, String)>,
}

impl<'a> Probe<'a> {
    fn of(app: &'a App, caller: &'a Caller, stream: &str) -> Self {
        let machine = caller.agent().ok().map(|(agent, _)| &agent.machine);
        let machine = machine.filter(|_| stream.eq_ignore_ascii_case(TEST_STREAM));
        let awaited = machine.and_then(|machine| Some((machine, app.test_alerts.awaited(machine)?)));
        Self { app, awaited }
    }

    /// Whoever is not let in has not shown what they bring; while a test runs, its row is what waits behind it.
    fn refused(&self, failure: &Failure) {
        if let Some((machine, _)) = &self.awaited {
            let words = Err(failure.0.message.clone());
            self.app.test_alerts.note_arrival(machine, self.app.clock.now(), words);
        }
    }

    /// The moment, when the row is in this body.
    fn look(&self, body: &[u8]) -> Option<Ticks> {
        let (_, word) = self.awaited.as_ref()?;
        let found = body.windows(word.len()).any(|window| window == word.as_bytes());
        found.then(|| self.app.clock.now())
    }

    fn arrived(&self, received: Ticks, taken: &Result<intake::Taken, Failure>) {
        if let Some((machine, _)) = &self.awaited {
            let ended = match taken {
                Ok(_) => Ok(self.app.clock.now()),
                Err(Failure(error)) => Err(error.message.clone()),
            };
            self.app.test_alerts.note_arrival(machine, received, ended);
        }
    }
}

/// The rule with this immutable id.
pub(crate) async fn find_rule(app: &App, immutable_id: &str) -> Result<Resource, Failure> {
    let is = |rule: &Resource| {
        rule.property("immutableId")
            .and_then(Value::as_str)
            .is_some_and(|id| id.eq_ignore_ascii_case(immutable_id))
    };
    // Nearly every upload uses the default rule.
    if let Some(rule) = app.records.get(&app.home.default_rule).await?.filter(is) {
        return Ok(rule);
    }
    let rules = app.records.list_all(&ListQuery::tenant(), RULE_TYPE).await?;
    rules.into_iter().find(is).ok_or_else(|| {
        let shown: String = immutable_id.chars().take(80).collect();
        Failure(ApiError::new(
            ErrorKind::NotFound,
            format!("Data collection rule with immutable Id '{shown}' not found."),
        ))
    })
}

fn batch(headers: &HeaderMap) -> Result<Option<BatchId>, Failure> {
    match header_text(headers, BATCH_HEADER) {
        "" => Ok(None),
        text => {
            text.parse().map(Some).map_err(|error| ApiError::field(BATCH_HEADER, format!("{error}")).into())
        }
    }
}
