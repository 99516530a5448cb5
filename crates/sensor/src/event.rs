//! The event a sensor hands out, and the process description it is made of.

use std::sync::Arc;

use bartizan_base::Ticks;

/// The machine the events come from, as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceIdentity {
    pub device_id: String,
    pub device_name: String,
}

/// A process for as long as the machine is up. Process numbers are reused within minutes on a busy host,
/// so the number alone names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessKey {
    pub pid: u32,
    /// Start since boot in hundredths of a second: the unit of `/proc/<pid>/stat`, which is the coarsest of
    /// our sources. The kernel cannot hand out the same number twice within one such unit, because it
    /// goes round the whole number range first.
    pub start: u64,
}

impl ProcessKey {
    /// From the kernel's nanoseconds since boot.
    pub fn from_boot_ns(pid: u32, start_ns: u64) -> Self {
        Self { pid, start: start_ns / 10_000_000 }
    }

    /// One number per process and boot, for `ProcessUniqueId`: Linux process numbers have at most 22 bits.
    pub fn unique_id(self) -> u64 {
        (self.start << 22) | u64::from(self.pid & 0x3f_ffff)
    }
}

/// The file a process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Full path in the process's mount namespace, or `memfd:<name>` for a file that exists only in memory.
    pub path: String,
    pub device: u64,
    pub inode: u64,
    /// Names the file had when it was executed; zero means it was deleted before, or never had one.
    pub nlink: Option<u32>,
    pub size_bytes: Option<u64>,
    /// Last modification, nanoseconds since 1970.
    pub modified_ns: Option<i64>,
    pub memfd: bool,
    pub hashes: Option<Arc<Hashes>>,
}

/// Hashes of an image, lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    pub md5: String,
    pub sha1: String,
    pub sha256: String,
}

/// What is known of one process. `None` and empty text mean "this tier could not tell".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub key: ProcessKey,
    pub created: Ticks,
    pub parent: Option<ProcessKey>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub euid: Option<u32>,
    /// Name of `uid` in `/etc/passwd`.
    pub user: Option<Arc<str>>,
    /// The task name, at most 15 bytes; a process may set its own to anything.
    pub comm: String,
    /// The arguments, quoted where needed so that they can be told apart again.
    pub command_line: String,
    /// Bytes of the argument area in the process; more than was read when the command line is cut short.
    pub arguments_bytes: u64,
    pub arguments_truncated: bool,
    /// The file name given to `execve`, when it is not the image's path: a script, a link, a descriptor.
    pub invoked_as: Option<String>,
    /// Whether it executed a program, rather than being a copy of its parent still.
    pub executed: bool,
    pub image: Image,
    /// Session (`setsid`) the process belongs to.
    pub session: Option<u32>,
    /// Session given at login by the audit subsystem; absent for daemons.
    pub login_session: Option<u32>,
    /// User who logged in, which `sudo` and `su` do not change.
    pub login_uid: Option<u32>,
    pub tty: Option<String>,
    pub cgroup_id: Option<u64>,
    pub cgroup: Option<String>,
    /// Effective capabilities, one bit each.
    pub capabilities: Option<u64>,
}

impl Process {
    /// A process of which nothing is known but that it exists.
    pub(crate) fn unknown(key: ProcessKey) -> Self {
        Self {
            key,
            created: Ticks(0),
            parent: None,
            uid: None,
            gid: None,
            euid: None,
            user: None,
            comm: String::new(),
            command_line: String::new(),
            arguments_bytes: 0,
            arguments_truncated: false,
            invoked_as: None,
            executed: true,
            image: Image::default(),
            session: None,
            login_session: None,
            login_uid: None,
            tty: None,
            cgroup_id: None,
            cgroup: None,
            capabilities: None,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A program was executed.
    Created,
    /// A process ended.
    Terminated { exit_code: Option<i32>, signal: Option<i32> },
    /// A process copied itself and has not executed anything yet. Only sent when asked for.
    Forked,
}

/// One thing that happened to one process, with its parent and the parent's parent as they were then.
#[derive(Clone, Debug)]
pub struct ProcessEvent {
    /// Number of the event since the sensor started.
    pub sequence: u64,
    pub time: Ticks,
    pub action: Action,
    pub process: Arc<Process>,
    pub parent: Option<Arc<Process>>,
    pub grandparent: Option<Arc<Process>>,
}
