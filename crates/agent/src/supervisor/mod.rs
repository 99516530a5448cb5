//! The supervisor: keeps exactly the desired extensions installed and running, and says how it goes.
//!
//! One loop over one [`Event`]. Everything slow (network, installing, waiting for a child) happens in tasks
//! that send events; the loop itself never waits. The desired state is kept on disk, so extensions run
//! before the server is reached and while it is away. Children die with the supervisor, so after a restart
//! there is nothing to adopt: installations are recognised, processes are started anew, and the spools go on
//! where they were.

mod child;
mod commands;
mod control;
mod extension;
mod identity;
mod install;
mod preparation;
mod restart;
mod steps;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bartizan_base::{Clock, Ticks};
use bartizan_wire::{
    AgentStatus, ConnectivityReport, DesiredAgent, DesiredExtension, DesiredState, ExtensionState,
    ExtensionStatus, MachineFacts, StepState, UpgradeReport, UpgradeState,
};
use rustix::fs::FlockOperation;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::files;
use crate::identity::Identity;
use crate::protocol::{Configuration, FromExtension, Machine, ToExtension};
use crate::sealing;
use crate::upgrade::{self, Trial, UpgradeError};

pub use child::Launch;
pub use control::{Control, ServerControl};
pub use install::{InstallError, Installed, install, installed_names, remove, verify};
pub use preparation::Surroundings;
pub use restart::{Restart, RestartHistory, RestartLimits};

use commands::Commands;
use extension::{Extension, Wish};
use preparation::{Prepared, obstacle, prepare};
use steps::Steps;

/// Facts about the machine are read again this often.
const FACTS_INTERVAL: Duration = Duration::from_secs(600);
/// Events that may wait for the loop. Children's health reports are the bulk: a few per second.
const EVENTS_MAX: usize = 256;

/// What the supervisor runs with; tests replace the program, the limits and the server.
#[derive(Clone)]
pub struct SupervisorOptions {
    pub state: PathBuf,
    /// The program image that is installed for each extension.
    pub image: PathBuf,
    /// Arguments of an extension's process.
    pub arguments: fn(&DesiredExtension) -> Vec<String>,
    /// How the machine around the state folder is.
    pub surroundings: fn(&Path) -> Surroundings,
    pub limits: RestartLimits,
    pub timeouts: Timeouts,
    pub clock: Arc<dyn Clock>,
}

/// How long the supervisor waits for its children.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the request to stop until SIGTERM.
    pub stop: Duration,
    /// From SIGTERM until SIGKILL.
    pub terminate: Duration,
    /// Silence after which a child counts as hung and is killed.
    pub silence: Duration,
    /// Longest time between two status reports.
    pub report: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            stop: Duration::from_secs(5),
            terminate: Duration::from_secs(2),
            silence: Duration::from_secs(60),
            report: Duration::from_secs(60),
        }
    }
}

/// Everything that can happen.
#[derive(Debug)]
enum Event {
    /// The server (or the file kept of its last word) says what should run.
    Desired(DesiredState),
    /// An installation ended, or stopped before it began.
    Prepared { name: String, steps: Steps, result: Prepared },
    /// A child sent a message.
    Said { name: String, run: u64, message: FromExtension },
    /// A child ended.
    Ended { name: String, run: u64, how: String },
    /// A new certificate is in use, or who we are was changed by a person.
    Identity(Box<Identity>),
    /// The machine was looked at again.
    Surroundings(Box<Surroundings>),
    /// The way to the server was looked at.
    Connectivity(Box<ConnectivityReport>),
    /// The wanted version of the agent is ready, or was refused.
    Staged { wanted: Box<DesiredAgent>, result: Result<(), UpgradeError> },
    /// A deadline passed.
    Tick,
    /// Stop everything and return.
    Stop,
}

/// Why the supervisor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// Another version of the agent is to go on.
    Upgrade,
}

/// Runs until `stop`, or until another version is to go on. Returns after all children have ended.
///
/// # Errors
/// When the state folder cannot be used or another supervisor has it.
pub async fn run(
    options: SupervisorOptions,
    identity: Identity,
    control: Arc<dyn Control>,
    stop: CancellationToken,
) -> Result<Ended> {
    let _lock = lock(&options.state)?;
    let sealing = sealing::open(&options.state).context("the key of protected settings cannot be used")?;
    let (events, inbox) = mpsc::channel(EVENTS_MAX);
    let cached: Option<DesiredState> = match files::read_json(&desired_path(&options.state)) {
        Ok(cached) => cached,
        Err(error) => {
            tracing::warn!(%error, "the kept desired state cannot be read; waiting for the server");
            None
        }
    };
    let generation = cached.as_ref().map(|desired| desired.generation);
    let (status, status_receiver) = watch::channel(None);
    let identities = watch::Sender::new(0);
    let surroundings = (options.surroundings)(&options.state);
    let unreached = Arc::new(Notify::new());
    let mut supervisor = Supervisor {
        machine: machine(&identity, &surroundings.facts),
        surroundings,
        connectivity: None,
        sealing,
        control: control.clone(),
        trial: Trial::of_this_process(&options.state),
        upgrade: upgrade::Record::load(&options.state).map(|record| record.report),
        staging: false,
        refused: None,
        reached: false,
        ended: Ended::Stopped,
        options,
        identity,
        commands: Commands::default(),
        generation: generation.unwrap_or(0),
        extensions: BTreeMap::new(),
        removed: Vec::new(),
        runs: 0,
        events: events.clone(),
        status,
        identities: identities.clone(),
        stopping: false,
    };
    let helpers = [
        tokio::spawn(control::follow_desired(
            control.clone(),
            generation,
            events.clone(),
            unreached.clone(),
            identities.subscribe(),
        )),
        tokio::spawn(control::watch_connectivity(
            control.clone(),
            supervisor.options.clock.clone(),
            events.clone(),
            unreached,
        )),
        tokio::spawn(control::report_status(
            control.clone(),
            status_receiver,
            supervisor.options.timeouts.report,
            supervisor.options.clock.clone(),
            identities.subscribe(),
        )),
        tokio::spawn(identity::keep_identity(
            control,
            supervisor.identity.clone(),
            supervisor.options.state.clone(),
            supervisor.options.clock.clone(),
            events.clone(),
        )),
        tokio::spawn(look_around(supervisor.options.clone(), events.clone())),
        tokio::spawn(async move {
            stop.cancelled().await;
            drop(events.send(Event::Stop).await);
        }),
    ];
    if let Some(desired) = cached {
        supervisor.on_desired(desired, false);
    }
    supervisor.run(inbox).await;
    for helper in helpers {
        helper.abort();
    }
    Ok(supervisor.ended)
}

/// Whether a supervisor is running on this state folder.
pub fn is_running(state: &Path) -> bool {
    state.join("lock").exists() && lock(state).is_err()
}

fn lock(state: &Path) -> Result<File> {
    std::fs::create_dir_all(state)
        .with_context(|| format!("cannot create the state folder `{}`", state.display()))?;
    let path = state.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot open `{}`", path.display()))?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_held| anyhow!("another agent is already running on `{}`", state.display()))?;
    Ok(file)
}

fn desired_path(state: &Path) -> PathBuf {
    state.join("desired.json")
}

fn machine(identity: &Identity, facts: &MachineFacts) -> Machine {
    Machine {
        name: identity.machine_id.name().to_owned(),
        host_name: facts.host_name.clone(),
        resource_id: identity.machine_id.to_string(),
        vm_id: identity.vm_id.to_string(),
        os_name: facts.os_name.clone(),
        os_version: facts.os_version.clone(),
    }
}

async fn look_around(options: SupervisorOptions, events: mpsc::Sender<Event>) {
    loop {
        tokio::time::sleep(FACTS_INTERVAL).await;
        let (look, state) = (options.surroundings, options.state.clone());
        let Ok(found) = tokio::task::spawn_blocking(move || look(&state)).await else { continue };
        if events.send(Event::Surroundings(Box::new(found))).await.is_err() {
            return;
        }
    }
}

struct Supervisor {
    options: SupervisorOptions,
    identity: Identity,
    machine: Machine,
    surroundings: Surroundings,
    connectivity: Option<ConnectivityReport>,
    sealing: bartizan_seal::OpeningKey,
    control: Arc<dyn Control>,
    /// While this very version is on trial.
    trial: Option<Trial>,
    upgrade: Option<UpgradeReport>,
    /// A version is being fetched.
    staging: bool,
    /// The package that was refused last; it is not tried again.
    refused: Option<String>,
    /// The server answered this process.
    reached: bool,
    ended: Ended,
    /// What was run because the server said so.
    commands: Commands,
    /// Of the desired state that was last taken over.
    generation: u64,
    extensions: BTreeMap<String, Extension>,
    /// Reported once more after they went.
    removed: Vec<ExtensionStatus>,
    runs: u64,
    events: mpsc::Sender<Event>,
    status: watch::Sender<Option<AgentStatus>>,
    /// How often we became another resource, or our server another address.
    identities: watch::Sender<u64>,
    stopping: bool,
}

impl Supervisor {
    async fn run(&mut self, mut inbox: mpsc::Receiver<Event>) {
        self.publish();
        loop {
            let wait = self.until_next_deadline();
            let event = tokio::select! {
                event = inbox.recv() => event.unwrap_or(Event::Stop),
                () = tokio::time::sleep(wait) => Event::Tick,
            };
            match event {
                Event::Desired(desired) => self.on_desired(desired, true),
                Event::Prepared { name, steps, result } => self.on_prepared(&name, steps, result),
                Event::Said { name, run, message } => self.on_said(&name, run, message),
                Event::Ended { name, run, how } => self.on_ended(&name, run, &how),
                Event::Identity(identity) => self.on_identity(*identity),
                Event::Surroundings(found) => self.on_surroundings(*found),
                Event::Connectivity(report) => self.connectivity = Some(*report),
                Event::Staged { wanted, result } => self.on_staged(&wanted, result),
                Event::Tick => self.on_tick(),
                Event::Stop => self.begin_stop(),
            }
            self.look_at_trial();
            self.publish();
            if self.stopping && self.extensions.values().all(|extension| extension.running.is_none()) {
                return;
            }
        }
    }

    fn on_identity(&mut self, identity: Identity) {
        let was = std::mem::replace(&mut self.identity, identity);
        self.machine = machine(&self.identity, &self.surroundings.facts);
        self.configure_all();
        if (&was.machine_id, &was.server) != (&self.identity.machine_id, &self.identity.server) {
            self.identities.send_modify(|changes| *changes += 1);
        }
    }

    fn begin_stop(&mut self) {
        self.stopping = true;
        let now = self.options.clock.now();
        for extension in self.extensions.values_mut() {
            extension.wish = Wish::Stop;
            extension.begin_stop("the agent is stopping", now, &self.options.timeouts);
        }
    }

    fn look_at_trial(&mut self) {
        let (now, statuses) = (self.options.clock.now(), self.statuses());
        if self.trial.as_mut().is_some_and(|trial| trial.look(self.reached, &statuses, now)) {
            tracing::info!("this version passed its trial");
            self.trial = None;
            self.upgrade = upgrade::Record::load(&self.options.state).map(|record| record.report);
        }
    }

    /// Begins an upgrade if another version is wanted, and this package was not tried before.
    fn consider_upgrade(&mut self, wanted: DesiredAgent) {
        let running = upgrade::running_version();
        let hash = upgrade::manifest_hash(&wanted.manifest);
        let tried =
            upgrade::Record::load(&self.options.state).is_some_and(|record| record.manifest_sha256 == hash);
        if wanted.version == running
            || self.staging
            || self.trial.is_some()
            || tried
            || self.refused.as_ref() == Some(&hash)
        {
            return;
        }
        self.staging = true;
        let expected =
            self.statuses().into_iter().filter(|extension| extension.state == ExtensionState::Running);
        let expected = expected.map(|extension| extension.name).collect();
        let (state, control, events) =
            (self.options.state.clone(), self.control.clone(), self.events.clone());
        let now = self.options.clock.now();
        tracing::info!(version = wanted.version, "fetching another version of the agent");
        tokio::spawn(async move {
            let result = upgrade::stage(&state, &wanted, &running, expected, &*control, now).await;
            drop(events.send(Event::Staged { wanted: Box::new(wanted), result }).await);
        });
    }

    fn on_staged(&mut self, wanted: &DesiredAgent, result: Result<(), UpgradeError>) {
        self.staging = false;
        let Err(error) = result else {
            self.ended = Ended::Upgrade;
            self.begin_stop();
            return;
        };
        // A line that is cut is no verdict on the package: the next word of the server tries again.
        if !matches!(error, UpgradeError::Fetch(_)) {
            self.refused = Some(upgrade::manifest_hash(&wanted.manifest));
        }
        let message = format!("{:#}", anyhow::Error::new(error));
        tracing::error!(version = wanted.version, message, "the upgrade is refused");
        self.upgrade = Some(UpgradeReport {
            version: wanted.version.clone(),
            state: UpgradeState::Refused,
            message,
            time: self.options.clock.now(),
        });
    }

    fn on_desired(&mut self, desired: DesiredState, keep: bool) {
        if self.stopping {
            return;
        }
        if keep && let Err(error) = files::write_json(&desired_path(&self.options.state), &desired) {
            tracing::error!(%error, "cannot keep the desired state; extensions will wait for the server at the next start");
        }
        // The kept state's commands were run when they came.
        if keep {
            self.commands.run(&desired.commands, &self.control, &self.options.clock, &self.status);
        }
        self.generation = desired.generation;
        self.reached |= keep;
        if let Some(wanted) = desired.agent.filter(|_| keep) {
            self.consider_upgrade(wanted);
        }
        self.removed.clear();
        let now = self.options.clock.now();
        let wanted: BTreeMap<String, DesiredExtension> =
            desired.extensions.into_iter().map(|extension| (extension.name.clone(), extension)).collect();
        for name in installed_names(&self.options.state) {
            // Left by an earlier run: taken up only to be removed like any other.
            if !wanted.contains_key(&name) && !self.extensions.contains_key(&name) {
                self.forget_installed(&name);
            }
        }
        let mut gone = Vec::new();
        for (name, extension) in &mut self.extensions {
            if !wanted.contains_key(name) {
                extension.wish = Wish::Remove;
                if !extension.begin_stop("it is no longer wanted", now, &self.options.timeouts) {
                    gone.push(name.clone());
                }
            }
        }
        for name in gone {
            self.finish_removal(&name);
        }
        for (name, desired) in wanted {
            match self.extensions.get_mut(&name) {
                None => {
                    self.extensions.insert(name.clone(), Extension::new(desired, now));
                    self.begin_install(&name);
                }
                Some(extension) => {
                    if extension.desired != desired || extension.wish != Wish::Run {
                        self.change(&name, desired);
                    }
                }
            }
        }
    }

    /// Takes over a changed wish for an extension that is known already.
    fn change(&mut self, name: &str, desired: DesiredExtension) {
        let now = self.options.clock.now();
        let Some(extension) = self.extensions.get_mut(name) else { return };
        let old = std::mem::replace(&mut extension.desired, desired);
        let same_program = old.version == extension.desired.version && old.program == extension.desired.program
            // What cannot be opened must not go on with what could.
            && old.protected == extension.desired.protected;
        extension.history.clear();
        if extension.wish == Wish::Remove {
            // On its way out: let it end, then begin anew.
            extension.wish = if extension.running.is_some() { Wish::Reinstall } else { Wish::Run };
            if extension.wish == Wish::Run {
                self.begin_install(name);
            }
            return;
        }
        if !same_program {
            extension.wish = Wish::Reinstall;
            if !extension.begin_stop("another version is wanted", now, &self.options.timeouts) {
                extension.wish = Wish::Run;
                self.begin_install(name);
            }
            return;
        }
        if let Err(error) = install::write_settings(&self.options.state, &extension.desired) {
            tracing::warn!(%error, name, "cannot write the settings file");
        }
        if extension.running.is_some() {
            self.configure(name);
        } else if extension.installed.is_some() {
            self.start(name);
        }
    }

    fn begin_install(&mut self, name: &str) {
        let Some(extension) = self.extensions.get_mut(name) else { return };
        let now = self.options.clock.now();
        extension.enter_installing(now);
        let (state, image) = (self.options.state.clone(), self.options.image.clone());
        let (desired, events) = (extension.desired.clone(), self.events.clone());
        let surroundings = self.surroundings.clone();
        tokio::spawn(async move {
            let (name, program) = (desired.name.clone(), desired.program);
            let work = move || prepare(&state, &image, &desired, &surroundings, now);
            // A panic inside would leave the extension installing for ever; it becomes a failure instead.
            let (steps, result) = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
                let error = InstallError::Io { path: PathBuf::from(&name), source: io::Error::other(error) };
                (Steps::new(program, now), Prepared::Failed(error))
            });
            drop(events.send(Event::Prepared { name, steps, result }).await);
        });
    }

    fn on_prepared(&mut self, name: &str, steps: Steps, result: Prepared) {
        let now = self.options.clock.now();
        let Some(extension) = self.extensions.get_mut(name) else { return };
        extension.steps = steps;
        match (result, extension.wish) {
            (Prepared::Installed(installed), wish) => {
                extension.installed = Some(installed);
                if wish == Wish::Run {
                    self.start(name);
                    return;
                }
            }
            (Prepared::Stopped(obstacle), Wish::Run) => extension.stopped_by(obstacle, now),
            (Prepared::Failed(error), Wish::Run) => {
                extension.fail(&format!("installation failed: {:#}", anyhow::Error::new(error)), now)
            }
            (Prepared::Stopped(_) | Prepared::Failed(_), _) => {}
        }
        match extension.wish {
            Wish::Remove => self.finish_removal(name),
            Wish::Reinstall => {
                extension.wish = Wish::Run;
                self.begin_install(name);
            }
            Wish::Run | Wish::Stop => {}
        }
    }

    /// Takes over new facts; what they stopped before is tried again once they no longer do.
    fn on_surroundings(&mut self, found: Surroundings) {
        self.surroundings = found;
        self.machine = machine(&self.identity, &self.surroundings.facts);
        let stopped = self.extensions.iter().filter(|(_, extension)| extension.wish == Wish::Run);
        let changed = stopped.filter(|(_, extension)| {
            extension.obstacle.is_some()
                && extension.obstacle != obstacle(&extension.desired, &self.surroundings)
        });
        for name in changed.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.begin_install(&name);
        }
    }

    fn start(&mut self, name: &str) {
        let now = self.options.clock.now();
        let Some(extension) = self.extensions.get_mut(name) else { return };
        extension.start_at = None;
        if self.stopping || extension.running.is_some() {
            return;
        }
        let Some(installed) = &extension.installed else { return };
        if !installed.program.parent().is_some_and(verify) {
            tracing::warn!(name, "the installed program is not the one in its manifest; installing again");
            self.begin_install(name);
            return;
        }
        if let Err(error) = sealing::reveal(&self.sealing, &self.identity.machine_id, &extension.desired) {
            let message = format!("the protected settings cannot be opened: {error}");
            extension.steps.set(steps::ONBOARDING, StepState::Failed, &message, now);
            extension.fail(&message, now);
            return;
        }
        let launch = Launch {
            program: installed.program.clone(),
            arguments: (self.options.arguments)(&extension.desired),
            folder: installed.data.clone(),
        };
        self.runs += 1;
        match child::Running::start(&launch, name, self.runs, &self.events) {
            Ok(running) => {
                extension.entered_start(running, now);
                self.configure(name);
            }
            Err(error) => {
                let how = format!("the program cannot be started: {error}");
                extension.crashed(&how, &self.options.limits, now);
            }
        }
    }

    fn configure(&self, name: &str) {
        let Some(extension) = self.extensions.get(name) else { return };
        let Some(running) = &extension.running else { return };
        let Ok(revealed) = sealing::reveal(&self.sealing, &self.identity.machine_id, &extension.desired)
        else {
            // Looked at before it was started; the key does not change while we run.
            return;
        };
        running.tell(ToExtension::Configure(Box::new(Configuration {
            extension: revealed,
            identity: self.identity.clone(),
            machine: self.machine.clone(),
        })));
        running.tell(ToExtension::Siblings { extensions: self.statuses() });
    }

    fn configure_all(&self) {
        for name in self.extensions.keys() {
            self.configure(name);
        }
    }

    fn on_said(&mut self, name: &str, run: u64, message: FromExtension) {
        let now = self.options.clock.now();
        let Some(extension) = self.extensions.get_mut(name) else { return };
        if extension.running.as_ref().is_none_or(|running| running.run != run) {
            return;
        }
        extension.heard_at = now;
        match message {
            FromExtension::Health { health } => {
                if extension.healthy(health, now) {
                    self.tell_siblings();
                }
            }
            FromExtension::Unsupported { message } => extension.unsupported = Some(message),
            FromExtension::Unknown => tracing::debug!(name, "unknown message from an extension"),
        }
    }

    fn on_ended(&mut self, name: &str, run: u64, how: &str) {
        let now = self.options.clock.now();
        let Some(extension) = self.extensions.get_mut(name) else { return };
        if extension.running.as_ref().is_none_or(|running| running.run != run) {
            return;
        }
        extension.running = None;
        extension.kill = None;
        match extension.wish {
            Wish::Stop => extension.stopped(now),
            Wish::Remove => self.finish_removal(name),
            Wish::Reinstall => {
                extension.wish = Wish::Run;
                self.begin_install(name);
            }
            Wish::Run => {
                if let Some(message) = extension.unsupported.take() {
                    extension.steps.set(steps::ENGINE, StepState::Failed, &message, now);
                    extension.fail(&message, now);
                } else {
                    tracing::warn!(name, how, "an extension ended");
                    extension.crashed(how, &self.options.limits, now);
                }
            }
        }
        self.tell_siblings();
    }

    fn on_tick(&mut self) {
        let now = self.options.clock.now();
        let mut due = Vec::new();
        for (name, extension) in &mut self.extensions {
            extension.press_kill(now, &self.options.timeouts);
            extension.check_silence(now, &self.options.timeouts);
            if extension.start_at.is_some_and(|at| at <= now) {
                due.push(name.clone());
            }
        }
        for name in due {
            self.start(&name);
        }
    }

    fn finish_removal(&mut self, name: &str) {
        if let Some(mut extension) = self.extensions.remove(name) {
            extension.removed(self.options.clock.now());
            self.removed.push(extension.status());
        }
        self.forget_installed(name);
    }

    fn forget_installed(&self, name: &str) {
        let (state, name) = (self.options.state.clone(), name.to_owned());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = remove(&state, &name) {
                tracing::error!(
                    error = format!("{:#}", anyhow::Error::new(error)),
                    name,
                    "cannot remove an extension"
                );
            }
        });
    }

    fn tell_siblings(&self) {
        let extensions = self.statuses();
        for running in self.extensions.values().filter_map(|extension| extension.running.as_ref()) {
            running.tell(ToExtension::Siblings { extensions: extensions.clone() });
        }
    }

    fn statuses(&self) -> Vec<ExtensionStatus> {
        self.extensions.values().map(Extension::status).chain(self.removed.iter().cloned()).collect()
    }

    /// Hands the present status to the reporter, which sends it when something worth telling changed.
    fn publish(&self) {
        self.status.send_replace(Some(AgentStatus {
            agent_version: upgrade::running_version(),
            generation: self.generation,
            time: self.options.clock.now(),
            facts: self.surroundings.facts.clone(),
            extensions: self.statuses(),
            host: Some(self.surroundings.host.clone()),
            connectivity: self.connectivity.clone(),
            sealing_key: Some(self.sealing.public()),
            upgrade: self.upgrade.clone(),
        }));
        let path = self.options.state.join("status.json");
        let statuses =
            self.status.borrow().as_ref().and_then(|status| serde_json::to_vec_pretty(status).ok());
        if let Some(Err(error)) = statuses.map(|json| std::fs::write(path, json)) {
            tracing::debug!(%error, "cannot write the status file");
        }
    }

    fn until_next_deadline(&self) -> Duration {
        /// With nothing to wait for, the loop still looks for silent children now and then.
        const IDLE: Duration = Duration::from_secs(5);
        let now = self.options.clock.now();
        let next = self.extensions.values().filter_map(Extension::deadline).min();
        next.map_or(IDLE, |at| until(now, at).min(IDLE))
    }
}

fn until(now: Ticks, at: Ticks) -> Duration {
    Duration::from_nanos(u64::try_from(at.0.saturating_sub(now.0)).unwrap_or(0).saturating_mul(100))
}
