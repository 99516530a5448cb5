//! Remediations: what exists and does not comply is deployed or changed, as the identity of the policy's assignment.
//!
//! A remediation is a resource; how far it is stands in it, and each resource that it works on is a child of it, so that
//! a restart goes on where it was.
//!
//! | provisioningState | means |
//! | --- | --- |
//! | `Accepted` | written; nothing was done yet |
//! | `Evaluating` | the resources in scope are evaluated anew first |
//! | `InProgress` | deployments are made and waited for |
//! | `Succeeded` | every deployment succeeded, or no more failed than `failureThreshold` allows |
//! | `Failed` | deployments failed; `statusMessage` and the deployments say why |
//! | `Canceled` | somebody stopped it; what was written stays |

mod progress;
mod run;
mod settings;
mod work;

pub(crate) use progress::{cancel, deployments, is_ended};
pub(crate) use run::run;
pub(crate) use settings::{REMEDIATION_TYPE, prepare};
