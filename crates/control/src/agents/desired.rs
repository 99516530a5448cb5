//! Desired state by long poll: what a machine should run, answered at once when it changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use bartizan_wire::{DesiredAgent, DesiredState};
use http::{StatusCode, Uri};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::time::Instant;

use super::hub::{ASSOCIATION_TYPE, RULE_TYPE, is};
use super::presence;
use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, query_value};
use crate::logs::subscription_workspace;
use crate::packages;
use crate::plans::component::EXTENSION_TYPE;
use crate::plans::desired::{CollectionRule, desired_state};
use crate::plans::features;

pub(super) async fn desired(
    State(app): State<Arc<App>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Failure> {
    let (agent, _) = caller.agent()?;
    let number = |name: &str| query_value(&uri, name).and_then(|text| text.parse::<u64>().ok());
    let known = number("generation");
    let wait = Duration::from_secs(number("wait").unwrap_or(0)).min(presence::poll_max(app.silence));
    presence::heard_by_poll(&app, agent);
    let end = Instant::now() + wait;
    let mut changed = app.desired.subscribe(&agent.machine);
    loop {
        let changes = *changed.borrow_and_update();
        if !known.is_some_and(|known| app.desired.is_still(&agent.machine, known)) {
            // Apart, so that what waits has no room in it for what reading takes.
            let state = Box::pin(current(&app, &agent.machine)).await?;
            if is_settled(&state) {
                app.desired.note(&agent.machine, state.generation, changes);
            }
            if known != Some(state.generation) {
                return Ok(Json(state).into_response());
            }
        }
        tokio::select! {
            _ = changed.changed() => {}
            () = tokio::time::sleep_until(end) => return Ok(StatusCode::NO_CONTENT.into_response()),
            () = app.stop.cancelled() => return Ok(StatusCode::NO_CONTENT.into_response()),
        }
    }
}

/// Whether only changes of resources can change the state: a command ends with time, and packages are files.
fn is_settled(state: &DesiredState) -> bool {
    state.commands.is_empty() && state.agent.is_none()
}

/// The machine's desired state, with its generation moved if it differs from the last one given out.
async fn current(app: &Arc<App>, machine: &ResourceId) -> Result<DesiredState, Failure> {
    let of = Arc::clone(app);
    app.desired.asked.ask(machine.clone(), move |machines| async move { states(&of, &machines).await }).await
}

/// The desired states of machines, in their order. Called for one batch after the other, so that two polls of a machine
/// agree on the generation.
async fn states(app: &App, machines: &[ResourceId]) -> Result<Vec<DesiredState>, Failure> {
    let records = &app.records;
    let mut each = machines.to_vec();
    each.sort();
    each.dedup();
    let keys: Vec<String> = each.iter().map(|machine| format!("desired/{}", machine.key())).collect();
    let mut previous = records.get_states(&keys).await?;
    let extensions = records.list_children_of_each(&each, EXTENSION_TYPE).await?;
    let rules = Rules::of(app, &each).await?;
    let withheld = features::withheld(records, &each).await?;
    let mut agents = agents(app, &each).await?;
    let now = app.clock.now();
    let (mut states, mut changed) = (HashMap::new(), Vec::new());
    for ((machine, key), withheld) in each.iter().zip(keys).zip(&withheld) {
        let before = previous.remove(&key).and_then(|state| DesiredState::deserialize(state).ok());
        let extensions = extensions.get(machine.key()).map(Vec::as_slice).unwrap_or_default();
        let commands = app.test_alerts.commands(machine, now);
        let (agent, rules) = (agents.remove(machine), rules.of_machine(machine));
        let state = desired_state(extensions, &rules, withheld, commands, agent, before.as_ref());
        if before.as_ref() != Some(&state) {
            changed.push((key, serde_json::json!(state)));
        }
        states.insert(machine, state);
    }
    records.put_states(&changed).await?;
    Ok(machines.iter().filter_map(|machine| states.get(machine).cloned()).collect())
}

/// Which version of the agent machines should run; those that nothing is said of are not in it.
async fn agents(app: &App, machines: &[ResourceId]) -> Result<HashMap<ResourceId, DesiredAgent>, Failure> {
    let mut resources = app.records.get_many(machines).await?;
    resources.retain(|machine| machine.property("agentUpgrade").is_some());
    if resources.is_empty() {
        return Ok(HashMap::new());
    }
    let pki = app.pki.dir.clone();
    // A manifest is a small file, and the newest version a folder's listing; both are off the threads that answer.
    let wanted = tokio::task::spawn_blocking(move || {
        let of = |machine: Resource| Some((packages::wanted(&pki, &machine)?, machine.id));
        resources.into_iter().filter_map(of).map(|(agent, machine)| (machine, agent)).collect()
    });
    Ok(wanted.await.unwrap_or_default())
}

/// The collection rules of machines.
struct Rules {
    /// The rules' ids, by key of the machine.
    associated: HashMap<String, Vec<ResourceId>>,
    rules: HashMap<ResourceId, CollectionRule>,
    /// The rules of workspaces that were chosen for machines.
    chosen: HashMap<ResourceId, ResourceId>,
    default: Option<CollectionRule>,
}

impl Rules {
    async fn of(app: &App, machines: &[ResourceId]) -> Result<Self, Failure> {
        let mut associated: HashMap<String, Vec<ResourceId>> = HashMap::new();
        let mut asked = vec![app.home.default_rule.clone()];
        for (machine, associations) in app.records.list_children_of_each(machines, ASSOCIATION_TYPE).await? {
            let ids = associations.iter().filter_map(|association| {
                let id = association.property("dataCollectionRuleId").and_then(Value::as_str)?;
                ResourceId::parse(id).ok().filter(|id| is(&id.resource_type(), RULE_TYPE))
            });
            let ids: Vec<ResourceId> = ids.collect();
            asked.extend(ids.iter().cloned());
            associated.insert(machine, ids);
        }
        let chosen = subscription_workspace::rules_of(app, machines).await?;
        asked.extend(chosen.values().cloned());
        asked.sort();
        asked.dedup();
        let found = app.records.get_many(&asked).await?;
        let rules: HashMap<ResourceId, CollectionRule> =
            found.iter().filter_map(|rule| Some((rule.id.clone(), CollectionRule::parse(rule)?))).collect();
        let default = rules.get(&app.home.default_rule).cloned();
        Ok(Self { associated, rules, chosen, default })
    }

    /// The machine's associated rules, then that of the workspace that was chosen for it, then the default one.
    fn of_machine(&self, machine: &ResourceId) -> Vec<CollectionRule> {
        let own = self.associated.get(machine.key()).into_iter().flatten();
        let own = own.filter_map(|id| self.rules.get(id)).cloned();
        own.chain(self.chosen_for(machine)).chain(self.default.clone()).collect()
    }

    /// The rule of the workspace that was chosen for a machine, for the streams that follow the choice.
    fn chosen_for(&self, machine: &ResourceId) -> Option<CollectionRule> {
        let mut rule = self.rules.get(self.chosen.get(machine)?)?.clone();
        let takes = |stream: &str| {
            rule.streams.is_empty() || rule.streams.iter().any(|taken| taken.eq_ignore_ascii_case(stream))
        };
        rule.streams =
            subscription_workspace::streams().filter(|stream| takes(stream)).map(str::to_owned).collect();
        // A rule without streams takes all.
        (!rule.streams.is_empty()).then_some(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, B, C, F: Future>(_: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand agents have a poll each that waits.
    #[test]
    fn a_poll_that_waits_is_small() {
        assert!(size(desired) < 2048, "{} bytes", size(desired));
    }
}
