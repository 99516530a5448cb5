//! Which workspace the machines of a subscription send their logs to (`Microsoft.Security/workspaceSettings`).
//!
//! The setting is for what the monitor agent collects. What the sensor and the inventory send stays in the home
//! workspace, where the server's own detections read it. A machine whose rule changes sends what it still has by the
//! new one; rules stay until somebody deletes them, so that what is on its way arrives.

use std::collections::HashMap;

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{Actor, Condition, ListQuery, RecordsError, Resource, Write};
use bartizan_wire::ExtensionProgram;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::http::Failure;
use crate::logs::{Workspace, destination};
use crate::plans::component::COMPONENTS;

/// The resource type of the setting.
pub(crate) const SETTING_TYPE: &str = "Microsoft.Security/workspaceSettings";

/// The settings as they are now.
#[derive(Debug, Default)]
pub(crate) struct Settings(Vec<Setting>);

#[derive(Debug)]
struct Setting {
    id: ResourceId,
    scope: ResourceId,
    workspace: ResourceId,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn read(app: &App) -> Result<Self, RecordsError> {
        let stored = app.records.list_all(&ListQuery::tenant(), SETTING_TYPE).await?;
        Ok(Self(stored.iter().filter_map(Setting::of).collect()))
    }

    /// The workspace that was chosen for a machine: that of the narrowest scope it is in.
    pub(crate) fn of(&self, machine: &ResourceId) -> Option<&ResourceId> {
        let around = self.0.iter().filter(|setting| machine.is_within(&setting.scope));
        around.max_by_key(|setting| setting.scope.key().len()).map(|setting| &setting.workspace)
    }

    /// A setting that names this workspace.
    pub(crate) fn naming(&self, workspace: &ResourceId) -> Option<&ResourceId> {
        self.0.iter().find(|setting| setting.workspace == *workspace).map(|setting| &setting.id)
    }
}

impl Setting {
    fn of(stored: &Resource) -> Option<Self> {
        let id = |name: &str| ResourceId::parse(stored.property(name)?.as_str()?).ok();
        Some(Self { id: stored.id.clone(), scope: id("scope")?, workspace: id("workspaceId")? })
    }
}

/// The workspace that was chosen for a machine.
pub(super) async fn of_machine(app: &App, machine: &ResourceId) -> Result<Option<ResourceId>, RecordsError> {
    Ok(Settings::read(app).await?.of(machine).cloned())
}

/// The rules of chosen workspaces, by machine. Machines for which none was chosen, and those whose workspace is the home
/// one or is gone, are not in it: the default rule is for them.
pub(crate) async fn rules_of(
    app: &App,
    machines: &[ResourceId],
) -> Result<HashMap<ResourceId, ResourceId>, Failure> {
    let settings = Settings::read(app).await?;
    let chosen = |machine: &ResourceId| {
        let workspace = app.workspaces.at(settings.of(machine)?)?;
        let is_home = app.workspaces.is_home(workspace.id);
        (!is_home).then(|| Some((machine.clone(), rule_id(&workspace)?))).flatten()
    };
    Ok(machines.iter().filter_map(chosen).collect())
}

/// The streams that follow the setting.
pub(crate) fn streams() -> impl Iterator<Item = &'static str> {
    let monitors = COMPONENTS.iter().filter(|component| component.program == ExtensionProgram::Monitor);
    monitors.flat_map(|component| component.streams.iter().copied())
}

/// The rule by which machines send to a workspace that was chosen for them.
fn rule_id(workspace: &Workspace) -> Option<ResourceId> {
    let name = workspace.resource.name();
    let group = workspace.resource.parent()?;
    group.join(&format!("providers/Microsoft.Insights/dataCollectionRules/{name}-machines")).ok()
}

/// Makes the rule of a workspace where it is not there yet.
pub(crate) async fn ensure_rule(app: &App, workspace: &Workspace, actor: &Actor) -> Result<(), Failure> {
    let Some(id) = rule_id(workspace) else {
        return Err(ApiError::not_found(workspace.resource.as_str()).into());
    };
    if let Some(rule) = app.records.get(&id).await? {
        if destination::sends_to(&rule, &workspace.resource) {
            return Ok(());
        }
        let text = format!(
            "`{id}` is the rule by which machines would send to `{}`, and it sends somewhere else; delete it first",
            workspace.resource
        );
        return Err(ApiError::new(ErrorKind::Conflict, text).into());
    }
    let body = json!({"location": workspace.location, "properties": {
        "provisioningState": "Succeeded", "immutableId": format!("dcr-{}", Uuid::new_v4().simple()),
        "description": "By this rule machines send their logs to the workspace that was chosen for them in Settings & \
                        monitoring. It takes every table as Microsoft-<Table> or Custom-<Table>_CL.",
        "destinations": {"logAnalytics": [{
            "name": workspace.resource.name(), "workspaceResourceId": workspace.resource,
            "workspaceId": workspace.id,
        }]},
        "dataFlows": [],
        "endpoints": {"logsIngestion": app.public_url},
    }});
    put_missing(app, id, body, actor).await
}

/// The id of a subscription's own default workspace, named as Azure names it.
pub(crate) fn default_id(app: &App, subscription: &str) -> Option<ResourceId> {
    let location = &app.home.location;
    let id = format!(
        "/subscriptions/{subscription}/resourceGroups/DefaultResourceGroup-{location}/providers/\
         Microsoft.OperationalInsights/workspaces/DefaultWorkspace-{subscription}-{location}"
    );
    ResourceId::parse(&id).ok()
}

/// Makes something that is not there.
pub(crate) async fn put_missing(
    app: &App,
    id: ResourceId,
    body: Value,
    actor: &Actor,
) -> Result<(), Failure> {
    let condition = Condition::IfNoneMatch;
    match app.records.put(Write { id, body, condition, actor: actor.clone(), audit: true }).await {
        Ok(_) | Err(RecordsError::Exists(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_setting_holds() {
        let id = |text: &str| ResourceId::parse(text).unwrap();
        let setting = |scope: &str, workspace: &str| Setting {
            id: id("/subscriptions/s/providers/Microsoft.Security/workspaceSettings/default"),
            scope: id(scope),
            workspace: id(&format!(
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/{workspace}"
            )),
        };
        let settings = Settings(vec![
            setting("/subscriptions/s/resourceGroups/web", "web"),
            setting("/subscriptions/s", "all"),
            setting("/subscriptions/other", "other"),
        ]);
        let machine = |place: &str| {
            let machine = id(&format!("{place}/providers/Microsoft.HybridCompute/machines/m"));
            settings.of(&machine).map(|workspace| workspace.name().to_owned())
        };
        assert_eq!(machine("/subscriptions/S/resourceGroups/WEB").as_deref(), Some("web"));
        assert_eq!(machine("/subscriptions/s/resourceGroups/web-2").as_deref(), Some("all"));
        assert_eq!(machine("/subscriptions/third/resourceGroups/web"), None);
    }

    #[test]
    fn the_monitors_streams_follow_and_the_sensors_do_not() {
        let streams: Vec<&str> = streams().collect();
        assert!(streams.contains(&"Microsoft-Syslog"), "{streams:?}");
        assert!(!streams.iter().any(|stream| stream.contains("Device")), "{streams:?}");
    }
}
