//! Export rules of a workspace.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_records::Written;
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;
use crate::logs::READ_ACTION;
use crate::logs::export::{self, EXPORT_TYPE, ExportRule, folder_of};

/// Rules of a workspace, as in Azure, and tables of one.
const RULES_MAX: usize = 10;
const TABLES_MAX: usize = 200;

pub(super) struct DataExports;

#[async_trait]
impl Kind for DataExports {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if app.export.is_none() {
            let text =
                "this server may not export anywhere; its operator allows it with `serve --export-to DIR`";
            return Err(ApiError::field("properties.destination", text).into());
        }
        // A rule hands rows on, so its writer must be allowed to read them.
        app.authorize(draft.caller, READ_ACTION, &app.home.workspace).await?;
        draft.keep(&["dataExportId", "createdDate"]);
        check_tables(app, draft)?;
        check_destination(app, draft).await?;
        if draft.property("enable").is_null() {
            draft.set("enable", true);
        }
        if !draft.property("enable").is_boolean() {
            return Err(ApiError::field("properties.enable", "`enable` is true or false").into());
        }
        let now = app.clock.now().to_string();
        if draft.property("dataExportId").is_null() {
            draft.set("dataExportId", Uuid::new_v4().to_string());
            draft.set("createdDate", now.as_str());
        }
        draft.set("lastModifiedDate", now);
        Ok(())
    }

    async fn written(&self, app: &App, written: &Written) -> Result<(), Failure> {
        let Some(rule) = ExportRule::of(&written.resource) else { return Ok(()) };
        export::begin(app, &rule).await.map_err(|error| {
            tracing::error!(error, "cannot note where an export begins");
            Failure(ApiError::new(
                ErrorKind::Unavailable,
                "The rule is stored; its export begins a little later.",
            ))
        })
    }
}

/// Tables that are there, spelled as they are.
fn check_tables(app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
    let path = "properties.tableNames";
    let names = draft.property("tableNames").as_array().filter(|names| !names.is_empty());
    let names = names.ok_or_else(|| ApiError::field(path, "`tableNames` is a list of at least one table"))?;
    if names.len() > TABLES_MAX {
        return Err(ApiError::field(path, format!("a rule exports at most {TABLES_MAX} tables")).into());
    }
    let mut tables: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let name = name.as_str().unwrap_or_default();
        let table = app.store.table(app.home.customer, name);
        let shown: String = name.chars().take(80).collect();
        let table = table.ok_or_else(|| ApiError::field(path, format!("there is no table `{shown}`")))?;
        if !tables.contains(&table.name) {
            tables.push(table.name.clone());
        }
    }
    draft.set("tableNames", tables);
    Ok(())
}

async fn check_destination(app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
    let path = "properties.destination.resourceId";
    let destination = draft.property("destination")["resourceId"].as_str().unwrap_or_default().to_owned();
    let folder = folder_of(&destination).ok_or_else(|| {
        let shown: String = destination.chars().take(80).collect();
        let text = format!(
            "`{shown}` is no destination: rows are exported to `folder:NAME`, a folder below the one the server was \
             started with; storage accounts, event hubs and S3 are not supported"
        );
        ApiError::field(path, text)
    })?;
    let others = app.records.list_all(&app.home.workspace, EXPORT_TYPE).await?;
    let others: Vec<_> = others.iter().filter(|other| other.id != *draft.id).collect();
    if draft.before.is_none() && others.len() >= RULES_MAX {
        let text = format!("a workspace has at most {RULES_MAX} export rules; delete one");
        return Err(ApiError::new(ErrorKind::Conflict, text).into());
    }
    let same = others.into_iter().filter_map(ExportRule::of).find(|other| other.folder == folder);
    if let Some(other) = same {
        let text = format!("the rule `{}` exports to that folder already; choose another", other.name);
        return Err(ApiError::field(path, text).into());
    }
    draft.body["properties"]["destination"]["type"] = Value::from("Folder");
    Ok(())
}
