//! Azure Resource Graph: KQL over the control plane's own resources, those that the caller may read.

mod changes;
mod facets;
mod health;
mod kept;

use std::sync::LazyLock;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_api::resource_graph::{GraphRequest, ResultFormat};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_engine::{GivenRows, GivenTable, QueryError, QueryLimits, QueryOutput, QueryRequest};
use bartizan_kql::Severity;
use bartizan_records::Resource;
use bartizan_schema::{Column, KqlType};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access::{GROUP_TYPE, Group, Hierarchy};
use crate::app::Home;
use crate::arm::{Call, Sight, answer, scope, subscriptions};
use crate::http::{Failure, read_json};
use crate::logs::position;

pub(crate) use kept::{GraphRows, keep};

const BODY_MAX: usize = 1 << 20;
/// Rows of one answer, as in Azure; more come with `$skipToken`.
const TOP_MAX: u64 = 1000;
const TOP_DEFAULT: u64 = 100;

/// Tables by the prefixes of the types they have, the longest fitting prefix first; `resources` has the rest.
const TABLES: &[(&str, &[&str])] = &[
    ("resourcecontainers", &["microsoft.resources/", "microsoft.management/managementgroups"]),
    ("securityresources", &["microsoft.security/"]),
    (
        "policyresources",
        &[
            "microsoft.authorization/policyassignments",
            "microsoft.authorization/policydefinitions",
            "microsoft.authorization/policyexemptions",
            "microsoft.authorization/policysetdefinitions",
            "microsoft.policyinsights/",
        ],
    ),
    (
        "authorizationresources",
        &[
            "microsoft.authorization/roleassignments",
            "microsoft.authorization/roledefinitions",
            "microsoft.authorization/locks",
        ],
    ),
    (health::TABLE, &["microsoft.resourcehealth/"]),
    // Filled from the log, not from resources.
    (changes::TABLE, &["microsoft.resources/changes/"]),
    ("guestconfigurationresources", &["microsoft.guestconfiguration/"]),
    ("resources", &[]),
];

const COLUMNS: &[(&str, KqlType)] = &[
    ("id", KqlType::String),
    ("name", KqlType::String),
    ("type", KqlType::String),
    ("tenantId", KqlType::String),
    ("kind", KqlType::String),
    ("location", KqlType::String),
    ("resourceGroup", KqlType::String),
    ("subscriptionId", KqlType::String),
    ("managedBy", KqlType::String),
    ("sku", KqlType::Dynamic),
    ("plan", KqlType::Dynamic),
    ("properties", KqlType::Dynamic),
    ("tags", KqlType::Dynamic),
    ("identity", KqlType::Dynamic),
    ("zones", KqlType::Dynamic),
    ("extendedLocation", KqlType::Dynamic),
];

pub(super) async fn query(call: &Call, body: Body) -> Result<Response, Failure> {
    let app = &call.app;
    let request: GraphRequest = read_json(&call.parts.headers, body, BODY_MAX).await?;
    if request.query.trim().is_empty() {
        return Err(ApiError::field("query", "the query is missing").into());
    }
    let options = request.options.clone().unwrap_or_default();
    let top = options.top.unwrap_or(TOP_DEFAULT);
    if top == 0 || top > TOP_MAX {
        return Err(ApiError::field("options.$top", format!("`$top` is a number from 1 to {TOP_MAX}")).into());
    }
    let skip = match &options.skip_token {
        Some(token) => skipped(token, &request.query)?,
        None => options.skip.unwrap_or(0),
    };
    if request.facets.as_ref().is_some_and(|facets| facets.len() > facets::FACETS_MAX) {
        let text = format!("a request has up to {} facets", facets::FACETS_MAX);
        return Err(ApiError::field("facets", text).into());
    }
    let checked = app.engine.check_given(tables(), &request.query);
    if checked.columns.is_none() {
        return Err(refused(&request.query, QueryError::Invalid(checked.diagnostics)));
    }
    let principal = call.caller.principal()?;
    let asked = QueryRequest {
        workspace: app.home.customer,
        text: request.query.clone(),
        timespan: None,
        now: app.clock.now(),
        principal: format!("aaduser={}", principal.object_id),
        ingested: None,
        limits: QueryLimits::default(),
    };
    let given = rows(call, &request, &checked.tables_used, &asked).await?;
    let facets = match &request.facets {
        Some(_) => facets::of(app, &request, &given, &asked).await,
        None => Vec::new(),
    };
    let output =
        app.engine.query_given(given, asked).await.map_err(|error| refused(&request.query, error))?;
    if let Some(partial) = &output.partial {
        // Part of an inventory is worse than none.
        return Err(
            ApiError::coded(ErrorKind::TooLarge, "ResponsePayloadTooLarge", partial.message.clone()).into()
        );
    }
    let mut answer = page(&request, &output, top, skip);
    answer["facets"] = facets.into();
    Ok(Json(answer).into_response())
}

/// The tables in the order of [`TABLES`].
fn tables() -> &'static [GivenTable] {
    static ALL: LazyLock<Vec<GivenTable>> =
        LazyLock::new(|| TABLES.iter().map(|(name, _)| GivenTable { name, columns: columns() }).collect());
    &ALL
}

fn columns() -> Vec<Column> {
    COLUMNS.iter().map(|(name, ty)| Column::new(*name, *ty)).collect()
}

/// The rows of the tables that a query reads.
async fn rows(
    call: &Call,
    request: &GraphRequest,
    used: &[String],
    query: &QueryRequest,
) -> Result<Vec<GivenRows>, Failure> {
    let mut out: Vec<GivenRows> = tables().iter().cloned().map(GivenRows::none).collect();
    let mut sight = Sight::of(&call.app, &call.caller).await?;
    let map = call.app.access_map().await?;
    let asked = asked(request, &map.hierarchy);
    let in_asked = |id: &ResourceId| {
        asked.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| map.hierarchy.contains(scope, id)))
    };
    let uses = |table: &str| used.iter().any(|name| name == table);
    if let Some(at) = TABLES.iter().position(|(name, _)| *name == changes::TABLE && uses(name)) {
        let rows = changes::rows(call, query, &mut sight, &in_asked).await?;
        out[at] = out[at].with(&rows, query.now)?;
    }
    let kept = TABLES.iter().enumerate().filter(|(_, (name, _))| *name != changes::TABLE && uses(name));
    let kept: Vec<usize> = kept.map(|(at, _)| at).collect();
    if !kept.is_empty() {
        let view = call.app.graph.view(&call.app, &kept).await?;
        for at in kept {
            out[at] = view.rows_of(at, &mut sight, asked.as_deref())?;
        }
    }
    Ok(out)
}

fn table_of(key: &str) -> usize {
    let fits = |prefixes: &[&str]| prefixes.iter().any(|prefix| key.starts_with(prefix));
    TABLES.iter().position(|(_, prefixes)| fits(prefixes)).unwrap_or(TABLES.len() - 1)
}

/// What a request asks about: the subscriptions and management groups that it names, else everything.
fn asked(request: &GraphRequest, tree: &Hierarchy) -> Option<Vec<ResourceId>> {
    let subscriptions = request.subscriptions.iter().flatten().filter(|id| !id.is_empty());
    let groups = request.management_groups.iter().flatten().filter(|name| !name.is_empty());
    let mut scopes: Vec<ResourceId> =
        subscriptions.filter_map(|id| ResourceId::parse(&format!("/subscriptions/{id}")).ok()).collect();
    let named = |name: &String| match tree.group(name.rsplit('/').next().unwrap_or_default()) {
        Some(group) => Some(group.id.clone()),
        // One that is not there holds nothing.
        None => ResourceId::parse(&format!("/providers/{GROUP_TYPE}/{name}")).ok(),
    };
    scopes.extend(groups.filter_map(named));
    (!scopes.is_empty()).then_some(scopes)
}

fn row(home: &Home, tree: &Hierarchy, resource: &Resource, key: String) -> Map<String, Value> {
    let mut shown = shown(home, tree, resource);
    let mut out = Map::new();
    out.insert("id".to_owned(), shown["id"].take());
    out.insert("name".to_owned(), shown["name"].take());
    // Resource Graph writes types and groups in small letters.
    let kind = shown["type"].as_str().unwrap_or_default();
    let ty = if kind.eq_ignore_ascii_case("Microsoft.Resources/resourceGroups") {
        "microsoft.resources/subscriptions/resourcegroups".to_owned()
    } else {
        key
    };
    out.insert("type".to_owned(), ty.into());
    out.insert("tenantId".to_owned(), home.tenant.to_string().into());
    let group = resource.id.resource_group().map(str::to_lowercase).unwrap_or_default();
    out.insert("resourceGroup".to_owned(), group.into());
    out.insert("subscriptionId".to_owned(), resource.id.subscription().unwrap_or_default().into());
    for name in [
        "kind",
        "location",
        "managedBy",
        "sku",
        "plan",
        "properties",
        "tags",
        "identity",
        "zones",
        "extendedLocation",
    ] {
        if let Some(value) = shown.get_mut(name).map(Value::take).filter(|value| !value.is_null()) {
            out.insert(name.to_owned(), value);
        }
    }
    out
}

/// A resource as Resource Graph has it. Subscriptions are called by their display names there, and tell the
/// management groups that they are in.
fn shown(home: &Home, tree: &Hierarchy, resource: &Resource) -> Value {
    let mut value = answer::shown(resource);
    if !scope::is_subscription(&resource.id) {
        return value;
    }
    let chain = |group: &&Group| json!({"name": group.id.name(), "displayName": group.display_name});
    let chain: Vec<Value> = tree.groups_above(&resource.id).iter().map(chain).collect();
    let full = subscriptions::shown(home, resource);
    value["name"] = value["displayName"].take();
    value["properties"] = json!({
        "state": value["state"].take(), "managedByTenants": [], "managementGroupAncestorsChain": chain,
        "subscriptionPolicies": full["subscriptionPolicies"],
    });
    value
}

fn page(request: &GraphRequest, output: &QueryOutput, top: u64, skip: u64) -> Value {
    let names: Vec<&str> = output.columns.iter().map(|column| column.name.as_str()).collect();
    let rows = output.rows_json();
    let total = rows.len() as u64;
    let cells = |row: Vec<Value>| -> Vec<Value> {
        row.into_iter().zip(&output.columns).map(|(cell, column)| unpacked(cell, column.ty)).collect()
    };
    let from = usize::try_from(skip).unwrap_or(usize::MAX);
    let size = usize::try_from(top).unwrap_or(usize::MAX);
    let taken: Vec<Vec<Value>> = rows.into_iter().skip(from).take(size).map(cells).collect();
    let count = taken.len() as u64;
    let more = skip.saturating_add(count) < total;
    let format = request.options.as_ref().and_then(|options| options.result_format).unwrap_or_default();
    let data = match format {
        ResultFormat::ObjectArray => {
            let object = |row: Vec<Value>| -> Value {
                names.iter().map(|name| (*name).to_owned()).zip(row).collect::<Map<_, _>>().into()
            };
            Value::Array(taken.into_iter().map(object).collect())
        }
        ResultFormat::Table => {
            let columns: Vec<Value> = output
                .columns
                .iter()
                .map(|column| json!({"name": column.name, "type": graph_type(column.ty)}))
                .collect();
            json!({"columns": columns, "rows": taken})
        }
    };
    let mut answer = json!({
        "totalRecords": total, "count": count, "data": data,
        "resultTruncated": if more { "true" } else { "false" },
    });
    if more && count > 0 {
        answer["$skipToken"] = token(skip + count, &request.query).into();
    }
    answer
}

/// Dynamic values travel as JSON here, not as its text.
pub(super) fn unpacked(cell: Value, ty: KqlType) -> Value {
    match (&cell, ty) {
        (Value::String(text), KqlType::Dynamic) => serde_json::from_str(text).unwrap_or(cell),
        _ => cell,
    }
}

fn graph_type(ty: KqlType) -> &'static str {
    match ty {
        KqlType::Int | KqlType::Long => "integer",
        KqlType::Real | KqlType::Decimal => "number",
        KqlType::Bool => "boolean",
        KqlType::Dynamic => "object",
        KqlType::DateTime => "datetime",
        _ => "string",
    }
}

/// Where a page ends, for this query only.
fn token(at: u64, query: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{at}:{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, query.as_bytes())))
}

fn skipped(token_text: &str, query: &str) -> Result<u64, Failure> {
    let wrong = || Failure(ApiError::field("options.$skipToken", "`$skipToken` is not one of this query"));
    let decoded = URL_SAFE_NO_PAD.decode(token_text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(wrong)?;
    let at = decoded.split(':').next().and_then(|at| at.parse().ok()).ok_or_else(wrong)?;
    if token(at, query) == token_text { Ok(at) } else { Err(wrong()) }
}

/// A query that is wrong is the caller's; what and where is in the details.
pub(super) fn refused(text: &str, error: QueryError) -> Failure {
    let details: Vec<Value> = match error {
        QueryError::Invalid(findings) => findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| {
                let (line, column) = position(text, finding.span.start);
                json!({
                    "code": finding.code,
                    "message": format!("{} (line {line}, column {column})", finding.message),
                })
            })
            .collect(),
        QueryError::Unsupported { what, span } => {
            let (line, column) = position(text, span.start);
            vec![json!({
                "code": "K9000",
                "message": format!("`{what}` is not supported yet (line {line}, column {column})"),
            })]
        }
        other => return other.into(),
    };
    let error =
        ApiError::coded(ErrorKind::Invalid, "InvalidQuery", "The query cannot be run; the details say why.");
    Failure(ApiError { details, ..error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_table() {
        let table = |key: &str| TABLES[table_of(key)].0;
        assert_eq!(table("microsoft.hybridcompute/machines"), "resources");
        assert_eq!(table("microsoft.resources/resourcegroups"), "resourcecontainers");
        assert_eq!(table("microsoft.security/assessments"), "securityresources");
        assert_eq!(table("microsoft.authorization/policyassignments"), "policyresources");
        assert_eq!(table("microsoft.authorization/roleassignments"), "authorizationresources");
        assert_eq!(table(health::TYPE), health::TABLE);
    }

    #[test]
    fn a_skip_token_is_for_its_query() {
        assert_eq!(skipped(&token(100, "resources"), "resources").ok(), Some(100));
        assert!(skipped(&token(100, "resources"), "resourcecontainers").is_err());
        assert!(skipped("nonsense", "resources").is_err());
    }
}
