//! "Settings and monitoring" of a subscription: each component with its switch, whether it is on, on how many machines
//! it is, and what needs it.
//!
//! Components that cannot be deployed here are listed too, because people look for them: they say so, and no switch of
//! theirs shows as on (`content/plans/components.yaml`).

use std::collections::HashMap;

use bartizan_base::{ResourceId, Ticks};
use bartizan_content::plans::{ComponentInfo, Feature, components, features};
use bartizan_records::{ListQuery, Records, RecordsError, Resource};
use serde_json::{Value, json};

use super::component::{COMPONENTS, Component, EXTENSION_TYPE, MACHINE_TYPE};
use super::features::needed_plans;
use super::plan::{Plan, Tier, security_id};
use super::{direct, extension};

/// The type of the answers.
pub const COMPONENTS_TYPE: &str = "Bartizan.Security/components";

/// Machines by how a component is on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// A plan brings it to them.
    wanted: usize,
    installed: usize,
    pending: usize,
    failed: usize,
    /// Wanted, and there is no extension: a policy that denies it, a role that is missing, a system that is not
    /// supported. The machine's diagnosis says which.
    missing: usize,
    /// Theirs by their plan, and they have the sensor only.
    direct: usize,
}

/// Answers `GET {subscription}/providers/Bartizan.Security/components`.
///
/// # Errors
/// When the records cannot be read.
pub async fn report(
    records: &Records,
    subscription: &ResourceId,
    now: Ticks,
) -> Result<Vec<Value>, RecordsError> {
    let plan = Plan::read(records, subscription).await?;
    let (machines, counts) = count(records, subscription, &plan).await?;
    let entry = |info: &ComponentInfo| {
        let component = COMPONENTS.iter().find(|component| component.name == info.name);
        let counts = component.and_then(|component| counts.get(component.name)).copied().unwrap_or_default();
        let state = state(info, component, &plan, counts);
        let switched_on = component.is_some_and(|component| plan.switch_of(component).is_none());
        let switch = info.switch.as_ref().map(|place| {
            let id = security_id(subscription, &place.resource).map(|id| id.to_string()).unwrap_or_default();
            json!({"resourceId": id, "member": place.member, "isOn": switched_on})
        });
        json!({
            "id": format!("{subscription}/providers/{COMPONENTS_TYPE}/{}", info.name),
            "name": info.name,
            "type": COMPONENTS_TYPE,
            "properties": {
                "displayName": info.title,
                "description": info.does,
                "extension": info.extension,
                "plan": info.plan,
                "available": info.lacks.is_empty(),
                "switch": switch,
                "state": state.name,
                "reason": state.reason,
                "remedy": state.remedy,
                "features": served(info).map(|feature| json!({
                    "name": feature.key, "displayName": feature.title, "plans": feature.plans,
                    "available": feature.lacks.is_empty(),
                })).collect::<Vec<_>>(),
                "machines": {
                    "total": machines, "wanted": counts.wanted, "installed": counts.installed,
                    "pending": counts.pending, "failed": counts.failed, "missing": counts.missing,
                    "sensorOnly": counts.direct,
                },
                "time": now,
            },
        })
    };
    Ok(components().iter().map(entry).collect())
}

/// The features that need a component.
fn served(info: &ComponentInfo) -> impl Iterator<Item = &'static Feature> + '_ {
    features().iter().filter(|feature| {
        feature.component.as_deref() == Some(info.name.as_str()) || info.serves.contains(&feature.key)
    })
}

/// How a component is doing.
#[derive(Debug, PartialEq, Eq)]
struct State {
    name: &'static str,
    reason: String,
    remedy: String,
}

fn state(info: &ComponentInfo, component: Option<&Component>, plan: &Plan, counts: Counts) -> State {
    let of = |name, reason: String, remedy: String| State { name, reason, remedy };
    let Some(component) = component.filter(|_| info.lacks.is_empty()) else {
        return of("NotAvailable", info.lacks.clone(), info.instead.clone());
    };
    if plan.includes(component, plan.cover()) {
        return of(
            "On",
            format!("Policy `{}` deploys it to every server.", component.assignment),
            String::new(),
        );
    }
    if let Some(switch) = plan.switch_of(component) {
        return of("Off", format!("It is switched off by {switch}."), "Switch it on here.".to_owned());
    }
    let remedy = needed_plans(served(info).filter(|feature| feature.lacks.is_empty()));
    if counts.wanted > 0 {
        let reason = "Only servers with a plan of their own have it.".to_owned();
        return of("Partial", reason, remedy);
    }
    let reason = match plan.tier {
        Tier::Free => "Defender for Servers is off.".to_owned(),
        tier => format!("Defender for Servers {} does not include it.", tier.as_str()),
    };
    of("Off", reason, remedy)
}

/// How many machines there are, and how each component is on them. A page of machines is read at a time.
async fn count(
    records: &Records,
    subscription: &ResourceId,
    plan: &Plan,
) -> Result<(usize, HashMap<&'static str, Counts>), RecordsError> {
    let mut counts: HashMap<&'static str, Counts> = HashMap::new();
    let (mut machines, mut after) = (0, None);
    loop {
        let query = ListQuery::of_type(subscription.clone(), MACHINE_TYPE);
        let page = records.list(ListQuery { after, ..query }).await?;
        machines += page.items.len();
        let ids: Vec<ResourceId> = page.items.iter().map(|machine| machine.id.clone()).collect();
        let mut installed = records.list_below_each(&ids, EXTENSION_TYPE).await?;
        for machine in &page.items {
            let extensions = installed.remove(machine.id.key()).unwrap_or_default();
            for component in &COMPONENTS {
                counts.entry(component.name).or_default().add(machine, component, &extensions, plan);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok((machines, counts));
        }
    }
}

impl Counts {
    fn add(&mut self, machine: &Resource, component: &Component, extensions: &[Resource], plan: &Plan) {
        // Machines that were found and have no agent get nothing.
        let agentless = machine.property("status").and_then(Value::as_str) == Some("Unmonitored");
        if agentless || !plan.includes(component, plan.cover_of(&machine.id)) {
            return;
        }
        if !direct::may_have(&machine.body, component) {
            self.direct += 1;
            return;
        }
        self.wanted += 1;
        let found = extensions.iter().find(|found| {
            let text = |name: &str| found.property(name).and_then(Value::as_str).unwrap_or_default();
            text("publisher").eq_ignore_ascii_case(component.publisher)
                && text("type").eq_ignore_ascii_case(component.extension)
        });
        match found.map(extension::provisioning_state) {
            None => self.missing += 1,
            Some("Succeeded") => self.installed += 1,
            Some("Failed") => self.failed += 1,
            Some(_) => self.pending += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str) -> &'static ComponentInfo {
        components().iter().find(|info| info.name == name).unwrap()
    }

    fn state_of(name: &str, plan: &Plan) -> State {
        let component = COMPONENTS.iter().find(|component| component.name == name);
        state(info(name), component, plan, Counts::default())
    }

    #[test]
    fn every_deployed_component_has_a_row_and_no_other_can_be_on() {
        for component in &COMPONENTS {
            let info = info(component.name);
            assert_eq!((info.extension.as_str(), info.lacks.as_str()), (component.extension, ""));
        }
        let everything = Plan { tier: Tier::P2, posture: true, ..Plan::default() };
        let on = components().iter().filter(|info| state_of(&info.name, &everything).name == "On");
        assert_eq!(on.map(|info| info.name.as_str()).collect::<Vec<_>>(), ["sensor", "monitor", "inventory"]);
    }

    #[test]
    fn what_is_off_says_why_and_what_would_turn_it_on() {
        let mut plan = Plan { tier: Tier::P1, ..Plan::default() };
        let off = state_of("inventory", &plan);
        assert_eq!(
            (off.name, off.reason.as_str(), off.remedy.as_str()),
            (
                "Off",
                "Defender for Servers P1 does not include it.",
                "Turn on Defender for Servers P2 or Defender CSPM."
            )
        );
        plan.switched_off = vec![("sensor", "Microsoft.Security/settings/WDATP".to_owned())];
        assert!(state_of("sensor", &plan).reason.contains("settings/WDATP"));
        assert_eq!(state_of("monitor", &plan).name, "On");
        assert_eq!(state_of("monitor", &Plan::default()).reason, "Defender for Servers is off.");
        let sql = state_of("sql", &plan);
        assert!(sql.name == "NotAvailable" && sql.remedy.contains("Endpoint protection"), "{sql:?}");
    }
}
