//! One extension as the supervisor sees it: its state, and the rules for leaving it.

use bartizan_base::Ticks;
use bartizan_wire::{DesiredExtension, ExtensionHealth, ExtensionState, ExtensionStatus, StepState};
use rustix::process::Signal;

use super::Timeouts;
use super::child::Running;
use super::install::Installed;
use super::preparation::Obstacle;
use super::restart::{Restart, RestartHistory, RestartLimits, ticks};
use super::steps::{self, Steps};
use crate::protocol::ToExtension;

/// What should become of the extension once its process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Run,
    /// End, install again, start.
    Reinstall,
    /// End and delete.
    Remove,
    /// End because the supervisor ends.
    Stop,
}

/// How far the stopping of a process has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    at: Ticks,
    signal: Signal,
}

#[derive(Debug)]
pub(super) struct Extension {
    pub(super) desired: DesiredExtension,
    pub(super) wish: Wish,
    pub(super) installed: Option<Installed>,
    pub(super) running: Option<Running>,
    pub(super) history: RestartHistory,
    /// When to start again after a crash.
    pub(super) start_at: Option<Ticks>,
    /// Which signal comes next while it is being stopped.
    pub(super) kill: Option<Kill>,
    pub(super) heard_at: Ticks,
    /// Why the program said it cannot run here.
    pub(super) unsupported: Option<String>,
    /// Why it is not installed, although nothing went wrong.
    pub(super) obstacle: Option<Obstacle>,
    pub(super) steps: Steps,
    state: ExtensionState,
    message: String,
    since: Ticks,
    restarts: u64,
    health: Option<ExtensionHealth>,
}

impl Extension {
    pub(super) fn new(desired: DesiredExtension, now: Ticks) -> Self {
        Self {
            steps: Steps::new(desired.program, now),
            desired,
            wish: Wish::Run,
            installed: None,
            running: None,
            history: RestartHistory::default(),
            start_at: None,
            kill: None,
            heard_at: now,
            unsupported: None,
            obstacle: None,
            state: ExtensionState::Installing,
            message: "installing".to_owned(),
            since: now,
            restarts: 0,
            health: None,
        }
    }

    pub(super) fn status(&self) -> ExtensionStatus {
        ExtensionStatus {
            name: self.desired.name.clone(),
            version: self.desired.version.clone(),
            state: self.state,
            message: self.message.clone(),
            since: self.since,
            pid: self.running.as_ref().map(|running| running.pid),
            restarts: self.restarts,
            health: self.health.clone(),
            steps: self.steps.list(),
        }
    }

    pub(super) fn enter_installing(&mut self, now: Ticks) {
        self.start_at = None;
        self.obstacle = None;
        self.steps = Steps::new(self.desired.program, now);
        self.steps.set(steps::PREREQUISITES, StepState::Running, "looking at the machine", now);
        self.enter(ExtensionState::Installing, "installing", now);
    }

    pub(super) fn entered_start(&mut self, running: Running, now: Ticks) {
        self.running = Some(running);
        self.heard_at = now;
        self.unsupported = None;
        self.steps.set(
            steps::ONBOARDING,
            StepState::Running,
            "given the machine's identity and settings",
            now,
        );
        self.enter(ExtensionState::Starting, "started, waiting for its first health report", now);
    }

    /// Stops before anything is installed.
    pub(super) fn stopped_by(&mut self, obstacle: Obstacle, now: Ticks) {
        match &obstacle {
            Obstacle::Prerequisite { evidence, fix } => self.fail(&format!("{evidence}; {fix}"), now),
            Obstacle::Existing(unit) => {
                let message =
                    format!("recognised: `{unit}` runs the sensor already; nothing is installed twice");
                self.enter(ExtensionState::Running, &message, now);
            }
        }
        self.obstacle = Some(obstacle);
    }

    /// Takes a health report; true when the siblings should hear of a change.
    pub(super) fn healthy(&mut self, health: ExtensionHealth, now: Ticks) -> bool {
        let changed = self.health.as_ref() != Some(&health);
        if self.state == ExtensionState::Starting {
            self.onboarded(now);
            self.enter(ExtensionState::Running, "running", now);
        }
        self.steps.engine(&health, now);
        self.health = Some(health);
        changed
    }

    /// The program took its identity and settings: its first report says so.
    fn onboarded(&mut self, now: Ticks) {
        let streams = self.desired.streams.len();
        let (state, message) = match streams {
            // The endpoint programs send rows; one without a stream collects for nobody.
            0 => (
                StepState::Warning,
                "onboarded, but no data collection rule takes any of its streams".to_owned(),
            ),
            _ => (
                StepState::Succeeded,
                format!("onboarded; {streams} streams go to their data collection rules"),
            ),
        };
        self.steps.set(steps::ONBOARDING, state, &message, now);
        let message = format!("version {} runs", self.desired.version);
        self.steps.set(steps::UPDATES, StepState::Succeeded, &message, now);
    }

    pub(super) fn fail(&mut self, message: &str, now: Ticks) {
        self.enter(ExtensionState::Failed, message, now);
    }

    pub(super) fn crashed(&mut self, how: &str, limits: &RestartLimits, now: Ticks) {
        self.restarts += 1;
        self.health = None;
        self.steps.set(steps::ENGINE, StepState::Failed, &format!("the program ended with {how}"), now);
        match self.history.crashed(limits, now) {
            Restart::Soon(at) => {
                self.start_at = Some(at);
                self.enter(ExtensionState::Starting, &format!("restarting after {how}"), now);
            }
            Restart::AfterRest(at) => {
                self.start_at = Some(at);
                let message = format!(
                    "ended {} times within {} s, last with {how}; next start at {at}",
                    limits.restarts_max + 1,
                    limits.window.as_secs()
                );
                self.enter(ExtensionState::BackOff, &message, now);
            }
        }
    }

    pub(super) fn stopped(&mut self, now: Ticks) {
        self.enter(ExtensionState::Stopping, "stopped with the agent", now);
    }

    pub(super) fn removed(&mut self, now: Ticks) {
        self.health = None;
        self.enter(ExtensionState::Removed, "removed", now);
    }

    /// Asks the process to end; false when there is none.
    pub(super) fn begin_stop(&mut self, why: &str, now: Ticks, timeouts: &Timeouts) -> bool {
        self.start_at = None;
        let Some(running) = &self.running else {
            // An installation under way ends in `on_installed`, which looks at the wish.
            return self.state == ExtensionState::Installing;
        };
        if self.kill.is_none() {
            running.tell(ToExtension::Stop);
            self.kill = Some(Kill { at: now.saturating_add(ticks(timeouts.stop)), signal: Signal::TERM });
            self.enter(ExtensionState::Stopping, &format!("stopping: {why}"), now);
        }
        true
    }

    /// Sends the next signal when its time has come.
    pub(super) fn press_kill(&mut self, now: Ticks, timeouts: &Timeouts) {
        let (Some(kill), Some(running)) = (&mut self.kill, &self.running) else { return };
        if kill.at <= now {
            running.signal(kill.signal);
            *kill = Kill { at: now.saturating_add(ticks(timeouts.terminate)), signal: Signal::KILL };
        }
    }

    /// Kills a process that said nothing for too long; its end then counts as a crash.
    pub(super) fn check_silence(&mut self, now: Ticks, timeouts: &Timeouts) {
        let silent = now.0.saturating_sub(self.heard_at.0) > ticks(timeouts.silence).0;
        if silent
            && self.kill.is_none()
            && let Some(running) = &self.running
        {
            tracing::warn!(
                name = self.desired.name,
                pid = running.pid,
                "no health report in time; killing it"
            );
            running.signal(Signal::KILL);
            self.heard_at = now;
        }
    }

    /// The next moment at which something is due.
    pub(super) fn deadline(&self) -> Option<Ticks> {
        [self.start_at, self.kill.map(|kill| kill.at)].into_iter().flatten().min()
    }

    fn enter(&mut self, state: ExtensionState, message: &str, now: Ticks) {
        if self.state != state {
            self.since = now;
        }
        self.state = state;
        message.clone_into(&mut self.message);
    }
}
