//! What must be on the machine before anything can be built or tested, and how to get it.

use anyhow::bail;

use crate::command::{capture, command, execute, exists, is_root};

/// Oldest Node.js that the portal's tools accept.
const NODE_MAJOR_MIN: u32 = 20;

/// Programs and the Debian packages they come in.
pub(crate) type Needs<'a> = &'a [(&'a str, &'a str)];

/// For building.
pub(crate) const BUILD: Needs<'static> = &[("cc", "build-essential"), ("npm", "npm"), ("node", "nodejs")];
/// For the end-to-end tests: real failed sign-ins, a real browser, a disk that can be full.
pub(crate) const TEST: Needs<'static> = &[
    ("sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("sshpass", "sshpass"),
    ("chromium", "chromium"),
    ("clang", "clang"),
    ("llvm-strip", "llvm"),
];

/// For tests with other programs; a test whose program is not there says so and checks nothing.
pub(crate) const PEERS: Needs<'static> =
    &[("rsyslogd", "rsyslog rsyslog-gnutls"), ("pg_createcluster", "postgresql")];

/// Installs what is missing if that is possible.
pub(crate) fn try_ensure(needs: Needs<'_>) {
    if let Err(error) = ensure(needs) {
        println!("going on without: {error:#}");
    }
}

/// Installs what is missing when that is possible, and otherwise names it with the command that would.
pub(crate) fn ensure(needs: Needs<'_>) -> anyhow::Result<()> {
    let missing: Vec<&str> =
        needs.iter().filter(|(program, _)| !installed(program)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        let by_hand = format!("apt-get install {}", missing.join(" "));
        if !exists("apt-get") || !is_root() {
            bail!("missing: {}. Install them, on Debian with: sudo {by_hand}", missing.join(", "));
        }
        println!("Installing {} …", missing.join(", "));
        execute(command("apt-get", &["update", "-qq"]))?;
        let mut install = command("apt-get", &["install", "-y", "-qq", "--no-install-recommends"]);
        install.args(missing.iter().flat_map(|packages| packages.split(' ')));
        // Programs are wanted, not running services: run level 1 keeps a package from starting its own.
        install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        execute(install)?;
    }
    Ok(())
}

/// Checks that Node.js is new enough.
pub(crate) fn ensure_node() -> anyhow::Result<()> {
    let version = capture(command("node", &["--version"]))?;
    let major: Option<u32> =
        version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    match major {
        Some(major) if major >= NODE_MAJOR_MIN => Ok(()),
        _ => bail!(
            "Node.js {} is too old for the portal: version {NODE_MAJOR_MIN} or newer is needed",
            version.trim()
        ),
    }
}

fn installed(program: &str) -> bool {
    // Daemons live in sbin, which is not on every user's PATH.
    exists(program)
        || ["/usr/sbin", "/sbin"].iter().any(|folder| std::path::Path::new(folder).join(program).is_file())
}
