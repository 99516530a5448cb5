//! Provisioning: a plan becomes policy assignments, a policy deploys extensions, agents run them.
//!
//! | step | file |
//! | --- | --- |
//! | what a plan includes, and its switches | `plan`, `features`, `component` |
//! | plan → assignments | `provisioning` |
//! | assignments → verdicts, pure | `policy` |
//! | verdicts → extensions and policy states | `reconcile`, `state` |
//! | extensions ↔ agent | `extension`, `desired` |
//! | why a machine is not covered | `diagnosis`, `two_agents` |

pub mod builtin;
pub mod component;
pub mod desired;
pub mod diagnosis;
pub mod extension;
pub mod features;
pub mod plan;
pub mod policy;
pub mod provisioning;
pub mod reconcile;
pub mod state;
pub mod trial;
pub mod two_agents;

use bartizan_base::{ResourceId, Ticks};
use bartizan_records::{Records, RecordsError};
use serde_json::Value;

pub use reconcile::PlansContext;

/// Runs the reconciler until `ctx.stop` is cancelled.
pub async fn start(ctx: PlansContext) {
    reconcile::run(ctx).await;
}

/// Whether an enforced `deny` policy forbids writing this resource. To be asked before every write that
/// comes through the API; the answer's message belongs into the error `RequestDisallowedByPolicy`.
///
/// # Errors
/// When the records cannot be read.
pub async fn check_write(
    records: &Records,
    id: &ResourceId,
    body: &Value,
    now: Ticks,
) -> Result<Option<policy::Denial>, RecordsError> {
    let policies = reconcile::load(records).await?;
    Ok(policies.denial(&policy::Target::new(id.clone(), body.clone()), now))
}

#[cfg(test)]
mod tests;
