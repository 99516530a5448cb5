//! Lists that are no collection of one type: another view of what is stored.

use axum::response::Response;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{ListQuery, Resource};
use serde_json::{Value, json};

use crate::arm::{Call, answer, associations, scope};
use crate::http::Failure;
use crate::plans::component::MACHINE_TYPE;
use crate::plans::{features as plan_features, switches};
use crate::test_alerts;

/// The list at `{scope}/{word}`, where `resource_type` is such a view; `None` where it is a type.
pub(super) async fn find(
    call: &Call,
    scope: &ResourceId,
    resource_type: &str,
) -> Result<Option<Response>, Failure> {
    match resource_type.to_ascii_lowercase().as_str() {
        "microsoft.authorization/permissions" => permissions(call, scope).await.map(Some),
        "microsoft.insights/datacollectionrules/associations" => {
            associations::list(call, scope, "dataCollectionRuleId").await.map(Some)
        }
        "microsoft.insights/datacollectionendpoints/associations" => {
            associations::list(call, scope, "dataCollectionEndpointId").await.map(Some)
        }
        "bartizan.security/testalerts" => test_alerts::list(call, scope).await.map(Some),
        "bartizan.security/features" => features(call, scope).await.map(Some),
        "bartizan.security/components" => components(call, scope).await.map(Some),
        _ => Ok(None),
    }
}

/// What the plans include, for a machine or for a subscription as a whole.
async fn features(call: &Call, at: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    scope::check(app, at).await?;
    app.authorize(&call.caller, "Microsoft.Security/pricings/read", at).await?;
    let is_machine = at.resource_type().eq_ignore_ascii_case(MACHINE_TYPE);
    if !scope::is_subscription(at) && !is_machine {
        let text = format!("Features are listed for a subscription or a machine; `{at}` is neither.");
        return Err(ApiError::coded(ErrorKind::Invalid, "InvalidScope", text).into());
    }
    if is_machine && app.records.get(at).await?.is_none() {
        return Err(ApiError::not_found(at.as_str()).into());
    }
    let listed = plan_features::report(&app.records, at, app.clock.now()).await?;
    Ok(answer::list(listed, None))
}

/// "Settings and monitoring" of a subscription.
async fn components(call: &Call, at: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    scope::check(app, at).await?;
    app.authorize(&call.caller, "Microsoft.Security/pricings/read", at).await?;
    if !scope::is_subscription(at) {
        let text = format!("Components are listed for a subscription; `{at}` is none.");
        return Err(ApiError::coded(ErrorKind::Invalid, "InvalidScope", text).into());
    }
    Ok(answer::list(switches::report(&app.records, at, app.clock.now()).await?, None))
}

/// What the caller may do at `scope`: the permissions of each of their roles that reach it. Everybody may ask this
/// about themselves.
async fn permissions(call: &Call, at: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    scope::check(app, at).await?;
    let principal = call.caller.principal()?;
    let map = app.access_map().await?;
    let roles = map.roles_of(&principal.object_id.to_string()).iter();
    let reaching = roles.filter(|(role_scope, _)| map.hierarchy.contains(role_scope, at));
    Ok(answer::list(reaching.flat_map(|(_, role)| role.to_json()).collect(), None))
}

/// `GET {subscription}/tagNames`: the tags in use, with how often each value occurs.
pub(super) async fn tag_names(call: &Call, scope: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    app.authorize(&call.caller, "Microsoft.Resources/subscriptions/tagNames/read", scope).await?;
    let mut names: std::collections::BTreeMap<String, std::collections::BTreeMap<String, usize>> =
        Default::default();
    let mut after = None;
    loop {
        let query = ListQuery { scope: scope.clone(), resource_type: None, direct: false, after, limit: 500 };
        let page = app.records.list(query).await?;
        for (name, value) in page.items.iter().flat_map(tags) {
            *names.entry(name).or_default().entry(value).or_default() += 1;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let count = |count: usize| json!({"type": "Total", "value": count});
    let values = names.into_iter().map(|(name, values)| {
        let id = format!("{scope}/tagNames/{name}");
        let total = values.values().sum();
        let values: Vec<Value> = values
            .into_iter()
            .map(|(value, uses)| json!({"id": format!("{id}/tagValues/{value}"), "tagValue": value, "count": count(uses)}))
            .collect();
        json!({"id": id, "tagName": name, "count": count(total), "values": values})
    });
    Ok(answer::list(values.collect(), None))
}

fn tags(resource: &Resource) -> Vec<(String, String)> {
    let tags = resource.body.get("tags").and_then(Value::as_object);
    let texts = tags.into_iter().flatten();
    texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
