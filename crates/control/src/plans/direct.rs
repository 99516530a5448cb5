//! Direct onboarding: machines with the sensor and nothing else, licensed at one designated subscription.
//!
//! Such a machine is a resource like others, and is marked. No policy looks at it: what its plan brings of the sensor is
//! put on it here, from the same plan and the same switch. When it is connected fully, the mark goes, and policies take
//! over what is there.

use bartizan_base::{ResourceId, ResourceIdError, Ticks};
use bartizan_records::{Actor, Condition, ListQuery, Records, RecordsError, Resource, Write};
use serde_json::{Value, json};

use crate::access::SUBSCRIPTION_TYPE;

use super::component::{COMPONENTS, Component};
use super::plan::{PRICING_TYPE, Plan, SERVERS, Tier, security_id};
use super::provisioning::{assignment_id, is_connected};
use super::{extension, features};

/// The extension of the Servers plan that designates its subscription.
pub const DESIGNATES: &str = "MdeDesignatedSubscription";
/// The resource group that directly onboarded machines are in; made when the first one comes.
pub const GROUP: &str = "direct-onboarding";
/// The property of a machine that marks it. Azure has no word on the wire for this.
pub const MARK: &str = "onboarding";
/// Its value.
pub const DIRECT: &str = "Direct";

/// What gives such a machine the rest.
pub const FULLY: &str = "Connect it fully: run `bartizan-agent connect` on it with an onboarding token.";

/// The actor of every write made here.
pub(crate) fn actor() -> Actor {
    Actor::system("Direct onboarding")
}

/// Whether the machine has the sensor only.
pub fn is_direct(machine: &Value) -> bool {
    machine["properties"][MARK] == DIRECT
}

/// Whether the component may be on the machine at all.
pub fn may_have(machine: &Value, component: &Component) -> bool {
    component.name == sensor().name || !is_direct(machine)
}

/// Whether a pricing designates its subscription.
pub fn designates(pricing: &Value) -> bool {
    let extensions = pricing["properties"]["extensions"].as_array().into_iter().flatten();
    let mut named = extensions
        .filter(|entry| entry["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(DESIGNATES)));
    Tier::of(Some(pricing)) != Tier::Free && named.any(|entry| entry["isEnabled"] == "True")
}

/// The subscription that directly onboarded machines join; `None` when direct onboarding is off.
///
/// # Errors
/// When the records cannot be read.
pub async fn designated(records: &Records) -> Result<Option<ResourceId>, RecordsError> {
    let pricings = records.list_all(&ListQuery::tenant(), PRICING_TYPE).await?;
    Ok(pricings.iter().find(|pricing| is_designation(pricing)).and_then(|pricing| pricing.id.parent()))
}

/// Whether a pricing is that of a subscription's servers and designates the subscription.
pub fn is_designation(pricing: &Resource) -> bool {
    let of_subscription = |scope: ResourceId| scope.resource_type() == SUBSCRIPTION_TYPE;
    pricing.id.name().eq_ignore_ascii_case(SERVERS)
        && designates(&pricing.body)
        && pricing.id.parent().is_some_and(of_subscription)
}

/// Whether an extension was put on its machine here. What it says of itself is not enough, because clients write it.
///
/// # Errors
/// When the records cannot be read.
pub async fn manages(records: &Records, extension: &Resource) -> Result<bool, RecordsError> {
    if !names_us(extension) {
        return Ok(false);
    }
    let Some(machine) = extension.id.parent() else { return Ok(false) };
    Ok(records.get(&machine).await?.is_some_and(|machine| is_direct(&machine.body)))
}

fn names_us(extension: &Resource) -> bool {
    let subscription = features::subscription_of(&extension.id);
    let by = subscription.and_then(|at| manager(&at).ok());
    by.is_some_and(|by| extension::managed_by(extension) == Some(by.as_str()))
}

/// Brings the sensor of a directly onboarded machine in line with the plan of its subscription.
///
/// # Errors
/// When the records cannot be read or written.
pub async fn sync(
    records: &Records,
    machine: &Resource,
    plan: &Plan,
    actor: &Actor,
    now: Ticks,
) -> Result<(), RecordsError> {
    let Some(subscription) = features::subscription_of(&machine.id) else { return Ok(()) };
    let (Ok(id), Ok(by)) = (extension_of(&machine.id), manager(&subscription)) else { return Ok(()) };
    let wanted = plan.includes(sensor(), plan.cover_of(&machine.id));
    match (wanted, records.get(&id).await?) {
        (true, None) => {
            let how = "put on the directly onboarded machine by the plan of its subscription";
            let body = extension::waiting(&planned(machine), &by, how, now);
            let condition = Condition::IfNoneMatch;
            match records.put(Write { id, body, condition, actor: actor.clone(), audit: true }).await {
                Ok(_) | Err(RecordsError::Exists(_)) => Ok(()),
                Err(error) => Err(error),
            }
        }
        (false, Some(existing))
            if names_us(&existing) && extension::provisioning_state(&existing) != "Deleting" =>
        {
            let connected = is_connected(records, &existing.id).await?;
            let reason = "the plan of the designated subscription does not bring it";
            extension::retire(records, &existing, connected, actor, reason, now).await
        }
        _ => Ok(()),
    }
}

/// Hands the sensor that was put on `from` over to the policy that puts it on `to`: the same machine, connected fully.
/// It goes on running meanwhile.
///
/// # Errors
/// When the records cannot be written.
pub async fn hand_over(
    records: &Records,
    from: &ResourceId,
    to: &ResourceId,
    actor: &Actor,
) -> Result<(), RecordsError> {
    let Some(subscription) = features::subscription_of(to) else { return Ok(()) };
    let (Ok(old), Ok(id)) = (extension_of(from), extension_of(to)) else { return Ok(()) };
    let Ok(assignment) = assignment_id(&subscription, sensor()) else { return Ok(()) };
    let Some(existing) = records.get(&old).await? else { return Ok(()) };
    let mut body = existing.body;
    extension::set_manager(&mut body, &assignment);
    let condition = Condition::None;
    records.put(Write { id, body, condition, actor: actor.clone(), audit: true }).await.map(drop)
}

fn extension_of(machine: &ResourceId) -> Result<ResourceId, ResourceIdError> {
    machine.join(&format!("extensions/{}", sensor().extension))
}

fn planned(machine: &Resource) -> Value {
    let Component { publisher, extension, .. } = sensor();
    json!({
        "location": machine.body.get("location").cloned().unwrap_or(Value::Null),
        "properties": {
            "publisher": publisher, "type": extension, "typeHandlerVersion": "1.0",
            "autoUpgradeMinorVersion": true, "settings": {},
        },
    })
}

/// What an extension that was put on its machine here names as its maker.
fn manager(subscription: &ResourceId) -> Result<ResourceId, ResourceIdError> {
    security_id(subscription, &format!("pricings/{SERVERS}"))
}

fn sensor() -> &'static Component {
    &COMPONENTS[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_designated_by_its_plan_while_that_is_on() {
        let pricing = |tier: &str, name: &str, on: &str| json!({"properties": {"pricingTier": tier, "extensions": [{"name": name, "isEnabled": on}]}});
        assert!(designates(&pricing("Standard", DESIGNATES, "True")));
        assert!(designates(&pricing("Standard", "mdedesignatedsubscription", "True")));
        assert!(!designates(&pricing("Standard", DESIGNATES, "False")));
        assert!(!designates(&pricing("Free", DESIGNATES, "True")), "nothing is licensed");
        assert!(!designates(&pricing("Standard", "FileIntegrityMonitoring", "True")));
        assert!(!designates(&json!({"properties": {"pricingTier": "Standard"}})));
    }

    #[test]
    fn a_marked_machine_may_have_the_sensor_only() {
        let names = |machine: &Value| {
            let may = COMPONENTS.iter().filter(|component| may_have(machine, component));
            may.map(|component| component.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&json!({"properties": {MARK: DIRECT}})), ["sensor"]);
        assert_eq!(names(&json!({"properties": {}})), ["sensor", "monitor", "inventory"]);
    }
}
