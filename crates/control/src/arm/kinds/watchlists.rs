//! Watchlists: lists of one's own that queries join with. A list comes with its items as CSV, and each item is a
//! resource below it.

mod csv;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{Actor, Condition, Resource, Write, Written};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::arm::kinds::people;
use crate::http::Failure;

const WATCHLIST_TYPE: &str = "Microsoft.SecurityInsights/watchlists";
/// The type of items.
const ITEM_TYPE: &str = "Microsoft.SecurityInsights/watchlists/watchlistItems";
/// Lists of one workspace.
const WATCHLISTS_MAX: usize = 50;
/// Items of one list.
const ITEMS_MAX: usize = 10_000;
/// Columns of one list, and bytes of one item.
const COLUMNS_MAX: usize = 100;
const ITEM_BYTES_MAX: usize = 16 << 10;
/// Azure's limit on an upload.
const RAW_BYTES_MAX: usize = 3_800_000;

pub(super) struct Watchlists;
pub(super) struct Items;

#[async_trait]
impl Kind for Watchlists {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        for name in ["displayName", "provider", "itemsSearchKey"] {
            if draft.text(name).trim().is_empty() {
                let text = format!("a watchlist needs a `{name}`");
                return Err(ApiError::field(&format!("properties.{name}"), text).into());
            }
        }
        let alias = draft.id.name().to_owned();
        if alias.chars().count() > 64 || !alias.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        {
            let text = "a watchlist's alias has up to 64 letters, digits, `-` and `_`";
            return Err(ApiError::field("name", text).into());
        }
        if draft.before.is_none()
            && app.records.list_all(&app.home.workspace, WATCHLIST_TYPE).await?.len() >= WATCHLISTS_MAX
        {
            let text = format!("A workspace has at most {WATCHLISTS_MAX} watchlists; delete some.");
            return Err(ApiError::new(ErrorKind::Conflict, text).into());
        }
        let members = draft.body["properties"].as_object_mut().expect("a draft has properties");
        let raw = members.shift_remove("rawContent").unwrap_or_default();
        if !raw.is_null() {
            draft.aside = Some(Value::Array(items(draft, &raw)?));
        }
        draft.keep(&["watchlistId"]);
        if draft.property("watchlistId").is_null() {
            draft.set("watchlistId", Uuid::new_v4().to_string());
        }
        draft.set("watchlistAlias", alias);
        draft.set("watchlistType", "watchlist");
        draft.set("tenantId", app.home.tenant.to_string());
        draft.set("isDeleted", false);
        draft.set("uploadStatus", "Complete");
        people::stamp(app, draft);
        Ok(())
    }

    /// The list replaces the items that were there.
    async fn fill(&self, app: &App, caller: &Caller, written: &Written, aside: Value) -> Result<(), Failure> {
        let list = &written.resource;
        let mut old: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
        for item in app.records.list_all(&list.id, ITEM_TYPE).await? {
            let values = item.property("itemsKeyValue").map(Value::to_string);
            old.entry(values.unwrap_or_default()).or_default().push(item);
        }
        for item in aside.as_array().into_iter().flatten() {
            // An item that is there already keeps its id, so that repeating an upload changes nothing.
            if old.get_mut(&item.to_string()).and_then(Vec::pop).is_some() {
                continue;
            }
            let name = Uuid::new_v4();
            let id = list.id.join(&format!("watchlistItems/{name}"));
            let id = id.map_err(|error| ApiError::invalid(error.to_string()))?;
            put_item(app, id, item.clone(), &caller.actor).await?;
        }
        for item in old.into_values().flatten() {
            app.records.delete_derived(&item.id, &caller.actor).await?;
        }
        // Here as well as by the change feed, so that the next query of the writer sees the rows.
        Ok(app.functions.reload_watchlist(&app.records, &list.id).await?)
    }

    async fn written(&self, app: &App, written: &Written) -> Result<(), Failure> {
        Ok(app.functions.reload_watchlist(&app.records, &written.resource.id).await?)
    }

    async fn delete(&self, app: &App, caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        app.records.delete(&stored.id, &caller.actor, None).await?;
        app.functions.reload_watchlist(&app.records, &stored.id).await?;
        Ok(true)
    }
}

/// The items of a `rawContent`, each an object of texts.
fn items(draft: &Draft<'_>, raw: &Value) -> Result<Vec<Value>, Failure> {
    let path = "properties.rawContent";
    let raw = raw.as_str().filter(|raw| raw.len() <= RAW_BYTES_MAX);
    let raw = raw.ok_or_else(|| {
        ApiError::field(path, format!("`rawContent` is CSV text of at most {RAW_BYTES_MAX} bytes"))
    })?;
    let content_type = draft.text("contentType");
    if !["", "text/csv"].contains(&content_type.to_ascii_lowercase().as_str()) {
        let text = "`contentType` must be `text/csv`; other content is not read";
        return Err(ApiError::field("properties.contentType", text).into());
    }
    let skip = draft.property("numberOfLinesToSkip").as_u64().unwrap_or(0);
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut rows = csv::rows(raw).skip(skip);
    let head = rows.next().unwrap_or_default();
    let key = draft.text("itemsSearchKey");
    if head.len() > COLUMNS_MAX || head.iter().any(|name| name.trim().is_empty()) {
        let text = format!("the first line of `rawContent` names 1 to {COLUMNS_MAX} columns");
        return Err(ApiError::field(path, text).into());
    }
    if !head.iter().any(|name| name == key) {
        let text = format!("`{key}` is none of the columns of `rawContent`: {}", head.join(", "));
        return Err(ApiError::field("properties.itemsSearchKey", text).into());
    }
    let mut out = Vec::new();
    for (at, row) in rows.enumerate() {
        if row.len() != head.len() {
            let text =
                format!("row {} of `rawContent` has {} values for {} columns", at + 1, row.len(), head.len());
            return Err(ApiError::field(path, text).into());
        }
        if out.len() >= ITEMS_MAX {
            let text = format!("a watchlist has at most {ITEMS_MAX} items; split it");
            return Err(ApiError::field(path, text).into());
        }
        let item: Map<String, Value> = head.iter().cloned().zip(row.into_iter().map(Value::String)).collect();
        out.push(Value::Object(item));
    }
    Ok(out)
}

async fn put_item(app: &App, id: ResourceId, values: Value, by: &Actor) -> Result<(), Failure> {
    let now = app.clock.now();
    let user = json!({"objectId": by.object_id, "name": by.name, "email": by.name});
    let body = json!({"properties": {
        "watchlistItemType": "watchlist-item",
        "watchlistItemId": id.name(),
        "tenantId": app.home.tenant,
        "isDeleted": false,
        "created": now, "updated": now, "createdBy": user, "updatedBy": user,
        "itemsKeyValue": values,
        "entityMapping": {},
    }});
    // The list's own write is in the activity log; each of thousands of items need not be.
    app.records.put(Write { id, body, condition: Condition::None, actor: by.clone(), audit: false }).await?;
    Ok(())
}

#[async_trait]
impl Kind for Items {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let path = "properties.itemsKeyValue";
        let values = draft.property("itemsKeyValue");
        let good = values.as_object().is_some_and(|values| {
            (1..=COLUMNS_MAX).contains(&values.len())
                && values.values().all(|value| !value.is_object() && !value.is_array())
        });
        if !good || values.to_string().len() > ITEM_BYTES_MAX {
            let text = format!(
                "`itemsKeyValue` is an object of 1 to {COLUMNS_MAX} plain values, {ITEM_BYTES_MAX} bytes at most"
            );
            return Err(ApiError::field(path, text).into());
        }
        let list = draft.id.parent().ok_or_else(|| ApiError::not_found(draft.id.as_str()))?;
        let list = app.records.get(&list).await?.ok_or_else(|| ApiError::not_found(list.as_str()))?;
        let key = list.property("itemsSearchKey").and_then(Value::as_str).unwrap_or_default();
        if values.get(key).is_none() {
            return Err(ApiError::field(path, format!("`itemsKeyValue` needs the search key `{key}`")).into());
        }
        if draft.before.is_none() && app.records.list_all(&list.id, ITEM_TYPE).await?.len() >= ITEMS_MAX {
            let text = format!("A watchlist has at most {ITEMS_MAX} items; delete some.");
            return Err(ApiError::new(ErrorKind::Conflict, text).into());
        }
        draft.set("watchlistItemType", "watchlist-item");
        draft.set("watchlistItemId", draft.id.name());
        draft.set("tenantId", app.home.tenant.to_string());
        draft.set("isDeleted", false);
        people::stamp(app, draft);
        Ok(())
    }

    async fn written(&self, app: &App, written: &Written) -> Result<(), Failure> {
        let list = written.resource.id.parent().unwrap_or_else(|| app.home.workspace.clone());
        Ok(app.functions.reload_watchlist(&app.records, &list).await?)
    }
}
