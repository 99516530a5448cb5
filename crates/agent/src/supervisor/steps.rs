//! The steps of an extension's installation, as they stand: what the portal shows while it waits, and what says
//! where it stopped when it does not end.

use bartizan_base::Ticks;
use bartizan_wire::{ExtensionHealth, ExtensionProgram, InstallStep, StepState};

pub(super) const PREREQUISITES: &str = "prerequisites";
pub(super) const EXISTING_SENSOR: &str = "existingSensor";
pub(super) const CONFLICTING_PRODUCT: &str = "conflictingProduct";
pub(super) const PACKAGE: &str = "package";
pub(super) const ONBOARDING: &str = "onboarding";
pub(super) const ENGINE: &str = "engine";
pub(super) const UPDATES: &str = "updates";

/// Longest message kept; a status holds a few of them.
const MESSAGE_CHARS_MAX: usize = 1000;

/// All steps of one extension, in order.
#[derive(Clone, Debug)]
pub(super) struct Steps(Vec<InstallStep>);

impl Steps {
    /// Nothing is done yet. Only a sensor has other sensors to look for.
    pub(super) fn new(program: ExtensionProgram, now: Ticks) -> Self {
        let sensor = program == ExtensionProgram::Sensor;
        let names =
            [PREREQUISITES, EXISTING_SENSOR, CONFLICTING_PRODUCT, PACKAGE, ONBOARDING, ENGINE, UPDATES];
        let names =
            names.into_iter().filter(|name| sensor || ![EXISTING_SENSOR, CONFLICTING_PRODUCT].contains(name));
        let step = |name: &str| InstallStep {
            name: name.to_owned(),
            state: StepState::Waiting,
            message: String::new(),
            time: now,
        };
        Self(names.map(step).collect())
    }

    /// How a step stands now; its time moves only with its state.
    pub(super) fn set(&mut self, name: &str, state: StepState, message: &str, now: Ticks) {
        let Some(step) = self.0.iter_mut().find(|step| step.name == name) else { return };
        if step.state != state {
            step.time = now;
        }
        step.state = state;
        step.message = message.chars().take(MESSAGE_CHARS_MAX).collect();
    }

    /// What the running program says of itself.
    pub(super) fn engine(&mut self, health: &ExtensionHealth, now: Ticks) {
        let parts = [("source", &health.tier), ("mode", &health.mode)];
        let known = parts.into_iter().filter(|(_, value)| !value.is_empty());
        let mut message: Vec<String> = known.map(|(name, value)| format!("{name} {value}")).collect();
        message.insert(0, "running".to_owned());
        if !health.mode_reason.is_empty() {
            message.push(format!("because: {}", health.mode_reason));
        }
        let state = if health.healthy { StepState::Succeeded } else { StepState::Warning };
        message.extend(health.issues.iter().cloned());
        self.set(ENGINE, state, &message.join("; "), now);
    }

    pub(super) fn list(&self) -> Vec<InstallStep> {
        self.0.clone()
    }
}
