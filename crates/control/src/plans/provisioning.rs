//! From a subscription's plan to its policy assignments.

use bartizan_base::{ResourceId, Ticks};
use bartizan_records::{Actor, Condition, Records, RecordsError, Resource, Write};
use serde_json::{Value, json};

use super::component::{COMPONENTS, Component, EXTENSION_TYPE, MACHINE_TYPE};
use super::plan::Plan;
use super::{builtin, extension, identity};

/// The type of policy assignments.
pub const ASSIGNMENT_TYPE: &str = "Microsoft.Authorization/policyAssignments";
/// Member of an assignment's metadata: the roles that its identity was given.
const GIVEN: &str = "rolesGiven";

/// Creates, updates and removes the assignments that the subscription's plan stands for.
///
/// A removed assignment takes along the extensions it deployed. They go first: when the server stops in
/// between, the assignment is still there and the next run finishes the work.
///
/// # Errors
/// When the records cannot be read or written.
pub async fn sync(
    records: &Records,
    subscription: &ResourceId,
    actor: &Actor,
    now: Ticks,
) -> Result<(), RecordsError> {
    let plan = Plan::read(records, subscription).await?;
    for component in &COMPONENTS {
        let Ok(id) = assignment_id(subscription, component) else { continue };
        let existing = records.get(&id).await?;
        match (plan.includes(component, plan.cover()), existing) {
            (true, existing) => assign(records, &id, component, &plan, existing.as_ref(), actor).await?,
            (false, Some(existing)) => {
                let reason = match plan.switch_of(component) {
                    Some(switch) => format!("provisioning was switched off by {switch}"),
                    None => format!("Defender for Servers {} does not include it", plan.tier.as_str()),
                };
                remove(records, subscription, &existing, actor, &reason, now).await?;
            }
            (false, None) => {}
        }
        sync_machines(records, subscription, component, &plan, actor, now).await?;
    }
    Ok(())
}

/// Assignments of single machines: those whose own pricing brings a component that the subscription's does not.
async fn sync_machines(
    records: &Records,
    subscription: &ResourceId,
    component: &Component,
    plan: &Plan,
    actor: &Actor,
    now: Ticks,
) -> Result<(), RecordsError> {
    let usual = plan.includes(component, plan.cover());
    let wanted: Vec<&ResourceId> = if usual { Vec::new() } else { plan.exceptions(component).collect() };
    for machine in &wanted {
        // A pricing may outlive its machine.
        if records.get(machine).await?.is_none() {
            continue;
        }
        let Ok(id) = assignment_id(machine, component) else { continue };
        let existing = records.get(&id).await?;
        assign(records, &id, component, plan, existing.as_ref(), actor).await?;
    }
    for assignment in records.list_all(subscription, ASSIGNMENT_TYPE).await? {
        let scope = assignment.id.parent().filter(|scope| scope != subscription);
        let ours = assignment.id.name().eq_ignore_ascii_case(component.assignment);
        let Some(machine) = scope.filter(|_| ours) else { continue };
        if !wanted.contains(&&machine) {
            let tier = plan.cover_of(&machine).tier.as_str();
            let reason =
                format!("the machine's Defender for Servers is {tier}, as its subscription's or without it");
            remove(records, &machine, &assignment, actor, &reason, now).await?;
        }
    }
    Ok(())
}

/// The id of the assignment that a plan makes for a component.
///
/// # Errors
/// See [`ResourceId::parse`].
pub fn assignment_id(
    scope: &ResourceId,
    component: &Component,
) -> Result<ResourceId, bartizan_base::ResourceIdError> {
    scope.join(&format!("providers/{ASSIGNMENT_TYPE}/{}", component.assignment))
}

async fn assign(
    records: &Records,
    id: &ResourceId,
    component: &Component,
    plan: &Plan,
    existing: Option<&Resource>,
    actor: &Actor,
) -> Result<(), RecordsError> {
    let mut wanted = assignment_body(id, component, plan);
    let roles = builtin::roles(component.definition);
    // Roles are given once: those that were are noted, and one that somebody took away is not given again.
    let given = existing.is_some_and(|e| e.body["properties"]["metadata"][GIVEN] == json!(roles));
    // Only what the plan decides is compared: parameters or a message that somebody added stay.
    let in_place = given
        && existing.is_some_and(|existing| {
            ["policyDefinitionId", "notScopes"].iter().all(|name| {
                existing.property(name).unwrap_or(&Value::Null)
                    == wanted["properties"].get(name).unwrap_or(&Value::Null)
            })
        });
    if in_place {
        return Ok(());
    }
    let body = match existing {
        Some(existing) => {
            let mut body = existing.body.clone();
            note_roles(&mut body, &roles);
            if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
                for name in ["policyDefinitionId", "notScopes"] {
                    properties.insert(name.to_owned(), wanted["properties"][name].clone());
                }
            }
            body
        }
        None => {
            note_roles(&mut wanted, &roles);
            wanted
        }
    };
    if !given && let Some(principal) = identity::own_principal(records, &body).await? {
        identity::grant(records, id, principal, &roles, actor).await?;
    }
    let write = Write { id: id.clone(), body, condition: Condition::None, actor: actor.clone(), audit: true };
    records.put(write).await.map(|_| ())
}

fn note_roles(assignment: &mut Value, roles: &[String]) {
    let properties = &mut assignment["properties"];
    if !properties["metadata"].is_object() {
        properties["metadata"] = json!({});
    }
    properties["metadata"][GIVEN] = json!(roles);
}

fn assignment_body(id: &ResourceId, component: &Component, plan: &Plan) -> Value {
    let scope = id.parent().map(|scope| scope.to_string()).unwrap_or_default();
    // Of the subscription's assignment; that of a machine has nothing below it to leave out.
    let usual = plan.includes(component, plan.cover());
    let excluded: Vec<&str> =
        if usual { plan.exceptions(component).map(ResourceId::as_str).collect() } else { Vec::new() };
    json!({
        "location": "local",
        "identity": {"type": "SystemAssigned", "principalId": identity::planned_principal(id)},
        "properties": {
            "displayName": format!("Defender provisioning: {}", component.display_name),
            "description": "Made by turning the plan on; removed by turning it off.",
            "policyDefinitionId": format!("/providers/Microsoft.Authorization/policyDefinitions/{}", component.definition),
            "scope": scope,
            "notScopes": excluded,
            "parameters": {},
            "enforcementMode": "Default",
            "metadata": {"assignedBy": "Defender for Cloud", "plan": super::plan::SERVERS, "component": component.name},
        },
    })
}

async fn remove(
    records: &Records,
    subscription: &ResourceId,
    assignment: &Resource,
    actor: &Actor,
    reason: &str,
    now: Ticks,
) -> Result<(), RecordsError> {
    for resource in records.list_all(subscription, EXTENSION_TYPE).await? {
        let ours = extension::managed_by(&resource)
            .is_some_and(|by| by.eq_ignore_ascii_case(assignment.id.as_str()));
        if !ours || extension::provisioning_state(&resource) == "Deleting" {
            continue;
        }
        let connected = is_connected(records, &resource.id).await?;
        extension::retire(records, &resource, connected, actor, reason, now).await?;
    }
    identity::withdraw(records, assignment, actor).await?;
    records.delete(&assignment.id, actor, None).await?;
    Ok(())
}

/// Whether the machine that an extension belongs to is connected.
///
/// # Errors
/// When the records cannot be read.
pub async fn is_connected(records: &Records, extension: &ResourceId) -> Result<bool, RecordsError> {
    let Some(machine) = extension.parent() else { return Ok(false) };
    debug_assert!(machine.resource_type().eq_ignore_ascii_case(MACHINE_TYPE));
    let machine = records.get(&machine).await?;
    Ok(machine.as_ref().and_then(|machine| machine.property("status")).and_then(Value::as_str)
        == Some("Connected"))
}
