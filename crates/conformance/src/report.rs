//! What came of the checks: counts per kind, each failure, each exception with its reason.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// Counts of one kind of check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub total: usize,
    pub passed: usize,
    /// Differences where the reference is wrong.
    pub excepted: usize,
    pub failed: usize,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub kind: &'static str,
    pub id: String,
    pub reason: String,
    /// The first place where ours is not the reference's.
    pub difference: String,
}

/// A difference that is the reference's mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exception {
    pub kind: &'static str,
    pub id: String,
    pub reason: String,
}

/// Everything that was checked.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub kinds: BTreeMap<&'static str, Tally>,
    pub failures: Vec<Failure>,
    pub exceptions: Vec<Exception>,
}

/// How one check of one query ended.
pub(crate) enum Outcome {
    Passed,
    Excepted(String),
    Failed { reason: String, difference: String },
}

impl Outcome {
    pub(crate) fn failed(reason: impl Into<String>, difference: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), difference: difference.into() }
    }
}

impl Report {
    pub(crate) fn add(&mut self, kind: &'static str, id: &str, outcome: Outcome) {
        let tally = self.kinds.entry(kind).or_default();
        tally.total += 1;
        let id = id.to_owned();
        match outcome {
            Outcome::Passed => tally.passed += 1,
            Outcome::Excepted(reason) => {
                tally.excepted += 1;
                self.exceptions.push(Exception { kind, id, reason });
            }
            Outcome::Failed { reason, difference } => {
                tally.failed += 1;
                self.failures.push(Failure { kind, id, reason, difference });
            }
        }
    }

    /// Whether nothing failed.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }

    /// The counts of one kind; zeros when nothing of the kind was checked.
    pub fn tally(&self, kind: &str) -> Tally {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    /// Writes the machine-readable form.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("the report has no JSON form")?;
        std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for exception in &self.exceptions {
            writeln!(out, "exception  {} {}: {}", exception.kind, exception.id, exception.reason)?;
        }
        for failure in &self.failures {
            writeln!(out, "FAILED     {} {}: {}", failure.kind, failure.id, failure.reason)?;
            if !failure.difference.is_empty() {
                writeln!(out, "           {}", failure.difference)?;
            }
        }
        writeln!(out, "{:<44} {:>6} {:>7} {:>10} {:>7}", "", "total", "passed", "exceptions", "failed")?;
        for (kind, tally) in &self.kinds {
            let Tally { total, passed, excepted, failed } = tally;
            writeln!(out, "{kind:<44} {total:>6} {passed:>7} {excepted:>10} {failed:>7}")?;
        }
        Ok(())
    }
}
