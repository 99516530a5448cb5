//! Data collection rules, their endpoints, and which machines they are for.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_formats::windows::EventSet;
use bartizan_records::{ListQuery, Resource};
use bartizan_schema::{Table, TableKind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::arm::kinds::not_one_of;
use crate::http::Failure;
use crate::logs::destination::{self, Destination};
use crate::logs::rule::{self, RULE_TYPE};

const ENDPOINT_TYPE: &str = "Microsoft.Insights/dataCollectionEndpoints";
/// The resource type of what says that a machine follows a rule.
pub(in crate::arm) const ASSOCIATION_TYPE: &str = "Microsoft.Insights/dataCollectionRuleAssociations";
const TABLE_WRITE: &str = "Microsoft.OperationalInsights/workspaces/tables/write";
/// What Azure asks of who makes a workspace a destination.
const WORKSPACE_WRITE: &str = "Microsoft.OperationalInsights/workspaces/write";
const TABLE_RETENTION_DAYS: u32 = 90;
/// Rules of one server; uploads look through them.
const RULES_MAX: usize = 1_000;

pub(super) struct Rules;

#[async_trait]
impl Kind for Rules {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        draft.keep(&["immutableId", "provisioningState"]);
        if draft.property("immutableId").is_null() {
            draft.set("immutableId", format!("dcr-{}", Uuid::new_v4().simple()));
        }
        if draft.body["kind"].as_str() == Some("WorkspaceTransforms") {
            let text = "rules of kind `WorkspaceTransforms` are not supported; \
                        put the transformation into the rule that brings the rows";
            return Err(ApiError::field("kind", text).into());
        }
        if draft.before.is_none()
            && app.records.list_all(&ListQuery::tenant(), RULE_TYPE).await?.len() >= RULES_MAX
        {
            let text = format!("there are {RULES_MAX} data collection rules already; delete some");
            return Err(ApiError::new(ErrorKind::Conflict, text).into());
        }
        expand_event_sets(draft)?;
        check_reference(app, draft, "dataCollectionEndpointId", ENDPOINT_TYPE).await?;
        let destinations = destination::destinations(app, &draft.body["properties"])?;
        check_destinations(app, draft, &destinations).await?;
        let needed = rule::check(app, &draft.body["properties"], &destinations)?;
        for table in &needed {
            app.authorize(draft.caller, TABLE_WRITE, &table.workspace.resource).await?;
        }
        for table in needed {
            let workspace = table.workspace.id;
            let table = Table {
                name: table.name,
                description: format!("Made by the data collection rule {}.", draft.id.name()),
                kind: TableKind::Custom,
                categories: Vec::new(),
                retention_days: TABLE_RETENTION_DAYS,
                columns: table.columns,
            };
            // Before the record, so that a rule whose table is refused is not there; repeating it is harmless.
            app.store.create_table(workspace, table).await?;
        }
        let stated = draft.body.pointer_mut("/properties/destinations/logAnalytics");
        let stated = stated.and_then(Value::as_array_mut).into_iter().flatten();
        for (stated, destination) in stated.zip(&destinations) {
            stated["workspaceId"] = destination.workspace.id.to_string().into();
        }
        draft.set("endpoints", json!({"logsIngestion": app.public_url}));
        draft.set("provisioningState", "Succeeded");
        Ok(())
    }

    async fn delete(&self, app: &App, _caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        let refuse = |text: String| Err(Failure(ApiError::new(ErrorKind::Conflict, text)));
        if stored.id == app.home.default_rule {
            return refuse("The default rule takes what agents send and cannot be deleted.".to_owned());
        }
        let associations = app.records.list_all(&ListQuery::tenant(), ASSOCIATION_TYPE).await?;
        let user = associations.iter().find(|association| {
            let id = association.property("dataCollectionRuleId").and_then(Value::as_str);
            id.and_then(|id| ResourceId::parse(id).ok()).as_ref() == Some(&stored.id)
        });
        match user {
            Some(user) => {
                refuse(format!("The rule is in use by `{}`; delete that association first.", user.id))
            }
            None => Ok(false),
        }
    }
}

/// Whoever writes a rule sends rows to its workspaces with it, so must be allowed to write them. The default rule keeps
/// the home workspace, whose rows the server's own detections read.
async fn check_destinations(
    app: &App,
    draft: &Draft<'_>,
    destinations: &[Destination],
) -> Result<(), Failure> {
    let path = "properties.destinations.logAnalytics";
    let is_home = |destination: &Destination| app.workspaces.is_home(destination.workspace.id);
    if *draft.id == app.home.default_rule && !destinations.is_empty() && !destinations.iter().any(is_home) {
        let text = format!(
            "the default rule keeps `{}` among its destinations: the server's detections read it; choose another \
             workspace for a subscription with Microsoft.Security/workspaceSettings",
            app.home.workspace
        );
        return Err(ApiError::field(path, text).into());
    }
    for destination in destinations.iter().filter(|destination| !is_home(destination)) {
        let workspace = &destination.workspace.resource;
        if draft.before.is_some_and(|before| destination::sends_to(before, workspace)) {
            continue;
        }
        app.authorize(draft.caller, WORKSPACE_WRITE, workspace).await?;
    }
    Ok(())
}

/// `eventSet` of a Windows data source stands for the queries that collect it.
fn expand_event_sets(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let sources = draft.body.pointer_mut("/properties/dataSources/windowsEventLogs");
    let sources = sources.and_then(Value::as_array_mut).into_iter().flatten();
    for (at, source) in sources.enumerate() {
        if source["eventSet"].is_null() {
            continue;
        }
        let path = format!("properties.dataSources.windowsEventLogs[{at}].eventSet");
        let names = EventSet::ALL.map(|(name, _)| name);
        let set = source["eventSet"].as_str().and_then(EventSet::find);
        let set = set.ok_or_else(|| not_one_of(&path, &source["eventSet"], &names))?;
        source["xPathQueries"] = json!(set.queries());
    }
    Ok(())
}

/// Checks that `properties.<name>`, where there is one, names a resource of `resource_type` that exists.
async fn check_reference(
    app: &App,
    draft: &Draft<'_>,
    name: &str,
    resource_type: &str,
) -> Result<(), Failure> {
    let Some(text) = draft.property(name).as_str() else { return Ok(()) };
    let path = format!("properties.{name}");
    let id = ResourceId::parse(text).ok().filter(|id| id.resource_type().eq_ignore_ascii_case(resource_type));
    let id =
        id.ok_or_else(|| ApiError::field(&path, format!("`{name}` must be the id of a {resource_type}")))?;
    match app.records.get(&id).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::field(&path, format!("there is no `{id}`")).into()),
    }
}

pub(super) struct Associations;

#[async_trait]
impl Kind for Associations {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let has = |name: &str| draft.property(name).is_string();
        if has("dataCollectionRuleId") == has("dataCollectionEndpointId") {
            let text = "an association has either a `dataCollectionRuleId` or a `dataCollectionEndpointId`";
            return Err(ApiError::field("properties.dataCollectionRuleId", text).into());
        }
        check_reference(app, draft, "dataCollectionRuleId", RULE_TYPE).await?;
        check_reference(app, draft, "dataCollectionEndpointId", ENDPOINT_TYPE).await
    }
}

pub(super) struct Endpoints;

#[async_trait]
impl Kind for Endpoints {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        draft.keep(&["immutableId"]);
        if draft.property("immutableId").is_null() {
            draft.set("immutableId", format!("dce-{}", Uuid::new_v4().simple()));
        }
        let access = &draft.property("networkAcls")["publicNetworkAccess"];
        let names = ["Enabled", "Disabled", "SecuredByPerimeter"];
        match access.as_str() {
            None if access.is_null() => draft.set("networkAcls", json!({"publicNetworkAccess": "Enabled"})),
            Some("Enabled") => {}
            Some("Disabled" | "SecuredByPerimeter") => {
                let text = "this server listens on one address for all; limit access with a firewall instead";
                return Err(ApiError::field("properties.networkAcls.publicNetworkAccess", text).into());
            }
            _ => return Err(not_one_of("properties.networkAcls.publicNetworkAccess", access, &names).into()),
        }
        draft.set("provisioningState", "Succeeded");
        draft.set("logsIngestion", json!({"endpoint": app.public_url}));
        draft.set("configurationAccess", json!({"endpoint": app.public_url}));
        Ok(())
    }
}
