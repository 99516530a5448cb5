//! Whom to tell (`securityContacts`), and where Defender's data goes (`workspaceSettings`).

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_policy::Request;
use bartizan_records::{Condition, RecordsError, Resource, Write};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::arm::disallowed;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::{find, not_one_of};
use crate::arm::scope::is_subscription;
use crate::http::Failure;
use crate::logs::{Workspace, subscription_workspace};
use crate::plans::admission;

const WORKSPACE_WRITE: &str = "Microsoft.OperationalInsights/workspaces/write";
const GROUP_WRITE: &str = "Microsoft.Resources/resourceGroups/write";
const SWITCH: [&str; 2] = ["On", "Off"];
const SEVERITIES: [&str; 3] = ["High", "Medium", "Low"];
const ROLES: [&str; 4] = ["AccountAdmin", "Contributor", "Owner", "ServiceAdmin"];
/// Characters of all addresses together.
const EMAILS_MAX: usize = 4_096;

/// Addresses are kept and checked; sending mail is not this server's yet, and nothing here says it is.
pub(super) struct Contacts;
pub(super) struct WorkspaceSettings;

#[async_trait]
impl Kind for Contacts {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        // One member of older api-versions, a list in one text of newer ones.
        for name in ["email", "emails"] {
            let value = draft.property(name);
            if value.is_null() {
                continue;
            }
            let addresses = value.as_str().filter(|text| text.len() <= EMAILS_MAX);
            let good = addresses.is_some_and(|text| text.split(';').all(|one| is_address(one.trim())));
            if !good {
                let text = format!("`{name}` is text: e-mail addresses, separated by `;`");
                return Err(ApiError::field(&format!("properties.{name}"), text).into());
            }
        }
        if draft.property("email").is_null() && draft.property("emails").is_null() {
            let text = "a contact needs `emails`";
            return Err(ApiError::field("properties.emails", text).into());
        }
        let phone = draft.property("phone");
        if !phone.is_null() && phone.as_str().is_none_or(|text| text.len() > 64) {
            return Err(ApiError::field("properties.phone", "`phone` is text of up to 64 characters").into());
        }
        check_notifications(draft)
    }
}

fn is_address(text: &str) -> bool {
    text.is_empty()
        || text.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !text.contains(char::is_whitespace)
        })
}

fn check_notifications(draft: &Draft<'_>) -> Result<(), Failure> {
    // A word in older api-versions, an object in newer ones.
    let alerts = draft.property("alertNotifications");
    let of = |value: &Value, member: &str| match value {
        Value::Object(members) => members.get(member).cloned().unwrap_or_default(),
        Value::String(_) if member == "state" => value.clone(),
        _ => Value::Null,
    };
    let one_of = |path: &str, value: &Value, names: &[&str]| {
        if value.is_null() || value.as_str().is_some_and(|text| names.contains(&text)) {
            return Ok(());
        }
        Err(Failure(not_one_of(path, value, names)))
    };
    one_of("properties.alertNotifications.state", &of(alerts, "state"), &SWITCH)?;
    one_of("properties.alertNotifications.minimalSeverity", &of(alerts, "minimalSeverity"), &SEVERITIES)?;
    let by_role = draft.property("notificationsByRole");
    one_of("properties.notificationsByRole.state", &of(by_role, "state"), &SWITCH)?;
    for role in by_role["roles"].as_array().into_iter().flatten() {
        one_of("properties.notificationsByRole.roles", role, &ROLES)?;
    }
    Ok(())
}

/// Without a setting it is the home workspace; deleting the setting goes back to that.
#[async_trait]
impl Kind for WorkspaceSettings {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let scope = ResourceId::parse(draft.text("scope")).ok();
        let subscription = draft.id.parent();
        if !scope.is_some_and(|scope| subscription.is_some_and(|subscription| scope.is_within(&subscription)))
        {
            let text = "`scope` must be the id of the subscription or of a resource group in it";
            return Err(ApiError::field("properties.scope", text).into());
        }
        let workspace = chosen(app, draft).await?;
        if app.workspaces.is_home(workspace.id) {
            return Ok(());
        }
        // The machines' rows go there, so whoever chooses it must be allowed to write it.
        app.authorize(draft.caller, WORKSPACE_WRITE, &workspace.resource).await?;
        subscription_workspace::ensure_rule(app, &workspace, &draft.caller.actor).await
    }

    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let subscription = id.parent().filter(is_subscription);
        let subscription = subscription.filter(|_| id.name().eq_ignore_ascii_case("default"));
        Ok(subscription.map(|subscription| computed(id.clone(), default_setting(app, &subscription))))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        if !is_subscription(scope) {
            return Ok(Vec::new());
        }
        let id = scope.join("providers/Microsoft.Security/workspaceSettings/default");
        Ok(id.ok().map(|id| computed(id, default_setting(app, scope))).into_iter().collect())
    }
}

/// The workspace that a setting names. The default one of its subscription is made when it is named first.
async fn chosen(app: &App, draft: &Draft<'_>) -> Result<Workspace, Failure> {
    let asked = draft.text("workspaceId");
    let id = ResourceId::parse(asked).ok();
    if let Some(found) = id.as_ref().and_then(|id| app.workspaces.at(id)) {
        return Ok(found);
    }
    let default = draft.id.subscription().and_then(|of| subscription_workspace::default_id(app, of));
    match (id, default) {
        (Some(id), Some(default)) if id == default => make_default(app, draft, default).await,
        (_, default) => {
            let asked: String = asked.chars().take(300).collect();
            let default = default.map(|default| default.to_string()).unwrap_or_default();
            let text = format!(
                "`{asked}` is not a workspace of this server; choose one that is there, such as its own, `{}`, or the \
                 default one of the subscription, which is made when it is named: `{default}`",
                app.home.workspace
            );
            Err(ApiError::field("properties.workspaceId", text).into())
        }
    }
}

/// Makes the default workspace of a subscription, and its group, as their writes would.
async fn make_default(app: &App, draft: &Draft<'_>, id: ResourceId) -> Result<Workspace, Failure> {
    let missing = || Failure(ApiError::not_found(draft.id.as_str()));
    let group = id.parent().ok_or_else(missing)?;
    app.authorize(draft.caller, WORKSPACE_WRITE, &id).await?;
    if app.records.get(&group).await?.is_none() {
        app.authorize(draft.caller, GROUP_WRITE, &group).await?;
        let body = json!({"location": app.home.location, "properties": {}});
        make(app, draft.caller, &group, body).await?;
    }
    make(app, draft.caller, &id, json!({"location": app.home.location, "properties": {}})).await?;
    app.workspaces.at(&id).ok_or_else(missing)
}

/// Makes a resource as a write of the caller would, policies included.
async fn make(app: &App, caller: &Caller, id: &ResourceId, body: Value) -> Result<(), Failure> {
    let kind = find(&id.resource_type());
    let mut made = Draft { id, caller, before: None, body, aside: None };
    kind.prepare(app, &mut made).await?;
    let request = Request { api_version: String::new(), principal_id: caller.actor.object_id.to_string() };
    let admission = admission::admit(&app.records, id, &made.body, &request, app.clock.now()).await?;
    let admission = admission.map_err(|denials| disallowed(id, &denials))?;
    let write = Write {
        id: id.clone(),
        body: admission.body,
        condition: Condition::IfNoneMatch,
        actor: caller.actor.clone(),
        audit: true,
    };
    match app.records.put(write).await {
        Ok(written) => kind.written(app, &written).await,
        // Somebody else was quicker.
        Err(RecordsError::Exists(_)) => Ok(app.workspaces.reload(&app.records).await.map(drop)?),
        Err(error) => Err(error.into()),
    }
}

fn default_setting(app: &App, subscription: &ResourceId) -> Value {
    json!({"properties": {"workspaceId": app.home.workspace, "scope": subscription}})
}
