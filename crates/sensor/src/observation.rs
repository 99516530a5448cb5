//! What a source saw, before anything is looked up: the common form of all tiers.
//!
//! Each tier fills what it knows; the pipeline completes the rest from the process table and `/proc`.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::event::ProcessKey;
use crate::sensor::Tier;

/// A source of observations. One thread owns it.
pub(crate) trait Source: Send {
    /// Waits until something can be read, `wake` is written to, or the time is over.
    fn wait(&self, wake: BorrowedFd<'_>, timeout: Duration) -> io::Result<()>;

    /// Hands everything that is ready, at most about `max`, to `sink`; answers how many there were.
    fn drain(&mut self, max: usize, sink: &mut dyn FnMut(Observation)) -> usize;

    /// What the source itself lost so far.
    fn losses(&self) -> Losses;

    /// Whether the kernel keeps, and counts, what is not read in time. Other sources must be read at once.
    fn keeps_unread(&self) -> bool;
}

/// A source that could be opened, and what should be known about it.
pub(crate) struct Opened {
    pub(crate) source: Box<dyn Source>,
    pub(crate) tier: Tier,
    pub(crate) notes: Vec<String>,
}

/// Events that happened and were not received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    pub(crate) exec: u64,
    pub(crate) fork: u64,
    pub(crate) exit: u64,
    /// Records that made no sense.
    pub(crate) malformed: u64,
    /// Times the kernel said it dropped an unknown number of messages.
    pub(crate) overruns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Exec,
    Fork,
    Exit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observation {
    pub(crate) kind: Kind,
    /// Nanoseconds since boot, as all times here.
    pub(crate) at_ns: u64,
    pub(crate) pid: u32,
    pub(crate) start_ns: Option<u64>,
    pub(crate) parent_pid: Option<u32>,
    pub(crate) parent_start_ns: Option<u64>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) session: Option<u32>,
    pub(crate) comm: String,
    pub(crate) cgroup_id: Option<u64>,
    /// As `wait` returns it, of an exit.
    pub(crate) wait_status: Option<i32>,
    /// What was executed; `None` in an execution means the source tells nothing but the process number.
    pub(crate) exec: Option<Box<Execution>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) euid: u32,
    pub(crate) capabilities: Option<u64>,
    pub(crate) login_uid: Option<u32>,
    pub(crate) login_session: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Execution {
    /// Empty when only the pipeline can find it.
    pub(crate) path: String,
    pub(crate) path_cut: bool,
    pub(crate) memfd: bool,
    /// As given to `execve`.
    pub(crate) file_name: String,
    /// `None` when they could not be read.
    pub(crate) arguments: Option<Vec<String>>,
    pub(crate) arguments_bytes: u64,
    pub(crate) arguments_truncated: bool,
    pub(crate) device: u64,
    /// Zero when the source names several files and cannot tell which of them became the image.
    pub(crate) inode: u64,
    /// Inodes of those files.
    pub(crate) candidates: Vec<u64>,
    pub(crate) nlink: Option<u32>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) modified_ns: Option<i64>,
    pub(crate) tty: Option<String>,
    pub(crate) cgroup: Option<String>,
}

impl Observation {
    pub(crate) fn key(&self) -> Option<ProcessKey> {
        Some(ProcessKey::from_boot_ns(self.pid, self.start_ns?))
    }

    pub(crate) fn parent_key(&self) -> Option<ProcessKey> {
        Some(ProcessKey::from_boot_ns(self.parent_pid?, self.parent_start_ns?))
    }
}

/// "Not set" in the kernel's login fields.
pub(crate) const LOGIN_UNSET: u32 = u32::MAX;

/// A login field unless unset.
pub(crate) fn login(value: u32) -> Option<u32> {
    (value != LOGIN_UNSET).then_some(value)
}
