//! `Usage`: how much each workspace stored in each hour, by table and machine, counted from the rows themselves.
//!
//! An hour ends at a sequence number that is noted in the records, and the rows between two of them are an
//! hour's. So a restart in between loses and doubles nothing, late hours are made up for, and the rows of an hour carry a
//! batch number of their own, so that writing them again does no harm.
//!
//! Defender for Servers P2 pays for 500 MB a day and machine of the security tables, pooled over the machines of the
//! workspace; how much of it a day used is a row of `Operation`.

use std::sync::Arc;
use std::time::Duration;

use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND};
use bartizan_base::{BatchId, Ticks, WorkspaceId};
use bartizan_engine::{QueryLimits, QueryRequest, SeqWindow};
use bartizan_records::ListQuery;
use bartizan_schema::Table;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::http::chain;
use crate::logs::Workspace;
use crate::metering::{self, Plans};
use crate::plans::features::{self, INCLUDED_DATA};

const HOUR: i64 = 3600 * TICKS_PER_SECOND;
const PAUSE: Duration = Duration::from_secs(20);
/// Where the records keep how far the counting has come.
const STATE: &str = "usage/hour";
/// `Usage` counts in millions of bytes.
const MB: f64 = 1_000_000.0;
/// What Defender for Servers P2 pays for, in MB a day and machine.
const ALLOWANCE_MB: f64 = 500.0;
/// The tables it pays for.
pub(super) const ALLOWED: [&str; 11] = [
    "MaliciousIPCommunication",
    "ProtectionStatus",
    "SecurityAlert",
    "SecurityBaseline",
    "SecurityBaselineSummary",
    "SecurityDetection",
    "SecurityEvent",
    "SysmonEvent",
    "Update",
    "UpdateSummary",
    "WindowsFirewall",
];
const MACHINES: &str = "Microsoft.HybridCompute/machines";
pub(super) const PRICINGS: &str = "Microsoft.Security/pricings";

/// Where counting has come to: rows up to `seq` belong to hours before `hour`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    /// Start of the hour that is being filled.
    hour: Ticks,
    seq: u64,
    /// MB of the allowance's tables, this day so far.
    allowed_mb: f64,
}

/// Writes `Usage` until the server stops.
pub(crate) async fn meter(app: Arc<App>) {
    loop {
        if let Err(error) = write_usage(&app).await {
            tracing::warn!(error, "cannot write Usage; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.stop.cancelled() => return,
        }
    }
}

/// Writes `Usage` of the hours that are over since it was last written. The server does so by itself.
///
/// # Errors
/// What could not be read or written; the next call makes up for it.
pub async fn write_usage(app: &App) -> Result<(), String> {
    let now = app.clock.now();
    let Some(mark) = read_mark(app).await? else {
        return write_mark(
            app,
            Mark { hour: start_of_hour(now), seq: app.store.committed_seq(), allowed_mb: 0.0 },
        )
        .await;
    };
    // A clock that goes back waits for the hour to come again.
    if now.0 < mark.hour.0 + HOUR {
        return Ok(());
    }
    let upto = app.store.committed_seq();
    let end = start_of_hour(now);
    let number = u64::try_from(end.0 / HOUR).unwrap_or_default();
    let mut allowed_mb = mark.allowed_mb;
    for workspace in app.workspaces.all() {
        let counted = Counted { workspace: &workspace, start: mark.hour, end };
        let (rows, allowed) = counted.rows(app, SeqWindow { after: mark.seq, upto }).await?;
        allowed_mb += allowed;
        if !rows.is_empty() {
            let mut target = workspace.target("Usage");
            target.batch = Some(BatchId { source: source_of(workspace.id), seq: number });
            app.store.append_rows(target, rows).await.map_err(|error| chain(&error))?;
        }
    }
    let day = |ticks: Ticks| ticks.0.div_euclid(TICKS_PER_DAY);
    if day(end) != day(mark.hour) {
        if let Some(row) = allowance_row(app, allowed_mb, mark.hour, end).await? {
            let mut target = app.home.target("Operation");
            target.batch = Some(BatchId { source: source_of(app.home.customer), seq: number });
            app.store.append_rows(target, vec![row]).await.map_err(|error| chain(&error))?;
        }
        allowed_mb = 0.0;
    }
    write_mark(app, Mark { hour: end, seq: upto, allowed_mb }).await
}

/// What names the batches of a workspace's rows.
fn source_of(workspace: WorkspaceId) -> Uuid {
    Uuid::new_v5(&workspace.0, b"usage")
}

/// An hour of a workspace, or several that nothing was written of yet.
struct Counted<'a> {
    workspace: &'a Workspace,
    start: Ticks,
    end: Ticks,
}

/// What one machine stored in one table.
struct Used {
    computer: String,
    billable: bool,
    rows: i64,
    megabytes: f64,
}

impl Counted<'_> {
    /// The rows of `Usage`, and how many MB of them are of the allowance's tables.
    async fn rows(&self, app: &App, window: SeqWindow) -> Result<(Vec<Map<String, Value>>, f64), String> {
        let (mut rows, mut allowed_mb) = (Vec::new(), 0.0);
        for table in app.store.tables(self.workspace.id) {
            // Its own rows are not counted: every hour would have some, for that reason alone. A workspace has hundreds
            // of tables and uses a few.
            if table.name == "Usage" || !holds_rows(app, self.workspace.id, &table.name, window)? {
                continue;
            }
            for used in self.count(app, &table, window).await? {
                if ALLOWED.contains(&table.name.as_str()) {
                    allowed_mb += used.megabytes;
                }
                let solution = table.categories.first().map_or("LogManagement", String::as_str);
                rows.push(self.row(&table.name, solution, &used));
            }
        }
        Ok((rows, allowed_mb))
    }

    async fn count(&self, app: &App, table: &Table, window: SeqWindow) -> Result<Vec<Used>, String> {
        let computer =
            ["Computer", "DeviceName", "HostName"].into_iter().find(|name| table.column(name).is_some());
        let computer = computer.map_or("''".to_owned(), |name| format!("tostring({name})"));
        let name = &table.name;
        let query = QueryRequest {
            workspace: self.workspace.id,
            text: format!(
                "['{name}'] | summarize rows = count(), bytes = sum(_BilledSize) by computer = {computer}, billable = \
                 _IsBillable | top 5000 by bytes desc"
            ),
            timespan: None,
            now: app.clock.now(),
            principal: String::new(),
            ingested: Some(window),
            limits: QueryLimits::default(),
        };
        let output = app.engine.query(query).await.map_err(|error| format!("{name}: {}", chain(&error)))?;
        let used = |row: Map<String, Value>| Used {
            computer: row["computer"].as_str().unwrap_or_default().to_owned(),
            billable: row["billable"].as_str() != Some("false"),
            rows: row["rows"].as_i64().unwrap_or_default(),
            megabytes: row["bytes"].as_f64().unwrap_or_default() / MB,
        };
        Ok(output.objects().into_iter().map(used).collect())
    }

    fn row(&self, table: &str, solution: &str, used: &Used) -> Map<String, Value> {
        object(json!({
            "TimeGenerated": self.end, "StartTime": self.start, "EndTime": self.end, "DataType": table,
            "Solution": solution, "Computer": used.computer, "Quantity": used.megabytes, "QuantityUnit": "MBytes",
            "IsBillable": used.billable, "TotalBatches": used.rows, "Plan": "Analytics",
            "SourceSystem": "Bartizan", "ResourceUri": self.workspace.resource.to_string(),
        }))
    }
}

/// Whether a table got rows in a window, as far as its files and buffers tell.
fn holds_rows(app: &App, workspace: WorkspaceId, table: &str, window: SeqWindow) -> Result<bool, String> {
    let snapshot = app.store.snapshot(workspace, &[table]).map_err(|error| chain(&error))?;
    let after = i64::try_from(window.after).unwrap_or(i64::MAX);
    Ok(snapshot
        .tables
        .values()
        .any(|table| !table.memory.is_empty() || table.files.newest().any(|file| file.seq_max > after)))
}

/// The machines whose plan includes data.
async fn with_included_data(app: &App) -> Result<usize, String> {
    let machines =
        app.records.list_all(&ListQuery::tenant(), MACHINES).await.map_err(|error| chain(&error))?;
    let (mut plans, now, mut count) = (Plans::default(), app.clock.now(), 0);
    for machine in &machines {
        let cover = plans.cover(&app.records, &machine.id, now).await.map_err(|error| chain(&error))?;
        count += usize::from(features::allows(INCLUDED_DATA, cover));
    }
    Ok(count)
}

/// What the plans paid for on the day that began at `day`; `None` when no machine's plan includes data.
async fn allowance_row(
    app: &App,
    used_mb: f64,
    day: Ticks,
    end: Ticks,
) -> Result<Option<Map<String, Value>>, String> {
    let machines = with_included_data(app).await?;
    if machines == 0 {
        return Ok(None);
    }
    // Pooled: what one machine leaves, another may use.
    let allowance_mb = ALLOWANCE_MB * machines as f64;
    metering::note_included_data(&app.records, day, used_mb, allowance_mb, machines)
        .await
        .map_err(|error| chain(&error))?;
    let benefit_gb = used_mb.min(allowance_mb) / 1000.0;
    Ok(Some(object(json!({
        "TimeGenerated": end, "OperationCategory": "Benefits", "OperationStatus": "Info", "Solution": "Security",
        "OperationKey": "Benefit type used: DefenderForServers",
        "Detail": format!("Benefit amount used: {benefit_gb:.3} GB"),
        "SourceSystem": "Bartizan", "_ResourceId": app.home.workspace.to_string().to_lowercase(),
    }))))
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

fn start_of_hour(at: Ticks) -> Ticks {
    Ticks(at.0.div_euclid(HOUR) * HOUR)
}

async fn read_mark(app: &App) -> Result<Option<Mark>, String> {
    let state = app.records.get_state(STATE).await.map_err(|error| chain(&error))?;
    Ok(state.and_then(|state| {
        Some(Mark {
            hour: Ticks(state["hour"].as_i64()?),
            seq: state["seq"].as_u64()?,
            allowed_mb: state["allowedMb"].as_f64()?,
        })
    }))
}

async fn write_mark(app: &App, mark: Mark) -> Result<(), String> {
    let Mark { hour, seq, allowed_mb } = mark;
    let state = json!({"hour": hour.0, "seq": seq, "allowedMb": allowed_mb});
    app.records.put_state(STATE, state).await.map_err(|error| chain(&error))
}
