//! Facets: how often each value of an expression occurs in what a query gives, asked together with it.

use bartizan_api::resource_graph::{FacetRequest, GraphRequest, SortOrder};
use bartizan_engine::{GivenRows, QueryRequest};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::arm::graph::{refused, unpacked};
use crate::http::Failure;

/// Facets of one request, and values of one facet; Azure's limits.
pub(super) const FACETS_MAX: usize = 10;
const TOP_MAX: u64 = 1000;
const TOP_DEFAULT: u64 = 10;

/// Every facet's answer. One that cannot be had says why in its place; the query's own answer is not touched.
pub(super) async fn of(
    app: &App,
    request: &GraphRequest,
    given: &[GivenRows],
    asked: &QueryRequest,
) -> Vec<Value> {
    let mut out = Vec::new();
    for facet in request.facets.iter().flatten() {
        let answer = one(app, request, facet, given, asked).await;
        out.push(answer.unwrap_or_else(|Failure(error)| {
            let details = error.details.first().cloned();
            let first = details.unwrap_or_else(|| json!({"code": error.code, "message": error.message}));
            json!({"expression": facet.expression, "resultType": "FacetError", "errors": [first]})
        }));
    }
    out
}

async fn one(
    app: &App,
    request: &GraphRequest,
    facet: &FacetRequest,
    given: &[GivenRows],
    asked: &QueryRequest,
) -> Result<Value, Failure> {
    let options = facet.options.clone().unwrap_or_default();
    let order = match options.sort_order.unwrap_or_default() {
        SortOrder::Asc => "asc",
        SortOrder::Desc => "desc",
    };
    let by = options.sort_by.as_deref().filter(|text| !text.trim().is_empty()).unwrap_or("__count");
    let by = if by.eq_ignore_ascii_case("count") { "__count" } else { by };
    let filter = options.filter.as_deref().filter(|text| !text.trim().is_empty());
    let filter = filter.map(|text| format!("\n| where {text}")).unwrap_or_default();
    // Each on a line of its own, so that a comment at the end of one takes nothing of the next with it.
    // People filter and sort by the name that they gave, where it is one.
    let named = is_name(&facet.expression).then(|| format!("\n| extend {} = __value", facet.expression));
    let text = format!(
        "{}\n| summarize __count = count() by __value = {}{}{filter}\n| order by {by} {order}",
        request.query,
        facet.expression,
        named.unwrap_or_default(),
    );
    let asked = QueryRequest { text: text.clone(), ..asked.clone() };
    let output = app.engine.query_given(given.to_vec(), asked).await;
    let output = output.map_err(|error| refused(&text, error))?;
    let top = usize::try_from(options.top.unwrap_or(TOP_DEFAULT).clamp(1, TOP_MAX)).unwrap_or(usize::MAX);
    let place = |name: &str| output.columns.iter().position(|column| column.name == name);
    let (Some(value), Some(count)) = (place("__value"), place("__count")) else { return Ok(Value::Null) };
    let rows = output.rows_json();
    let total = rows.len();
    let entry = |row: Vec<Value>| {
        let cell = |at: usize| row.get(at).cloned().unwrap_or_default();
        let mut entry = Map::new();
        entry.insert(facet.expression.clone(), unpacked(cell(value), output.columns[value].ty));
        entry.insert("count".to_owned(), cell(count));
        Value::Object(entry)
    };
    let data: Vec<Value> = rows.into_iter().take(top).map(entry).collect();
    Ok(json!({
        "expression": facet.expression, "resultType": "FacetResult", "totalRecords": total,
        "count": data.len(), "data": data,
    }))
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
