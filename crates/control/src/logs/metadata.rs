//! `/v1/workspaces/{id}/metadata`: what tables and columns there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::http::Failure;
use crate::logs::query::open_workspace;

pub(super) async fn metadata(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(workspace): Path<String>,
) -> Result<Json<Value>, Failure> {
    let opened = open_workspace(&app, &caller, &workspace).await?;
    let customer = opened.id;
    let tables: Vec<Value> = app
        .store
        .tables(customer)
        .iter()
        .map(|table| {
            let columns: Vec<Value> = table
                .columns
                .iter()
                .map(|column| json!({"name": column.name, "type": column.ty.name(), "description": column.description}))
                .collect();
            json!({
                "id": format!("t/{}", table.name), "name": table.name, "description": table.description,
                "timespanColumn": "TimeGenerated", "columns": columns,
                "related": {"workspaces": [customer]},
            })
        })
        .collect();
    let functions: Vec<Value> = app
        .functions
        .all(customer)
        .iter()
        .map(|function| {
            let parameters = function.parameters.trim_start_matches('(').trim_end_matches(')');
            json!({
                "id": format!("f/{}", function.name), "name": function.name, "parameters": parameters,
                "body": function.body, "related": {"workspaces": [customer]},
            })
        })
        .collect();
    Ok(Json(json!({
        "tables": tables,
        "functions": functions,
        "workspaces": [{
            "id": customer, "resourceId": opened.resource, "name": opened.resource.name(),
            "region": opened.location, "related": {"tables": []},
        }],
    })))
}
