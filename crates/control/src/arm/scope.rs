//! Whether the place a request names exists.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};

use crate::app::App;
use crate::http::Failure;

pub(super) const GROUP_TYPE: &str = "Microsoft.Resources/resourceGroups";

/// Checks subscription, resource group and, for nested types, the parent resource of `id`.
pub(super) async fn check(app: &App, id: &ResourceId) -> Result<(), Failure> {
    check_subscription(app, id)?;
    let missing = |code: &str, text: String| Err(Failure(ApiError::coded(ErrorKind::NotFound, code, text)));
    let Some(parent) = id.parent() else { return Ok(()) };
    if let Some(group) = parent.resource_group()
        && let Ok(group_id) =
            ResourceId::parse(&format!("/subscriptions/{}/resourceGroups/{group}", app.home.subscription))
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

/// The subscription, if the id has one, must be ours.
pub(super) fn check_subscription(app: &App, id: &ResourceId) -> Result<(), Failure> {
    match id.subscription() {
        Some(subscription) if !subscription.eq_ignore_ascii_case(&app.home.subscription.to_string()) => {
            Err(Failure(ApiError::coded(
                ErrorKind::NotFound,
                "SubscriptionNotFound",
                format!("The subscription '{subscription}' could not be found."),
            )))
        }
        _ => Ok(()),
    }
}
