//! The managed identity of a policy assignment: what it may do, and how the assignments of plans get their roles.
//!
//! A policy deploys as the identity of its assignment and needs a role there, as a person does. The server names the
//! identity's principal (`arm::kinds`), which nobody can sign in as. The roles of a plan's own assignment are given
//! once, when the plan makes it: a role that somebody then takes away stays away until the plan is turned off and on.

use bartizan_base::ResourceId;
use bartizan_policy::{Assignment, Rule};
use bartizan_records::{Actor, Condition, ListQuery, Records, RecordsError, Resource, Write};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{AccessMap, ROLE_ASSIGNMENT_TYPE, find_role};
use crate::http::Failure;

/// A right that an identity lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    /// ARM's error, code first.
    pub error: String,
    /// What to do.
    pub fix: String,
}

/// Why the identity of the rule's assignment may not write `id`, a resource of `resource_type`; `None` when it may.
///
/// # Errors
/// When the records cannot be read.
pub(crate) async fn lack(
    records: &Records,
    rule: &Rule,
    resource_type: &str,
    id: &ResourceId,
) -> Result<Option<Lack>, RecordsError> {
    lack_of_all(records, rule, &[format!("{resource_type}/write")], id).await
}

/// Why the identity of the rule's assignment may do none of `actions` upon `id`; `None` when it may do one.
///
/// # Errors
/// When the records cannot be read.
pub(crate) async fn lack_of_all(
    records: &Records,
    rule: &Rule,
    actions: &[String],
    id: &ResourceId,
) -> Result<Option<Lack>, RecordsError> {
    let principal = principal(records, &rule.assignment).await?;
    Ok(lack_in(&*AccessMap::of(records).await?, principal, rule, actions, id))
}

/// As [`lack_of_all`], by what is at hand: who has which role, and whom the assignment acts as.
pub(super) fn lack_in(
    map: &AccessMap,
    principal: Option<Uuid>,
    rule: &Rule,
    actions: &[String],
    id: &ResourceId,
) -> Option<Lack> {
    let assignment = &rule.assignment;
    let action = actions.first().map_or("", String::as_str);
    let Some(principal) = principal else {
        let who = format!("identity of {}", assignment.name());
        let fix = format!(
            "write assignment `{}` again with a system-assigned identity, then give that identity {}",
            assignment.name(),
            roles(rule)
        );
        return Some(Lack { error: forbidden(&who, action, id), fix });
    };
    let held = map.roles_of(&principal.to_string());
    if held.iter().any(|(at, role)| {
        map.hierarchy.contains(at, id) && actions.iter().any(|action| role.allows(action, false))
    }) {
        return None;
    }
    let fix = format!(
        "give the identity `{principal}` of assignment `{}` {} at `{}`",
        assignment.name(),
        roles(rule),
        assignment.scope
    );
    Some(Lack { error: forbidden(&principal.to_string(), action, id), fix })
}

/// The principal of a stored assignment's identity. One that is in the directory is a person's or a program's, which
/// a policy never acts as, whatever an older version of the server let somebody write into the assignment.
pub(super) async fn principal(
    records: &Records,
    assignment: &Assignment,
) -> Result<Option<Uuid>, RecordsError> {
    let named = assignment.principals.first().and_then(|id| Uuid::parse_str(id).ok());
    let Some(principal) = named else { return Ok(None) };
    Ok(records.principal(principal).await?.is_none().then_some(principal))
}

fn forbidden(who: &str, action: &str, id: &ResourceId) -> String {
    let Failure(error) = Failure::forbidden(who, action, id.as_str());
    format!("{}: {}", error.code, error.message)
}

/// The roles that the rule's definition asks for, in words.
fn roles(rule: &Rule) -> String {
    let names: Vec<String> = rule
        .definition
        .details
        .roles
        .iter()
        .map(|id| {
            let name = id.rsplit('/').next().unwrap_or_default();
            format!("`{}`", find_role(name).map_or(name, |role| role.name))
        })
        .collect();
    format!("the role {}", names.join(" and "))
}

/// The principal that a plan's assignment gets when it is made. Made from the assignment, so that a server that stops
/// in the middle gives roles to the same one again.
pub(super) fn planned_principal(assignment: &ResourceId) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, assignment.key().as_bytes())
}

/// Gives `roles` (ids of role definitions) to `principal` at the scope of `assignment`.
///
/// # Errors
/// When the records cannot be written.
pub(super) async fn grant(
    records: &Records,
    assignment: &ResourceId,
    principal: Uuid,
    roles: &[String],
    actor: &Actor,
) -> Result<(), RecordsError> {
    let Some(scope) = assignment.parent() else { return Ok(()) };
    for role in roles {
        let key = format!("{}#{principal}#{}", assignment.key(), role.to_ascii_lowercase());
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, key.as_bytes());
        let Ok(id) = scope.join(&format!("providers/{ROLE_ASSIGNMENT_TYPE}/{name}")) else { continue };
        let body = json!({"properties": {
            "roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal",
            "scope": scope, "description": format!("For the policy assignment {}", assignment.name()),
        }});
        let write = Write { id, body, condition: Condition::None, actor: actor.clone(), audit: true };
        records.put(write).await?;
    }
    Ok(())
}

/// Takes every role from the identity of `assignment`, which is about to go.
///
/// # Errors
/// When the records cannot be read or written.
pub(super) async fn withdraw(
    records: &Records,
    assignment: &Resource,
    actor: &Actor,
) -> Result<(), RecordsError> {
    let Some(own) = own_principal(records, &assignment.body).await? else { return Ok(()) };
    for held in records.list_all(&ListQuery::tenant(), ROLE_ASSIGNMENT_TYPE).await? {
        if principal_id(held.property("principalId")) == Some(own) {
            records.delete(&held.id, actor, None).await?;
        }
    }
    Ok(())
}

/// The principal in the body of an assignment, when it is that of an identity and not of somebody in the directory.
///
/// # Errors
/// When the records cannot be read.
pub(crate) async fn own_principal(records: &Records, body: &Value) -> Result<Option<Uuid>, RecordsError> {
    let identity = &body["identity"];
    let system = identity["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("SystemAssigned"));
    let Some(principal) = principal_id(identity.get("principalId")).filter(|_| system) else {
        return Ok(None);
    };
    Ok(records.principal(principal).await?.is_none().then_some(principal))
}

fn principal_id(value: Option<&Value>) -> Option<Uuid> {
    value.and_then(Value::as_str).and_then(|text| Uuid::parse_str(text).ok())
}
