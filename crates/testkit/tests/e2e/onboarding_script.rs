//! The script of the portal's wizard, run as it was downloaded: on a machine like Debian, where `sh` is dash, and on one
//! like RHEL, where it is bash, each with no more programs than the smallest installation of that system has.
//!
//! A machine is a set of namespaces whose os-release, programs and folders to write to are its own. The service manager
//! is played by a program that starts what the unit file says.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bartizan_testkit::real::programs::{Running, eventually, is_root};
use bartizan_testkit::real::server::{Client, Server};
use serde_json::json;

const SOON: Duration = Duration::from_secs(120);

/// What the script says in the end.
const DONE: &str = "Connected; the service bartizan-agent is running.";

/// A system that the script is run on.
struct System {
    name: &'static str,
    release: &'static str,
    shell: &'static str,
    fetch: &'static str,
}

const SYSTEMS: [System; 3] = [
    System {
        name: "rhel-like",
        release: "NAME=\"Rocky Linux\"\nVERSION=\"9.4 (Blue Onyx)\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n\
                  VERSION_ID=\"9.4\"\nPRETTY_NAME=\"Rocky Linux 9.4 (Blue Onyx)\"\n",
        shell: "bash",
        fetch: "curl",
    },
    System { name: "debian-like", release: DEBIAN, shell: "dash", fetch: "curl" },
    System { name: "debian-with-wget", release: DEBIAN, shell: "dash", fetch: "wget" },
];
const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";

/// The programs of coreutils that the script may use; all of them are in the smallest installations of both.
const COREUTILS: [&str; 10] =
    ["cat", "chmod", "head", "id", "install", "mktemp", "mv", "rm", "stty", "uname"];

/// Stands in for the service manager: knows `daemon-reload`, `enable` and `restart` of a unit that is there.
const SYSTEMCTL: &str = r#"#!/bin/sh
unit=/etc/systemd/system/${2:-none}.service
case "$1" in
daemon-reload) exit 0 ;;
enable) [ -s "$unit" ] ;;
restart)
    while IFS= read -r line; do
        case "$line" in ExecStart=*) ${line#ExecStart=} & exit 0 ;; esac
    done < "$unit"
    exit 1 ;;
*) exit 1 ;;
esac
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_script_connects_machines_of_both_families_as_downloaded() -> anyhow::Result<()> {
    let permitted = Command::new("unshare").args(["-mup", "--fork", "true"]).status();
    if !is_root() || !permitted.is_ok_and(|status| status.success()) {
        println!("skipped: machines of their own need root and namespaces");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let server = Server::start(&folder.path().join("server"))?;
    let owner = server.owner().await?;
    for system in &SYSTEMS {
        let programs = [system.shell, system.fetch];
        if let Some(lacking) = programs.iter().find(|program| find(program).is_none()) {
            println!("skipped: {} needs {lacking}", system.name);
            continue;
        }
        connects(&owner, system, folder.path()).await.with_context(|| system.name)?;
    }
    Ok(())
}

async fn connects(owner: &Client, system: &System, folder: &Path) -> anyhow::Result<()> {
    let made = owner.post("/portal/v1/onboarding", json!({"tags": {"From": "O'Hara's $(script)"}})).await?;
    let machine = Machine::new(folder, system)?;
    std::fs::write(machine.0.join("OnboardingScript.sh"), made["script"].as_str().context("no script")?)?;
    let mut running = machine.start(system)?;
    let said = || std::fs::read_to_string(machine.0.join("said")).unwrap_or_default();
    let path =
        format!("{}/providers/Microsoft.HybridCompute/machines?api-version=2024-07-10", owner.subscription());
    let asked = eventually("connected machine", SOON, async || {
        let all = owner.get(&path).await?;
        let mut all = all["value"].as_array().cloned().unwrap_or_default().into_iter();
        let own = all.find(|machine| machine["name"] == system.name);
        let own = own.filter(|machine| machine["properties"]["status"] == "Connected");
        // A script that ended without success has left nothing to wait for.
        let ended = running.child.try_wait()?.is_some();
        // The machine is there before the script has started the service and says so.
        let done = own.is_some() && said().contains(DONE);
        Ok((done || ended).then_some(own))
    })
    .await;
    let said = said();
    let found =
        asked.with_context(|| said.clone())?.0.with_context(|| format!("the script failed: {said}"))?;
    ensure!(found["tags"]["From"] == "O'Hara's $(script)", "{found}");
    let release = system.release.split("ID=").last().unwrap_or_default();
    let id = if release.contains("debian") { "debian" } else { "rocky" };
    let os = found["properties"].to_string().to_lowercase();
    ensure!(os.contains(id), "the machine is not known as {id}: {found}");
    ensure!(said.contains(DONE), "{said}");
    drop(running);
    Ok(())
}

/// The folder of a machine's own files.
struct Machine(std::path::PathBuf);

impl Machine {
    fn new(folder: &Path, system: &System) -> anyhow::Result<Self> {
        let root = folder.join(system.name);
        let programs = root.join("bin");
        std::fs::create_dir_all(&programs)?;
        std::fs::write(root.join("os-release"), system.release)?;
        std::fs::write(root.join("machine-id"), format!("{}\n", uuid::Uuid::new_v4().simple()))?;
        for name in COREUTILS.into_iter().chain([system.fetch]) {
            symlink(find(name).with_context(|| format!("no {name}"))?, programs.join(name))?;
        }
        symlink(find(system.shell).context("no shell")?, programs.join("sh"))?;
        let systemctl = programs.join("systemctl");
        std::fs::write(&systemctl, SYSTEMCTL)?;
        std::fs::set_permissions(&systemctl, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        Ok(Self(root))
    }

    /// Runs the script, and keeps the machine until what comes back is dropped.
    fn start(&self, system: &System) -> anyhow::Result<Running> {
        let root = self.0.display();
        let shell = find(system.shell).context("no shell")?;
        let inside = format!(
            "hostname {name}; for folder in /usr/local/bin /var/lib /etc/systemd/system /run; do mount -t tmpfs none $folder; done; \
             mkdir /run/systemd /run/systemd/system; mount --bind {root}/os-release \"$(readlink -f /etc/os-release)\"; \
             mount --bind {root}/machine-id /etc/machine-id; mount --bind {shell} \"$(readlink -f /bin/sh)\"; \
             sleep=$(command -v sleep); export PATH={root}/bin; \
             if sh {root}/OnboardingScript.sh > {root}/said 2>&1; then exec \"$sleep\" 3600; fi; exit 1",
            name = system.name,
            shell = shell.display(),
        );
        let mut command = Command::new("unshare");
        command.args(["-mup", "--fork", "--kill-child", "bash", "-ec", &inside]);
        Running::start(system.name, &mut command)
    }
}

/// Where a program is.
fn find(name: &str) -> Option<std::path::PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
