//! The driver finds each kind of failure, keeps the input, goes on, and finds the same again.

use std::path::Path;
use std::time::Duration;

use bartizan_fuzz::driver::{Outcome, Plan, distinct, fuzz};
use bartizan_fuzz::targets::Target;

/// Enough that some hold the word that the broken targets trip over.
const INPUTS: u64 = 400;

/// Bounds that no input of a healthy target comes near.
fn plan(out: &Path) -> Plan {
    Plan {
        program: env!("CARGO_BIN_EXE_bartizan-fuzz").into(),
        time: Duration::from_secs(600),
        inputs: Some(INPUTS),
        seed: 1,
        input_time: Duration::from_secs(60),
        memory_mib: 2048,
        findings_max: 1_000,
        corpus: Vec::new(),
        out: out.to_owned(),
    }
}

fn run(name: &str, plan: &Plan) -> Outcome {
    fuzz(Target::named(name).unwrap(), plan).unwrap()
}

#[test]
fn panics_are_found_kept_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan { findings_max: 4, ..plan(dir.path()) };
    let outcome = run("broken-panics", &plan);
    assert_eq!(outcome.findings.len(), 4, "it goes on after the first");
    let groups = distinct(&outcome.findings);
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!((groups[0].0.kind.as_str(), groups[0].1), ("panic", outcome.findings.len()));
    assert!(groups[0].0.message.contains("`sort` was found"), "{}", groups[0].0.message);
    for finding in &outcome.findings {
        assert!(std::fs::read_to_string(&finding.file).unwrap().contains("sort"), "{finding:?}");
    }
    let again = run("broken-panics", &plan);
    let numbers = |outcome: &Outcome| outcome.findings.iter().map(|found| found.number).collect::<Vec<_>>();
    assert_eq!(numbers(&again), numbers(&outcome));
}

#[test]
fn what_takes_the_process_down_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = run("broken-aborts", &plan(dir.path()));
    assert_eq!(outcome.inputs, INPUTS);
    assert!(!outcome.findings.is_empty());
    assert!(outcome.findings.iter().all(|found| found.kind.contains("signal")), "{:?}", outcome.findings);
}

#[test]
fn an_input_without_end_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan { input_time: Duration::from_secs(1), findings_max: 1, ..plan(dir.path()) };
    let outcome = run("broken-hangs", &plan);
    assert_eq!(outcome.findings[0].kind, "hang");
}

#[test]
fn an_input_that_eats_memory_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan { memory_mib: 256, findings_max: 1, ..plan(dir.path()) };
    let outcome = run("broken-grows", &plan);
    assert_eq!(outcome.findings[0].kind, "memory");
    assert!(outcome.findings[0].message.contains("256 MiB"), "{:?}", outcome.findings);
}
