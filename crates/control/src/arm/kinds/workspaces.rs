//! The workspace.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_records::{Resource, Written};
use bartizan_store::Retention;
use serde_json::Value;

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;
use crate::logs::daily_cap;

pub(super) struct Workspaces;

#[async_trait]
impl Kind for Workspaces {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if *draft.id != app.home.workspace {
            let text = format!("This version has one workspace, `{}`.", app.home.workspace);
            return Err(ApiError::coded(ErrorKind::Conflict, "WorkspaceLimitReached", text).into());
        }
        draft.keep(&["customerId", "provisioningState", "createdDate"]);
        draft.set("modifiedDate", app.clock.now().to_string());
        let days = draft.property("retentionInDays");
        if !days.is_null() && !days.as_u64().is_some_and(|days| (1..=730).contains(&days)) {
            return Err(ApiError::field(
                "properties.retentionInDays",
                "`retentionInDays` is a number from 1 to 730",
            )
            .into());
        }
        let before = draft.before.and_then(|before| before.property("workspaceCapping"));
        let capping = daily_cap::completed(draft.property("workspaceCapping"), before, app.clock.now())?;
        draft.set("workspaceCapping", capping);
        Ok(())
    }

    async fn written(&self, app: &App, written: &Written) -> Result<(), Failure> {
        let days = written.resource.property("retentionInDays").and_then(Value::as_u64);
        let days = days.and_then(|days| u32::try_from(days).ok());
        let retention = days.map(|days| Retention { days, total_days: days });
        app.store.set_retention(app.home.customer, None, retention).await?;
        // The cap holds when the answer is there; should this fail, the task that follows it tries again.
        if let Err(error) = daily_cap::follow_daily_cap(app).await {
            tracing::warn!(error, "cannot follow the daily cap now");
        }
        Ok(())
    }

    async fn delete(&self, _app: &App, _caller: &Caller, _stored: &Resource) -> Result<bool, Failure> {
        Err(ApiError::new(
            ErrorKind::Conflict,
            "The workspace holds this server's logs and cannot be deleted.",
        )
        .into())
    }
}
