//! Provisioning: a plan becomes policy assignments, a policy deploys extensions, agents run them.
//!
//! | step | file |
//! | --- | --- |
//! | what a plan includes, and its switches | `plan`, `component` |
//! | plan → assignments | `provisioning` |
//! | assignments → verdicts | the crate `bartizan-policy` |
//! | a write or deletion meets the policies | `admission` |
//! | verdicts → extensions and policy states | `reconcile`, `state` |
//! | extensions ↔ agent | `extension`, `desired` |
//! | why a machine is not covered | `diagnosis` |

pub mod admission;
pub mod builtin;
pub mod component;
pub mod desired;
pub mod diagnosis;
pub mod extension;
pub mod plan;
pub mod provisioning;
pub mod reconcile;
pub mod state;

pub use reconcile::PlansContext;

/// Runs the reconciler until `ctx.stop` is cancelled.
pub async fn start(ctx: PlansContext) {
    reconcile::run(ctx).await;
}

#[cfg(test)]
mod tests;
