//! A way in for the fuzzer: any facts that an agent may send are judged.

use bartizan_wire::{HostFacts, MachineFacts};
use serde::Deserialize;

use crate::{Facts, Outcome, Prerequisites};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reported {
    facts: MachineFacts,
    host: Option<HostFacts>,
    clock_ahead_seconds: Option<i64>,
}

/// Facts as JSON.
///
/// # Panics
/// When a check that did not pass names no way out.
pub fn facts(text: &str) {
    // Most random texts are no JSON; as a version of each system they still reach the comparisons.
    let reported: Reported = serde_json::from_str(text).unwrap_or_else(|_| Reported {
        facts: MachineFacts {
            os_type: if text.len().is_multiple_of(2) { "linux" } else { "windows" }.to_owned(),
            os_sku: "debian".to_owned(),
            os_name: "Windows Server".to_owned(),
            os_version: text.to_owned(),
            kernel: text.to_owned(),
            ..MachineFacts::default()
        },
        ..Reported::default()
    });
    let facts = Facts::new(&reported.facts, reported.host.as_ref(), reported.clock_ahead_seconds);
    for check in Prerequisites::shipped().evaluate(&facts) {
        assert!(!check.evidence.is_empty(), "no evidence: {check:?}");
        assert!(check.outcome == Outcome::Passed || !check.fix.is_empty(), "no way out: {check:?}");
    }
}
