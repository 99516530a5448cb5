//! The supervisor with small shell programs as extensions and a server made of channels.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bartizan_agent::identity::{Identity, Pem};
use bartizan_agent::server::CallError;
use bartizan_agent::supervisor::{
    self, Control, Ended, RestartLimits, SupervisorOptions, Surroundings, Timeouts,
};
use bartizan_agent::upgrade::{Packages, Take};
use bartizan_base::{Clock, ResourceId, SystemClock, TenantId, Ticks, Timespan};
use bartizan_wire::{
    AgentCommand, AgentStatus, ConnectivityReport, DesiredExtension, DesiredState, ExtensionProgram,
    ExtensionState, ExtensionStatus, PackageManifest, TEST_ALERT_COMMAND, TestAlertStarted,
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::wait::until;

/// Healthy until its input closes or it is told to stop.
const GOOD: &str = r#"echo $$ >> runs
echo '{"type":"health","health":{"healthy":true}}'
while read -r line; do case "$line" in *'"type":"stop"'*) exit 0;; *'"settings":{"n":2}'*) echo two >> settings;; esac; done"#;
/// Ends at once.
const CRASHING: &str = "echo x >> runs; exit 3";
/// Ignores everything but SIGKILL.
const STUBBORN: &str = r#"trap '' TERM; echo '{"type":"health","health":{"healthy":true}}'
while :; do sleep 0.05; done"#;
const UNSUPPORTED: &str =
    r#"echo run >> runs; echo '{"type":"unsupported","message":"needs a newer kernel"}'"#;

struct Server {
    desired: watch::Sender<Option<DesiredState>>,
    reports: Mutex<Vec<AgentStatus>>,
    started: Mutex<Vec<TestAlertStarted>>,
    adopted: Mutex<Vec<Identity>>,
    /// Generations that were asked with.
    asked: Mutex<Vec<Option<u64>>>,
}

#[async_trait::async_trait]
impl Packages for Server {
    async fn fetch(&self, _: &PackageManifest, _: usize, _: &mut Take<'_>) -> Result<(), CallError> {
        unreachable!("these tests want no other version");
    }
}

#[async_trait::async_trait]
impl Control for Server {
    async fn desired(&self, generation: Option<u64>) -> Result<Option<DesiredState>, CallError> {
        self.asked.lock().push(generation);
        let mut desired = self.desired.subscribe();
        let changed = |state: &Option<DesiredState>| {
            state.as_ref().is_some_and(|state| Some(state.generation) != generation)
        };
        let state = desired.wait_for(changed).await.expect("the test holds the sender").clone();
        Ok(state)
    }

    async fn status(&self, status: &AgentStatus) -> Result<(), CallError> {
        self.reports.lock().push(status.clone());
        Ok(())
    }

    async fn renew(&self, identity: &Identity, clock: &dyn Clock) -> anyhow::Result<Identity> {
        let expires = clock.now().saturating_add(Timespan(i64::MAX / 8));
        Ok(Identity { certificate_obtained: clock.now(), certificate_expires: expires, ..identity.clone() })
    }

    fn adopt(&self, identity: &Identity) -> anyhow::Result<()> {
        self.adopted.lock().push(identity.clone());
        Ok(())
    }

    async fn test_alert_started(&self, started: &TestAlertStarted) -> Result<(), CallError> {
        self.started.lock().push(started.clone());
        Ok(())
    }

    async fn look(&self, _: &dyn Clock) -> Option<ConnectivityReport> {
        None
    }
}

struct Running {
    state: tempfile::TempDir,
    server: Arc<Server>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<Ended>>,
}

fn identity() -> Identity {
    Identity {
        server: "https://127.0.0.1:1".to_owned(),
        proxy: None,
        machine_id: ResourceId::parse(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/machines/m",
        )
        .unwrap(),
        vm_id: uuid::Uuid::nil(),
        tenant_id: TenantId(uuid::Uuid::nil()),
        key: Pem(String::new()),
        certificate: String::new(),
        server_ca: String::new(),
        certificate_obtained: SystemClock.now(),
        certificate_expires: Ticks::MAX,
        direct: false,
    }
}

fn start_in(state: tempfile::TempDir, desired: Option<DesiredState>) -> Running {
    start_on(|_| fit(), state, desired)
}

/// A machine that lacks nothing.
fn fit() -> Surroundings {
    let mut here = Surroundings::default();
    (here.facts.os_type, here.facts.os_sku) = ("linux".to_owned(), "debian".to_owned());
    (here.facts.os_version, here.facts.kernel) = ("12".to_owned(), "6.1.0".to_owned());
    here.facts.architecture = "x86_64".to_owned();
    here
}

fn start_on(
    surroundings: fn(&Path) -> Surroundings,
    state: tempfile::TempDir,
    desired: Option<DesiredState>,
) -> Running {
    let server = Arc::new(Server {
        desired: watch::Sender::new(desired),
        reports: Mutex::default(),
        started: Mutex::default(),
        adopted: Mutex::default(),
        asked: Mutex::default(),
    });
    let stop = CancellationToken::new();
    let options = SupervisorOptions {
        state: state.path().to_owned(),
        image: "/bin/sh".into(),
        // The program under test is in the settings: the image is a shell.
        arguments: |extension| vec!["-c".to_owned(), extension.kind.clone()],
        surroundings,
        limits: RestartLimits {
            restarts_max: 3,
            window: Duration::from_secs(600),
            rest: Duration::from_secs(600),
            pause: Duration::from_millis(1),
        },
        timeouts: Timeouts {
            stop: Duration::from_millis(200),
            terminate: Duration::from_millis(200),
            ..Timeouts::default()
        },
        clock: Arc::new(SystemClock),
    };
    let task = tokio::spawn(supervisor::run(options, identity(), server.clone(), stop.clone()));
    Running { state, server, stop, task }
}

fn start(desired: DesiredState) -> Running {
    start_in(tempfile::tempdir().unwrap(), Some(desired))
}

impl Running {
    fn want(&self, desired: DesiredState) {
        self.server.desired.send_replace(Some(desired));
    }

    /// The extension in the newest report.
    fn reported(&self, name: &str) -> Option<ExtensionStatus> {
        let reports = self.server.reports.lock();
        reports.last()?.extensions.iter().find(|extension| extension.name == name).cloned()
    }

    fn is(&self, name: &str, state: ExtensionState) -> bool {
        self.reported(name).is_some_and(|extension| extension.state == state)
    }

    fn lines(&self, name: &str, file: &str) -> Vec<String> {
        let path = self.state.path().join("data").join(name).join(file);
        std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    async fn stop(self) -> tempfile::TempDir {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        self.state
    }
}

fn extension(name: &str, script: &str) -> DesiredExtension {
    DesiredExtension {
        name: name.to_owned(),
        publisher: String::new(),
        kind: script.to_owned(),
        program: ExtensionProgram::Monitor,
        version: "1.0".to_owned(),
        settings: json!({"n": 1}),
        protected: None,
        streams: Default::default(),
    }
}

fn desired(generation: u64, extensions: &[DesiredExtension]) -> DesiredState {
    DesiredState { generation, extensions: extensions.to_vec(), commands: Vec::new(), agent: None }
}

/// The steps of an extension as `name state`.
fn steps(status: &ExtensionStatus) -> Vec<String> {
    status.steps.iter().map(|step| format!("{} {:?}", step.name, step.state)).collect()
}

#[tokio::test]
async fn an_unsupported_system_stops_before_anything_is_installed_and_says_what_to_do() {
    let old = |_: &Path| {
        let mut old = fit();
        (old.facts.os_name, old.facts.os_version) = ("Debian GNU/Linux 9".to_owned(), "9".to_owned());
        old
    };
    let state = tempfile::tempdir().unwrap();
    let running = start_on(old, state, Some(desired(1, &[extension("Good", GOOD)])));
    until("stopped", || running.is("Good", ExtensionState::Failed)).await;
    let status = running.reported("Good").unwrap();
    assert!(status.message.contains("Debian GNU/Linux 9 is not supported"), "{}", status.message);
    assert!(status.message.contains("upgrade to Debian 12"), "the alternative: {}", status.message);
    assert_eq!(steps(&status)[..2], ["prerequisites Failed", "package Waiting"]);
    assert!(!running.state.path().join("extensions").exists(), "nothing was installed");
    running.stop().await;
}

#[tokio::test]
async fn what_connect_stores_while_the_agent_runs_is_taken_over() {
    /// Writes down which machine it was told to be, each time.
    const NAMED: &str = r#"echo '{"type":"health","health":{"healthy":true}}'
while read -r line; do case "$line" in
*'"type":"stop"'*) exit 0;;
*'"resourceId":"/subscriptions/s/resourceGroups/full/'*) echo full >> names;;
*'"resourceId":"/subscriptions/s/resourceGroups/g/'*) echo direct >> names;;
esac; done"#;
    let state = tempfile::tempdir().unwrap();
    identity().store(state.path()).unwrap();
    let running = start_in(state, Some(desired(7, &[extension("Good", NAMED)])));
    until("running", || running.is("Good", ExtensionState::Running)).await;
    until("configured", || running.lines("Good", "names") == ["direct"]).await;
    let reports = running.server.reports.lock().len();

    // Another machine, as `connect --force` makes it, is nothing that a running agent can become.
    let stranger = Identity { vm_id: uuid::Uuid::from_u128(1), certificate: "s".to_owned(), ..identity() };
    stranger.store(running.state.path()).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(running.server.adopted.lock().is_empty());
    assert_eq!(running.lines("Good", "names"), ["direct"]);

    let machine = "/subscriptions/s/resourceGroups/full/providers/Microsoft.HybridCompute/machines/m";
    let full = Identity {
        machine_id: ResourceId::parse(machine).unwrap(),
        certificate: "full".to_owned(),
        ..identity()
    };
    full.store(running.state.path()).unwrap();
    until("taken over", || running.server.adopted.lock().len() == 1).await;
    until("told to what runs", || running.lines("Good", "names").last().is_some_and(|name| name == "full"))
        .await;
    // What the resource should run is asked for anew, and how it goes is told at once.
    until("asked", || running.server.asked.lock().iter().filter(|known| known.is_none()).count() == 2).await;
    until("told", || running.server.reports.lock().len() > reports).await;
    assert!(running.is("Good", ExtensionState::Running), "it went on meanwhile");
    let state = running.stop().await;
    assert_eq!(Identity::load(state.path()).unwrap().unwrap().certificate, "full", "nobody wrote over it");
}

#[tokio::test]
async fn an_existing_sensor_is_recognised_and_not_installed_twice() {
    let existing = |_: &Path| {
        let mut here = fit();
        here.host.other_sensors = vec!["edr.service (/opt/edr)".to_owned()];
        here
    };
    let mut sensor = extension("MDE.Linux", GOOD);
    sensor.program = ExtensionProgram::Sensor;
    let wanted = desired(1, &[sensor, extension("Good", GOOD)]);
    let running = start_on(existing, tempfile::tempdir().unwrap(), Some(wanted));
    until("the monitor runs", || running.is("Good", ExtensionState::Running)).await;
    until("recognised", || running.is("MDE.Linux", ExtensionState::Running)).await;
    let status = running.reported("MDE.Linux").unwrap();
    assert!(status.message.contains("edr.service") && status.pid.is_none(), "{status:?}");
    assert_eq!(steps(&status)[1], "existingSensor Succeeded");
    assert!(steps(&status)[3..].iter().all(|step| step.ends_with("Skipped")), "{:?}", steps(&status));
    assert!(!running.state.path().join("extensions/MDE.Linux").exists());
    // Recognised ones go without a process of ours to wait for.
    running.want(desired(2, &[extension("Good", GOOD)]));
    until("gone", || running.reported("MDE.Linux").is_none_or(|e| e.state == ExtensionState::Removed)).await;
    running.stop().await;
}

#[tokio::test]
async fn another_antivirus_is_left_alone_and_told() {
    let beside = |_: &Path| {
        let mut here = fit();
        let product = |name: &str, running| bartizan_wire::ProtectionProduct {
            name: name.to_owned(),
            antivirus: true,
            installed: true,
            running,
            ..Default::default()
        };
        here.host.protection = vec![product("ClamAV", true), product("ESET", false)];
        here
    };
    let mut sensor = extension("MDE.Linux", GOOD);
    sensor.program = ExtensionProgram::Sensor;
    let running = start_on(beside, tempfile::tempdir().unwrap(), Some(desired(1, &[sensor])));
    until("running", || running.is("MDE.Linux", ExtensionState::Running)).await;
    let status = running.reported("MDE.Linux").unwrap();
    let step = status.steps.iter().find(|step| step.name == "conflictingProduct").unwrap();
    assert!(step.message.contains("ClamAV runs and is left alone"), "{}", step.message);
    let host = running.server.reports.lock().last().unwrap().host.clone().unwrap();
    assert_eq!(host.protection.len(), 2);
    running.stop().await;
}

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn an_extension_is_installed_started_reconfigured_and_removed() {
    let running = start(desired(1, &[extension("Good", GOOD)]));
    until("running", || running.is("Good", ExtensionState::Running)).await;
    let status = running.reported("Good").unwrap();
    assert!(status.health.as_ref().unwrap().healthy);
    let told = [
        "prerequisites Succeeded",
        "package Succeeded",
        "onboarding Warning",
        "engine Succeeded",
        "updates Succeeded",
    ];
    assert_eq!(steps(&status), told, "no stream is wanted, so nobody takes its rows");
    let folder = running.state.path().join("extensions/Good/1.0");
    assert!(folder.join("manifest.json").exists() && folder.join("settings.json").exists());

    let mut changed = extension("Good", GOOD);
    changed.settings = json!({"n": 2});
    running.want(desired(2, &[changed]));
    until("told the new settings", || !running.lines("Good", "settings").is_empty()).await;
    assert_eq!(running.lines("Good", "runs").len(), 1, "settings do not restart the process");

    let pid = status.pid.unwrap();
    running.want(desired(3, &[]));
    until("removed", || running.reported("Good").is_none_or(|e| e.state == ExtensionState::Removed)).await;
    until("gone", || !alive(pid) && !folder.exists()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_crashing_extension_rests_and_the_other_one_does_not_notice() {
    let running = start(desired(1, &[extension("Bad", CRASHING), extension("Good", GOOD)]));
    until("back-off", || running.is("Bad", ExtensionState::BackOff)).await;
    until("running", || running.is("Good", ExtensionState::Running)).await;
    let bad = running.reported("Bad").unwrap();
    assert_eq!(running.lines("Bad", "runs").len(), 4, "one start and three restarts");
    assert_eq!(bad.restarts, 4);
    assert!(bad.message.contains("exit code 3"), "{}", bad.message);
    assert_eq!(running.lines("Good", "runs").len(), 1);
    // New settings are a reason to try again at once.
    let mut again = extension("Bad", GOOD);
    again.settings = json!({"n": 9});
    running.want(desired(2, &[again, extension("Good", GOOD)]));
    until("running after all", || running.is("Bad", ExtensionState::Running)).await;
    running.stop().await;
}

#[tokio::test]
async fn one_that_ignores_every_request_is_killed() {
    let running = start(desired(1, &[extension("Stubborn", STUBBORN)]));
    until("running", || running.is("Stubborn", ExtensionState::Running)).await;
    let pid = running.reported("Stubborn").unwrap().pid.unwrap();
    running.want(desired(2, &[]));
    until("killed", || !alive(pid)).await;
    running.stop().await;
}

#[tokio::test]
async fn one_that_cannot_run_here_fails_with_its_reason_and_is_not_retried() {
    let running = start(desired(1, &[extension("Odd", UNSUPPORTED)]));
    until("failed", || running.is("Odd", ExtensionState::Failed)).await;
    assert_eq!(running.reported("Odd").unwrap().message, "needs a newer kernel");
    running.stop().await;
}

#[tokio::test]
async fn a_killed_child_is_restarted_and_stopping_leaves_none_behind() {
    let running = start(desired(1, &[extension("Good", GOOD)]));
    until("running", || running.is("Good", ExtensionState::Running)).await;
    let first = running.reported("Good").unwrap().pid.unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    until("another process", || {
        running.is("Good", ExtensionState::Running) && running.reported("Good").unwrap().pid != Some(first)
    })
    .await;
    let second = running.reported("Good").unwrap().pid.unwrap();
    running.stop().await;
    assert!(!alive(second));
}

#[tokio::test]
async fn extensions_run_from_the_kept_state_while_the_server_is_away() {
    let running = start(desired(1, &[extension("Good", GOOD), extension("Old", GOOD)]));
    until("both", || {
        running.is("Good", ExtensionState::Running) && running.is("Old", ExtensionState::Running)
    })
    .await;
    let state = running.stop().await;
    let running = start_in(state, None);
    until("running again", || running.is("Good", ExtensionState::Running)).await;
    assert_eq!(running.lines("Good", "runs").len(), 2, "one process per supervisor");
    // What is no longer wanted when the server comes back goes, installation and all.
    running.want(desired(2, &[extension("Good", GOOD)]));
    until("the other is gone", || !running.state.path().join("extensions/Old").exists()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_second_supervisor_on_the_same_state_is_refused() {
    let running = start(desired(1, &[]));
    until("started", || supervisor::is_running(running.state.path())).await;
    let server = Arc::new(Server {
        desired: watch::Sender::new(None),
        reports: Mutex::default(),
        started: Mutex::default(),
        adopted: Mutex::default(),
        asked: Mutex::default(),
    });
    let options = SupervisorOptions {
        state: running.state.path().to_owned(),
        image: "/bin/sh".into(),
        arguments: |_| Vec::new(),
        surroundings: |_| Surroundings::default(),
        limits: RestartLimits::default(),
        timeouts: Timeouts::default(),
        clock: Arc::new(SystemClock),
    };
    let error = supervisor::run(options, identity(), server, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("already running"), "{error}");
    running.stop().await;
}

#[tokio::test]
async fn a_test_alerts_process_is_started_once_and_not_again_from_the_kept_state() {
    let command = |id: u128, kind: &str| AgentCommand {
        id: uuid::Uuid::from_u128(id),
        kind: kind.to_owned(),
        arguments: json!({}),
    };
    let state =
        |generation, commands: Vec<AgentCommand>| DesiredState { commands, ..desired(generation, &[]) };
    let test = command(7, TEST_ALERT_COMMAND);
    let running = start(state(1, vec![test.clone(), command(8, "somethingNew")]));
    until("started", || running.server.started.lock().len() == 1).await;
    let told = running.server.started.lock()[0].clone();
    assert_eq!((told.id, told.error), (test.id, None));
    // The same command comes again with each state until the server takes it back.
    running.want(state(2, vec![test.clone()]));
    let next = command(9, TEST_ALERT_COMMAND);
    running.want(state(3, vec![test.clone(), next.clone()]));
    until("the next one", || running.server.started.lock().len() == 2).await;
    assert_eq!(running.server.started.lock()[1].id, next.id);
    // A restart finds the commands in the state it kept, and the server has taken them back meanwhile.
    let kept = running.stop().await;
    let again = start_in(kept, Some(state(4, vec![command(10, TEST_ALERT_COMMAND)])));
    until("the newest", || !again.server.started.lock().is_empty()).await;
    let ids: Vec<_> = again.server.started.lock().iter().map(|told| told.id).collect();
    assert_eq!(ids, [uuid::Uuid::from_u128(10)]);
    again.stop().await;
}
