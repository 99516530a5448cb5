//! What `/proc` tells about one process, while it still lives.
//!
//! Everything here races with the end of the process, so every answer is an `Option`. The files are read
//! with a size limit: a process chooses the length of its own command line.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::event::{Image, ProcessKey};
use crate::observation::{Credentials, login};
use crate::record::split_arguments;

/// As much of a command line as the kernel programs copy.
pub(crate) const ARGUMENTS_BYTES_MAX: usize = 4096;

/// Nanoseconds in one unit of `/proc/<pid>/stat`; the unit is fixed at a hundredth of a second.
const STAT_UNIT_NS: u64 = 10_000_000;

/// `/proc/<pid>/stat`, as far as we use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) comm: String,
    pub(crate) parent_pid: u32,
    pub(crate) session: u32,
    pub(crate) tty_device: u32,
    pub(crate) start_ns: u64,
}

/// Command line of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) arguments: Vec<String>,
    pub(crate) bytes: u64,
    pub(crate) truncated: bool,
}

/// Numbers of all processes.
pub(crate) fn all_pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The process that has this number now.
pub(crate) fn key(pid: u32) -> Option<ProcessKey> {
    Some(ProcessKey::from_boot_ns(pid, stat(pid)?.start_ns))
}

/// Reads `/proc/<pid>/stat`.
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&String::from_utf8_lossy(&read(pid, "stat", 4096)?))
}

/// Reads the user, group and capabilities from `/proc/<pid>/status` and the login fields beside it.
pub(crate) fn credentials(pid: u32) -> Option<Credentials> {
    let status = String::from_utf8_lossy(&read(pid, "status", 16_384)?).into_owned();
    let number = |name| {
        let text = String::from_utf8_lossy(&read(pid, name, 32)?).into_owned();
        login(text.trim().parse().ok()?)
    };
    let mut credentials = parse_status(&status)?;
    credentials.login_uid = number("loginuid");
    credentials.login_session = number("sessionid");
    Some(credentials)
}

/// Reads `/proc/<pid>/cmdline`.
pub(crate) fn arguments(pid: u32) -> Option<Arguments> {
    let area = read(pid, "cmdline", ARGUMENTS_BYTES_MAX)?;
    let truncated = area.len() == ARGUMENTS_BYTES_MAX;
    Some(Arguments { bytes: area.len() as u64, arguments: split_arguments(&area), truncated })
}

/// Path and file facts of `/proc/<pid>/exe`. `None` for kernel threads.
pub(crate) fn image(pid: u32) -> Option<Image> {
    let link = format!("/proc/{pid}/exe");
    let path = fs::read_link(&link).ok()?.to_string_lossy().into_owned();
    let mut image = Image { memfd: path.starts_with("/memfd:"), path: plain_path(&path), ..Image::default() };
    if let Ok(facts) = fs::metadata(&link) {
        describe(&mut image, &facts);
    }
    Some(image)
}

/// Fills the image's file facts from those of an open file or path.
pub(crate) fn describe(image: &mut Image, facts: &fs::Metadata) {
    image.device = kernel_device(facts.dev());
    image.inode = facts.ino();
    image.nlink = u32::try_from(facts.nlink()).ok();
    image.size_bytes = Some(facts.size());
    image.modified_ns =
        facts.mtime().checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(facts.mtime_nsec()));
}

/// The control group in the version 2 hierarchy, else the longest one named.
pub(crate) fn cgroup(pid: u32) -> Option<String> {
    let text = String::from_utf8_lossy(&read(pid, "cgroup", 8192)?).into_owned();
    let paths = text.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        Some((parts.next()? == "0", parts.nth(1)?))
    });
    let best = paths.max_by_key(|(unified, path)| (*unified && *path != "/", path.len()))?.1;
    (best != "/").then(|| best.to_owned())
}

/// User space and kernel pack device numbers differently; all of ours are in the kernel's form.
pub(crate) fn kernel_device(device: u64) -> u64 {
    (u64::from(libc::major(device)) << 20) | u64::from(libc::minor(device))
}

/// Without the marks `/proc` adds: `/memfd:x (deleted)` becomes `memfd:x`.
pub(crate) fn plain_path(link: &str) -> String {
    let path = link.strip_suffix(" (deleted)").unwrap_or(link);
    if path.starts_with("/memfd:") { path[1..].to_owned() } else { path.to_owned() }
}

fn read(pid: u32, name: &str, bytes_max: usize) -> Option<Vec<u8>> {
    let file = fs::File::open(Path::new("/proc").join(pid.to_string()).join(name)).ok()?;
    let mut bytes = Vec::new();
    file.take(bytes_max as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The name stands in parentheses and may contain any of them, so the fields are counted from the last.
fn parse_stat(text: &str) -> Option<Stat> {
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let comm = text.get(open + 1..close)?.to_owned();
    let fields: Vec<&str> = text.get(close + 1..)?.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
    Some(Stat {
        comm,
        parent_pid: u32::try_from(number(1)?).ok()?,
        session: u32::try_from(number(3)?).ok()?,
        tty_device: number(4)? as u32,
        start_ns: u64::try_from(number(19)?).ok()?.checked_mul(STAT_UNIT_NS)?,
    })
}

fn parse_status(text: &str) -> Option<Credentials> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let mut uids = field("Uid:")?.split_ascii_whitespace();
    let uid = uids.next()?.parse().ok()?;
    let euid = uids.next()?.parse().ok()?;
    let gid = field("Gid:")?.split_ascii_whitespace().next()?.parse().ok()?;
    let capabilities = field("CapEff:").and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
    Some(Credentials { uid, gid, euid, capabilities, login_uid: None, login_session: None })
}

/// `pts/3`, `tty1`, `ttyS0`, or nothing for other terminals.
pub(crate) fn tty_name(device: u32) -> Option<String> {
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
    match major {
        136..=143 => Some(format!("pts{}", (major - 136) * 256 + minor)),
        4 if minor < 64 => Some(format!("tty{minor}")),
        4 => Some(format!("ttyS{}", minor - 64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_a_hostile_name() {
        let text = "77 (a) b (c) S 5 77 76 34816 77 4194304 1 0 0 0 0 0 0 0 20 0 1 0 123456 1 1";
        let stat = parse_stat(text).unwrap();
        assert_eq!(stat.comm, "a) b (c");
        assert_eq!((stat.parent_pid, stat.session, stat.start_ns), (5, 76, 1_234_560_000_000));
        assert_eq!(tty_name(stat.tty_device).as_deref(), Some("pts0"));
        for cut in 0..60 {
            assert_eq!(parse_stat(&text[..cut]), None);
        }
    }

    #[test]
    fn reads_this_process() {
        let pid = std::process::id();
        let image = image(pid).unwrap();
        assert_eq!(image.path, std::env::current_exe().unwrap().to_string_lossy());
        assert!(image.inode != 0 && !image.memfd);
        assert!(!arguments(pid).unwrap().arguments.is_empty());
        assert_eq!(credentials(pid).unwrap().uid, rustix::process::getuid().as_raw());
        assert!(key(pid).unwrap().start > 0);
    }

    #[test]
    fn marks_are_taken_off_paths() {
        assert_eq!(plain_path("/memfd:payload (deleted)"), "memfd:payload");
        assert_eq!(plain_path("/usr/bin/x (deleted)"), "/usr/bin/x");
    }
}
