//! How an extension is: issues by key (so that one can be taken back), exact counters, and the sensor's tier.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_wire::ExtensionHealth;
use parking_lot::Mutex;

use super::Outputs;

/// Shared by all parts of an extension.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    issues: BTreeMap<String, String>,
    counters: BTreeMap<String, u64>,
    tier: String,
    mode: String,
    mode_reason: String,
}

impl Health {
    /// States or (with `None`) withdraws the issue called `key`.
    pub fn issue(&self, key: &str, problem: Option<String>) {
        let mut board = self.0.lock();
        match problem {
            Some(problem) => board.issues.insert(key.to_owned(), problem),
            None => board.issues.remove(key),
        };
    }

    /// Withdraws all issues; used when the program starts again with other settings.
    pub fn clear_issues(&self) {
        self.0.lock().issues.clear();
    }

    /// Adds to a counter.
    pub fn count(&self, name: &str, by: u64) {
        let mut board = self.0.lock();
        match board.counters.get_mut(name) {
            Some(value) => *value += by,
            None => {
                board.counters.insert(name.to_owned(), by);
            }
        }
    }

    /// Sets a counter that is kept elsewhere.
    pub fn set(&self, name: &str, value: u64) {
        self.0.lock().counters.insert(name.to_owned(), value);
    }

    /// Names the sensor's active source.
    pub fn set_tier(&self, tier: &str) {
        self.0.lock().tier = tier.to_owned();
    }

    /// Names the sensor's mode, `active` or `passive`, and why it is that.
    pub fn set_mode(&self, mode: &str, reason: &str) {
        let mut board = self.0.lock();
        (board.mode, board.mode_reason) = (mode.to_owned(), reason.to_owned());
    }

    /// The report for the supervisor, outputs included.
    pub fn report(&self, outputs: &Outputs) -> ExtensionHealth {
        let board = self.0.lock();
        let mut issues: Vec<String> =
            board.issues.iter().map(|(key, problem)| format!("{key}: {problem}")).collect();
        let mut counters = board.counters.clone();
        outputs.describe(&mut issues, &mut counters);
        ExtensionHealth {
            healthy: issues.is_empty(),
            issues,
            tier: board.tier.clone(),
            mode: board.mode.clone(),
            mode_reason: board.mode_reason.clone(),
            counters,
        }
    }
}
