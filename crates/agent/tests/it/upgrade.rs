//! Upgrades of the agent: packages that must not be installed, and versions that pass or fail their trial.

use std::path::Path;
use std::sync::Arc;

use bartizan_agent::server::CallError;
use bartizan_agent::upgrade::{Packages, Take, UpgradeError, current, stage};
use bartizan_base::{Clock, SystemClock};
use bartizan_seal::Signer;
use bartizan_wire::{
    AgentStatus, DesiredAgent, ExtensionState, PACKAGE_PROGRAM, PackageFile, PackageManifest, UpgradeReport,
    UpgradeState,
};
use sha2::{Digest, Sha256};

use crate::fake_server::FakeServer;
use crate::program::{Agent, connect, monitor};
use crate::wait::until;

fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

fn signer() -> Signer {
    Signer::from_pkcs8(&rcgen::KeyPair::generate().unwrap().serialize_der()).unwrap()
}

fn manifest(version: &str, program: &[u8]) -> PackageManifest {
    let sha256 = Sha256::digest(program).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = PackageFile {
        path: PACKAGE_PROGRAM.to_owned(),
        size: program.len() as u64,
        sha256,
        executable: true,
    };
    PackageManifest {
        name: PACKAGE_PROGRAM.to_owned(),
        version: version.to_owned(),
        platform: platform(),
        files: vec![file],
    }
}

fn wanted(signer: &Signer, manifest: &PackageManifest) -> DesiredAgent {
    DesiredAgent {
        version: manifest.version.clone(),
        manifest: signer.sign(manifest).unwrap(),
        package_key: signer.public(),
        allow_downgrade: false,
        trial_seconds: None,
    }
}

/// Gives these bytes for every file, in small parts.
struct Gives(Vec<u8>);

#[async_trait::async_trait]
impl Packages for Gives {
    async fn fetch(&self, _: &PackageManifest, _: usize, take: &mut Take<'_>) -> Result<(), CallError> {
        for part in self.0.chunks(7) {
            if !take(part) {
                break;
            }
        }
        Ok(())
    }
}

async fn staged(state: &Path, wanted: &DesiredAgent, gives: &[u8]) -> Result<(), UpgradeError> {
    stage(state, wanted, "1.0.0", Vec::new(), &Gives(gives.to_vec()), SystemClock.now()).await
}

const PROGRAM: &[u8] = b"#!/bin/sh\nexit 0\n";

#[tokio::test]
async fn only_a_whole_package_signed_by_the_pinned_key_is_installed() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (signer(), signer());
    let good = wanted(&own, &manifest("1.1.0", PROGRAM));
    let untouched = |what: &str| {
        assert_eq!(current(state.path()), None, "{what}");
        assert!(!state.path().join("versions/1.1.0").exists(), "{what}");
        assert!(!state.path().join("versions/1.1.0.new").exists(), "{what}");
        assert!(!state.path().join("upgrade.json").exists(), "{what}");
    };
    let mut forged = good.clone();
    forged.manifest.manifest = forged.manifest.manifest.replace(&platform(), "linux-other");
    assert!(matches!(staged(state.path(), &forged, PROGRAM).await, Err(UpgradeError::Package(_))));
    untouched("a changed manifest");
    for (what, gives) in
        [("truncated", &PROGRAM[..9]), ("empty", b""), ("longer", b"#!/bin/sh\nexit 0\n# and more")]
    {
        let result = staged(state.path(), &good, gives).await;
        assert!(matches!(result, Err(UpgradeError::WrongSize { .. })), "{what}: {result:?}");
        untouched(what);
    }
    let result = staged(state.path(), &good, b"#!/bin/sh\nexit 1\n").await;
    assert!(matches!(result, Err(UpgradeError::WrongHash { .. })), "{result:?}");
    untouched("another program of the same size");
    let mut announced = good.clone();
    announced.version = "1.2.0".to_owned();
    assert!(matches!(
        staged(state.path(), &announced, PROGRAM).await,
        Err(UpgradeError::WrongManifest { .. })
    ));
    let mut elsewhere = manifest("1.1.0", PROGRAM);
    elsewhere.platform = "linux-riscv64".to_owned();
    let result = staged(state.path(), &wanted(&own, &elsewhere), PROGRAM).await;
    assert!(matches!(result, Err(UpgradeError::WrongPlatform { .. })), "{result:?}");
    // The first key that came is pinned, so that a server set up anew cannot replace programs.
    let result = staged(state.path(), &wanted(&other, &manifest("1.1.0", PROGRAM)), PROGRAM).await;
    assert!(matches!(result, Err(UpgradeError::KeyChanged)), "{result:?}");
    let posing = DesiredAgent { package_key: own.public(), ..wanted(&other, &manifest("1.1.0", PROGRAM)) };
    assert!(matches!(staged(state.path(), &posing, PROGRAM).await, Err(UpgradeError::Package(_))));
    untouched("other keys");
    staged(state.path(), &good, PROGRAM).await.unwrap();
    assert_eq!(current(state.path()).as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn an_older_version_is_installed_only_when_asked_for() {
    let state = tempfile::tempdir().unwrap();
    let own = signer();
    for version in ["0.9.9", "0.10"] {
        let older = wanted(&own, &manifest(version, PROGRAM));
        let result = staged(state.path(), &older, PROGRAM).await;
        assert!(matches!(result, Err(UpgradeError::Downgrade { .. })), "{version}: {result:?}");
        assert_eq!(current(state.path()), None);
    }
    let asked = DesiredAgent { allow_downgrade: true, ..wanted(&own, &manifest("0.9.9", PROGRAM)) };
    staged(state.path(), &asked, PROGRAM).await.unwrap();
    assert_eq!(current(state.path()).as_deref(), Some("0.9.9"));
}

/// A connected machine whose server wants `program` as version 9.9.9.
struct Machine {
    _folder: tempfile::TempDir,
    state: std::path::PathBuf,
    server: Arc<FakeServer>,
    _agent: Agent,
}

impl Machine {
    async fn offered(program: &[u8], trial_seconds: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (state, log) = (folder.path().join("state"), folder.path().join("auth.log"));
        std::fs::write(&log, "").unwrap();
        let server = FakeServer::start(monitor(&log)).await;
        assert!(connect(&server, &state, "good-token", &[]).await.status.success());
        let agent = Agent::start(&state);
        until("the monitor runs", || runs(&server, bartizan_agent::VERSION)).await;
        let signer = signer();
        server.packages.lock().insert(format!("9.9.9/{}/0", platform()), program.to_vec());
        let agent_wanted = DesiredAgent {
            trial_seconds: Some(trial_seconds),
            ..wanted(&signer, &manifest("9.9.9", program))
        };
        server.desired.send_modify(|desired| {
            desired.generation += 1;
            desired.agent = Some(agent_wanted);
        });
        Self { _folder: folder, state, server, _agent: agent }
    }

    fn last(&self) -> Option<AgentStatus> {
        self.server.seen.lock().statuses.last().cloned()
    }

    fn report(&self) -> Option<UpgradeReport> {
        self.last()?.upgrade
    }

    fn is(&self, state: UpgradeState) -> bool {
        self.report().is_some_and(|report| report.state == state)
    }
}

/// Whether the newest status is of this version, with its extension running.
fn runs(server: &FakeServer, version: &str) -> bool {
    let seen = server.seen.lock();
    seen.statuses.last().is_some_and(|status| {
        status.agent_version == version
            && status.extensions.iter().any(|extension| extension.state == ExtensionState::Running)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_version_passes_its_trial_and_runs() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_bartizan-agent")).unwrap();
    let machine = Machine::offered(&program, 600).await;
    until("passed", || machine.is(UpgradeState::Succeeded)).await;
    until("running", || runs(&machine.server, "9.9.9")).await;
    assert_eq!(current(&machine.state).as_deref(), Some("9.9.9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_crashes_is_taken_back_with_its_reason() {
    let machine = Machine::offered(b"#!/bin/sh\nexit 3\n", 600).await;
    until("taken back", || machine.is(UpgradeState::RolledBack)).await;
    let report = machine.report().unwrap();
    assert!(report.message.contains("ended 3 times"), "{}", report.message);
    until("the former one runs", || runs(&machine.server, bartizan_agent::VERSION)).await;
    assert_eq!(current(&machine.state), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_hangs_is_ended_and_taken_back() {
    let machine = Machine::offered(b"#!/bin/sh\nexec sleep 600\n", 2).await;
    until("taken back", || machine.is(UpgradeState::RolledBack)).await;
    let report = machine.report().unwrap();
    assert!(report.message.contains("not healthy within"), "{}", report.message);
    until("the former one runs", || runs(&machine.server, bartizan_agent::VERSION)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_not_what_its_manifest_says_is_refused_and_told() {
    let machine = Machine::offered(b"#!/bin/sh\nexit 3\n", 600).await;
    // The file is exchanged while the manifest stays: another package of the same name is offered.
    until("the first is taken back", || machine.is(UpgradeState::RolledBack)).await;
    let (signer, mut manifest) = (signer(), manifest("9.9.10", b"good"));
    manifest.files[0].size = 5;
    machine.server.packages.lock().insert(format!("9.9.10/{}/0", platform()), b"wrong".to_vec());
    machine.server.desired.send_modify(|desired| {
        desired.generation += 1;
        desired.agent = Some(DesiredAgent { package_key: signer.public(), ..wanted(&signer, &manifest) });
    });
    until("refused", || machine.is(UpgradeState::Refused)).await;
    let report = machine.report().unwrap();
    assert!(report.message.contains("package key is not the one pinned"), "{}", report.message);
    assert!(runs(&machine.server, bartizan_agent::VERSION));
}
