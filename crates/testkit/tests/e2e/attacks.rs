//! Things that an intruder does, harmless ones, done for real on this machine.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use rustix::fs::MemfdFlags;

use bartizan_testkit::real::programs::{Running, capture, free_port};

/// A real `sshd` on loopback that takes passwords.
pub(crate) struct Sshd {
    pub(crate) port: u16,
    _process: Running,
}

impl Sshd {
    /// Starts it with a key and settings in `folder`. `None` when the machine has no sshd or sshpass.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Option<Self>> {
        let sshd = Path::new("/usr/sbin/sshd");
        if !sshd.exists() || capture(Command::new("sshpass").arg("-V")).is_err() {
            return Ok(None);
        }
        std::fs::create_dir_all("/run/sshd").context("cannot make sshd's own folder")?;
        let key = folder.join("host_key");
        capture(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
        let port = free_port();
        let settings = folder.join("sshd_config");
        std::fs::write(
            &settings,
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\n\
                 PasswordAuthentication yes\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxAuthTries 10\n",
                key.display()
            ),
        )?;
        let mut command = Command::new(sshd);
        command.arg("-D").arg("-f").arg(&settings).stderr(Stdio::null());
        let process = Running::start("sshd", &mut command)?;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Ok(Some(Self { port, _process: process }))
    }

    /// One sign-in with a wrong password.
    pub(crate) fn fail(&self, user: &str) -> anyhow::Result<()> {
        let status = Command::new("sshpass")
            .args(["-p", "wrong", "ssh", "-p", &self.port.to_string()])
            .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "PreferredAuthentications=password", "-o", "PubkeyAuthentication=no"])
            .args(["-o", "NumberOfPasswordPrompts=1", "-o", "LogLevel=ERROR"])
            .args([&format!("{user}@127.0.0.1"), "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        anyhow::ensure!(!status.success(), "a wrong password was accepted");
        Ok(())
    }
}

/// Runs a program from an anonymous memory file.
pub(crate) fn run_from_memory(marker: &str) -> anyhow::Result<()> {
    let image = std::fs::read("/bin/true").or_else(|_| std::fs::read("/usr/bin/true"))?;
    let memory = rustix::fs::memfd_create("e2e-memory", MemfdFlags::empty())?;
    let mut memory = std::fs::File::from(memory);
    memory.write_all(&image)?;
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    // The child opens its own copy of the descriptor; ours must not be open for writing while it runs.
    let reader = std::fs::File::open(&path)?;
    drop(memory);
    let status = Command::new(format!("/proc/{}/fd/{}", std::process::id(), reader.as_raw_fd()))
        .arg(marker)
        .status()?;
    anyhow::ensure!(status.success(), "the program in memory ended with {status}");
    Ok(())
}
