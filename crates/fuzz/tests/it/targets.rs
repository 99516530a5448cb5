//! Every target holds for its seeds and for a few hundred inputs of a fixed seed.

use bartizan_fuzz::inputs::{Input, Inputs};
use bartizan_fuzz::targets::{BROKEN, TARGETS, Target};

/// Inputs of a target after its seeds: seconds of work, so that a mistake in a hot path is seen by each test run.
const INPUTS: u64 = 400;
/// Of targets that plan or run queries.
const ENGINE_INPUTS: u64 = 60;

fn holds(target: &Target, inputs: u64, seeds_step: usize) {
    let all = Inputs::new(target.seeds(&[]).unwrap(), 1);
    let seeds = (0..all.whole()).step_by(seeds_step);
    for n in seeds.chain(all.whole()..all.whole() + inputs) {
        let input = all.get(n);
        let fed = std::panic::catch_unwind(|| target.run(&input));
        assert!(
            fed.is_ok(),
            "{} fails on input {n}:\n{}",
            target.name,
            String::from_utf8_lossy(input.bytes())
        );
    }
}

#[test]
fn targets_hold_for_a_short_run() {
    for target in TARGETS.iter().filter(|target| !["planner", "engine"].contains(&target.name)) {
        holds(target, INPUTS, 1);
    }
}

#[test]
fn the_engine_holds_for_a_short_run() {
    for name in ["planner", "engine"] {
        holds(Target::named(name).unwrap(), ENGINE_INPUTS, 40);
    }
}

/// `tests/found/<target>` has what a target failed on once: each panicked, did not end or took gigabytes.
#[test]
fn what_failed_once_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/found");
    let mut fed = 0;
    for target in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = target.file_name().and_then(|name| name.to_str()).unwrap();
        let found = Target::named(name).unwrap_or_else(|| panic!("there is no target `{name}`"));
        for file in std::fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().path()) {
            let input = Input::Bytes(std::fs::read(&file).unwrap());
            let holds = std::panic::catch_unwind(|| found.run(&input)).is_ok();
            assert!(holds, "`{name}` fails on `{}` again", file.display());
            fed += 1;
        }
    }
    assert!(fed >= 15, "only {fed} inputs are there");
}

#[test]
fn a_number_is_always_the_same_input() {
    for target in TARGETS {
        let (one, two) =
            (Inputs::new(target.seeds(&[]).unwrap(), 7), Inputs::new(target.seeds(&[]).unwrap(), 7));
        let other = Inputs::new(target.seeds(&[]).unwrap(), 8);
        let numbers = one.whole()..one.whole() + 50;
        assert!(numbers.clone().all(|n| one.get(n) == two.get(n)), "{}", target.name);
        assert!(numbers.clone().any(|n| one.get(n) != other.get(n)), "{}", target.name);
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = TARGETS.iter().chain(BROKEN).map(|target| target.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
