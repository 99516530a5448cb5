//! Child processes of a test: found, started, and ended with it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// The repository's root.
///
/// # Panics
/// When the repository is gone.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there")
}

/// A program that `cargo build --workspace --bins` made. Our own binary lies beside it, or one folder below
/// (`<profile>/deps`) when it is a test.
///
/// # Panics
/// When the program is not built.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    let folder = own.parent().expect("a program lies in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().expect("deps has a parent") } else { folder };
    let path = folder.join(name);
    assert!(path.exists(), "`{}` is not built: run `cargo build --workspace --bins` first", path.display());
    path
}

/// Whether we may load kernel programs and read every log.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A TCP port that was free a moment ago. Programs that must come back on the same port after a restart need
/// one before they start.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A child that is killed when the test ends, however it ends.
pub struct Running {
    pub child: Child,
    name: String,
}

impl Running {
    pub fn start(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name: name.to_owned() })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }

    /// SIGTERM, and waits for a clean end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success(), "{} ended with {status}", self.name);
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{} does not stop", self.name);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs to the end and gives what was printed; an error names the program and what it said.
pub fn capture(command: &mut Command) -> anyhow::Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&said));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asks again and again until the answer is there; the time limit is a limit, not a proof.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<(T, Duration)> {
    let started = Instant::now();
    let mut last = String::from("nothing yet");
    while started.elapsed() < limit {
        match ask().await {
            Ok(Some(answer)) => return Ok((answer, started.elapsed())),
            Ok(None) => {}
            Err(error) => last = format!("{error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("no {what} within {limit:?} (last: {last})")
}
