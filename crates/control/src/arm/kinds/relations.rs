//! What belongs to an incident: alerts and bookmarks, joined to it by relations.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{Actor, RecordsError, Resource, Written};
use serde_json::Value;

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::arm::kinds::bookmarks::BOOKMARK_TYPE;
use crate::http::Failure;

/// The type of relations.
pub(crate) const RELATION_TYPE: &str = "Microsoft.SecurityInsights/incidents/relations";
const ALERT_TYPE: &str = "Microsoft.Security/locations/alerts";
/// Alerts of rules, as detection writes them.
const ENTITY_TYPE: &str = "Microsoft.SecurityInsights/entities";
/// What can be joined to an incident, what it is called there, and how many there may be (Sentinel's limits).
const RELATED: [(&str, &str, usize); 3] =
    [(BOOKMARK_TYPE, "Bookmark", 20), (ALERT_TYPE, ALERT_KIND, 150), (ENTITY_TYPE, ALERT_KIND, 150)];
const ALERT_KIND: &str = "SecurityAlert";

pub(super) struct Relations;

#[async_trait]
impl Kind for Relations {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let path = "properties.relatedResourceId";
        let related = ResourceId::parse(draft.text("relatedResourceId")).map_err(|_| {
            ApiError::field(path, "`relatedResourceId` must be the id of an alert or a bookmark")
        })?;
        let ty = related.resource_type();
        let Some((ty, kind, most)) = RELATED.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&ty)) else {
            let names = RELATED.map(|(name, ..)| name).join(" or ");
            return Err(ApiError::field(path, format!("`{related}` is no {names}")).into());
        };
        // Who may write relations would else read whatever they point to.
        let action = ty.replace("/locations/", "/");
        app.authorize(draft.caller, &format!("{action}/read"), &related).await?;
        if app.records.get(&related).await?.is_none() {
            return Err(ApiError::field(path, format!("there is no `{related}`")).into());
        }
        if draft.before.is_none() {
            let incident = draft.id.parent().ok_or_else(|| ApiError::not_found(draft.id.as_str()))?;
            let others = app.records.list_all(&incident, RELATION_TYPE).await?;
            if others.iter().filter(|other| related_type(other).eq_ignore_ascii_case(ty)).count() >= *most {
                let text = format!("An incident has at most {most} relations of kind {kind}.");
                return Err(ApiError::new(ErrorKind::Conflict, text).into());
            }
        }
        draft.set("relatedResourceId", related.as_str());
        draft.set("relatedResourceName", related.name());
        draft.set("relatedResourceType", *ty);
        draft.set("relatedResourceKind", *kind);
        Ok(())
    }

    async fn written(&self, app: &App, written: &Written) -> Result<(), Failure> {
        count_bookmarks(app, &written.resource.id).await
    }

    async fn delete(&self, app: &App, caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        app.records.delete(&stored.id, &caller.actor, None).await?;
        count_bookmarks(app, &stored.id).await?;
        Ok(true)
    }
}

/// The id that a relation points to, if it points to something that an incident can have.
pub(crate) fn related_id(relation: &Resource) -> Option<ResourceId> {
    let id = relation.property("relatedResourceId").and_then(Value::as_str)?;
    let id = ResourceId::parse(id).ok()?;
    let ty = id.resource_type();
    RELATED.iter().any(|(name, ..)| name.eq_ignore_ascii_case(&ty)).then_some(id)
}

/// Whether what a relation points to is an alert, of Defender or of a rule.
pub(crate) fn is_alert(id: &ResourceId) -> bool {
    let ty = id.resource_type();
    RELATED.iter().any(|(name, kind, _)| *kind == ALERT_KIND && name.eq_ignore_ascii_case(&ty))
}

fn related_type(relation: &Resource) -> String {
    related_id(relation).map(|id| id.resource_type()).unwrap_or_default()
}

/// Keeps `additionalData.bookmarksCount` of the incident that `relation` belongs to.
async fn count_bookmarks(app: &App, relation: &ResourceId) -> Result<(), Failure> {
    let Some(incident) = relation.parent() else { return Ok(()) };
    let all = app.records.list_all(&incident, RELATION_TYPE).await?;
    let count = all.iter().filter(|other| related_type(other).eq_ignore_ascii_case(BOOKMARK_TYPE)).count();
    let edit = |body: &mut Value| {
        body["properties"]["additionalData"]["bookmarksCount"] = count.into();
        true
    };
    match app.records.modify(&incident, &Actor::system("incidents"), false, edit).await {
        Ok(_) | Err(RecordsError::Missing(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
