//! `Usage`: how much was stored in each hour, by table and machine, counted from the rows themselves.
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
use bartizan_base::{BatchId, Ticks};
use bartizan_engine::{QueryLimits, QueryRequest, SeqWindow};
use bartizan_records::ListQuery;
use bartizan_store::AppendTarget;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::http::chain;
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
    let mut rows = Vec::new();
    let mut allowed_mb = mark.allowed_mb;
    // Its own rows are not counted: every hour would have some, for that reason alone.
    for table in app.store.tables(app.home.customer).into_iter().filter(|table| table.name != "Usage") {
        for used in count(app, &table.name, SeqWindow { after: mark.seq, upto }).await? {
            if ALLOWED.contains(&table.name.as_str()) {
                allowed_mb += used.megabytes;
            }
            let solution = table.categories.first().map_or("LogManagement", String::as_str);
            rows.push(usage_row(app, &table.name, solution, &used, mark.hour, end));
        }
    }
    let source = Uuid::new_v5(&app.home.customer.0, b"usage");
    let number = u64::try_from(end.0 / HOUR).unwrap_or_default();
    if !rows.is_empty() {
        let mut target = AppendTarget::new(app.home.customer, app.home.tenant, "Usage");
        target.batch = Some(BatchId { source, seq: number });
        app.store.append_rows(target, rows).await.map_err(|error| chain(&error))?;
    }
    let day = |ticks: Ticks| ticks.0.div_euclid(TICKS_PER_DAY);
    if day(end) != day(mark.hour) {
        if let Some(row) = allowance_row(app, allowed_mb, mark.hour, end).await? {
            let mut target = AppendTarget::new(app.home.customer, app.home.tenant, "Operation");
            target.batch = Some(BatchId { source, seq: number });
            app.store.append_rows(target, vec![row]).await.map_err(|error| chain(&error))?;
        }
        allowed_mb = 0.0;
    }
    write_mark(app, Mark { hour: end, seq: upto, allowed_mb }).await
}

/// What one machine stored in one table.
struct Used {
    computer: String,
    billable: bool,
    rows: i64,
    megabytes: f64,
}

async fn count(app: &App, table: &str, window: SeqWindow) -> Result<Vec<Used>, String> {
    let found = app.store.table(app.home.customer, table);
    let computer = found.as_ref().and_then(|table| {
        ["Computer", "DeviceName", "HostName"].iter().find(|name| table.column(name).is_some()).copied()
    });
    let computer = computer.map_or("''".to_owned(), |name| format!("tostring({name})"));
    let query = QueryRequest {
        workspace: app.home.customer,
        text: format!(
            "['{table}'] | summarize rows = count(), bytes = sum(_BilledSize) by computer = {computer}, billable = \
             _IsBillable | top 5000 by bytes desc"
        ),
        timespan: None,
        now: app.clock.now(),
        principal: String::new(),
        ingested: Some(window),
        limits: QueryLimits::default(),
    };
    let output = app.engine.query(query).await.map_err(|error| format!("{table}: {}", chain(&error)))?;
    let used = |row: Map<String, Value>| Used {
        computer: row["computer"].as_str().unwrap_or_default().to_owned(),
        billable: row["billable"].as_str() != Some("false"),
        rows: row["rows"].as_i64().unwrap_or_default(),
        megabytes: row["bytes"].as_f64().unwrap_or_default() / MB,
    };
    Ok(output.objects().into_iter().map(used).collect())
}

fn usage_row(
    app: &App,
    table: &str,
    solution: &str,
    used: &Used,
    start: Ticks,
    end: Ticks,
) -> Map<String, Value> {
    object(json!({
        "TimeGenerated": end, "StartTime": start, "EndTime": end, "DataType": table, "Solution": solution,
        "Computer": used.computer, "Quantity": used.megabytes, "QuantityUnit": "MBytes", "IsBillable": used.billable,
        "TotalBatches": used.rows, "Plan": "Analytics", "SourceSystem": "Bartizan",
        "ResourceUri": app.home.workspace.to_string(),
    }))
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
