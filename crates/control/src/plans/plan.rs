//! The Defender for Servers plan and the provisioning switches beside it.

use bartizan_base::{ResourceId, ResourceIdError};
use bartizan_records::{Records, RecordsError, Resource};
use serde_json::Value;

use super::component::Component;

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

/// A subscription's plan and switches, as far as they decide what is provisioned.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub tier: Tier,
    /// Components that are switched off, with the setting that does it.
    pub switched_off: Vec<(&'static str, String)>,
    /// Machines whose own pricing is `Free`.
    pub excluded: Vec<ResourceId>,
}

impl Plan {
    /// Whether the component is to be on the subscription's machines.
    pub fn includes(&self, component: &Component) -> bool {
        component.tiers.contains(&self.tier) && self.switch_of(component).is_none()
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
        let pricing = get("pricings/VirtualMachines").await?;
        let integration = get("settings/WDATP").await?;
        let collection = get("autoProvisioningSettings/default").await?;
        let own = records.list_all(subscription, PRICING_TYPE).await?;
        Ok(Self {
            tier: Tier::of(pricing.as_ref().map(|pricing| &pricing.body)),
            switched_off: switched_off(pricing.as_ref(), integration.as_ref(), collection.as_ref()),
            excluded: excluded(&own, subscription),
        })
    }
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

fn excluded(pricings: &[Resource], subscription: &ResourceId) -> Vec<ResourceId> {
    let free = pricings.iter().filter(|pricing| {
        pricing.id.name().eq_ignore_ascii_case(SERVERS) && Tier::of(Some(&pricing.body)) == Tier::Free
    });
    free.filter_map(|pricing| pricing.id.parent()).filter(|scope| scope != subscription).collect()
}
