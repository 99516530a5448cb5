//! Which program runs. Every start comes through here, before anything else is done.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use bartizan_base::Clock;
use bartizan_wire::UpgradeState;

use super::stage::check_installed;
use super::{Record, TRIAL_STARTS_MAX, current, program_of, switch};

/// Set for a version that was launched: it runs, and launches no other.
const LAUNCHED_VARIABLE: &str = "BARTIZAN_LAUNCHED_VERSION";
/// The program that launched it.
const LAUNCHER_VARIABLE: &str = "BARTIZAN_LAUNCHER";
/// Set while it is on trial: the process that watches it, and with which it ends.
pub const TRIAL_PARENT_VARIABLE: &str = "BARTIZAN_TRIAL_PARENT";
/// How often a version on trial is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// The same after its trial, when only its end is waited for.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// From the request to stop until the kill.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// What is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This very program.
    Own,
    /// An installed version that has proven itself.
    Version(String),
    /// An installed version on trial.
    Trial(String),
}

/// The version of the running agent: that of its package, or of the program.
pub fn running_version() -> String {
    std::env::var(LAUNCHED_VARIABLE).unwrap_or_else(|_| crate::VERSION.to_owned())
}

/// Decides what is to be started, and takes back what failed its trial.
///
/// # Errors
/// When the state folder cannot be written.
pub fn next(state: &Path, clock: &dyn Clock) -> io::Result<Next> {
    let Some(version) = current(state) else { return Ok(Next::Own) };
    if Record::load(state).is_some_and(|record| record.launcher != mark()) {
        tracing::info!(
            version,
            "another program was installed by hand since the upgrade; it runs from now on"
        );
        switch(state, None)?;
        return Ok(Next::Own);
    }
    let record = Record::load(state).filter(|record| record.is_trial() && record.report.version == version);
    if let Err(problem) = check_installed(state, &version) {
        tracing::error!(version, problem, "the installed version cannot be trusted");
        match record {
            Some(record) => roll_back(state, record, &problem, clock)?,
            // What was healthy and is damaged now has no former version to name; the installed program is there.
            None => switch(state, None)?,
        }
        return next(state, clock);
    }
    let Some(mut record) = record else { return Ok(Next::Version(version)) };
    let now = clock.now();
    if record.starts >= TRIAL_STARTS_MAX {
        let reason = format!("it ended {TRIAL_STARTS_MAX} times before it was healthy");
        roll_back(state, record, &reason, clock)?;
        return next(state, clock);
    }
    if now >= record.deadline {
        roll_back(state, record, "it was not healthy within its trial", clock)?;
        return next(state, clock);
    }
    record.starts += 1;
    record.store(state)?;
    Ok(Next::Trial(version))
}

/// Takes a version back and says why.
pub(super) fn roll_back(state: &Path, mut record: Record, reason: &str, clock: &dyn Clock) -> io::Result<()> {
    let former = record.former.as_deref().unwrap_or("the program that was installed by hand");
    let message = format!("{reason}; back to {former}");
    tracing::error!(version = record.report.version, message, "the upgrade is taken back");
    record.report.state = UpgradeState::RolledBack;
    record.report.message = message;
    record.report.time = clock.now();
    // The switch first: a record that says "back" beside a link that does not would never be mended.
    switch(state, record.former.as_deref())?;
    record.store(state)
}

/// Starts what should run. Returns when this very program should go on; otherwise this process becomes another
/// program, or watches one and goes through all this again when its trial ended badly.
///
/// # Errors
/// When the state folder cannot be written, or an installed program cannot be started.
pub fn start(state: &Path, clock: &dyn Clock) -> io::Result<()> {
    if std::env::var_os(LAUNCHED_VARIABLE).is_some() {
        return Ok(());
    }
    loop {
        match next(state, clock)? {
            Next::Own => return Ok(()),
            Next::Version(version) => return Err(command(state, &version).exec()),
            Next::Trial(version) => {
                tracing::info!(version, "a new version is on trial");
                let mut command = command(state, &version);
                command.env(TRIAL_PARENT_VARIABLE, std::process::id().to_string());
                match command.spawn() {
                    Ok(child) => match watch(state, child, clock)? {
                        Watched::Again => {}
                        Watched::Stopped => std::process::exit(0),
                    },
                    Err(error) => {
                        if let Some(record) = Record::load(state) {
                            roll_back(state, record, &format!("it cannot be started: {error}"), clock)?;
                        }
                    }
                }
            }
        }
    }
}

fn command(state: &Path, version: &str) -> Command {
    let mut command = Command::new(program_of(state, version));
    command.args(std::env::args_os().skip(1)).env(LAUNCHED_VARIABLE, version);
    if let Ok(own) = launcher() {
        command.env(LAUNCHER_VARIABLE, own);
    }
    command
}

enum Watched {
    /// It ended, or was ended: what should run now is decided anew.
    Again,
    /// We were told to stop, and so was it.
    Stopped,
}

/// Watches a version on trial until its trial is over. One that proved itself is left running; it then takes our
/// place when it is restarted next.
fn watch(state: &Path, mut child: Child, clock: &dyn Clock) -> io::Result<Watched> {
    let stop = StopSignal::install()?;
    let mut on_trial = true;
    loop {
        if let Some(status) = child.try_wait()? {
            tracing::warn!(status = %shown(status), "the version that was watched ended");
            return Ok(if stop.is_set() { Watched::Stopped } else { Watched::Again });
        }
        if stop.is_set() {
            end(&mut child)?;
            return Ok(Watched::Stopped);
        }
        let record = if on_trial { Record::load(state).filter(Record::is_trial) } else { None };
        on_trial = record.is_some();
        if record.is_some_and(|record| clock.now() >= record.deadline) {
            tracing::error!("the new version was not healthy within its trial; ending it");
            end(&mut child)?;
            return Ok(Watched::Again);
        }
        std::thread::sleep(if on_trial { LOOK_INTERVAL } else { IDLE_INTERVAL });
    }
}

fn shown(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

/// Asks the child to end, and ends it.
fn end(child: &mut Child) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = pid.map(|pid| kill_process(pid, Signal::TERM)) {
        tracing::debug!(%error, "the process is gone already");
    }
    let asked = std::time::Instant::now();
    while asked.elapsed() < STOP_GRACE {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    child.kill()?;
    child.wait().map(drop)
}

/// SIGTERM and SIGINT while we watch: the child has to hear of them, too.
struct StopSignal(tokio::sync::watch::Receiver<bool>);

impl StopSignal {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, receiver) = tokio::sync::watch::channel(false);
        let guard = runtime.enter();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        drop(guard);
        std::thread::Builder::new().name("stop-signal".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                    () = sender.closed() => {}
                }
            });
            sender.send_replace(true);
        })?;
        Ok(Self(receiver))
    }

    fn is_set(&self) -> bool {
        *self.0.borrow()
    }
}

/// The program that was installed by hand. While it runs, another may be put in its place; that one is meant then.
fn launcher() -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os(LAUNCHER_VARIABLE) {
        return Ok(PathBuf::from(path));
    }
    let own = std::env::current_exe()?;
    let text = own.to_string_lossy();
    Ok(text.strip_suffix(" (deleted)").map_or_else(|| own.clone(), PathBuf::from))
}

/// Size and time of that program.
pub(super) fn mark() -> String {
    use std::os::unix::fs::MetadataExt;
    let metadata = launcher().and_then(std::fs::metadata);
    metadata.map(|file| format!("{} {}.{}", file.len(), file.mtime(), file.mtime_nsec())).unwrap_or_default()
}

/// Goes on with what was staged: whoever watches us starts it, or else the launcher in our place.
///
/// # Errors
/// When the launcher cannot be started; otherwise this does not return, or returns to end the process.
pub fn go_on() -> io::Result<()> {
    if std::env::var_os(TRIAL_PARENT_VARIABLE).is_some() {
        return Ok(());
    }
    let mut command = Command::new(launcher()?);
    command.args(std::env::args_os().skip(1)).env_remove(LAUNCHED_VARIABLE).env_remove(LAUNCHER_VARIABLE);
    Err(command.exec())
}
