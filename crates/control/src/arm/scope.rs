//! Whether the place a request names exists, and may be changed.

use bartizan_api::{ApiError, Target};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Resource;
use http::Method;

use crate::access::{AccessMap, ENABLED, SUBSCRIPTION_TYPE, group_segment};
use crate::app::App;
use crate::http::Failure;

pub(super) const GROUP_TYPE: &str = "Microsoft.Resources/resourceGroups";

/// Whether `id` is a subscription.
pub(super) fn is_subscription(id: &ResourceId) -> bool {
    id.resource_type() == SUBSCRIPTION_TYPE && id.subscription().is_some()
}

/// Whether `id` is of the tenant alone: in no subscription and no management group.
pub(super) fn is_tenant_level(id: &ResourceId) -> bool {
    id.subscription().is_none() && group_segment(id).is_none()
}

/// Checks the subscription of a request's target: it must exist, and be enabled for what changes it.
pub(super) fn check_target(app: &App, target: &Target, method: &Method) -> Result<(), Failure> {
    let id = match target {
        Target::Resource(id) | Target::ResourceGroups(id) => id,
        Target::Below { scope, .. } | Target::Scope { scope, .. } | Target::Operation { scope, .. } => scope,
        _ => return Ok(()),
    };
    check_subscription(app, id)?;
    // Deleting from a disabled subscription is allowed, as in Azure; actions look for themselves.
    if *method == Method::PUT || *method == Method::PATCH { check_enabled(app, id) } else { Ok(()) }
}

/// Refuses changes in a subscription that was cancelled.
pub(super) fn check_enabled(app: &App, id: &ResourceId) -> Result<(), Failure> {
    let map = AccessMap::last(&app.records);
    match id.subscription().and_then(|id| map.hierarchy.subscription(id)) {
        Some(found) if found.state != ENABLED => Err(Failure(ApiError::coded(
            ErrorKind::Conflict,
            "ReadOnlyDisabledSubscription",
            format!(
                "The subscription '{}' is disabled and therefore marked as read only. You cannot perform any write \
                 actions on this subscription until it is re-enabled.",
                found.id.name()
            ),
        ))),
        _ => Ok(()),
    }
}

/// The record of a resource group that is there and not on its way out.
pub(super) async fn group(app: &App, id: &ResourceId) -> Result<Resource, Failure> {
    let found = app.records.get(id).await?;
    let Some(found) = found else {
        let text = format!("Resource group '{}' could not be found.", id.name());
        return Err(ApiError::coded(ErrorKind::NotFound, "ResourceGroupNotFound", text).into());
    };
    if found.property("provisioningState").is_some_and(|state| state == "Deleting") {
        let text = format!("The resource group '{}' is being deleted.", id.name());
        return Err(ApiError::coded(ErrorKind::Conflict, "ResourceGroupBeingDeleted", text).into());
    }
    Ok(found)
}

/// Checks that the group in which something is to be written is there, and stays.
pub(super) async fn check_lasting(app: &App, id: &ResourceId) -> Result<(), Failure> {
    let (Some(subscription), Some(name)) = (id.subscription(), id.resource_group()) else { return Ok(()) };
    let Ok(group_id) = ResourceId::parse(&format!("/subscriptions/{subscription}/resourceGroups/{name}"))
    else {
        return Ok(());
    };
    match group(app, &group_id).await {
        // That it is missing is told by `check`, and is right for the group itself.
        Err(Failure(error)) if error.kind == ErrorKind::NotFound => Ok(()),
        other => other.map(drop),
    }
}

/// Checks subscription, resource group and, for nested types, the parent resource of `id`.
pub(super) async fn check(app: &App, id: &ResourceId) -> Result<(), Failure> {
    check_subscription(app, id)?;
    let missing = |code: &str, text: String| Err(Failure(ApiError::coded(ErrorKind::NotFound, code, text)));
    let Some(parent) = id.parent() else { return Ok(()) };
    if let Some(group) = parent.resource_group()
        && let Some(subscription) = parent.subscription()
        && let Ok(group_id) =
            ResourceId::parse(&format!("/subscriptions/{subscription}/resourceGroups/{group}"))
        && app.records.get(&group_id).await?.is_none()
    {
        return missing("ResourceGroupNotFound", format!("Resource group '{group}' could not be found."));
    }
    // `locations/{name}` is a word in the path, not a resource.
    let place = parent.resource_type().to_ascii_lowercase().ends_with("/locations");
    if parent.key().contains("/providers/") && !place && app.records.get(&parent).await?.is_none() {
        return missing(
            "ParentResourceNotFound",
            format!("Cannot work on `{}`: its parent resource `{parent}` does not exist.", id.name()),
        );
    }
    Ok(())
}

/// What this version does with the home workspace alone.
const HOME_ONLY: [(&str, &str); 2] = [
    ("Microsoft.SecurityInsights/", "Sentinel's rules, incidents, watchlists and what belongs to them"),
    ("Microsoft.OperationalInsights/workspaces/dataExports", "data exports"),
];

/// Refuses to make in another workspace what works in the home workspace only: it would be there and do nothing.
pub(super) fn check_home_only(app: &App, id: &ResourceId) -> Result<(), Failure> {
    let resource_type = id.resource_type().to_ascii_lowercase();
    let only = HOME_ONLY.iter().find(|(prefix, _)| resource_type.starts_with(&prefix.to_ascii_lowercase()));
    let elsewhere = app.workspaces.around(id).filter(|workspace| !app.workspaces.is_home(workspace.id));
    let (Some((_, what)), Some(workspace)) = (only, elsewhere) else { return Ok(()) };
    Err(Failure(ApiError::coded(
        ErrorKind::Invalid,
        "WorkspaceNotSupported",
        format!(
            "In this version {what} are for the workspace `{}` only, not for `{}`.",
            app.home.workspace,
            workspace.resource.name()
        ),
    )))
}

/// The subscription, if the id has one, must exist; so must a management group.
pub(super) fn check_subscription(app: &App, id: &ResourceId) -> Result<(), Failure> {
    let map = AccessMap::last(&app.records);
    let missing = |code: &str, text: String| Err(Failure(ApiError::coded(ErrorKind::NotFound, code, text)));
    match id.subscription() {
        Some(subscription) if map.hierarchy.subscription(subscription).is_none() => {
            missing("SubscriptionNotFound", format!("The subscription '{subscription}' could not be found."))
        }
        _ => match group_segment(id).filter(|_| id.key().rfind("/providers/").is_some_and(|at| at > 0)) {
            Some(group) if map.hierarchy.group(group).is_none() => {
                missing("NotFound", format!("The management group '{group}' cannot be found."))
            }
            _ => Ok(()),
        },
    }
}
