//! The life of an extension resource: deployed by policy, driven by what the agent reports, removed when
//! the plan goes.
//!
//! | provisioningState | means |
//! | --- | --- |
//! | `Creating` | wanted; the agent has not reported it running yet |
//! | `Succeeded` | the agent reports it running |
//! | `Failed` | the agent reports that it cannot run; the message says why |
//! | `Deleting` | no longer wanted; the resource goes when the agent reports the program gone |

use bartizan_base::{ResourceId, Ticks};
use bartizan_records::{Actor, ActorKind, Edit, Records, RecordsError, Resource};
use bartizan_wire::{AgentStatus, ExtensionState, ExtensionStatus, InstallStep, StepState};
use serde_json::{Value, json};

/// Marks an extension as made by an assignment, so that turning the plan off takes only those away.
const MANAGED_BY: &str = "managedBy";

/// Makes a body that was planned into the body of a resource that waits for its agent. `by` made it, `how` says so to
/// people: "deployed by policy assignment `x`".
pub fn waiting(planned: &Value, by: &ResourceId, how: &str, now: Ticks) -> Value {
    let mut body = planned.clone();
    if let Some(members) = body.as_object_mut() {
        members.insert(MANAGED_BY.to_owned(), by.as_str().into());
    }
    let message = format!("{how}; waiting for the agent to install it");
    set_state(&mut body, "Creating", "Info", &message, now);
    body
}

/// The assignment that deployed this extension.
pub fn managed_by(extension: &Resource) -> Option<&str> {
    extension.body.get(MANAGED_BY).and_then(Value::as_str)
}

/// Names another assignment as the one that deployed the extension, if one did.
pub fn set_manager(body: &mut Value, assignment: &ResourceId) {
    if let Some(by) = body.get_mut(MANAGED_BY) {
        *by = assignment.as_str().into();
    }
}

/// `properties.provisioningState`, empty when absent.
pub fn provisioning_state(extension: &Resource) -> &str {
    state_of(&extension.body)
}

/// The same of an extension's body.
pub fn state_of(body: &Value) -> &str {
    body.pointer("/properties/provisioningState").and_then(Value::as_str).unwrap_or_default()
}

/// The status message people see.
pub fn message(extension: &Resource) -> &str {
    message_of(&extension.body)
}

/// The same of an extension's body.
pub fn message_of(body: &Value) -> &str {
    body.pointer("/properties/instanceView/status/message").and_then(Value::as_str).unwrap_or_default()
}

/// Takes an extension away: at once when its machine is not connected, otherwise by asking the agent to.
///
/// # Errors
/// When the records cannot be written.
pub async fn retire(
    records: &Records,
    extension: &Resource,
    connected: bool,
    actor: &Actor,
    reason: &str,
    now: Ticks,
) -> Result<(), RecordsError> {
    if !connected {
        records.delete(&extension.id, actor, None).await?;
        return Ok(());
    }
    let edit = |body: &mut Value| {
        set_state(body, "Deleting", "Info", &format!("{reason}; waiting for the agent to remove it"), now);
        true
    };
    match records.modify(&extension.id, actor, true, edit).await {
        Ok(_) | Err(RecordsError::Missing(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What brings a machine's extension resources in line with what its agent reports.
pub fn edits(machine: &ResourceId, extensions: &[Resource], status: &AgentStatus) -> Vec<Edit> {
    let actor = Actor { kind: ActorKind::Agent, ..Actor::system(machine.name()) };
    let edit = |extension: &Resource, body| Edit { id: extension.id.clone(), body, actor: actor.clone() };
    let of = |extension: &Resource| {
        let reported =
            status.extensions.iter().find(|reported| reported.name.eq_ignore_ascii_case(extension.id.name()));
        let gone = reported.is_none_or(|reported| reported.state == ExtensionState::Removed);
        match (provisioning_state(extension), reported) {
            ("Deleting", _) if gone => Some(edit(extension, None)),
            ("Deleting", _) | (_, None) => None,
            (_, Some(reported)) => {
                let mut body = extension.body.clone();
                merge(&mut body, reported).then(|| edit(extension, Some(body)))
            }
        }
    };
    extensions.iter().filter_map(of).collect()
}

/// Writes one reported status into an extension's body; whether anything changed.
pub fn merge(body: &mut Value, reported: &ExtensionStatus) -> bool {
    let before = body.clone();
    if before.pointer("/properties/provisioningState").and_then(Value::as_str) == Some("Deleting") {
        // The plan was switched off between reading and writing.
        return false;
    }
    let issues =
        reported.health.as_ref().filter(|health| !health.healthy).map(|health| health.issues.join("; "));
    let (state, level) = match reported.state {
        ExtensionState::Running if issues.is_some() => ("Succeeded", "Warning"),
        ExtensionState::Running => ("Succeeded", "Info"),
        ExtensionState::Failed | ExtensionState::BackOff => ("Failed", "Error"),
        ExtensionState::Installing
        | ExtensionState::Starting
        | ExtensionState::Stopping
        | ExtensionState::Removed
        | ExtensionState::Unknown => ("Creating", "Info"),
    };
    let message = match issues {
        Some(issues) if !issues.is_empty() => format!("{}; {issues}", reported.message),
        _ => reported.message.clone(),
    };
    set_state(body, state, level, &message, reported.since);
    if let Some(view) = body.pointer_mut("/properties/instanceView").and_then(Value::as_object_mut) {
        if !reported.version.is_empty() {
            view.insert("typeHandlerVersion".to_owned(), reported.version.as_str().into());
        }
        if let Some(health) = &reported.health {
            view.insert(
                "health".to_owned(),
                json!({"healthy": health.healthy, "tier": health.tier, "mode": health.mode,
                       "modeReason": health.mode_reason, "issues": health.issues}),
            );
        }
        if !reported.steps.is_empty() {
            view.insert("substatuses".to_owned(), reported.steps.iter().map(substatus).collect());
        }
    }
    *body != before
}

/// One step of the installation in the shape of ARM's instance views.
fn substatus(step: &InstallStep) -> Value {
    let (state, level) = match step.state {
        StepState::Waiting => ("waiting", "Info"),
        StepState::Running => ("running", "Info"),
        StepState::Succeeded => ("succeeded", "Info"),
        StepState::Skipped => ("skipped", "Info"),
        StepState::Warning => ("warning", "Warning"),
        StepState::Failed => ("failed", "Error"),
        StepState::Unknown => ("unknown", "Warning"),
    };
    json!({
        "code": format!("ComponentStatus/{}/{state}", step.name),
        "level": level,
        "displayStatus": state,
        "message": step.message,
        "time": step.time,
    })
}

fn set_state(body: &mut Value, state: &str, level: &str, message: &str, time: Ticks) {
    let Some(members) = body.as_object_mut() else { return };
    let properties = members.entry("properties").or_insert_with(|| json!({}));
    let Some(properties) = properties.as_object_mut() else { return };
    properties.insert("provisioningState".to_owned(), state.into());
    let kind = properties.get("type").cloned().unwrap_or(Value::Null);
    let version = properties.get("typeHandlerVersion").cloned().unwrap_or(Value::Null);
    let view = properties
        .entry("instanceView")
        .or_insert_with(|| json!({"name": kind, "type": kind, "typeHandlerVersion": version}));
    let Some(view) = view.as_object_mut() else { return };
    let code = format!("ProvisioningState/{}", state.to_lowercase());
    view.insert(
        "status".to_owned(),
        json!({"code": code, "level": level, "displayStatus": state, "message": message, "time": time}),
    );
}
