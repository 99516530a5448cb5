//! Policy events as they are asked for, and how long they are kept.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Timespan};
use serde_json::Value;

use super::NAMESPACE;
use super::query::{Asked, Options, Rows};
use crate::app::App;
use crate::arm::Call;
use crate::http::{Failure, chain};

/// Events older than this are forgotten.
const KEPT: Timespan = Timespan::from_seconds(90 * 86_400);
/// Most events that are kept; the oldest go first.
const EVENTS_MAX: u32 = 1_000_000;
/// What is asked for without `$from`, as in Azure.
const ASKED: Timespan = Timespan::from_seconds(86_400);
/// Events that are read at once.
const PAGE: u32 = 1000;

/// `POST {scope}/providers/Microsoft.PolicyInsights/policyEvents/default/queryResults`: the newest first, unless `$orderby`
/// says otherwise.
pub(super) async fn query(call: &Call, on: &ResourceId) -> Result<Value, Failure> {
    if !on.name().eq_ignore_ascii_case("default") {
        let text = "There are only the events `default`.";
        return Err(ApiError::coded(ErrorKind::Invalid, "OperationNotSupported", text).into());
    }
    let app = &call.app;
    let asked = Asked::read(call, on);
    let action = format!("{NAMESPACE}/policyEvents/queryResults/read");
    app.authorize(&call.caller, &action, &asked.scope).await?;
    let options = Options::read(call)?;
    let to = options.to.unwrap_or_else(|| app.clock.now());
    let from = options.from.unwrap_or(to - ASKED);
    let context = format!("{}/providers/{NAMESPACE}/policyEvents/$metadata#default", asked.scope);
    let entity = format!("{context}/$entity");
    let tree = app.access_map().await?;
    let tenant = app.home.tenant.to_string();
    let mut rows = Rows::new(&options);
    'places: for root in tree.hierarchy.roots_below(&asked.place) {
        let mut after = None;
        loop {
            let page = app.records.policy_events(&root, from, to, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.time, last.id));
            for kept in page {
                let Value::Object(mut row) = kept.event else { continue };
                if !asked.of_policy.holds(&row) {
                    continue;
                }
                row.insert("tenantId".to_owned(), tenant.as_str().into());
                row.insert("@odata.id".to_owned(), Value::Null);
                row.insert("@odata.context".to_owned(), entity.as_str().into());
                if !rows.offer(row) {
                    break 'places;
                }
            }
        }
    }
    Ok(rows.answer(call, &context))
}

/// Forgets what is too old or too much.
pub(super) async fn purge(app: &App) {
    let oldest = app.clock.now() - KEPT;
    match app.records.purge_policy_events(oldest, EVENTS_MAX).await {
        Ok(0) => {}
        Ok(events) => tracing::info!(events, "old policy events were forgotten"),
        Err(error) => tracing::warn!(error = chain(&error), "old policy events cannot be forgotten"),
    }
}
