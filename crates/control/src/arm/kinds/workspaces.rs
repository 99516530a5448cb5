//! Workspaces: one that is made with the server and stays, and as many more as there is a use for.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, WorkspaceId};
use bartizan_records::{ListQuery, Resource, Written};
use bartizan_store::Retention;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;
use crate::logs::rule::RULE_TYPE;
use crate::logs::workspaces::WORKSPACES_MAX;
use crate::logs::{daily_cap, destination, subscription_workspace};

/// Days that a new workspace keeps rows, unless it says otherwise.
const RETENTION_DAYS: u32 = 90;

pub(super) struct Workspaces;

#[async_trait]
impl Kind for Workspaces {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        draft.keep(&["customerId", "provisioningState", "createdDate"]);
        if draft.before.is_none() {
            make(app, draft)?;
        }
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
        app.workspaces.reload(&app.records).await?;
        let workspace = app.workspace_around(&written.resource.id)?;
        let days = written.resource.property("retentionInDays").and_then(Value::as_u64);
        let days = days.and_then(|days| u32::try_from(days).ok());
        let retention = days.map(|days| Retention { days, total_days: days });
        app.store.set_retention(workspace.id, None, retention).await?;
        // The cap holds when the answer is there; should this fail, the task that follows it tries again.
        if let Err(error) = daily_cap::follow_daily_cap(app).await {
            tracing::warn!(error, "cannot follow the daily cap now");
        }
        Ok(())
    }

    /// Its rows are not read any more when the answer is there; they are removed behind it.
    async fn delete(&self, app: &App, caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        check_unused(app, stored, &stored.id).await?;
        app.records.delete(&stored.id, &caller.actor, None).await?;
        app.workspaces.reload(&app.records).await?;
        app.workspaces_wake.notify_one();
        Ok(true)
    }
}

/// What a new workspace is besides what was sent.
fn make(app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
    check_name(draft.id.name())?;
    if app.workspaces.others() + 1 >= WORKSPACES_MAX {
        let text = format!("there are {WORKSPACES_MAX} workspaces already; delete some");
        return Err(ApiError::coded(ErrorKind::Conflict, "WorkspaceLimitReached", text).into());
    }
    if draft.body["location"].as_str().is_none_or(str::is_empty) {
        let text = "The location property is required for this definition.";
        return Err(ApiError::coded(ErrorKind::Invalid, "LocationRequired", text).into());
    }
    let now = app.clock.now().to_string();
    draft.set("customerId", WorkspaceId::random().to_string());
    draft.set("createdDate", now);
    draft.set("provisioningState", "Succeeded");
    let defaults = [
        ("sku", json!({"name": "PerGB2018"})),
        ("retentionInDays", json!(RETENTION_DAYS)),
        ("publicNetworkAccessForIngestion", json!("Enabled")),
        ("publicNetworkAccessForQuery", json!("Enabled")),
    ];
    for (name, value) in defaults {
        if draft.property(name).is_null() {
            draft.set(name, value);
        }
    }
    Ok(())
}

/// Azure's rule.
fn check_name(name: &str) -> Result<(), Failure> {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let fits = (4..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && is_end(name.chars().next())
        && is_end(name.chars().last());
    if fits {
        return Ok(());
    }
    let text = "a workspace's name has 4 to 63 letters, digits and `-`, and begins and ends with a letter or a digit";
    Err(ApiError::field("name", text).into())
}

/// Refuses to delete a workspace that something sends to which is not in `leaving`, what is deleted.
pub(super) async fn check_unused(
    app: &App,
    workspace: &Resource,
    leaving: &ResourceId,
) -> Result<(), Failure> {
    let in_use = |text: String| Err(Failure(ApiError::new(ErrorKind::Conflict, text)));
    if workspace.id == app.home.workspace {
        return in_use("The workspace holds this server's own logs and cannot be deleted.".to_owned());
    }
    let name = workspace.id.name();
    let settings = subscription_workspace::Settings::read(app).await?;
    if let Some(setting) = settings.naming(&workspace.id) {
        return in_use(format!(
            "The workspace `{name}` is chosen by `{setting}`; choose another one there first."
        ));
    }
    let rules = app.records.list_all(&ListQuery::tenant(), RULE_TYPE).await?;
    let sends = |rule: &&Resource| destination::sends_to(rule, &workspace.id) && !rule.id.is_within(leaving);
    if let Some(rule) = rules.iter().find(sends) {
        return in_use(format!(
            "The workspace `{name}` is a destination of the data collection rule `{}`; delete that rule first, or give \
             it another destination.",
            rule.id
        ));
    }
    Ok(())
}
