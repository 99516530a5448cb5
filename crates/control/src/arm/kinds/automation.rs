//! Automation rules of incidents and Defender's workflow automations. They are kept, checked and shown; nothing
//! runs them yet. So that nobody relies on what does not happen, one that is switched on is refused.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use serde_json::Value;

use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::arm::kinds::{not_one_of, people};
use crate::http::Failure;

const AUTOMATION_RULE_TYPE: &str = "Microsoft.SecurityInsights/automationRules";
/// Sentinel's limits.
const RULES_MAX: usize = 512;
const ACTIONS_MAX: usize = 20;
const CONDITIONS_MAX: usize = 50;
const ORDER_MAX: u64 = 1_000;
const RULE_ACTIONS: [&str; 3] = ["ModifyProperties", "RunPlaybook", "AddIncidentTask"];
const AUTOMATION_ACTIONS: [&str; 3] = ["EventHub", "LogicApp", "Workspace"];

pub(super) struct AutomationRules;
pub(super) struct Automations;

#[async_trait]
impl Kind for AutomationRules {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if draft.text("displayName").trim().is_empty() {
            return Err(ApiError::field("properties.displayName", "a rule needs a `displayName`").into());
        }
        if !draft.property("order").as_u64().is_some_and(|order| (1..=ORDER_MAX).contains(&order)) {
            let text = format!("`order` is a number from 1 to {ORDER_MAX}");
            return Err(ApiError::field("properties.order", text).into());
        }
        let logic = draft.property("triggeringLogic").clone();
        refuse_running("properties.triggeringLogic.isEnabled", &logic["isEnabled"])?;
        for (name, names) in
            [("triggersOn", &["Incidents", "Alerts"][..]), ("triggersWhen", &["Created", "Updated"][..])]
        {
            if !logic[name].as_str().is_some_and(|text| names.contains(&text)) {
                return Err(
                    not_one_of(&format!("properties.triggeringLogic.{name}"), &logic[name], names).into()
                );
            }
        }
        let conditions = &logic["conditions"];
        if !conditions.is_null() && conditions.as_array().is_none_or(|list| list.len() > CONDITIONS_MAX) {
            let text = format!("`conditions` is a list of at most {CONDITIONS_MAX}");
            return Err(ApiError::field("properties.triggeringLogic.conditions", text).into());
        }
        check_actions(draft.property("actions"), &RULE_ACTIONS)?;
        if draft.before.is_none()
            && app.records.list_all(&app.home.workspace, AUTOMATION_RULE_TYPE).await?.len() >= RULES_MAX
        {
            let text = format!("A workspace has at most {RULES_MAX} automation rules; delete some.");
            return Err(ApiError::new(ErrorKind::Conflict, text).into());
        }
        people::stamp_client(app, draft);
        Ok(())
    }
}

#[async_trait]
impl Kind for Automations {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        check_automation(&draft.body["properties"])
    }
}

/// What is wrong with the `properties` of an automation, if anything.
pub(crate) fn check_automation(properties: &Value) -> Result<(), Failure> {
    // On where nothing is said, as in Azure.
    let enabled = properties.get("isEnabled").filter(|value| !value.is_null());
    refuse_running("properties.isEnabled", enabled.unwrap_or(&Value::Bool(true)))?;
    for name in ["scopes", "sources"] {
        if !properties[name].as_array().is_some_and(|list| !list.is_empty() && list.len() <= CONDITIONS_MAX) {
            let text = format!("`{name}` is a list of 1 to {CONDITIONS_MAX}");
            return Err(ApiError::field(&format!("properties.{name}"), text).into());
        }
    }
    check_actions(&properties["actions"], &AUTOMATION_ACTIONS)
}

fn refuse_running(path: &str, enabled: &Value) -> Result<(), Failure> {
    match enabled {
        Value::Bool(false) => Ok(()),
        Value::Bool(true) => {
            let text =
                "this version keeps automations and does not run them; send `isEnabled: false` to keep it";
            Err(ApiError {
                target: Some(path.to_owned()),
                ..ApiError::coded(ErrorKind::Invalid, "OperationNotSupported", text)
            }
            .into())
        }
        _ => Err(ApiError::field(path, "`isEnabled` must be true or false").into()),
    }
}

fn check_actions(actions: &Value, names: &[&str]) -> Result<(), Failure> {
    let path = "properties.actions";
    let list = actions.as_array().filter(|list| (1..=ACTIONS_MAX).contains(&list.len()));
    let list =
        list.ok_or_else(|| ApiError::field(path, format!("`actions` is a list of 1 to {ACTIONS_MAX}")))?;
    for (at, action) in list.iter().enumerate() {
        let ty = &action["actionType"];
        if !ty.as_str().is_some_and(|ty| names.contains(&ty)) {
            return Err(not_one_of(&format!("{path}[{at}].actionType"), ty, names).into());
        }
    }
    Ok(())
}
