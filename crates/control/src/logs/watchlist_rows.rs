//! Watchlists as queries see them: what `_GetWatchlist('alias')` gives. The rows are kept in memory because the binder
//! puts them into the query.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_base::ResourceId;
use bartizan_kql::Watchlist;
use bartizan_kql::bound::{ColumnSchema, Literal};
use bartizan_records::{Records, RecordsError, Resource};
use bartizan_schema::KqlType;
use serde_json::{Map, Value};

/// The types of lists and of their items.
pub(crate) const TYPES: [&str; 2] =
    ["Microsoft.SecurityInsights/watchlists", "Microsoft.SecurityInsights/watchlists/watchlistItems"];
/// The columns that every list has.
const FIXED: [(&str, KqlType); 4] = [
    ("_DTItemId", KqlType::String),
    ("LastUpdatedTimeUTC", KqlType::DateTime),
    ("SearchKey", KqlType::String),
    ("WatchlistItem", KqlType::Dynamic),
];

/// All lists of a workspace, by alias in lower case.
pub(super) async fn all(
    records: &Records,
    workspace: &ResourceId,
) -> Result<BTreeMap<String, Arc<Watchlist>>, RecordsError> {
    let mut out = BTreeMap::new();
    for list in records.list_all(workspace, TYPES[0]).await? {
        let items = records.list_all(&list.id, TYPES[1]).await?;
        out.insert(list.id.name().to_ascii_lowercase(), Arc::new(rows(&list, &items)));
    }
    Ok(out)
}

/// One list, if it is there.
pub(super) async fn one(records: &Records, id: &ResourceId) -> Result<Option<Watchlist>, RecordsError> {
    let Some(list) = records.get(id).await? else { return Ok(None) };
    let items = records.list_all(&list.id, TYPES[1]).await?;
    Ok(Some(rows(&list, &items)))
}

fn rows(list: &Resource, items: &[Resource]) -> Watchlist {
    let key = list.property("itemsSearchKey").and_then(Value::as_str).unwrap_or_default();
    let none = Map::new();
    let values = |item: &'_ Resource| item.property("itemsKeyValue").and_then(Value::as_object).cloned();
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let values = values(item).unwrap_or_default();
        let new = values.keys().filter(|name| FIXED.iter().all(|(fixed, _)| fixed != name));
        let new: Vec<String> = new.filter(|name| !names.contains(name)).cloned().collect();
        names.extend(new);
    }
    let columns = FIXED.iter().map(|(name, ty)| ColumnSchema { name: (*name).to_owned(), ty: *ty });
    let own = names.iter().map(|name| ColumnSchema { name: name.clone(), ty: KqlType::String });
    let row = |item: &Resource| {
        let values = values(item).unwrap_or_else(|| none.clone());
        let text = |name: &str| Literal::String(values.get(name).map(plain).unwrap_or_default());
        let fixed = [
            Literal::String(item.id.name().to_owned()),
            Literal::DateTime(item.modified),
            text(key),
            Literal::Dynamic(Value::Object(values.clone()).to_string()),
        ];
        fixed.into_iter().chain(names.iter().map(|name| text(name))).collect()
    };
    Watchlist { columns: columns.chain(own).collect(), rows: items.iter().map(row).collect() }
}

/// A value as text: items of Sentinel's lists are texts.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
