//! A policy engine for Azure Policy JSON: conditions, expressions, `deny`, `audit`, `auditIfNotExists` and
//! `deployIfNotExists`, with exemptions. Pure: it is given resources and answers with verdicts; reading,
//! writing and deploying are the reconciler's.
//!
//! Absent on purpose: `modify`, `append` and the data-plane modes. A definition that uses them is reported
//! as `Unknown` with the reason.

pub mod condition;
pub mod definition;
pub mod evaluate;
pub mod field;
pub mod target;
pub mod template;

pub use definition::{Definition, Effect, Planned};
pub use evaluate::{Assignment, Compliance, Denial, Exemption, PolicySet, Verdict};
pub use target::Target;
