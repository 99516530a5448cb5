//! The Defender for Servers plan and the provisioning switches beside it.

use std::collections::BTreeMap;

use bartizan_base::{ResourceId, ResourceIdError};
use bartizan_records::{Records, RecordsError, Resource};
use serde_json::Value;

use super::component::Component;
use super::features;

/// The type of a plan.
pub const PRICING_TYPE: &str = "Microsoft.Security/pricings";
/// The plan's name.
pub const SERVERS: &str = "VirtualMachines";

/// What is bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tier {
    #[default]
    Free,
    P1,
    P2,
}

impl Tier {
    /// Reads a pricing's body. `Standard` without a `subPlan` is P2, as in Azure.
    pub fn of(pricing: Option<&Value>) -> Self {
        let text = |name: &str| {
            let properties = pricing.and_then(|body| body.get("properties"));
            properties.and_then(|properties| properties.get(name)).and_then(Value::as_str).unwrap_or_default()
        };
        match (text("pricingTier"), text("subPlan")) {
            (tier, _) if !tier.eq_ignore_ascii_case("Standard") => Self::Free,
            (_, sub_plan) if sub_plan.eq_ignore_ascii_case("P1") => Self::P1,
            _ => Self::P2,
        }
    }

    /// As people say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::P1 => "P1",
            Self::P2 => "P2",
        }
    }
}

/// The name of Defender CSPM's pricing.
pub const POSTURE: &str = "CloudPosture";

/// What holds for a machine: its Servers tier and whether Defender CSPM is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    pub tier: Tier,
    pub posture: bool,
}

/// A subscription's plan and switches, as far as they decide what is provisioned.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Of the subscription; what a machine has is told by [`Plan::cover_of`].
    pub tier: Tier,
    /// Whether Defender CSPM is on.
    pub posture: bool,
    /// Components that are switched off, with the setting that does it.
    pub switched_off: Vec<(&'static str, String)>,
    /// Machines with a pricing of their own.
    pub own: BTreeMap<ResourceId, Tier>,
}

impl Plan {
    /// What the subscription's machines have unless they have a pricing of their own.
    pub fn cover(&self) -> Cover {
        Cover { tier: self.tier, posture: self.posture }
    }

    /// What holds for a machine.
    pub fn cover_of(&self, machine: &ResourceId) -> Cover {
        Cover { tier: self.own.get(machine).copied().unwrap_or(self.tier), ..self.cover() }
    }

    /// Whether the machine has a pricing of its own.
    pub fn has_own(&self, machine: &ResourceId) -> bool {
        self.own.contains_key(machine)
    }

    /// Whether the component is to be on machines that are covered like this.
    pub fn includes(&self, component: &Component, cover: Cover) -> bool {
        // The switches belong to Defender for Servers.
        let servers = Cover { posture: false, ..cover };
        let posture = Cover { tier: Tier::Free, ..cover };
        (features::need(component, servers) && self.switch_of(component).is_none())
            || features::need(component, posture)
    }

    /// The machines whose own pricing makes a difference for the component.
    pub fn exceptions(&self, component: &Component) -> impl Iterator<Item = &ResourceId> {
        let usual = self.includes(component, self.cover());
        let differs = move |tier: Tier| self.includes(component, Cover { tier, ..self.cover() }) != usual;
        self.own.iter().filter(move |(_, tier)| differs(**tier)).map(|(scope, _)| scope)
    }

    /// The setting that switches the component off, if one does.
    pub fn switch_of(&self, component: &Component) -> Option<&str> {
        self.switched_off
            .iter()
            .find(|(name, _)| *name == component.name)
            .map(|(_, setting)| setting.as_str())
    }

    /// Reads plan and switches of a subscription.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn read(records: &Records, subscription: &ResourceId) -> Result<Self, RecordsError> {
        let get = async |suffix: &str| match security_id(subscription, suffix) {
            Ok(id) => records.get(&id).await,
            Err(_) => Ok(None),
        };
        let integration = get("settings/WDATP").await?;
        let collection = get("autoProvisioningSettings/default").await?;
        let all = records.list_all(subscription, PRICING_TYPE).await?;
        let of = |name: &str| {
            let here = |pricing: &&Resource| pricing.id.parent().as_ref() == Some(subscription);
            all.iter().filter(here).find(|pricing| pricing.id.name().eq_ignore_ascii_case(name))
        };
        let servers = of(SERVERS);
        Ok(Self {
            tier: Tier::of(servers.map(|pricing| &pricing.body)),
            posture: Tier::of(of(POSTURE).map(|pricing| &pricing.body)) != Tier::Free,
            switched_off: switched_off(servers, integration.as_ref(), collection.as_ref()),
            own: if servers.is_some_and(is_enforced) { BTreeMap::new() } else { own(&all, subscription) },
        })
    }
}

/// Whether a subscription's pricing forbids its machines to differ.
pub fn is_enforced(pricing: &Resource) -> bool {
    pricing.property("enforce").and_then(Value::as_str) == Some("True")
}

/// `{subscription}/providers/Microsoft.Security/{suffix}`.
///
/// # Errors
/// See [`ResourceId::parse`].
pub fn security_id(subscription: &ResourceId, suffix: &str) -> Result<ResourceId, ResourceIdError> {
    subscription.join(&format!("providers/Microsoft.Security/{suffix}"))
}

/// The switches, each where Azure has it: the endpoint integration in `settings/WDATP`, log collection in
/// `autoProvisioningSettings/default`, change tracking in the plan's own extension list.
fn switched_off(
    pricing: Option<&Resource>,
    integration: Option<&Resource>,
    collection: Option<&Resource>,
) -> Vec<(&'static str, String)> {
    let mut off = Vec::new();
    if integration.and_then(|setting| setting.property("enabled")).and_then(Value::as_bool) == Some(false) {
        off.push(("sensor", "Microsoft.Security/settings/WDATP".to_owned()));
    }
    let collects = collection.and_then(|setting| setting.property("autoProvision")).and_then(Value::as_str);
    if collects.is_some_and(|value| value.eq_ignore_ascii_case("Off")) {
        off.push(("monitor", "Microsoft.Security/autoProvisioningSettings/default".to_owned()));
    }
    let extensions = pricing.and_then(|pricing| pricing.property("extensions")).and_then(Value::as_array);
    let integrity = extensions.into_iter().flatten().find(|extension| {
        extension
            .get("name")
            .and_then(Value::as_str)
            .is_some_and(|name| name.eq_ignore_ascii_case("FileIntegrityMonitoring"))
    });
    // Booleans in this list are the texts `True` and `False`.
    let enabled = integrity.and_then(|extension| extension.get("isEnabled")).and_then(Value::as_str);
    if enabled.is_some_and(|value| value.eq_ignore_ascii_case("False")) {
        off.push(("inventory", "extension `FileIntegrityMonitoring` of the plan".to_owned()));
    }
    off
}

fn own(pricings: &[Resource], subscription: &ResourceId) -> BTreeMap<ResourceId, Tier> {
    let servers = pricings.iter().filter(|pricing| pricing.id.name().eq_ignore_ascii_case(SERVERS));
    let scoped = servers.filter_map(|pricing| Some((pricing.id.parent()?, Tier::of(Some(&pricing.body)))));
    scoped.filter(|(scope, _)| scope != subscription).collect()
}
