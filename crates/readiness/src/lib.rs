//! Prerequisites: which systems are supported, what a machine must have, and how one machine stands.
//!
//! The rules are data (`content/prerequisites/endpoint.yaml`); the code here only reads and compares. The agent asks
//! before it installs anything, the server asks when it diagnoses, and both get the same answer from the same facts.
//! Nothing here reads a machine or a network.

#![forbid(unsafe_code)]

mod check;
mod facts;
#[doc(hidden)]
pub mod fuzzing;
mod matrix;
mod requirement;
mod version;

use std::sync::LazyLock;

use serde::Deserialize;

pub use check::{Check, Outcome, first_blocking};
pub use facts::Facts;
pub use matrix::{Support, System, Verdict};
pub use requirement::Requirement;
pub use version::{compare as compare_versions, numbers as version_numbers};

const SHIPPED: &str = include_str!("../../../content/prerequisites/endpoint.yaml");

static RULES: LazyLock<Prerequisites> = LazyLock::new(|| {
    Prerequisites::parse(SHIPPED).expect("a test parses the shipped file, which is part of the program")
});

/// The support matrix and the requirements.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prerequisites {
    pub systems: Vec<System>,
    pub requirements: Vec<Requirement>,
}

/// What is wrong with a file of prerequisites.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("the prerequisites cannot be read: {0}")]
    Syntax(#[from] serde_norway::Error),
    #[error("{place}: {problem}")]
    Rule { place: String, problem: String },
}

impl Prerequisites {
    /// The shipped rules.
    pub fn shipped() -> &'static Self {
        &RULES
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it is no such file, or a rule in it cannot be decided.
    pub fn parse(yaml: &str) -> Result<Self, RulesError> {
        let rules: Self = serde_norway::from_str(yaml)?;
        let mut names = std::collections::BTreeSet::new();
        for requirement in &rules.requirements {
            let wrong = |problem: String| RulesError::Rule {
                place: format!("requirement `{}`", requirement.name),
                problem,
            };
            requirement.is.test().map_err(&wrong)?;
            if !names.insert(&requirement.name) {
                return Err(wrong("there are two of this name".to_owned()));
            }
            if requirement.fix.trim().is_empty() {
                return Err(wrong("it names no fix".to_owned()));
            }
        }
        for system in &rules.systems {
            system.check().map_err(|problem| RulesError::Rule {
                place: format!("system `{}`", system.name),
                problem,
            })?;
        }
        Ok(rules)
    }

    /// What the matrix says about a machine.
    pub fn support(&self, facts: &Facts) -> Verdict {
        let fits = self.systems.iter().filter(|system| system.fits(facts));
        let found = fits.filter_map(|system| system.verdict(facts)).next();
        found.unwrap_or_else(|| Verdict::unlisted(facts))
    }

    /// Every check of a machine: its system first, then the requirements that apply, in the file's order.
    pub fn evaluate(&self, facts: &Facts) -> Vec<Check> {
        let mut checks = vec![self.support(facts).check(facts)];
        checks.extend(self.requirements.iter().filter_map(|requirement| requirement.check(facts)));
        checks
    }
}
