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
use crate::logs::export::{self, Destination, EXPORT_TYPE, ExportRule};

/// Rules of a workspace, as in Azure, and tables of one.
const RULES_MAX: usize = 10;
const TABLES_MAX: usize = 200;

pub(super) struct DataExports;

#[async_trait]
impl Kind for DataExports {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if app.export.is_none() {
            let text = "this server may not export anywhere; its operator allows it with `serve --export-to DIR` or \
                `serve --export-s3-endpoint URL --export-s3-bucket NAME`";
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
    let named = draft.property("destination")["resourceId"].as_str().unwrap_or_default().to_owned();
    let destination = Destination::parse(&named).ok_or_else(|| {
        let shown: String = named.chars().take(80).collect();
        let text = format!(
            "`{shown}` is no destination: rows are exported to `folder:NAME`, a folder below the one the server was \
             started with, or to `s3:NAME`, keys that begin with NAME in its bucket; storage accounts and event hubs \
             are not supported"
        );
        ApiError::field(path, text)
    })?;
    let options = app.export.as_ref();
    let missing = match &destination {
        Destination::Folder(_) => {
            options.is_none_or(|options| options.dir.is_none()).then_some(("folders", "--export-to DIR"))
        }
        Destination::Bucket(_) => options
            .is_none_or(|options| options.bucket.is_none())
            .then_some(("a bucket", "--export-s3-endpoint URL --export-s3-bucket NAME")),
    };
    if let Some((what, option)) = missing {
        let text =
            format!("this server may not export to {what}; its operator allows it with `serve {option}`");
        return Err(ApiError::field(path, text).into());
    }
    let others = app.records.list_all(&app.home.workspace, EXPORT_TYPE).await?;
    let others: Vec<_> = others.iter().filter(|other| other.id != *draft.id).collect();
    if draft.before.is_none() && others.len() >= RULES_MAX {
        let text = format!("a workspace has at most {RULES_MAX} export rules; delete one");
        return Err(ApiError::new(ErrorKind::Conflict, text).into());
    }
    let same = others.into_iter().filter_map(ExportRule::of).find(|other| other.destination == destination);
    if let Some(other) = same {
        let text = format!("the rule `{}` exports to `{named}` already; choose another name", other.name);
        return Err(ApiError::field(path, text).into());
    }
    draft.body["properties"]["destination"]["type"] = Value::from(destination.kind());
    Ok(())
}
