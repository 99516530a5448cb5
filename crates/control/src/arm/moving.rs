//! `moveResources` and `validateMoveResources`: whether resources may go to another group, and sending them.
//!
//! A move takes along what hangs on a resource: extensions, assessments, role assignments, tags, its agent and what
//! is known of the machine. The endpoint extension stays behind when the subscription changes, because it belongs
//! to the plan of a subscription: the one of the new subscription deploys it anew.

use axum::body::Body;
use axum::response::Response;
use bartizan_api::{ApiError, types};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{Resource, Work};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::arm::{Call, answer, disallowed, operations, policy_request, scope};
use crate::http::{Failure, read_json};
use crate::plans::admission;
use crate::plans::component::ENDPOINT_TYPES;

const BODY_MAX: usize = 2 << 20;
/// Azure's limit for one move.
const RESOURCES_MAX: usize = 800;
const ACTION: &str = "Microsoft.Resources/subscriptions/resourceGroups";
/// Types that can be moved; what hangs on them goes along.
const MOVABLE: [&str; 4] = [
    "Microsoft.HybridCompute/machines",
    "Microsoft.Insights/dataCollectionEndpoints",
    "Microsoft.Insights/dataCollectionRules",
    "Microsoft.OperationalInsights/queryPacks",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoveBody {
    resources: Vec<String>,
    target_resource_group: String,
}

/// Whether a POST of `word` to `scope` is answered here.
pub(super) fn is_word(scope: &ResourceId, word: &str) -> bool {
    scope.resource_group().is_some()
        && ["moveResources", "validateMoveResources"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Answers both: `validate` checks everything and changes nothing.
pub(super) async fn act(
    call: &Call,
    group: &ResourceId,
    validate: bool,
    body: Body,
) -> Result<Response, Failure> {
    let word = if validate { "validateMoveResources" } else { "moveResources" };
    call.app.authorize(&call.caller, &format!("{ACTION}/{word}/action"), group).await?;
    let sent: MoveBody = read_json(&call.parts.headers, body, BODY_MAX).await?;
    let (source, work) = plan(call, group, &sent).await?;
    if validate {
        return Ok(answer::empty(204));
    }
    operations::start(call, &source, work).await
}

/// Everything that must hold for a move, checked before anything is moved.
async fn plan(call: &Call, group: &ResourceId, sent: &MoveBody) -> Result<(ResourceId, Work), Failure> {
    let app = &call.app;
    let source = scope::group(app, group).await?;
    let target = ResourceId::parse(&sent.target_resource_group).ok();
    let target = target.filter(|id| id.resource_type().eq_ignore_ascii_case(scope::GROUP_TYPE));
    let Some(target) = target else {
        let text = "`targetResourceGroup` must be the id of a resource group";
        return Err(ApiError::field("targetResourceGroup", text).into());
    };
    scope::check_subscription(app, &target)?;
    // Before its existence is told.
    app.authorize(&call.caller, &format!("{}/write", scope::GROUP_TYPE), &target).await?;
    for id in [&source.id, &target] {
        scope::check_enabled(app, id)?;
    }
    let target = scope::group(app, &target).await?.id;
    if target == source.id {
        let text = "the resources are in this group already";
        return Err(ApiError::field("targetResourceGroup", text).into());
    }
    if sent.resources.is_empty() || sent.resources.len() > RESOURCES_MAX {
        let text = format!("`resources` is a list of 1 to {RESOURCES_MAX} ids");
        return Err(ApiError::field("resources", text).into());
    }
    let mut resources = Vec::with_capacity(sent.resources.len());
    let mut problems: Vec<Value> = Vec::new();
    for text in &sent.resources {
        match check(call, &source.id, &target, text).await? {
            Ok(id) if !resources.contains(&id) => resources.push(id),
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        let text = format!(
            "{} of {} resources cannot be moved; the details say why.",
            problems.len(),
            sent.resources.len()
        );
        let error = ApiError::coded(ErrorKind::Conflict, "ResourceMoveProviderValidationFailed", text);
        return Err(Failure(ApiError { details: problems, ..error }));
    }
    let stays_in_subscription = source.id.subscription().map(str::to_ascii_lowercase)
        == target.subscription().map(str::to_ascii_lowercase);
    let left_behind = if stays_in_subscription { &[][..] } else { &ENDPOINT_TYPES[..] };
    let left_behind = left_behind.iter().map(|kind| (*kind).to_owned()).collect();
    Ok((source.id, Work::Move { resources, target, left_behind }))
}

/// One resource: what is wrong with it is an entry of the answer, what is forbidden refuses the whole.
async fn check(
    call: &Call,
    source: &ResourceId,
    target: &ResourceId,
    text: &str,
) -> Result<Result<ResourceId, Value>, Failure> {
    let app = &call.app;
    let shown: String = text.chars().take(300).collect();
    let problem = |code: &str, why: String| {
        Ok(Err(json!({"code": code, "target": shown, "message": format!("`{shown}` {why}")})))
    };
    let Ok(id) = ResourceId::parse(text) else {
        return problem("InvalidResourceId", "is not a resource id.".to_owned());
    };
    let resource_type = id.resource_type();
    if id.parent().as_ref() != Some(source) {
        return problem("ResourceNotInGroup", format!("does not lie directly in `{source}`."));
    }
    let Some(info) = types::find(&resource_type).filter(|info| MOVABLE.contains(&info.name)) else {
        return problem(
            "ResourceMoveNotSupported",
            format!("is of type `{resource_type}`, which cannot be moved; {} can.", MOVABLE.join(", ")),
        );
    };
    app.authorize(&call.caller, &format!("{}/delete", info.name), &id).await?;
    let Some(found) = app.records.get(&id).await? else {
        return problem("ResourceNotFound", "does not exist.".to_owned());
    };
    if found.id == app.home.default_rule || is_home_endpoint(call, &found) {
        return problem("ResourceMoveNotSupported", "belongs to the workspace and stays with it.".to_owned());
    }
    let place = place(&found.id, source, target)?;
    app.authorize(&call.caller, &format!("{}/write", info.name), &place).await?;
    if app.records.get(&place).await?.is_some() {
        return problem("ResourceExistsInTarget", format!("would take the place of `{place}`."));
    }
    let request = policy_request(call);
    let admission = admission::admit(&app.records, &place, &found.body, &request, app.clock.now()).await?;
    admission.map_err(|denials| disallowed(&place, &denials))?;
    Ok(Ok(found.id))
}

fn place(id: &ResourceId, source: &ResourceId, target: &ResourceId) -> Result<ResourceId, Failure> {
    let rest = &id.as_str()[source.as_str().len() + 1..];
    target.join(rest).map_err(|error| ApiError::field("resources", error.to_string()).into())
}

fn is_home_endpoint(call: &Call, found: &Resource) -> bool {
    let name = "providers/Microsoft.Insights/dataCollectionEndpoints/bartizan";
    call.app.home.group_id().join(name).is_ok_and(|endpoint| endpoint == found.id)
}
