//! Rows of a stream into their tables: what every door for logs does once it knows who sends and what.
//!
//! A door reads its own protocol, names a rule and a stream, and hands JSON rows over. Here the rule's flows
//! are applied, tables that only the server writes are closed, and what was converted, unknown or dropped is
//! counted and told in `Operation`.

use std::collections::BTreeMap;

use bartizan_api::ApiError;
use bartizan_base::{BatchId, ErrorKind, ResourceId, counters};
use bartizan_engine::{QueryError, QueryLimits};
use bartizan_records::Resource;
use bartizan_schema::{KqlType, Table, TableKind};
use bartizan_store::{Ack, AppendTarget};
use bytes::Bytes;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::access::{Caller, CallerKind};
use crate::agents::country_name;
use crate::app::App;
use crate::http::{Failure, INCOMPLETE_BODY};
use crate::logs::machine_rules;
use crate::logs::notes::{MISFITS, NO_COLUMN};
use crate::logs::rule::{self, Flow, Place};
use crate::logs::{SERVER_TABLES, WRITE_ACTION};

/// What one batch may use while it is transformed. Azure gives it 20 seconds.
const TRANSFORM_LIMITS: QueryLimits =
    QueryLimits { timeout: std::time::Duration::from_secs(20), rows: 1_000_000, bytes: 128 << 20 };

/// Column of `Heartbeat` for the country from which the machine was heard; the machine cannot know it.
const COUNTRY: &str = "RemoteIPCountry";

/// Who brings rows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sender<'a> {
    /// Somebody who showed who it is.
    Caller(&'a Caller),
    /// A listener of this server, for senders that cannot sign in.
    Listener,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) rows: u64,
    pub(crate) rejected_cells: u64,
    pub(crate) unknown_fields: u64,
    /// Rows that transformations left out.
    pub(crate) dropped: u64,
}

/// Whether a sender may bring rows of a stream: told before a large body is read.
pub(crate) async fn open(
    app: &App,
    sender: Sender<'_>,
    rule: &Resource,
    stream: &str,
) -> Result<(), Failure> {
    let flows = rule::flows_of(app, rule, stream)?;
    for place in flows.iter().flat_map(|flow| &flow.places) {
        target(app, sender, place, None)?;
    }
    authorize(app, sender, rule, &flows).await
}

/// Stores a batch of JSON rows of a sender that [`open`] let in. When it returns, they are on disk and visible.
pub(crate) async fn take(
    app: &App,
    sender: Sender<'_>,
    rule: &Resource,
    stream: &str,
    batch: Option<BatchId>,
    body: Bytes,
) -> Result<Taken, Failure> {
    let flows = rule::flows_of(app, rule, stream)?;
    let size = body.len() as u64;
    let mut taken = Taken::default();
    for flow in &flows {
        let batch = batch.map(|batch| of_flow(batch, flow));
        // All of them before the first row is stored: a workspace whose cap is reached holds up the others.
        let targets = flow.places.iter().map(|place| target(app, sender, place, batch));
        let targets = targets.collect::<Result<Vec<_>, Failure>>()?;
        let refused = |Failure(error): &Failure| {
            counters::count("bartizan_ingest_refused_total", &format!("{:?}", error.kind), 1);
        };
        let rows = prepare(app, rule, flow, body.clone(), &mut taken).await.inspect_err(refused)?;
        for (place, target) in flow.places.iter().zip(targets) {
            let ack = store(app, target, &rows).await.inspect_err(refused)?;
            let (table, now) = (&place.table.name, app.clock.now());
            app.daily_cap.add(place.workspace.id, table, machine_of(sender), ack.billed_bytes, now);
            taken.rows += ack.rows;
            taken.rejected_cells += ack.rejected_cells;
            taken.unknown_fields += ack.unknown_fields;
            note(app, rule, table, &ack);
        }
    }
    counters::count("bartizan_ingest_bytes_total", "", size);
    counters::count("bartizan_ingest_rows_total", "", taken.rows);
    Ok(taken)
}

/// Tells in `Operation` of requests of one sender that bring no rows: each when it is refused, or when it
/// breaks off. A request that has to be sent again later (429, 503) is not told of; nothing is wrong with it.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    app: &'a App,
    source: &'a str,
    table: &'a str,
    ended: bool,
}

impl<'a> Request<'a> {
    /// A request that may send to `table`, through the rule or door `source`.
    pub(crate) fn begin(app: &'a App, source: &'a str, table: &'a str) -> Self {
        Self { app, source, table, ended: false }
    }

    /// The request's outcome, told of when it is an error.
    pub(crate) fn end<T>(mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        self.ended = true;
        let why = outcome.as_ref().err().and_then(|Failure(error)| why_refused(error));
        if let Some(why) = why {
            self.app.ingestion_notes.add(self.source, self.table, why, 1);
        }
        outcome
    }
}

impl Drop for Request<'_> {
    /// A sender that goes away takes its request's handler with it.
    fn drop(&mut self) {
        if !self.ended {
            self.app.ingestion_notes.add(self.source, self.table, BROKE_OFF, 1);
        }
    }
}

const BROKE_OFF: &str = "requests that broke off before their end";

fn why_refused(error: &ApiError) -> Option<&'static str> {
    match (error.kind, error.code.as_str()) {
        (ErrorKind::Timeout, _) | (_, INCOMPLETE_BODY) => Some(BROKE_OFF),
        (ErrorKind::TooLarge, _) => Some("requests refused because their body is too large"),
        (_, "InvalidContentEncoding") => Some("requests refused because their body cannot be decompressed"),
        (_, "UnsupportedMediaType") => Some("requests refused because of their content type or encoding"),
        (ErrorKind::Invalid, _) => Some("requests refused because their body is not rows in JSON"),
        _ => None,
    }
}

/// Stores rows that a listener of this server received from senders that cannot sign in, through the flows of
/// the default rule. `body` is a JSON array of rows.
///
/// # Errors
/// When the rows cannot be stored now, or the default rule does not take the stream.
pub async fn store_from_listener(app: &App, stream: &str, body: Bytes) -> Result<u64, ApiError> {
    let rule = app.records.get(&app.home.default_rule).await.map_err(|error| Failure::from(error).0)?;
    let rule = rule.ok_or_else(|| ApiError::not_found(app.home.default_rule.as_str()))?;
    let taken = take(app, Sender::Listener, &rule, stream, None, body).await.map_err(|failure| failure.0)?;
    Ok(taken.rows)
}

/// Rows on their way into tables.
enum Prepared {
    /// As they came.
    Body(Bytes),
    /// As a transformation made them.
    Rows(Vec<Map<String, Value>>),
}

/// The rows of a batch as a flow wants them.
async fn prepare(
    app: &App,
    rule: &Resource,
    flow: &Flow,
    body: Bytes,
    taken: &mut Taken,
) -> Result<Prepared, Failure> {
    let Some(transform) = &flow.transform else { return Ok(Prepared::Body(body)) };
    let now = app.clock.now();
    let done =
        app.engine.transform(transform, body, now, TRANSFORM_LIMITS).await.map_err(|error| match error {
            QueryError::Store(error) => error.into(),
            // The rule was checked when it was written; a table or the program has changed since.
            QueryError::Invalid(findings) => rule::refuse(
                &format!("properties.dataFlows[{}].transformKql", flow.at),
                transform.text(),
                &findings,
            ),
            QueryError::Timeout { .. } | QueryError::Memory { .. } | QueryError::TooLarge { .. } => {
                Failure(ApiError::new(
                    ErrorKind::TooLarge,
                    format!(
                        "Rule '{}': {error}; send fewer rows at once or make the transformation simpler.",
                        rule.id.name()
                    ),
                ))
            }
            other => other.into(),
        })?;
    let dropped = done.rows_in.saturating_sub(done.rows.len() as u64);
    taken.dropped += dropped;
    let (notes, name, table) = (&app.ingestion_notes, rule.id.name(), flow.table());
    notes.add(name, table, "values converted to null before the transformation", done.rejected_cells);
    notes.add(name, table, "fields not declared in the stream", done.unknown_fields);
    notes.add(name, table, "rows dropped by the transformation", dropped);
    taken.rejected_cells += done.rejected_cells;
    taken.unknown_fields += done.unknown_fields;
    Ok(Prepared::Rows(done.rows))
}

async fn store(app: &App, target: AppendTarget, rows: &Prepared) -> Result<Ack, Failure> {
    Ok(match rows {
        Prepared::Body(body) => app.store.append_json(target, body.clone()).await?,
        Prepared::Rows(rows) if rows.is_empty() => Ack::default(),
        Prepared::Rows(rows) => app.store.append_rows(target, rows.clone()).await?,
    })
}

fn note(app: &App, rule: &Resource, table: &str, ack: &Ack) {
    if ack.rejected_cells > 0 {
        counters::count("bartizan_ingest_rejected_cells_total", table, ack.rejected_cells);
        app.ingestion_notes.add(rule.id.name(), table, MISFITS, ack.rejected_cells);
    }
    if ack.unknown_fields > 0 {
        counters::count("bartizan_ingest_unknown_fields_total", table, ack.unknown_fields);
        app.ingestion_notes.add(rule.id.name(), table, NO_COLUMN, ack.unknown_fields);
    }
}

/// Whether the sender may use the rule.
async fn authorize(app: &App, sender: Sender<'_>, rule: &Resource, flows: &[Flow]) -> Result<(), Failure> {
    let Sender::Caller(caller) = sender else { return Ok(()) };
    match &caller.kind {
        CallerKind::Principal(_) => app.authorize_data(caller, WRITE_ACTION, &rule.id).await,
        CallerKind::Agent { agent, .. } => {
            let mut places = flows.iter().flat_map(|flow| &flow.places);
            if places.all(|place| app.workspaces.is_home(place.workspace.id)) {
                return Ok(());
            }
            machine_rules::may_use(app, &agent.machine, rule).await
        }
    }
}

/// The machine whose agent sends.
fn machine_of(sender: Sender<'_>) -> Option<&ResourceId> {
    match sender {
        Sender::Caller(Caller { kind: CallerKind::Agent { agent, .. }, .. }) => Some(&agent.machine),
        Sender::Caller(_) | Sender::Listener => None,
    }
}

/// Where the rows go, and what the server stamps on them.
fn target(
    app: &App,
    sender: Sender<'_>,
    place: &Place,
    batch: Option<BatchId>,
) -> Result<AppendTarget, Failure> {
    let Place { workspace, table } = place;
    let forbidden = |text: String| Err(Failure(ApiError::new(ErrorKind::Forbidden, text)));
    if SERVER_TABLES.contains(&table.name.as_str()) {
        return forbidden(format!("Rows of `{}` are written by the server only.", table.name));
    }
    let can_wait = matches!(sender, Sender::Caller(_));
    app.daily_cap.check(workspace.id, &table.name, machine_of(sender), app.clock.now(), can_wait)?;
    let mut target = workspace.target(&table.name);
    let own = |speaker: &str| batch.map(|sent| BatchId { source: own_source(sent.source, speaker), ..sent });
    match sender {
        Sender::Listener => target.batch = batch,
        Sender::Caller(caller) => match &caller.kind {
            CallerKind::Principal(principal) => target.batch = own(&principal.object_id.to_string()),
            CallerKind::Agent { agent, .. } => {
                target.batch = own(agent.machine.key());
                target.resource_id = Some(agent.machine.clone());
                target.force = identity(table, agent.machine.name(), &agent.vm_id.to_string());
                let country = caller.actor.ip.as_deref().and_then(country_name);
                if let Some(country) = country.filter(|_| table.column(COUNTRY).is_some()) {
                    target.force.insert(COUNTRY.to_owned(), country.to_owned());
                }
                if target.force.is_empty() && table.kind == TableKind::Standard {
                    let text =
                        format!("Rows of `{}` are not about a machine; agents do not send them.", table.name);
                    return forbidden(text);
                }
            }
        },
    }
    Ok(target)
}

/// The batch's name in one of several flows: two that end in one table would repeat each other otherwise.
fn of_flow(batch: BatchId, flow: &Flow) -> BatchId {
    match flow.at {
        0 => batch,
        at => BatchId { source: own_source(batch.source, &format!("flow {at}")), ..batch },
    }
}

/// The source of a batch, bound to who sends it: otherwise anybody who may send could use up another
/// sender's sequence numbers, and that one's rows would be dropped as repeated.
fn own_source(source: Uuid, speaker: &str) -> Uuid {
    Uuid::new_v5(&source, speaker.as_bytes())
}

/// The columns that say which machine a row is from follow the certificate, whatever the sender wrote.
fn identity(table: &Table, name: &str, vm_id: &str) -> BTreeMap<String, String> {
    let columns = [("Computer", name), ("DeviceName", name), ("DeviceId", vm_id), ("VMUUID", vm_id)];
    let has = |column: &str| table.column(column).is_some_and(|column| column.ty == KqlType::String);
    columns
        .iter()
        .filter(|(column, _)| has(column))
        .map(|(column, value)| ((*column).to_owned(), (*value).to_owned()))
        .collect()
}
