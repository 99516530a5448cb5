//! What a machine's plans include: the one place that says whether a feature is on.
//!
//! The matrix itself is data (`content/plans/features.yaml`). A feature is on when a plan of the machine has it, nobody
//! switched its component off, and it exists. Else the answer says why, and what would turn it on.

use std::collections::HashMap;

use bartizan_base::{ResourceId, Ticks};
use bartizan_content::plans::{Entitlement, Feature};
use bartizan_records::{Records, RecordsError, Resource};
use serde_json::{Value, json};

use super::component::{COMPONENTS, Component, EXTENSION_TYPE};
use super::plan::{Cover, POSTURE, Plan, SERVERS, Tier, is_enforced, security_id};
use super::{direct, extension};

/// Key of the feature that pays for 500 MB a machine a day.
pub const INCLUDED_DATA: &str = "includedData";

/// Whether somebody who is covered like this has the feature called `key`. A feature that is not here is nobody's.
pub fn allows(key: &str, cover: Cover) -> bool {
    let found = all().iter().find(|feature| feature.key == key);
    found.is_some_and(|feature| feature.lacks.is_empty() && includes(feature, cover))
}

/// Whether a feature that is included needs the component.
pub fn need(component: &Component, cover: Cover) -> bool {
    let mut of = all().iter().filter(|feature| feature.component.as_deref() == Some(component.name));
    of.any(|feature| feature.lacks.is_empty() && includes(feature, cover))
}

/// The streams that no plan of each machine includes, in the order of the machines: nothing collects them.
///
/// # Errors
/// When the records cannot be read.
pub async fn withheld(
    records: &Records,
    machines: &[ResourceId],
) -> Result<Vec<Vec<&'static str>>, RecordsError> {
    let streams = |cover: Cover| {
        let lacking = all().iter().filter(|feature| !includes(feature, cover));
        lacking.flat_map(|feature| feature.streams.iter().map(String::as_str)).collect()
    };
    Ok(covers_at(records, machines).await?.into_iter().map(streams).collect())
}

/// What holds for one machine; the same as [`Plan::cover_of`], without reading all machines' pricings.
///
/// # Errors
/// When the records cannot be read.
pub async fn cover_at(records: &Records, machine: &ResourceId) -> Result<Cover, RecordsError> {
    let covers = covers_at(records, std::slice::from_ref(machine)).await?;
    Ok(covers.first().copied().unwrap_or_default())
}

/// [`cover_at`] for each of `machines`, with one statement.
async fn covers_at(records: &Records, machines: &[ResourceId]) -> Result<Vec<Cover>, RecordsError> {
    let pricing = |scope: &ResourceId, name: &str| security_id(scope, &format!("pricings/{name}")).ok();
    let mut asked: Vec<ResourceId> = Vec::with_capacity(machines.len() + 2);
    for machine in machines {
        asked.extend(pricing(machine, SERVERS));
        let subscription = subscription_of(machine);
        asked.extend(
            subscription.iter().flat_map(|of| [pricing(of, SERVERS), pricing(of, POSTURE)]).flatten(),
        );
    }
    asked.sort();
    asked.dedup();
    let found = records.get_many(&asked).await?;
    let found: HashMap<&ResourceId, &Resource> = found.iter().map(|found| (&found.id, found)).collect();
    let get = |scope: &ResourceId, name: &str| found.get(&pricing(scope, name)?).copied();
    let tier = |pricing: Option<&Resource>| Tier::of(pricing.map(|pricing| &pricing.body));
    let cover = |machine: &ResourceId| {
        let Some(subscription) = subscription_of(machine) else { return Cover::default() };
        let servers = get(&subscription, SERVERS);
        let own = get(machine, SERVERS).filter(|_| !servers.is_some_and(is_enforced));
        Cover { tier: tier(own.or(servers)), posture: tier(get(&subscription, POSTURE)) != Tier::Free }
    };
    Ok(machines.iter().map(cover).collect())
}

/// Answers `GET {scope}/providers/Bartizan.Security/features`: every feature with its state, for a machine, or as the
/// subscription's plans have it.
///
/// # Errors
/// When the records cannot be read.
pub async fn report(records: &Records, scope: &ResourceId, now: Ticks) -> Result<Vec<Value>, RecordsError> {
    let Some(subscription) = subscription_of(scope) else { return Ok(Vec::new()) };
    let plan = Plan::read(records, &subscription).await?;
    let machine = (*scope != subscription).then_some(scope);
    let cover = machine.map_or(plan.cover(), |machine| plan.cover_of(machine));
    let (extensions, resource) = match machine {
        Some(machine) => {
            (Some(records.list_all(machine, EXTENSION_TYPE).await?), records.get(machine).await?)
        }
        None => (None, None),
    };
    let sensor_only = |feature: &Feature| {
        let (machine, component) = (resource.as_ref()?, component_of(feature)?);
        let lacks = includes(feature, cover) && !direct::may_have(&machine.body, component);
        lacks.then(|| State {
            name: "Off",
            reason: "The machine was onboarded directly and has the sensor only.".to_owned(),
            remedy: direct::FULLY.to_owned(),
        })
    };
    let entry = |feature: &Feature| {
        let state =
            sensor_only(feature).unwrap_or_else(|| state(feature, &plan, cover, extensions.as_deref()));
        json!({
            "id": format!("{scope}/providers/Bartizan.Security/features/{}", feature.key),
            "name": feature.key,
            "type": "Bartizan.Security/features",
            "properties": {
                "displayName": feature.title,
                "plans": feature.plans,
                "component": feature.component,
                "extension": component_of(feature).map(|component| component.extension),
                "state": state.name,
                "reason": state.reason,
                "remedy": state.remedy,
                "time": now,
            },
        })
    };
    Ok(all().iter().map(entry).collect())
}

/// How a feature is doing.
#[derive(Debug, PartialEq, Eq)]
struct State {
    name: &'static str,
    reason: String,
    /// What would turn it on; empty when it is on, or when nothing would.
    remedy: String,
}

fn state(feature: &Feature, plan: &Plan, cover: Cover, extensions: Option<&[Resource]>) -> State {
    let off = |reason: String, remedy: String| State { name: "Off", reason, remedy };
    if !feature.lacks.is_empty() {
        return State { name: "NotAvailable", reason: feature.lacks.clone(), remedy: String::new() };
    }
    if !includes(feature, cover) {
        let on = match (cover.tier, cover.posture) {
            (Tier::Free, false) => "No plan is on".to_owned(),
            (Tier::Free, true) => "Defender CSPM does not include it".to_owned(),
            (tier, _) => format!("Defender for Servers {} does not include it", tier.as_str()),
        };
        return off(on, remedy(feature));
    }
    let Some(component) = component_of(feature) else {
        return State { name: "On", reason: "The server does it.".to_owned(), remedy: String::new() };
    };
    if !plan.includes(component, cover) {
        let switch = plan.switch_of(component).unwrap_or("a setting");
        return off(
            format!("{} is switched off by {switch}", component.display_name),
            format!("Switch {switch} on."),
        );
    }
    let Some(extensions) = extensions else {
        let reason = format!("`{}` does it on each machine.", component.extension);
        return State { name: "On", reason, remedy: String::new() };
    };
    let found = extensions.iter().find(|found| {
        let text = |name: &str| found.property(name).and_then(Value::as_str).unwrap_or_default();
        text("publisher").eq_ignore_ascii_case(component.publisher)
            && text("type").eq_ignore_ascii_case(component.extension)
    });
    let Some(found) = found else {
        let reason = format!("`{}` is not on the machine.", component.extension);
        return State {
            name: "Pending",
            reason,
            remedy: "Ask for the machine's diagnosis: it names what is in the way.".to_owned(),
        };
    };
    let message = format!("`{}`: {}", found.id.name(), extension::message(found));
    match extension::provisioning_state(found) {
        "Succeeded" => State { name: "On", reason: message, remedy: String::new() },
        "Failed" => State { name: "Failed", reason: message, remedy: "Follow the message.".to_owned() },
        _ => State { name: "Pending", reason: message, remedy: String::new() },
    }
}

fn remedy(feature: &Feature) -> String {
    needed_plans(std::iter::once(feature))
}

/// What to turn on to have any of these features.
pub(crate) fn needed_plans<'a>(features: impl Iterator<Item = &'a Feature>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for plan in features.flat_map(|feature| &feature.plans) {
        let name = match plan {
            Entitlement::Foundational => "any plan",
            Entitlement::P1 => "Defender for Servers P1",
            Entitlement::P2 => "Defender for Servers P2",
            Entitlement::CloudPosture => "Defender CSPM",
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    format!("Turn on {}.", names.join(" or "))
}

fn includes(feature: &Feature, cover: Cover) -> bool {
    feature.plans.iter().any(|plan| match plan {
        Entitlement::Foundational => true,
        Entitlement::P1 => cover.tier == Tier::P1,
        Entitlement::P2 => cover.tier == Tier::P2,
        Entitlement::CloudPosture => cover.posture,
    })
}

fn component_of(feature: &Feature) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| feature.component.as_deref() == Some(component.name))
}

fn all() -> &'static [Feature] {
    bartizan_content::plans::features()
}

/// The subscription that something lies in.
pub fn subscription_of(id: &ResourceId) -> Option<ResourceId> {
    ResourceId::parse(&format!("/subscriptions/{}", id.subscription()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(tier: Tier, posture: bool) -> Cover {
        Cover { tier, posture }
    }

    fn on_machines(tier: Tier, posture: bool) -> Vec<&'static str> {
        let needed = COMPONENTS.iter().filter(|component| need(component, cover(tier, posture)));
        needed.map(|component| component.name).collect()
    }

    #[test]
    fn the_matrix_decides_what_is_put_on_machines() {
        assert!(on_machines(Tier::Free, false).is_empty());
        assert_eq!(on_machines(Tier::P1, false), ["sensor", "monitor"]);
        assert_eq!(on_machines(Tier::P2, false), ["sensor", "monitor", "inventory"]);
        assert_eq!(on_machines(Tier::Free, true), ["inventory"]);
        assert_eq!(on_machines(Tier::P1, true), ["sensor", "monitor", "inventory"]);
    }

    #[test]
    fn a_feature_of_another_plan_or_of_the_future_is_off() {
        assert!(
            allows(INCLUDED_DATA, cover(Tier::P2, false)) && !allows(INCLUDED_DATA, cover(Tier::P1, true))
        );
        assert!(allows("foundationalPosture", cover(Tier::Free, false)));
        assert!(!allows("networkMap", cover(Tier::P2, true)), "it is not there yet");
        assert!(!allows("nonsense", cover(Tier::P2, true)));
    }

    #[test]
    fn every_component_and_stream_of_the_matrix_exists() {
        for feature in all() {
            let component = component_of(feature);
            assert_eq!(component.is_some(), feature.component.is_some(), "{}", feature.key);
            for stream in &feature.streams {
                assert!(component.unwrap().streams.contains(&stream.as_str()), "{stream}");
            }
        }
    }

    #[test]
    fn a_state_says_why_and_what_would_turn_it_on() {
        let find = |key: &str| all().iter().find(|feature| feature.key == key).unwrap();
        let integrity = find("fileIntegrityMonitoring");
        let mut plan = Plan { tier: Tier::P1, ..Plan::default() };
        let off = state(integrity, &plan, plan.cover(), None);
        assert_eq!(
            (off.name, off.reason.as_str(), off.remedy.as_str()),
            ("Off", "Defender for Servers P1 does not include it", "Turn on Defender for Servers P2.")
        );
        plan.tier = Tier::P2;
        assert_eq!(state(integrity, &plan, plan.cover(), None).name, "On");
        assert_eq!(state(integrity, &plan, plan.cover(), Some(&[])).name, "Pending");
        plan.switched_off = vec![("inventory", "the extension `FileIntegrityMonitoring`".to_owned())];
        let switched = state(integrity, &plan, plan.cover(), Some(&[]));
        assert!(
            switched.name == "Off" && switched.remedy.contains("FileIntegrityMonitoring"),
            "{switched:?}"
        );
        // Defender CSPM brings the inventory by itself, and not this feature.
        plan.posture = true;
        assert_eq!(state(find("softwareInventory"), &plan, plan.cover(), Some(&[])).name, "Pending");
        assert_eq!(state(find("networkMap"), &plan, plan.cover(), None).name, "NotAvailable");
    }
}
