//! Golden answers: each machine's facts beside what is said about it. `UPDATE_GOLDEN=1` rewrites them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use bartizan_readiness::{Facts, Outcome, Prerequisites, first_blocking};
use bartizan_wire::{HostFacts, MachineFacts};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    facts: MachineFacts,
    host: Option<HostFacts>,
    clock_ahead_seconds: Option<i64>,
}

fn answer(text: &str) -> String {
    let machine: Machine = serde_json::from_str(text).unwrap();
    let facts = Facts::new(&machine.facts, machine.host.as_ref(), machine.clock_ahead_seconds);
    let checks = Prerequisites::shipped().evaluate(&facts);
    let mut out = String::new();
    for check in &checks {
        let mark = match check.outcome {
            Outcome::Passed => "passed ",
            Outcome::Failed => "FAILED ",
            Outcome::Unknown => "unknown",
        };
        writeln!(out, "{mark} {}: {}", check.name, check.evidence).unwrap();
        if !check.fix.is_empty() {
            writeln!(out, "        -> {}", check.fix).unwrap();
        }
    }
    let blocked = first_blocking(&checks).map_or("nothing", |check| check.name.as_str());
    writeln!(out, "installation is stopped by: {blocked}").unwrap();
    out
}

#[test]
fn each_machine_gets_its_expected_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines");
    let mut inputs: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()).collect();
    inputs.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    inputs.sort();
    assert!(inputs.len() >= 8, "{inputs:?}");
    for input in inputs {
        let found = answer(&std::fs::read_to_string(&input).unwrap());
        let golden = input.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(found, expected, "{}", input.display());
    }
}
