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

/// Gathers the facts about a machine or a subscription; `None` when it does not exist or is neither.
pub(crate) async fn gather(
    records: &Records,
    id: &ResourceId,
    now: Ticks,
) -> Result<Option<Subject>, RecordsError> {
    let Some(resource) = records.get(id).await? else { return Ok(None) };
    if resource.resource_type.eq_ignore_ascii_case(SUBSCRIPTION_TYPE) {
        let machines = records.list_all(id, MACHINE_TYPE).await?.len();
        let facts = json!({
            "subscription": resource.to_arm_json(),
            "plan": plan(records, id).await?,
            "machines": machines,
            "now": now,
        });
        return Ok(Some(Subject { kind: SubjectKind::Subscription, resource, facts }));
    }
    if !resource.resource_type.eq_ignore_ascii_case(MACHINE_TYPE) {
        return Ok(None);
    }
    let mut evidence = Map::new();
    let mut reported = Map::new();
    for (topic, (time, facts)) in records.evidence(id).await? {
        reported.insert(topic.clone(), json!(time));
        evidence.insert(topic, facts);
    }
    let mut extensions = Map::new();
    for extension in records.list_all(id, EXTENSION_TYPE).await? {
        let kind =
            extension.property("type").and_then(Value::as_str).unwrap_or(extension.id.name()).to_owned();
        extensions.insert(kind, extension.to_arm_json());
    }
    let facts = json!({
        "machine": resource.to_arm_json(),
        "plan": plan(records, id).await?,
        "extensions": extensions,
        "evidence": evidence,
        "reported": reported,
        "now": now,
    });
    Ok(Some(Subject { kind: SubjectKind::Machine, resource, facts }))
}

/// The plan that holds for `id`: its own pricing or else its subscription's. No pricing is `Free`.
async fn plan(records: &Records, id: &ResourceId) -> Result<Value, RecordsError> {
    let subscription =
        id.subscription().and_then(|name| ResourceId::parse(&format!("/subscriptions/{name}")).ok());
    for scope in [Some(id.clone()), subscription].into_iter().flatten() {
        let Ok(pricing) = scope.join(&format!("providers/{PRICING_TYPE}/VirtualMachines")) else { continue };
        if let Some(pricing) = records.get(&pricing).await? {
            return Ok(pricing.body.get("properties").cloned().unwrap_or(Value::Null));
        }
    }
    Ok(json!({"pricingTier": "Free"}))
}
