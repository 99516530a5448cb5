//! When each connector is asked, and what became of it.
//!
//! How far it is with each is kept in the records (`discovery/{connector}`), so that a restart neither forgets a request
//! nor asks everybody at once.

use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{ResourceId, Ticks, Timespan};
use bartizan_discover::{Connection, Found, Run};
use bartizan_records::{Actor, RecordsError};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;
use crate::discovery::connector::{self, health};
use crate::discovery::machines::{self, AGENT_TYPE, Applied, Misses};
use crate::discovery::{CONNECTOR_TYPE, Connector};
use crate::http::chain;

const STATE: &str = "discovery/";
/// Time between two looks at who is due.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// A source that did not answer is asked again after this, or after its interval if that is shorter.
const RETRY_AFTER: Duration = Duration::from_secs(900);
/// Connectors that are asked at the same time.
const AT_ONCE: usize = 4;
/// Runs begin up to this part of their interval later, each connector at a time of its own.
const JITTER_PART: i64 = 10;

/// Where a connector stands.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    /// When it is due; at once when there is none.
    next: Option<Ticks>,
    /// Somebody wants it now.
    requested: bool,
    misses: Misses,
}

/// Asks connectors until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    if app.discovery.dir.is_none() {
        return;
    }
    let mut changes = app.records.subscribe();
    // What changed while the server was away is not in the feed.
    let mut agents_changed = true;
    loop {
        if let Err(error) = step(&app, agents_changed).await {
            tracing::warn!(
                error = chain(&error),
                "cannot look for machines that are not connected; trying again"
            );
        } else {
            agents_changed = false;
        }
        let wait = tokio::time::sleep(LOOK_EVERY);
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => break,
                () = app.discovery.wake.notified() => break,
                change = changes.recv() => match change {
                    Ok(change) => agents_changed |= [AGENT_TYPE, CONNECTOR_TYPE]
                        .iter()
                        .any(|ty| change.resource_type.eq_ignore_ascii_case(ty)),
                    Err(RecvError::Lagged(_)) => agents_changed = true,
                    Err(RecvError::Closed) => return,
                },
                () = app.stop.cancelled() => return,
            }
        }
    }
}

/// Asks for a run now: it begins when its turn comes, and a second request before that changes nothing.
///
/// # Errors
/// When the records fail.
pub(crate) async fn request(app: &App, connector: &ResourceId) -> Result<(), RecordsError> {
    let state = State { requested: true, ..read(app, connector).await? };
    write(app, connector, &state).await?;
    app.discovery.wake.notify_one();
    Ok(())
}

async fn step(app: &App, agents_changed: bool) -> Result<(), RecordsError> {
    let connectors = connector::all(app).await?;
    forget_deleted(app, &connectors).await?;
    if agents_changed {
        machines::join_all(app).await?;
    }
    let now = app.clock.now();
    let mut due = Vec::new();
    for connector in connectors {
        let state = read(app, &connector.id).await?;
        if state.requested || state.next.is_none_or(|next| next <= now) {
            due.push((connector, state));
        }
    }
    let asked = futures::stream::iter(due).map(|(connector, state)| async move {
        let outcome = tokio::select! {
            outcome = ask(app, &connector, state) => outcome,
            () = app.stop.cancelled() => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::warn!(
                connector = connector.id.as_str(),
                error = chain(&error),
                "cannot keep what a connector found"
            );
        }
    });
    asked.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    Ok(())
}

/// One run of one connector, from `Running` to its outcome.
async fn ask(app: &App, connector: &Connector, mut state: State) -> Result<(), RecordsError> {
    let begun = app.clock.now();
    // The request is taken up, and should the server stop before the end, the connector is due.
    state = State { next: Some(begun), requested: false, ..state };
    write(app, &connector.id, &state).await?;
    tell_resource(app, connector, |health| health["state"] = "Running".into()).await?;
    let (kind, outcome) = discover(app, connector, begun).await;
    let applied = match &outcome {
        Ok(found) => Some(machines::apply(app, connector, kind, found, &mut state.misses).await?),
        Err(_) => None,
    };
    let interval = if outcome.is_ok() { connector.interval } else { connector.interval.min(RETRY_AFTER) };
    let finished = app.clock.now();
    let next = finished + jittered(&connector.id, interval);
    // A request that came meanwhile wants to know more than this run does.
    let again = read(app, &connector.id).await?.requested;
    write(app, &connector.id, &State { next: Some(next), requested: again, misses: state.misses }).await?;
    let before = app.records.get(&connector.id).await?.map(|resource| health(&resource).clone());
    let (word, message) = words(&outcome);
    tell_resource(app, connector, |health| {
        health["state"] = word.into();
        health["message"] = message.as_str().into();
        health["lastRun"] = begun.to_string().into();
        health["nextRun"] = next.to_string().into();
        health["shortfalls"] = outcome.as_ref().map_or_else(|_| json!([]), |found| json!(found.shortfalls));
        if let Some(applied) = applied {
            health["lastSuccess"] = finished.to_string().into();
            health["machines"] = applied.machines.into();
            health["unmonitored"] = applied.unmonitored.into();
        }
        health["lastState"] = word.into();
    })
    .await?;
    let known = before.unwrap_or_default();
    // The same trouble again is told once, and that it is over once too.
    let news = known["lastState"] != word || known["message"] != message.as_str();
    let first_success = known["lastState"].is_null() && word == "Succeeded";
    let moved = applied.is_some_and(|applied| applied.added + applied.gone > 0);
    if moved || (news && !first_success) {
        tell_operation(app, connector, word, &message, applied).await;
    }
    Ok(())
}

/// The kind of the connection and what its source said.
async fn discover(app: &App, connector: &Connector, now: Ticks) -> (&'static str, Result<Found, String>) {
    let Some(dir) = app.discovery.dir.clone() else {
        return (
            "",
            Err("this server has no connections; its operator starts it with `--discover-with DIR`"
                .to_owned()),
        );
    };
    let name = connector.connection.clone();
    let loaded = tokio::task::spawn_blocking(move || Connection::load(&dir, &name)).await;
    let connection = match loaded {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return ("", Err(chain(&error))),
        Err(error) => return ("", Err(error.to_string())),
    };
    let run = Run { now, regions: connector.regions.clone() };
    let found = bartizan_discover::discover(&connection, &run).await;
    (connection.source.kind(), found.map_err(|error| error.to_string()))
}

/// State and message of an outcome.
fn words(outcome: &Result<Found, String>) -> (&'static str, String) {
    match outcome {
        Err(error) => ("Failed", error.clone()),
        Ok(found) if found.is_complete() => ("Succeeded", String::new()),
        Ok(found) => ("Incomplete", found.shortfalls.join("; ")),
    }
}

/// An interval with what is the connector's own on top, so that a hundred of them do not ask at the same moment.
fn jittered(connector: &ResourceId, interval: Duration) -> Timespan {
    let ticks = Timespan::from_duration(interval).0;
    let own =
        connector.key().bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let part = i64::try_from(own % 1_000).unwrap_or_default();
    Timespan(ticks + ticks / JITTER_PART * part / 1_000)
}

async fn tell_resource(
    app: &App,
    connector: &Connector,
    tell: impl FnOnce(&mut Value) + Send,
) -> Result<(), RecordsError> {
    let edit = |body: &mut Value| {
        let mut health = body["properties"]["discovery"].clone();
        if !health.is_object() {
            health = json!({});
        }
        tell(&mut health);
        let same = body["properties"]["discovery"] == health;
        body["properties"]["discovery"] = health;
        !same
    };
    match app.records.modify(&connector.id, &Actor::system("discovery"), false, edit).await {
        // Deleted meanwhile: nobody is left to be told.
        Ok(_) | Err(RecordsError::Missing(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Tells in `Operation` what a run brought, or why it brought nothing.
async fn tell_operation(
    app: &App,
    connector: &Connector,
    word: &str,
    message: &str,
    applied: Option<Applied>,
) {
    let name = connector.id.name();
    let mut detail = match applied {
        Some(applied) => format!(
            "The connector `{name}` knows {} machines, {} of them without an agent: {} are new and {} are gone.",
            applied.machines, applied.unmonitored, applied.added, applied.gone
        ),
        None => format!("The connector `{name}` could not ask its source; it is tried again."),
    };
    if !message.is_empty() {
        detail.push(' ');
        detail.push_str(message);
    }
    let row = json!({
        "TimeGenerated": app.clock.now(), "OperationCategory": "Discovery", "OperationKey": name,
        "OperationStatus": match word { "Succeeded" => "Succeeded", "Incomplete" => "Warning", _ => "Error" },
        "Solution": "Security", "SourceSystem": "Bartizan", "Detail": detail,
        "_ResourceId": connector.id.as_str().to_lowercase(),
    });
    let Value::Object(row) = row else { return };
    let target = app.home.target("Operation");
    if let Err(error) = app.store.append_rows(target, vec![row]).await {
        tracing::warn!(error = chain(&error), "cannot write to Operation");
    }
}

fn key(connector: &ResourceId) -> String {
    format!("{STATE}{}", connector.key())
}

async fn read(app: &App, connector: &ResourceId) -> Result<State, RecordsError> {
    let Some(stored) = app.records.get_state(&key(connector)).await? else { return Ok(State::default()) };
    let misses = stored["misses"].as_object().into_iter().flatten();
    Ok(State {
        next: stored["next"].as_i64().map(Ticks),
        requested: stored["requested"] == true,
        misses: misses.filter_map(|(mark, count)| Some((mark.clone(), count.as_u64()?))).collect(),
    })
}

async fn write(app: &App, connector: &ResourceId, state: &State) -> Result<(), RecordsError> {
    let stored =
        json!({"next": state.next.map(|next| next.0), "requested": state.requested, "misses": state.misses});
    app.records.put_state(&key(connector), stored).await
}

async fn forget_deleted(app: &App, connectors: &[Connector]) -> Result<(), RecordsError> {
    let known: Vec<String> = connectors.iter().map(|connector| key(&connector.id)).collect();
    for (name, _) in app.records.list_state(STATE).await? {
        if !known.contains(&name) {
            app.records.delete_state(&name).await?;
        }
    }
    Ok(())
}
