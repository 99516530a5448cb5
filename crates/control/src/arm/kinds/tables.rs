//! Tables of a workspace: what they hold and how long rows are kept.

use std::sync::Arc;

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ResourceId, WorkspaceId};
use bartizan_records::{Resource, Written};
use bartizan_schema::{Column, KqlType, Table, TableKind};
use bartizan_store::Retention;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::http::Failure;

pub(super) struct Tables;

/// Days of an [`Retention`] that a body asks for; -1 is the workspace's own, as in Log Analytics.
const WORKSPACE_DEFAULT: i64 = -1;

#[async_trait]
impl Kind for Tables {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let name = draft.id.name().to_owned();
        let workspace = app.workspace_around(draft.id)?.id;
        let existing = app.store.table(workspace, &name);
        let standard = existing.as_ref().is_some_and(|table| table.kind == TableKind::Standard);
        let asked = Asked::of(draft)?;
        // Before the record, so that a table the store refuses is not listed; repeating it is harmless.
        if standard {
            refuse_columns(draft)?;
        } else if !name.ends_with("_CL") {
            let text = format!("`{name}` is no standard table, and a custom one's name ends in `_CL`");
            return Err(ApiError::field("name", text).into());
        } else if existing.is_none() || !draft.property("schema")["columns"].is_null() {
            let table = declared(&name, draft.property("schema"))?;
            app.store.create_table(workspace, table).await?;
        }
        let retention = asked.retention(app, workspace, &name)?;
        app.store.set_retention(workspace, Some(&name), retention).await?;
        let table =
            app.store.table(workspace, &name).ok_or_else(|| ApiError::not_found(draft.id.as_str()))?;
        draft.body["properties"] = shown(app, workspace, &table)?;
        Ok(())
    }

    async fn written(&self, _app: &App, _written: &Written) -> Result<(), Failure> {
        Ok(())
    }

    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let workspace = id.parent().and_then(|workspace| app.workspaces.at(&workspace));
        let Some(workspace) = workspace.map(|workspace| workspace.id) else { return Ok(None) };
        let table = app.store.table(workspace, id.name());
        let properties = table.map(|table| shown(app, workspace, &table)).transpose()?;
        Ok(properties.map(|properties| computed(id.clone(), json!({"properties": properties}))))
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let Some(workspace) = app.workspaces.at(scope) else { return Ok(Vec::new()) };
        let tables = app.store.tables(workspace.id);
        let named = |table: Arc<Table>| {
            let id = scope.join(&format!("tables/{}", table.name)).ok()?;
            Some(
                shown(app, workspace.id, &table)
                    .map(|properties| computed(id, json!({"properties": properties}))),
            )
        };
        tables.into_iter().filter_map(named).collect()
    }

    async fn delete(&self, app: &App, caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        app.store.drop_table(app.workspace_around(&stored.id)?.id, stored.id.name()).await?;
        app.records.delete(&stored.id, &caller.actor, None).await?;
        Ok(true)
    }
}

/// The retention in a body: what each member says, if anything.
struct Asked {
    days: Option<i64>,
    total_days: Option<i64>,
}

impl Asked {
    fn of(draft: &Draft<'_>) -> Result<Self, Failure> {
        let days = |name: &str| match draft.property(name) {
            Value::Null => Ok(None),
            value => value.as_i64().map(Some).ok_or_else(|| {
                let text = format!("`{name}` is a number of days, or -1 for the workspace's own");
                Failure(ApiError::field(&format!("properties.{name}"), text))
            }),
        };
        Ok(Self { days: days("retentionInDays")?, total_days: days("totalRetentionInDays")? })
    }

    /// `None` for the workspace's own.
    fn retention(&self, app: &App, workspace: WorkspaceId, name: &str) -> Result<Option<Retention>, Failure> {
        let own = |days: Option<i64>| days.filter(|days| *days != WORKSPACE_DEFAULT);
        let (days, total_days) = (own(self.days), own(self.total_days));
        if days.is_none() && total_days.is_none() {
            return Ok(None);
        }
        let wrong = |_| {
            let text = "days of retention are 1 to 4383, or -1 for the workspace's own";
            Failure(ApiError::field("properties.retentionInDays", text))
        };
        let inherited = app.store.retention(workspace, name)?;
        let days = days.map_or(Ok(inherited.days), u32::try_from).map_err(wrong)?;
        let total_days = total_days.map_or(Ok(days), u32::try_from).map_err(wrong)?;
        Ok(Some(Retention { days, total_days }))
    }
}

/// A standard table has the columns it has.
fn refuse_columns(draft: &Draft<'_>) -> Result<(), Failure> {
    let columns = draft.property("schema")["columns"].as_array().is_some_and(|columns| !columns.is_empty());
    if !columns {
        return Ok(());
    }
    let text = format!(
        "`{}` is a standard table and gets no columns; make a custom table whose name ends in `_CL`",
        draft.id.name()
    );
    Err(ApiError::field("properties.schema.columns", text).into())
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
        let description = column["description"].as_str().unwrap_or_default().to_owned();
        out.push(Column { description, ..Column::new(column_name, ty) });
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

/// `properties` of a table.
fn shown(app: &App, workspace: WorkspaceId, table: &Table) -> Result<Value, Failure> {
    let standard = table.kind == TableKind::Standard;
    let Retention { days, total_days } = app.store.retention(workspace, &table.name)?;
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "type": column.ty.name(), "description": column.description}))
        .collect();
    Ok(json!({
        "plan": "Analytics",
        "provisioningState": "Succeeded",
        "retentionInDays": days,
        "totalRetentionInDays": total_days,
        "archiveRetentionInDays": total_days - days,
        "schema": {
            "name": table.name,
            "description": table.description,
            "tableType": if standard { "Microsoft" } else { "CustomLog" },
            "categories": table.categories,
            (if standard { "standardColumns" } else { "columns" }): columns,
        },
    }))
}
