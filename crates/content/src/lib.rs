//! Content packs: detections and plans as data, loaded and checked.
//!
//! This crate reads Sentinel's public analytics-rule YAML and the ARM form of the same rule, and gives one
//! [`AnalyticsRule`]. It runs nothing: `detect` does.

#![forbid(unsafe_code)]

pub mod duration;
pub mod pack;
pub mod plans;
pub mod rule;
mod rule_arm;
mod rule_yaml;

pub use pack::{Detection, Finding, Pack};
pub use rule::{AnalyticsRule, EntityMapping, RuleError};
