//! What happens before an extension is started: is the machine fit for it, is it here already in another form, and
//! then its files. What is found becomes steps, so that whoever waits sees where it stopped.

use std::path::Path;

use bartizan_base::Ticks;
use bartizan_readiness::{Check, Facts, Outcome, Prerequisites, first_blocking};
use bartizan_wire::{DesiredExtension, ExtensionProgram, HostFacts, MachineFacts, StepState};

use super::install::{InstallError, Installed, install};
use super::steps::{self, Steps};
use crate::facts;

/// The machine as prerequisites see it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub facts: MachineFacts,
    pub host: HostFacts,
}

impl Surroundings {
    /// Looks around.
    pub fn collect(state: &Path) -> Self {
        Self { facts: facts::collect(), host: facts::collect_host(state) }
    }

    fn checks(&self) -> Vec<Check> {
        // The clock never stops an installation, so what the last look at the server said is not needed here.
        Prerequisites::shipped().evaluate(&Facts::new(&self.facts, Some(&self.host), None))
    }
}

/// Why an extension is not installed here, although nothing went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// A prerequisite is missing.
    Prerequisite { evidence: String, fix: String },
    /// Our sensor runs here already, started by somebody else.
    Existing(String),
}

/// What stands in the way of an extension now. Asked again whenever the surroundings were looked at, so that an
/// installation goes on by itself once the cause is gone.
pub(super) fn obstacle(desired: &DesiredExtension, surroundings: &Surroundings) -> Option<Obstacle> {
    if let Some(check) = first_blocking(&surroundings.checks()) {
        return Some(Obstacle::Prerequisite { evidence: check.evidence.clone(), fix: check.fix.clone() });
    }
    let others = &surroundings.host.other_sensors;
    if desired.program == ExtensionProgram::Sensor && !others.is_empty() {
        return Some(Obstacle::Existing(others.join(", ")));
    }
    None
}

/// How a preparation ended.
#[derive(Debug)]
pub(super) enum Prepared {
    Installed(Installed),
    Stopped(Obstacle),
    Failed(InstallError),
}

/// Checks, recognises, installs.
pub(super) fn prepare(
    state: &Path,
    image: &Path,
    desired: &DesiredExtension,
    surroundings: &Surroundings,
    now: Ticks,
) -> (Steps, Prepared) {
    let mut steps = Steps::new(desired.program, now);
    prerequisites(&mut steps, &surroundings.checks(), now);
    products(&mut steps, &surroundings.host, now);
    let obstacle = obstacle(desired, surroundings);
    match &obstacle {
        Some(Obstacle::Prerequisite { .. }) => {}
        Some(Obstacle::Existing(unit)) => {
            let message = format!("recognised: `{unit}` runs the sensor already; nothing is installed twice");
            steps.set(steps::EXISTING_SENSOR, StepState::Succeeded, &message, now);
            let none = "the existing sensor has its own";
            for step in [steps::PACKAGE, steps::ONBOARDING, steps::ENGINE, steps::UPDATES] {
                steps.set(step, StepState::Skipped, none, now);
            }
        }
        None => {
            steps.set(steps::EXISTING_SENSOR, StepState::Skipped, "no other sensor of ours runs here", now)
        }
    }
    if let Some(obstacle) = obstacle {
        return (steps, Prepared::Stopped(obstacle));
    }
    match install(state, image, desired) {
        Ok(installed) => {
            let message = format!("version {} is installed and checked", desired.version);
            steps.set(steps::PACKAGE, StepState::Succeeded, &message, now);
            (steps, Prepared::Installed(installed))
        }
        Err(error) => {
            steps.set(steps::PACKAGE, StepState::Failed, &error.to_string(), now);
            (steps, Prepared::Failed(error))
        }
    }
}

fn prerequisites(steps: &mut Steps, checks: &[Check], now: Ticks) {
    let told = |check: &Check| format!("{}; {}", check.evidence, check.fix);
    if let Some(check) = first_blocking(checks) {
        steps.set(steps::PREREQUISITES, StepState::Failed, &told(check), now);
        return;
    }
    let failed: Vec<String> =
        checks.iter().filter(|check| check.outcome == Outcome::Failed).map(told).collect();
    if failed.is_empty() {
        let passed = checks.iter().filter(|check| check.outcome == Outcome::Passed).count();
        let message = format!("{passed} of {} checks pass, none fails", checks.len());
        steps.set(steps::PREREQUISITES, StepState::Succeeded, &message, now);
    } else {
        steps.set(steps::PREREQUISITES, StepState::Warning, &failed.join(" / "), now);
    }
}

fn products(steps: &mut Steps, host: &HostFacts, now: Ticks) {
    let names = |running: bool| {
        let found = host.protection.iter().filter(|product| product.antivirus && product.running == running);
        found.map(|product| product.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (running, idle) = (names(true), names(false));
    let (state, message) = match (running.is_empty(), idle.is_empty()) {
        (false, _) => (
            StepState::Succeeded,
            format!("{running} runs and is left alone; the sensor works beside it in passive mode"),
        ),
        (true, false) => (StepState::Skipped, format!("{idle} is installed and does not run")),
        (true, true) => (StepState::Skipped, "no other antivirus is here".to_owned()),
    };
    steps.set(steps::CONFLICTING_PRODUCT, state, &message, now);
}
