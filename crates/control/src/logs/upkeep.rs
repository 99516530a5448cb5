//! What the log store has to tell, as rows of `Operation`: damage found, times when rows were refused, and values that
//! did not fit their columns.

use std::sync::Arc;
use std::time::Duration;

use bartizan_base::Ticks;
use bartizan_store::{Notice, ROWS_REFUSED, ROWS_TAKEN, Rejected};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::http::chain;

/// How often the store is asked.
const PAUSE: Duration = Duration::from_secs(5);
/// Values that did not fit are told of once in this many rounds, added up by table.
const ROUNDS_PER_REPORT: u32 = 12;

/// Writes down what the store has to tell until the server stops.
pub(crate) async fn write_notices(app: Arc<App>) {
    for round in 1_u32.. {
        step(&app, round.is_multiple_of(ROUNDS_PER_REPORT)).await;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.stop.cancelled() => break,
        }
    }
    step(&app, true).await;
}

async fn step(app: &App, with_rejected: bool) {
    let notices = app.store.take_notices();
    let rejected = if with_rejected { untold(app) } else { Vec::new() };
    let now = app.clock.now();
    let rows: Vec<_> = notices
        .iter()
        .map(|notice| notice_row(app, notice))
        .chain(rejected.iter().map(|rejected| misfit(app, rejected, now)))
        .collect();
    if rows.is_empty() {
        return;
    }
    let target = app.home.target("Operation");
    if let Err(error) = app.store.append_rows(target, rows).await {
        tracing::warn!(error = chain(&error), "cannot write Operation; trying again");
        app.store.keep_notices(notices);
        app.store.keep_rejected(rejected);
    }
}

/// What did not fit and came by no door: the doors tell of their own senders' rows, with the rule they came by.
fn untold(app: &App) -> Vec<Rejected> {
    let told = app.ingestion_notes.take_told();
    let mut rejected = app.store.take_rejected();
    for Rejected { table, cells, fields, .. } in &mut rejected {
        let told = told.get(table.as_str()).copied().unwrap_or_default();
        (*cells, *fields) = (cells.saturating_sub(told.cells), fields.saturating_sub(told.fields));
    }
    rejected.retain(|rejected| rejected.cells + rejected.fields > 0);
    rejected
}

fn notice_row(app: &App, notice: &Notice) -> Map<String, Value> {
    let (category, status) = match notice.key {
        ROWS_REFUSED => ("Ingestion", "Error"),
        ROWS_TAKEN => ("Ingestion", "Info"),
        _ => ("Data integrity", "Error"),
    };
    row(app, notice.at, category, notice.key, status, &notice.detail)
}

fn misfit(app: &App, rejected: &Rejected, now: Ticks) -> Map<String, Value> {
    let Rejected { table, cells, fields, .. } = rejected;
    let detail = format!(
        "Table `{table}`: {cells} values did not fit the type of their column and were stored as null; {fields} \
         fields had no column and were dropped. The rows were kept. Declare the columns, or convert in the data \
         collection rule's transformation."
    );
    row(app, now, "Ingestion", "ConversionFailed", "Warning", &detail)
}

fn row(app: &App, at: Ticks, category: &str, key: &str, status: &str, detail: &str) -> Map<String, Value> {
    let row = json!({
        "TimeGenerated": at, "OperationCategory": category, "OperationKey": key, "OperationStatus": status,
        "Detail": detail, "Solution": "LogManagement", "SourceSystem": "Bartizan",
        "_ResourceId": app.home.workspace.to_string().to_lowercase(),
    });
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}
