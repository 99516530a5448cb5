//! A policy engine for Azure Policy JSON.
//!
//! Pure: it is given definitions, initiatives, assignments, exemptions and attestations, and answers what they say of a
//! resource ([`Policies::evaluate`]), of a write ([`Policies::admit`]) and of a deletion
//! ([`Policies::admit_deletion`]), with the comparisons that led there. Reading, writing and deploying are its caller's.
//!
//! | what | file |
//! | --- | --- |
//! | names of fields, aliases | `field`, `alias` |
//! | `[concat(field('name'), …)]` and its functions | `expression` |
//! | `if`, `existenceCondition` | `condition` |
//! | `modify`, `append` | `change` |
//! | `auditIfNotExists`, `deployIfNotExists` and their templates | `related`, `deployment` |
//! | definitions, initiatives, their parameters | `definition`, `initiative`, `parameter`, `schema` |
//! | assignments, their selectors and overrides, exemptions, attestations | `assignment`, `selector`, `exemption` |
//! | a definition under an assignment | `rule` |
//! | everything assigned, and what it says | `policies`, `admission`, `verdict` |
//! | what a definition can be about | `reach` |
//! | what it would say of a resource that is not written yet | `restriction` |
//!
//! Absent on purpose: the data-plane modes, which their services evaluate; they load and are reported as problems.

#![forbid(unsafe_code)]

mod admission;
mod alias;
pub mod assignment;
pub mod change;
pub mod condition;
pub mod definition;
pub mod deployment;
mod effect;
pub mod exemption;
pub mod expression;
pub mod field;
#[doc(hidden)]
pub mod fuzzing;
pub mod initiative;
pub mod parameter;
mod policies;
mod reach;
pub mod related;
mod restriction;
mod rule;
pub mod schema;
pub mod selector;
mod target;
mod value;
mod verdict;

pub use admission::Admission;
pub use assignment::Assignment;
pub use definition::{Definition, Mode};
pub use deployment::Planned;
pub use effect::Effect;
pub use exemption::{Attestation, Exemption, ExemptionCategory};
pub use expression::Request;
pub use initiative::Initiative;
pub use parameter::Parameters;
pub use policies::{Flat, Hierarchy, Parts, Policies, Problem};
pub use reach::{Reach, reach};
pub use related::Wanted;
pub use restriction::{Restriction, Restricts};
pub use rule::{Member, Rule};
pub use target::Target;
pub use value::text_of;
pub use verdict::{Compliance, Denial, Remedy, Verdict};
