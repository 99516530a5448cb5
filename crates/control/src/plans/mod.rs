//! Provisioning: a plan becomes policy assignments, a policy deploys extensions, agents run them.
//!
//! | step | file |
//! | --- | --- |
//! | what a plan includes, and its switches | `plan`, `features`, `component`, `switches` |
//! | plan → assignments | `provisioning` |
//! | what an assignment may deploy | `identity` |
//! | assignments → verdicts | the crate `bartizan-policy` |
//! | a write or deletion meets the policies | `admission` |
//! | when something is evaluated | `reconcile` |
//! | verdicts → extensions and policy states | `evaluation`, `deployment`, `ground`, `state` |
//! | machines with the sensor only | `direct` |
//! | what happened, kept for a while | `events` |
//! | extensions ↔ agent | `extension`, `desired` |
//! | why a machine is not covered | `diagnosis`, `two_agents` |

pub mod admission;
pub mod builtin;
pub mod component;
pub(crate) mod deployment;
pub mod desired;
pub mod diagnosis;
pub mod direct;
pub(crate) mod evaluation;
pub mod events;
pub mod extension;
pub mod features;
pub(crate) mod ground;
pub(crate) mod identity;
pub mod plan;
pub(crate) mod protected;
pub mod provisioning;
pub mod reconcile;
pub mod state;
pub mod switches;
pub mod trial;
pub mod two_agents;

pub use reconcile::PlansContext;

/// Runs the reconciler until `ctx.stop` is cancelled.
pub async fn start(ctx: PlansContext) {
    reconcile::run(ctx).await;
}

#[cfg(test)]
mod tests;
