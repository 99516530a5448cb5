//! Keeps a few child processes running until Ctrl-C, and then stops them in order.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::command::{command, execute};

/// How long a process may take to stop before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(20);
/// A process that ended sooner than this after its start counts as failing, and is not restarted forever.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);
/// Failing starts in a row before we give up.
const FAILURES_MAX: u32 = 5;

/// A child that is started again when it ends by itself.
pub(crate) struct Service {
    name: &'static str,
    start: Box<dyn Fn() -> Command>,
    child: Child,
    started: Instant,
    failures: u32,
}

impl Service {
    /// Starts the service. `start` builds the command anew for each restart.
    pub(crate) fn start(name: &'static str, start: impl Fn() -> Command + 'static) -> anyhow::Result<Self> {
        let child = spawn(name, start())?;
        Ok(Self::adopt(name, child, start))
    }

    /// Takes over a child that is already running.
    pub(crate) fn adopt(name: &'static str, child: Child, start: impl Fn() -> Command + 'static) -> Self {
        Self { name, start: Box::new(start), child, started: Instant::now(), failures: 0 }
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        let Some(status) = self.child.try_wait().with_context(|| format!("cannot watch {}", self.name))?
        else {
            return Ok(());
        };
        self.failures = if self.started.elapsed() < HEALTHY_AFTER { self.failures + 1 } else { 0 };
        if self.failures >= FAILURES_MAX {
            anyhow::bail!(
                "{} ended {FAILURES_MAX} times in a row ({status}); its log above says why",
                self.name
            );
        }
        let how = status.signal().map_or_else(|| status.to_string(), |signal| format!("signal {signal}"));
        println!("{} ended ({how}); starting it again", self.name);
        self.child = spawn(self.name, (self.start)())?;
        self.started = Instant::now();
        Ok(())
    }

    fn stop(&mut self) {
        let pid = self.child.id().to_string();
        if execute(command("kill", &["-TERM", &pid])).is_err() {
            return;
        }
        let deadline = Instant::now() + STOP_GRACE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("{} does not stop; killing it", self.name);
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// Starts `command` in a process group of its own, so that the terminal's Ctrl-C reaches only us and the
/// services stop in our order.
pub(crate) fn spawn(name: &str, mut command: Command) -> anyhow::Result<Child> {
    command.process_group(0).spawn().with_context(|| format!("cannot start {name}"))
}

/// Tends the services until Ctrl-C or SIGTERM, then stops them, last started first.
pub(crate) fn until_stopped(mut services: Vec<Service>) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for Ctrl-C")?;
    let mut result = Ok(());
    'tend: loop {
        if signals.pending().next().is_some() {
            break;
        }
        for service in &mut services {
            if let Err(error) = service.tend() {
                result = Err(error);
                break 'tend;
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("Stopping …");
    for service in services.iter_mut().rev() {
        service.stop();
    }
    println!("Stopped.");
    result
}
