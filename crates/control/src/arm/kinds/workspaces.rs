//! Workspaces and their tables.

use std::sync::Arc;

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{Resource, Written};
use bartizan_schema::{Column, KqlType, Table, TableKind};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::http::Failure;

pub(super) struct Workspaces;

#[async_trait]
impl Kind for Workspaces {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if *draft.id != app.home.workspace {
            let text = format!("This version has one workspace, `{}`.", app.home.workspace);
            return Err(ApiError::coded(ErrorKind::Conflict, "WorkspaceLimitReached", text).into());
        }
        draft.keep(&["customerId", "provisioningState", "createdDate"]);
        draft.set("modifiedDate", app.clock.now().to_string());
        let days = draft.property("retentionInDays");
        if !days.is_null() && !days.as_u64().is_some_and(|days| (1..=730).contains(&days)) {
            return Err(ApiError::field(
                "properties.retentionInDays",
                "`retentionInDays` is a number from 1 to 730",
            )
            .into());
        }
        Ok(())
    }

    async fn delete(&self, _app: &App, _caller: &Caller, _stored: &Resource) -> Result<bool, Failure> {
        Err(ApiError::new(
            ErrorKind::Conflict,
            "The workspace holds this server's logs and cannot be deleted.",
        )
        .into())
    }
}

pub(super) struct Tables;

#[async_trait]
impl Kind for Tables {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let name = draft.id.name().to_owned();
        if !name.ends_with("_CL") {
            let text = format!("`{name}` is a standard table or no custom one: custom tables end in `_CL`");
            return Err(ApiError::field("name", text).into());
        }
        let table = declared(&name, draft.property("schema"))?;
        // Before the record, so that a table the store refuses is not listed; repeating it is harmless.
        app.store.create_table(app.home.customer, table).await?;
        draft.set("provisioningState", "Succeeded");
        draft.set("plan", "Analytics");
        Ok(())
    }

    async fn written(&self, _app: &App, _written: &Written) -> Result<(), Failure> {
        Ok(())
    }

    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        if id.parent().as_ref() != Some(&app.home.workspace) {
            return Ok(None);
        }
        Ok(app.store.table(app.home.customer, id.name()).map(|table| shown(id.clone(), &table)))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        if *scope != app.home.workspace {
            return Ok(Vec::new());
        }
        let tables = app.store.tables(app.home.customer);
        let named = |table: Arc<Table>| {
            let id = scope.join(&format!("tables/{}", table.name)).ok()?;
            Some(shown(id, &table))
        };
        Ok(tables.into_iter().filter_map(named).collect())
    }

    async fn delete(&self, _app: &App, _caller: &Caller, _stored: &Resource) -> Result<bool, Failure> {
        Err(ApiError::new(
            ErrorKind::Conflict,
            "A table with rows cannot be deleted yet; its rows go by retention.",
        )
        .into())
    }
}

fn declared(name: &str, schema: &Value) -> Result<Table, Failure> {
    let path = "properties.schema.columns";
    let wrong = |text: String| Failure(ApiError::field(path, text));
    let columns =
        schema["columns"].as_array().ok_or_else(|| wrong("a table needs `schema.columns`".to_owned()))?;
    let mut out = Vec::new();
    for column in columns {
        let column_name = column["name"].as_str().unwrap_or_default();
        let ty = column["type"].as_str().unwrap_or_default();
        let ty: KqlType = ty
            .to_ascii_lowercase()
            .parse()
            .map_err(|error| wrong(format!("column `{column_name}`: {error}")))?;
        if column_name.is_empty() {
            return Err(wrong("each column needs a `name`".to_owned()));
        }
        out.push(Column::new(column_name, ty));
    }
    Ok(Table {
        name: name.to_owned(),
        description: schema["description"].as_str().unwrap_or_default().to_owned(),
        kind: TableKind::Custom,
        categories: Vec::new(),
        retention_days: 90,
        columns: out,
    })
}

fn shown(id: ResourceId, table: &Table) -> Resource {
    let standard = table.kind == TableKind::Standard;
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "type": column.ty.name(), "description": column.description}))
        .collect();
    let body = json!({"properties": {
        "plan": "Analytics",
        "provisioningState": "Succeeded",
        "retentionInDays": table.retention_days,
        "totalRetentionInDays": table.retention_days,
        "schema": {
            "name": table.name,
            "description": table.description,
            "tableType": if standard { "Microsoft" } else { "CustomLog" },
            "categories": table.categories,
            (if standard { "standardColumns" } else { "columns" }): columns,
        },
    }});
    computed(id, body)
}
