//! `{scope}/providers/Microsoft.Resources/tags/default`: the tags of a resource by themselves, for who may tag and do
//! nothing else.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_records::{RecordsError, Resource};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::arm::write::TAGS_MAX;
use crate::arm::{Call, answer, disallowed, policy_request};
use crate::http::{Failure, read_json};
use crate::plans::{admission, events};

/// The type of these.
const TYPE: &str = "Microsoft.Resources/tags";
const BODY_MAX: usize = 256 << 10;
/// Azure's limits, in characters.
const NAME_MAX: usize = 512;
const VALUE_MAX: usize = 256;

#[derive(Deserialize)]
struct TagsBody {
    /// Of a PATCH; a PUT replaces.
    #[serde(default)]
    operation: Option<Operation>,
    properties: Tags,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Map<String, Value>,
}

#[derive(Clone, Copy, Deserialize)]
enum Operation {
    Merge,
    Replace,
    Delete,
}

/// Whether `id` names tags and not a resource.
pub(super) fn is_tags(id: &ResourceId) -> bool {
    id.resource_type().eq_ignore_ascii_case(TYPE)
}

/// Reads or changes the tags of what `id` hangs on.
pub(super) async fn handle(call: &Call, id: &ResourceId, body: Body) -> Result<Response, Failure> {
    let app = &call.app;
    let tagged = id.parent().filter(|_| id.name().eq_ignore_ascii_case("default"));
    let tagged = tagged.ok_or_else(|| ApiError::not_found(id.as_str()))?;
    let word = match call.parts.method {
        Method::GET | Method::HEAD => "read",
        Method::DELETE => "delete",
        _ => "write",
    };
    // Taking tags away deletes no resource, so a lock that keeps one from being deleted does not forbid it.
    let action = if word == "delete" { "write" } else { word };
    app.authorize(&call.caller, &format!("{TYPE}/{action}"), &tagged).await?;
    let stored = app.records.get(&tagged).await?.ok_or_else(|| ApiError::not_found(tagged.as_str()))?;
    let (operation, tags) = match call.parts.method {
        Method::GET | Method::HEAD => return Ok(shown(id, &stored)),
        Method::DELETE => (Operation::Replace, Map::new()),
        Method::PUT | Method::PATCH => {
            let sent: TagsBody = read_json(&call.parts.headers, body, BODY_MAX).await?;
            let patch = call.parts.method == Method::PATCH;
            let operation = sent.operation.filter(|_| patch).unwrap_or(if patch {
                Operation::Merge
            } else {
                Operation::Replace
            });
            check(&sent.properties.tags)?;
            (operation, sent.properties.tags)
        }
        _ => return Err(ApiError::invalid("Tags are read, put, patched and deleted.").into()),
    };
    let _turn = app.turns.of(&tagged).await;
    let mut after = stored.body.clone();
    apply(&mut after, operation, &tags);
    if after["tags"].as_object().is_some_and(|tags| tags.len() > TAGS_MAX) {
        return Err(ApiError::field("properties.tags", format!("there are more than {TAGS_MAX} tags")).into());
    }
    let request = policy_request(call);
    let admission = admission::admit(&app.records, &tagged, &after, &request, app.clock.now()).await?;
    let admission = admission.map_err(|denials| disallowed(&tagged, &denials))?;
    // Policies may change tags, of which this request writes some; what else they would change waits for a write of it.
    let by_policy = (!admission.changed_by.is_empty()).then(|| admission.body.get("tags").cloned()).flatten();
    let edit = |body: &mut Value| {
        match &by_policy {
            Some(tags) => body["tags"] = tags.clone(),
            None => apply(body, operation, &tags),
        }
        true
    };
    let written = match app.records.modify(&tagged, &call.caller.actor, true, edit).await {
        Ok(written) => written,
        Err(RecordsError::Missing(id)) => return Err(ApiError::not_found(&id).into()),
        Err(error) => return Err(error.into()),
    };
    events::written(&app.records, &tagged, &admission, &request, app.clock.now()).await?;
    Ok(if word == "delete" { answer::empty(200) } else { shown(id, &written) })
}

/// Names and values within Azure's limits.
pub(super) fn check(tags: &Map<String, Value>) -> Result<(), ApiError> {
    let fits = |name: &str, value: &Value| {
        let odd = |c: char| c.is_control() || matches!(c, '<' | '>' | '%' | '&' | '\\' | '?' | '/');
        let named = (1..=NAME_MAX).contains(&name.chars().count()) && !name.contains(odd);
        named && value.as_str().is_some_and(|text| text.chars().count() <= VALUE_MAX)
    };
    match tags.iter().find(|(name, value)| !fits(name, value)) {
        None => Ok(()),
        Some((name, _)) => {
            let shown: String = name.chars().take(80).collect();
            Err(ApiError::field(
                "properties.tags",
                format!(
                    "the tag `{shown}` has a name of up to {NAME_MAX} characters without `<>%&\\?/`, and a text of up \
                     to {VALUE_MAX} characters"
                ),
            ))
        }
    }
}

/// Names of tags compare without regard to case.
fn apply(body: &mut Value, operation: Operation, tags: &Map<String, Value>) {
    let mut all = match (operation, body.get("tags")) {
        (Operation::Merge | Operation::Delete, Some(Value::Object(tags))) => tags.clone(),
        _ => Map::new(),
    };
    for (name, value) in tags {
        let taken = |stored: &String| stored.eq_ignore_ascii_case(name);
        let kept = all.keys().find(|stored| taken(stored)).cloned();
        match (operation, kept) {
            (Operation::Delete, Some(kept)) => {
                // With a value, only that one is meant.
                if value.as_str().is_some_and(str::is_empty) || all[&kept] == *value {
                    all.shift_remove(&kept);
                }
            }
            (Operation::Delete, None) => {}
            (_, kept) => drop(all.insert(kept.unwrap_or_else(|| name.clone()), value.clone())),
        }
    }
    body["tags"] = Value::Object(all);
}

fn shown(id: &ResourceId, resource: &Resource) -> Response {
    let tags = resource.body.get("tags").cloned().unwrap_or_else(|| json!({}));
    Json(json!({"id": id, "name": "default", "type": TYPE, "properties": {"tags": tags}})).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(operation: Operation, tags: Value) -> Value {
        let mut body = json!({"tags": {"Site": "a", "team": "b"}});
        apply(&mut body, operation, tags.as_object().unwrap());
        body["tags"].clone()
    }

    #[test]
    fn merges_replaces_and_deletes() {
        assert_eq!(
            applied(Operation::Merge, json!({"site": "c", "x": "y"})),
            json!({"Site": "c", "team": "b", "x": "y"})
        );
        assert_eq!(applied(Operation::Replace, json!({"x": "y"})), json!({"x": "y"}));
        assert_eq!(applied(Operation::Delete, json!({"SITE": "a", "team": "other"})), json!({"team": "b"}));
    }

    #[test]
    fn tags_have_limits() {
        for wrong in [json!({"": "x"}), json!({"a/b": "x"}), json!({"a": 1}), json!({"a": "x".repeat(257)})] {
            assert!(check(wrong.as_object().unwrap()).is_err(), "{wrong}");
        }
    }
}
