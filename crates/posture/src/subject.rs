//! The facts about one resource, gathered into the document that conditions look at.
//!
//! | path | holds |
//! | --- | --- |
//! | `machine` or `subscription` | the ARM object |
//! | `plan` | `properties` of the subscription's `VirtualMachines` pricing, or of the machine's own |
//! | `extensions/{type}` | the ARM object of each extension, by its type |
//! | `evidence/{topic}` | what the inventory extension reported |
//! | `reported/{topic}` | when it reported that |
//! | `machines` | for a subscription: how many machines it has |
//! | `now` | the moment of the evaluation |

use std::collections::HashMap;

use bartizan_base::{ResourceId, Ticks};
use bartizan_records::{Records, RecordsError, Resource};
use serde_json::{Map, Value, json};

use crate::assessment::SubjectKind;

pub(crate) const MACHINE_TYPE: &str = "Microsoft.HybridCompute/machines";
pub(crate) const EXTENSION_TYPE: &str = "Microsoft.HybridCompute/machines/extensions";
pub(crate) const PRICING_TYPE: &str = "Microsoft.Security/pricings";
pub(crate) const SUBSCRIPTION_TYPE: &str = "Microsoft.Resources/subscriptions";

/// A resource with the facts about it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) kind: SubjectKind,
    pub(crate) resource: Resource,
    pub(crate) facts: Value,
}

/// Gathers the facts about machines and subscriptions, in id order; what does not exist or is neither is left out. The
/// caller bounds how many it asks for.
pub(crate) async fn gather(
    records: &Records,
    ids: &[ResourceId],
    now: Ticks,
) -> Result<Vec<Subject>, RecordsError> {
    let plans = Plans::read(records, ids).await?;
    let mut extensions = records.list_children_of_each(ids, EXTENSION_TYPE).await?;
    let mut evidence = records.evidence_of_each(ids).await?;
    let mut out = Vec::with_capacity(ids.len());
    for resource in records.get_many(ids).await? {
        if resource.resource_type.eq_ignore_ascii_case(SUBSCRIPTION_TYPE) {
            let machines = records.count(&resource.id, MACHINE_TYPE).await?;
            let facts = json!({
                "subscription": resource.to_arm_json(),
                "plan": plans.of(&resource.id),
                "machines": machines,
                "now": now,
            });
            out.push(Subject { kind: SubjectKind::Subscription, resource, facts });
        } else if resource.resource_type.eq_ignore_ascii_case(MACHINE_TYPE) {
            let extensions = extensions.remove(resource.id.key()).unwrap_or_default();
            let by_type = extensions.iter().map(|extension| {
                let kind = extension.property("type").and_then(Value::as_str);
                (kind.unwrap_or(extension.id.name()).to_owned(), extension.to_arm_json())
            });
            let (mut facts_of, mut reported) = (Map::new(), Map::new());
            for (topic, (time, facts)) in evidence.remove(resource.id.key()).unwrap_or_default() {
                reported.insert(topic.clone(), json!(time));
                facts_of.insert(topic, facts);
            }
            let facts = json!({
                "machine": resource.to_arm_json(),
                "plan": plans.of(&resource.id),
                "extensions": by_type.collect::<Map<_, _>>(),
                "evidence": facts_of,
                "reported": reported,
                "now": now,
            });
            out.push(Subject { kind: SubjectKind::Machine, resource, facts });
        }
    }
    Ok(out)
}

/// The pricings that decide the plans of some resources.
struct Plans(HashMap<ResourceId, Value>);

impl Plans {
    async fn read(records: &Records, ids: &[ResourceId]) -> Result<Self, RecordsError> {
        let mut asked: Vec<ResourceId> = ids.iter().flat_map(Self::pricings).collect();
        asked.sort();
        asked.dedup();
        let found = records.get_many(&asked).await?.into_iter();
        let properties = |pricing: &Resource| pricing.body.get("properties").cloned().unwrap_or(Value::Null);
        Ok(Self(found.map(|pricing| (pricing.id.clone(), properties(&pricing))).collect()))
    }

    /// The plan that holds for `id`: its own pricing or else its subscription's. No pricing is `Free`.
    fn of(&self, id: &ResourceId) -> Value {
        let mut found = Self::pricings(id).filter_map(|pricing| self.0.get(&pricing));
        found.next().cloned().unwrap_or_else(|| json!({"pricingTier": "Free"}))
    }

    fn pricings(id: &ResourceId) -> impl Iterator<Item = ResourceId> {
        let subscription =
            id.subscription().and_then(|name| ResourceId::parse(&format!("/subscriptions/{name}")).ok());
        let scopes = [Some(id.clone()), subscription].into_iter().flatten();
        scopes.filter_map(|scope| scope.join(&format!("providers/{PRICING_TYPE}/VirtualMachines")).ok())
    }
}
