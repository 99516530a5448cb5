//! One prerequisite of one machine, as it came out.

use serde::Serialize;

/// A checked prerequisite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Stable name: `systemSupported`, or that of the requirement.
    pub name: String,
    pub title: String,
    pub outcome: Outcome,
    /// Whether a failure stops an installation.
    pub blocking: bool,
    /// What was found, in one sentence.
    pub evidence: String,
    /// What to do; empty when it passed.
    pub fix: String,
}

/// How a prerequisite came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    Passed,
    Failed,
    /// The machine does not report the fact.
    Unknown,
}

/// The check that stops an installation, if any does.
pub fn first_blocking(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.blocking && check.outcome == Outcome::Failed)
}
