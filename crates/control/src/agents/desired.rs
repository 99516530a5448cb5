//! Desired state by long poll: what a machine should run, answered at once when it changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bartizan_base::ResourceId;
use bartizan_wire::{DESIRED_WAIT_SECONDS_MAX, DesiredState};
use http::{StatusCode, Uri};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, query_value};
use crate::packages;
use crate::plans::component::{EXTENSION_TYPE, MACHINE_TYPE};
use crate::plans::desired::{CollectionRule, desired_state};
use crate::plans::features;
use crate::plans::plan::PRICING_TYPE;

const RULE_TYPE: &str = "Microsoft.Insights/dataCollectionRules";
const ASSOCIATION_TYPE: &str = "Microsoft.Insights/dataCollectionRuleAssociations";

/// Wakes the long polls of machines. The channel carries nothing: woken polls read the records.
#[derive(Debug, Default)]
pub(crate) struct DesiredHub {
    machines: Mutex<HashMap<String, watch::Sender<()>>>,
    /// Held while a generation is computed and stored, so that two polls of one machine agree on it.
    compute: tokio::sync::Mutex<()>,
}

impl DesiredHub {
    fn subscribe(&self, machine: &ResourceId) -> watch::Receiver<()> {
        let mut machines = self.machines.lock();
        machines.entry(machine.key().to_owned()).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Wakes the machine that `id` is or lies below; also forgets machines that nobody polls for.
    pub(crate) fn wake(&self, id: &ResourceId) {
        self.machines.lock().retain(|key, sender| {
            let below = id
                .key()
                .strip_prefix(key.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if below {
                sender.send_replace(());
            }
            sender.receiver_count() > 0
        });
    }

    fn wake_all(&self) {
        self.machines.lock().values().for_each(|sender| {
            sender.send_replace(());
        });
    }
}

pub(super) async fn desired(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Failure> {
    let (agent, _) = caller.agent()?;
    let number = |name: &str| query_value(&uri, name).and_then(|text| text.parse::<u64>().ok());
    let known = number("generation");
    let wait = Duration::from_secs(number("wait").unwrap_or(0).min(DESIRED_WAIT_SECONDS_MAX));
    let mut changed = app.desired.subscribe(&agent.machine);
    let answer = async {
        loop {
            changed.mark_unchanged();
            let state = current(&app, &agent.machine).await?;
            if known != Some(state.generation) {
                return Ok(Json(state).into_response());
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = app.stop.cancelled() => return Ok(StatusCode::NO_CONTENT.into_response()),
            }
        }
    };
    match tokio::time::timeout(wait.max(Duration::from_secs(u64::from(known.is_none()))), answer).await {
        Ok(answer) => answer,
        Err(_) if wait.is_zero() => {
            let state = current(&app, &agent.machine).await?;
            let same = known == Some(state.generation);
            Ok(if same { StatusCode::NO_CONTENT.into_response() } else { Json(state).into_response() })
        }
        Err(_) => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// The machine's desired state, with its generation moved if it differs from the last one given out.
pub(crate) async fn current(app: &App, machine: &ResourceId) -> Result<DesiredState, Failure> {
    let _turn = app.desired.compute.lock().await;
    let key = format!("desired/{}", machine.key());
    let previous: Option<DesiredState> =
        app.records.get_state(&key).await?.and_then(|state| serde_json::from_value(state).ok());
    let extensions = app.records.list_all(machine, EXTENSION_TYPE).await?;
    let rules = rules(app, machine).await?;
    let withheld = features::withheld(&app.records, machine).await?;
    let resource = app.records.get(machine).await?;
    let pki = app.pki.dir.clone();
    // A manifest is a small file, and the newest version a folder's listing; both are off the threads that answer.
    let agent =
        tokio::task::spawn_blocking(move || resource.and_then(|machine| packages::wanted(&pki, &machine)));
    let agent = agent.await.unwrap_or_default();
    let commands = app.test_alerts.commands(machine, app.clock.now());
    let state = desired_state(&extensions, &rules, &withheld, commands, agent, previous.as_ref());
    if previous.as_ref() != Some(&state) {
        app.records.put_state(&key, serde_json::json!(state)).await?;
    }
    Ok(state)
}

/// The machine's associated rules, then the default one.
async fn rules(app: &App, machine: &ResourceId) -> Result<Vec<CollectionRule>, Failure> {
    let mut out = Vec::new();
    for association in app.records.list_all(machine, ASSOCIATION_TYPE).await? {
        let id = association
            .property("dataCollectionRuleId")
            .and_then(Value::as_str)
            .and_then(|id| ResourceId::parse(id).ok());
        if let Some(id) = id.filter(|id| id.resource_type().eq_ignore_ascii_case(RULE_TYPE)) {
            out.extend(app.records.get(&id).await?.as_ref().and_then(CollectionRule::parse));
        }
    }
    out.extend(app.records.get(&app.home.default_rule).await?.as_ref().and_then(CollectionRule::parse));
    Ok(out)
}

/// Turns changes of machines, extensions, associations and rules into wake-ups, until the server stops.
pub(crate) async fn wake_on_changes(app: Arc<App>) {
    let mut changes = app.records.subscribe();
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = app.stop.cancelled() => return,
        };
        match change {
            Ok(change) if [RULE_TYPE, PRICING_TYPE].iter().any(|ty| is(&change.resource_type, ty)) => {
                app.desired.wake_all();
            }
            Ok(change)
                if is(&change.resource_type, MACHINE_TYPE)
                    || is(&change.resource_type, EXTENSION_TYPE)
                    || is(&change.resource_type, ASSOCIATION_TYPE) =>
            {
                app.desired.wake(&change.id);
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => app.desired.wake_all(),
            Err(RecvError::Closed) => return,
        }
    }
}

fn is(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
