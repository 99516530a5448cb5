//! Export rules (`workspaces/dataExports`): new rows of tables go on to files, continuously and each once.
//!
//! A table's rows are exported in windows of the store's sequence numbers. Before a file is written, its window and
//! name are noted; after a crash the same window is written again under the same name, so that a row is in one
//! file and no file is there twice. A file appears whole, by a rename; an object of a bucket does so anyway.

mod episodes;
mod file;
mod rule;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bartizan_engine::{QueryLimits, QueryOutput, QueryRequest, SeqWindow};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use episodes::Episodes;
pub(crate) use rule::{Destination, EXPORT_TYPE, ExportRule};

use crate::app::App;
use crate::http::chain;
use crate::logs::dynamics;

/// Where the records keep how far exports came: `export/{dataExportId}/{table}`.
const STATE: &str = "export/";
/// What one file may hold before its window is cut in two.
const FILE_LIMITS: QueryLimits =
    QueryLimits { timeout: Duration::from_secs(600), rows: 500_000, bytes: 64 << 20 };
/// The same for a window of one sequence number, which is one upload and cannot be cut.
const UPLOAD_LIMITS: QueryLimits = QueryLimits { rows: 20_000_000, bytes: 512 << 20, ..FILE_LIMITS };

/// Where the operator lets export rules write, and how often they do.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// Rules name folders in here, with `folder:NAME`.
    pub dir: Option<PathBuf>,
    /// Rules name how keys in here begin, with `s3:NAME`.
    pub bucket: Option<Arc<dyn ExportBucket>>,
    /// Time between two files of one table.
    pub every: Duration,
}

/// A bucket of an object store, as exports need it.
#[async_trait]
pub trait ExportBucket: std::fmt::Debug + Send + Sync {
    /// The bucket and the store it is in, for people. No secret.
    fn name(&self) -> String;

    /// Stores an object whole, in the place of one with the same key, or not at all.
    ///
    /// # Errors
    /// What hinders it, for people, when it was tried for long enough. No secret, and no address with a signature.
    async fn put(&self, key: &str, body: Bytes) -> Result<(), String>;
}

/// How far the export of one table came.
#[derive(Clone, Debug, PartialEq)]
struct Mark {
    /// Rows up to here are in files.
    seq: u64,
    /// The window that is being written, up to this number, and its file.
    next: Option<(u64, String)>,
}

/// Exports until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let Some(options) = app.export.clone() else { return };
    let mut episodes = Episodes::default();
    loop {
        if let Err(error) = step(&app, &options, &mut episodes).await {
            tracing::warn!(error, "cannot read the export rules; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(options.every) => {}
            () = app.stop.cancelled() => return,
        }
    }
}

async fn step(app: &App, options: &ExportOptions, episodes: &mut Episodes) -> Result<(), String> {
    let rules = rule::all(app).await.map_err(|error| chain(&error))?;
    forget_deleted(app, &rules).await?;
    episodes.keep(&rules);
    for rule in rules.iter().filter(|rule| rule.enabled) {
        for table in &rule.tables {
            if app.stop.is_cancelled() {
                return Ok(());
            }
            let done = export(app, options, rule, table).await;
            if let Err(error) = &done {
                tracing::warn!(rule = rule.name, table, error, "cannot export; trying again");
            }
            episodes.note(app, rule, table, done.err()).await;
        }
    }
    Ok(())
}

/// Notes where the exports of a new or changed rule begin: rows that come from now on.
pub(crate) async fn begin(app: &App, rule: &ExportRule) -> Result<(), String> {
    for table in &rule.tables {
        mark_of(app, rule, table).await?;
    }
    Ok(())
}

/// Exports what a table has beyond its mark.
async fn export(app: &App, options: &ExportOptions, rule: &ExportRule, table: &str) -> Result<(), String> {
    let mut mark = mark_of(app, rule, table).await?;
    let newest = app.store.committed_seq();
    while mark.next.is_some() || mark.seq < newest {
        if app.stop.is_cancelled() {
            return Ok(());
        }
        let (upto, name) = match mark.next.take() {
            Some(next) => next,
            None => (newest, file::name(table, mark.seq, newest, app.clock.now())),
        };
        let mut window = SeqWindow { after: mark.seq, upto };
        let (output, name) = read(app, table, &mut window, name).await?;
        if output.stats.rows > 0 {
            // Noted before it is written: whatever happens now, this window goes to this file.
            write_mark(app, rule, table, &Mark { seq: mark.seq, next: Some((window.upto, name.clone())) })
                .await?;
            write(options, rule, &name, output).await?;
        }
        mark = Mark { seq: window.upto, next: None };
        write_mark(app, rule, table, &mark).await?;
    }
    Ok(())
}

/// Writes a window's rows to where the rule wants them.
async fn write(
    options: &ExportOptions,
    rule: &ExportRule,
    name: &str,
    output: QueryOutput,
) -> Result<(), String> {
    match &rule.destination {
        Destination::Folder(folder) => {
            let dir = options
                .dir
                .as_ref()
                .ok_or("this server may not export to folders; see `serve --export-to`")?;
            let path = dir.join(folder).join(name);
            let write = move || file::write(&path, &lines(&output));
            let written = tokio::task::spawn_blocking(write).await.map_err(|error| error.to_string())?;
            written.map_err(|error| chain(&error))
        }
        Destination::Bucket(prefix) => {
            let bucket = options.bucket.as_ref();
            let bucket =
                bucket.ok_or("this server may not export to a bucket; see `serve --export-s3-endpoint`")?;
            let lines = tokio::task::spawn_blocking(move || lines(&output)).await;
            let lines = lines.map_err(|error| error.to_string())?;
            bucket.put(&format!("{prefix}/{name}"), lines.into()).await
        }
    }
}

/// The rows of a window. One that is too large for a file is cut, and its file named anew; that a window was
/// noted before means that it was not too large.
async fn read(
    app: &App,
    table: &str,
    window: &mut SeqWindow,
    mut name: String,
) -> Result<(QueryOutput, String), String> {
    loop {
        let whole = window.upto - window.after <= 1;
        let request = QueryRequest {
            workspace: app.home.customer,
            text: format!("['{table}']"),
            timespan: None,
            now: app.clock.now(),
            principal: String::new(),
            ingested: Some(*window),
            limits: if whole { UPLOAD_LIMITS } else { FILE_LIMITS },
        };
        let output = app.engine.query(request).await.map_err(|error| chain(&error))?;
        match &output.partial {
            // Rows of damaged files are missing for good; `Operation` has told of them.
            Some(partial) if partial.code != "DataMissing" && !whole => {
                window.upto = window.after + (window.upto - window.after) / 2;
                name = file::name(table, window.after, window.upto, app.clock.now());
            }
            Some(partial) if partial.code != "DataMissing" => return Err(partial.message.clone()),
            _ => return Ok((output, name)),
        }
    }
}

/// One JSON object a row and line, without what the row has no value for.
fn lines(output: &QueryOutput) -> Vec<u8> {
    let mut rows = output.rows_json();
    dynamics::nest(&output.columns, &mut rows);
    let mut out = Vec::new();
    for row in rows {
        let cells = output.columns.iter().zip(row);
        let cells = cells.filter(|(_, cell)| !cell.is_null() && cell.as_str() != Some(""));
        let row: Map<String, Value> = cells.map(|(column, cell)| (column.name.clone(), cell)).collect();
        out.extend_from_slice(Value::Object(row).to_string().as_bytes());
        out.push(b'\n');
    }
    out
}

fn key(rule: &ExportRule, table: &str) -> String {
    format!("{STATE}{}/{}", rule.export_id, table.to_ascii_lowercase())
}

/// The mark of a table, made now when there is none.
async fn mark_of(app: &App, rule: &ExportRule, table: &str) -> Result<Mark, String> {
    let state = app.records.get_state(&key(rule, table)).await.map_err(|error| chain(&error))?;
    let known = state.and_then(|state| {
        let next = &state["next"];
        let next = next["upto"].as_u64().zip(next["file"].as_str().map(str::to_owned));
        Some(Mark { seq: state["seq"].as_u64()?, next })
    });
    match known {
        Some(mark) => Ok(mark),
        None => {
            let mark = Mark { seq: app.store.committed_seq(), next: None };
            write_mark(app, rule, table, &mark).await?;
            Ok(mark)
        }
    }
}

async fn write_mark(app: &App, rule: &ExportRule, table: &str, mark: &Mark) -> Result<(), String> {
    let next = mark.next.as_ref().map(|(upto, file)| json!({"upto": upto, "file": file}));
    let state = json!({"seq": mark.seq, "next": next});
    app.records.put_state(&key(rule, table), state).await.map_err(|error| chain(&error))
}

/// Forgets the marks of rules, and of tables of rules, that are no more.
async fn forget_deleted(app: &App, rules: &[ExportRule]) -> Result<(), String> {
    let known: Vec<String> =
        rules.iter().flat_map(|rule| rule.tables.iter().map(|table| key(rule, table))).collect();
    for (name, _) in app.records.list_state(STATE).await.map_err(|error| chain(&error))? {
        if !known.contains(&name) {
            app.records.delete_state(&name).await.map_err(|error| chain(&error))?;
        }
    }
    Ok(())
}
