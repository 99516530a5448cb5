//! What lies directly or at any depth below a management group.

use axum::response::Response;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use serde_json::{Value, json};

use crate::access::{GROUP_TYPE, Group, Hierarchy};
use crate::arm::management::{READ, find};
use crate::arm::{Call, answer, list};
use crate::http::{Failure, query_value};

/// The type of a subscription among the children of a group.
pub(super) const SUBSCRIPTION: &str = "/subscriptions";
/// Entries of one page, unless `$top` says less.
const PAGE: usize = 500;

/// The children of `group`, with theirs where `recurse` asks for it.
pub(super) fn of(tree: &Hierarchy, group: &Group, recurse: bool, subscriptions: bool) -> Vec<Value> {
    let name = group.id.name();
    let below =
        |child: &&Group| child.parent.as_deref().is_some_and(|parent| parent.eq_ignore_ascii_case(name));
    let mut out = Vec::new();
    for child in tree.groups().into_iter().filter(below) {
        let mut entry = json!({
            "id": child.id, "type": GROUP_TYPE, "name": child.id.name(), "displayName": child.display_name,
        });
        if recurse {
            let children = of(tree, child, recurse, subscriptions);
            entry["children"] = if children.is_empty() { Value::Null } else { children.into() };
        }
        out.push(entry);
    }
    if subscriptions {
        let here = tree.subscriptions().into_iter().filter(|child| child.group.eq_ignore_ascii_case(name));
        out.extend(here.map(|child| {
            json!({
                "id": child.id, "type": SUBSCRIPTION, "name": child.id.name(), "displayName": child.display_name,
            })
        }));
    }
    out
}

/// `GET …/descendants`: everything below, flat, in pages.
pub(super) async fn descendants(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    call.app.authorize(&call.caller, READ, id).await?;
    let map = call.app.access_map().await?;
    let tree = &map.hierarchy;
    let group = find(tree, id)?;
    let parent =
        |name: Option<&str>| name.and_then(|name| tree.group(name)).map(|parent| json!({"id": parent.id}));
    let groups =
        tree.groups().into_iter().filter(|child| child.id != group.id && tree.contains(id, &child.id));
    let mut all: Vec<Value> = groups
        .map(|child| {
            json!({"id": child.id, "type": GROUP_TYPE, "name": child.id.name(), "properties": {
                "displayName": child.display_name, "parent": parent(child.parent.as_deref()),
            }})
        })
        .collect();
    let subscriptions = tree.subscriptions().into_iter().filter(|child| tree.contains(id, &child.id));
    all.extend(subscriptions.map(|child| {
        json!({"id": child.id, "type": SUBSCRIPTION, "name": child.id.name(), "properties": {
            "displayName": child.display_name, "parent": parent(Some(&child.group)),
        }})
    }));
    page(call, all)
}

/// One page of `all`, by `$top` and `$skiptoken`.
pub(super) fn page(call: &Call, all: Vec<Value>) -> Result<Response, Failure> {
    let wrong = |name: &str| Failure(ApiError::invalid(format!("`{name}` cannot be read.")));
    let number = |name: &str| match query_value(&call.parts.uri, name) {
        None => Ok(None),
        Some(text) => text.parse::<usize>().map(Some).map_err(|_| wrong(name)),
    };
    let top = number("$top")?.filter(|top| *top > 0).unwrap_or(PAGE).min(PAGE);
    let skip = list::after(call)?.map(|text| text.parse::<usize>().map_err(|_| wrong("$skiptoken")));
    let skip = skip.transpose()?.unwrap_or(0);
    let more = all.len() > skip.saturating_add(top);
    let page = all.into_iter().skip(skip).take(top).collect();
    Ok(answer::list(page, more.then(|| list::next_link(call, &(skip + top).to_string()))))
}
