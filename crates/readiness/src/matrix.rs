//! The support matrix: which systems, in which versions, with the reason and the alternative where not.

use serde::{Deserialize, Serialize};

use crate::check::{Check, Outcome};
use crate::facts::Facts;
use crate::version;

/// A family of systems.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct System {
    pub name: String,
    /// `linux`, `windows` …: the machine's `osType`.
    pub os: String,
    /// The `ID` of os-release; any when empty.
    #[serde(default)]
    pub id: Vec<String>,
    /// Only systems whose name holds this word.
    #[serde(default)]
    pub os_name_contains: Option<String>,
    pub versions: Vec<Range>,
}

/// Versions that are treated alike.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// This version and later.
    #[serde(default)]
    from: Option<String>,
    /// Earlier than this version.
    #[serde(default)]
    before: Option<String>,
    support: Support,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    alternative: String,
}

/// How far a system is supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Support {
    Supported,
    /// Not in the matrix: may well work.
    #[default]
    Untested,
    /// Supported by the plan, but this release has no program for it.
    NoAgent,
    Unsupported,
}

/// What the matrix says about one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Name of the matrix entry; empty when there is none.
    pub system: String,
    pub support: Support,
    pub reason: String,
    pub alternative: String,
}

impl System {
    /// What is wrong with the entry.
    pub(crate) fn check(&self) -> Result<(), String> {
        for range in &self.versions {
            for bound in [&range.from, &range.before].into_iter().flatten() {
                if version::numbers(bound).is_empty() {
                    return Err(format!("`{bound}` is not a version"));
                }
            }
            let excused = matches!(range.support, Support::Supported | Support::Untested);
            if !excused && (range.reason.is_empty() || range.alternative.is_empty()) {
                return Err("what is not supported needs a reason and an alternative".to_owned());
            }
        }
        if self.versions.is_empty() { Err("it has no versions".to_owned()) } else { Ok(()) }
    }

    pub(crate) fn fits(&self, facts: &Facts) -> bool {
        let name = facts.text("osName").to_ascii_lowercase();
        let sku = facts.text("osSku");
        facts.text("osType").eq_ignore_ascii_case(&self.os)
            && (self.id.is_empty() || self.id.iter().any(|id| id.eq_ignore_ascii_case(sku)))
            && self.os_name_contains.as_ref().is_none_or(|word| {
                let word = word.to_ascii_lowercase();
                name.contains(&word) || sku.to_ascii_lowercase().contains(&word)
            })
    }

    /// The range that the machine's version is in. A version that cannot be read is in none but those without
    /// bounds: it is then untested rather than guessed.
    pub(crate) fn verdict(&self, facts: &Facts) -> Option<Verdict> {
        let found = facts.text("osVersion");
        let range = self
            .versions
            .iter()
            .find(|range| within(found, range.from.as_deref(), range.before.as_deref()))?;
        Some(Verdict {
            system: self.name.clone(),
            support: range.support,
            reason: range.reason.clone(),
            alternative: range.alternative.clone(),
        })
    }
}

impl Verdict {
    pub(crate) fn unlisted(facts: &Facts) -> Self {
        // An agent for Linux runs on what it runs on; anything else has no program at all.
        let linux = facts.text("osType").eq_ignore_ascii_case("linux");
        let (support, reason) = if linux {
            (Support::Untested, "it is not in the support matrix")
        } else {
            (Support::NoAgent, "this release has no agent program for it")
        };
        Self {
            system: String::new(),
            support,
            reason: reason.to_owned(),
            alternative: "forward its logs to the server's syslog listener".to_owned(),
        }
    }

    pub(crate) fn check(&self, facts: &Facts) -> Check {
        let found = [facts.text("osName"), facts.text("osVersion")];
        // The pretty name of most distributions has the version in it.
        let shown = if found[0].contains(found[1]) { found[0].to_owned() } else { found.join(" ") };
        let shown = if shown.trim().is_empty() { "the system".to_owned() } else { shown };
        let (outcome, blocking, evidence, fix) = match self.support {
            Support::Supported => (Outcome::Passed, true, format!("{shown} is supported"), String::new()),
            Support::Untested => {
                (Outcome::Unknown, false, format!("{shown}: {}", self.reason), self.alternative.clone())
            }
            Support::NoAgent | Support::Unsupported => (
                Outcome::Failed,
                true,
                format!("{shown} is not supported: {}", self.reason),
                self.alternative.clone(),
            ),
        };
        Check {
            name: "systemSupported".to_owned(),
            title: "The operating system is supported".to_owned(),
            outcome,
            blocking,
            evidence,
            fix,
        }
    }
}

/// Whether a version lies in a range. One that cannot be read lies only in the range without bounds.
pub(crate) fn within(found: &str, from: Option<&str>, before: Option<&str>) -> bool {
    let after_start =
        from.is_none_or(|from| version::compare(found, from).is_some_and(|order| order.is_ge()));
    let before_end =
        before.is_none_or(|before| version::compare(found, before).is_some_and(|order| order.is_lt()));
    after_start && before_end
}
