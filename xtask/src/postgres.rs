//! A PostgreSQL of the tests' own: in a temporary folder, on a socket there, gone afterwards.

use std::fs::File;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::command::{execute, is_root};

/// Where Debian and others keep the server's programs, which are on nobody's PATH.
const PLACES: [&str; 3] = ["/usr/lib/postgresql", "/usr/pgsql", "/usr/local/pgsql"];
/// It starts in a second or two; a busy machine gets a minute.
const START_MAX: Duration = Duration::from_secs(60);
/// PostgreSQL refuses to run as root; this is nobody on every Linux.
const NOBODY: u32 = 65_534;

/// A running server; dropped, it stops.
pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
}

impl Postgres {
    /// Starts one; `None`, said, where there is none to start.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else {
            println!("skipped: PostgreSQL is not installed (`apt-get install postgresql` adds it)");
            return Ok(None);
        };
        // Sockets have short names, so not below the target folder.
        let folder = std::env::temp_dir().join(format!("bartizan-pg-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        if is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).context("cannot give the folder away")?;
        }
        let data = folder.join("data");
        let mut make = as_nobody(&programs.join("initdb"));
        make.arg("-D").arg(&data).args(["-A", "trust", "-U", "bartizan", "-E", "UTF8"]);
        make.args(["--locale=C.UTF-8", "--no-sync"]).current_dir(&folder).stdout(Stdio::null());
        execute(make)?;
        let log = File::create(std::env::temp_dir().join(format!("bartizan-pg-{}.log", std::process::id())))?;
        let mut run = as_nobody(&programs.join("postgres"));
        run.arg("-D").arg(&data).args([
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=400",
        ]);
        run.arg("-c").arg(format!("unix_socket_directories={}", folder.display())).current_dir(&folder);
        let server = run.stdout(log.try_clone()?).stderr(log).spawn().context("cannot start PostgreSQL")?;
        let mut started = Self { server, folder };
        started.wait()?;
        Ok(Some(started))
    }

    /// Its address for `BARTIZAN_TEST_POSTGRES`.
    pub(crate) fn url(&self) -> String {
        format!("postgres://bartizan@localhost/postgres?host={}", self.folder.display())
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let (socket, begun) = (self.folder.join(".s.PGSQL.5432"), Instant::now());
        while !socket.exists() {
            if let Some(status) = self.server.try_wait()? {
                bail!("PostgreSQL did not start: {status}");
            }
            if begun.elapsed() > START_MAX {
                bail!("PostgreSQL did not start within {} s", START_MAX.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What it holds is not needed any more, so it need not write it out.
        drop(self.server.kill());
        drop(self.server.wait());
        // Every test had a database of some hundred files: to remove them takes minutes that nobody need wait for.
        drop(Command::new("rm").arg("-rf").arg(&self.folder).spawn());
    }
}

fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// The newest installed version's folder of programs.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for place in PLACES {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            let bin = entry.path().join("bin");
            if bin.join("initdb").is_file() {
                let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
                found.push((version, bin));
            }
        }
    }
    found.into_iter().max().map(|(_, bin)| bin)
}
