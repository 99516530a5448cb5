//! From what a source saw to a described process: the table and `/proc` fill what the source left out.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use crate::boot::BootClock;
use crate::command_line;
use crate::event::{Image, Process, ProcessKey};
use crate::observation::{Credentials, Execution, Observation};
use crate::procfs;
use crate::table::ProcessTable;
use crate::users::Users;

/// Start times from different sources may fall into neighbouring units of a hundredth of a second.
const START_TOLERANCE: u64 = 2;

pub(crate) struct Completer {
    pub(crate) table: ProcessTable,
    pub(crate) clock: BootClock,
    pub(crate) arguments_missing: u64,
    users: Users,
}

impl Completer {
    pub(crate) fn new(table_entries_max: usize) -> Self {
        Self {
            table: ProcessTable::new(table_entries_max),
            clock: BootClock::measure(),
            arguments_missing: 0,
            users: Users::new("/etc/passwd"),
        }
    }

    /// Enters every running process. The source is open already, so nothing falls between.
    pub(crate) fn fill_from_proc(&mut self) {
        for pid in procfs::all_pids() {
            if let Some(process) = self.read_process(pid) {
                self.table.insert(Arc::new(process));
            }
        }
    }

    /// A process from the table, or from `/proc` if it still runs.
    pub(crate) fn find(&mut self, key: ProcessKey) -> Option<Arc<Process>> {
        if let Some(process) = self.table.get(key) {
            return Some(process);
        }
        let process = Arc::new(self.read_process(key.pid).filter(|process| same(process.key, key))?);
        self.table.insert(Arc::clone(&process));
        Some(process)
    }

    /// A program was executed.
    pub(crate) fn executed(&mut self, mut observation: Observation) -> Arc<Process> {
        let key = self.key_of(&observation);
        let known = self.table.get(key);
        let exec = observation.exec.take();
        let mut process = self.identity(&observation, key, known.as_deref());
        process.executed = true;
        process.tty = known.as_ref().and_then(|known| known.tty.clone());
        process.cgroup = known.as_ref().and_then(|known| known.cgroup.clone());
        match exec {
            Some(exec) => self.describe_execution(&mut process, *exec),
            None => self.describe_from_proc(&mut process),
        }
        let process = Arc::new(process);
        self.table.insert(Arc::clone(&process));
        process
    }

    /// A process copied itself: the child is its parent under another number, until it executes something.
    pub(crate) fn forked(&mut self, observation: &Observation) -> Option<Arc<Process>> {
        let key = self.key_of(observation);
        let parent = self.parent_key(observation).and_then(|key| self.find(key));
        let mut child = self.identity(observation, key, parent.as_deref());
        child.executed = false;
        child.created = self.clock.ticks(observation.start_ns.unwrap_or(observation.at_ns));
        child.parent = self.parent_key(observation);
        if let Some(parent) = parent {
            child.comm.clone_from(&parent.comm);
            child.command_line.clone_from(&parent.command_line);
            child.arguments_bytes = parent.arguments_bytes;
            child.arguments_truncated = parent.arguments_truncated;
            child.image = parent.image.clone();
            child.tty.clone_from(&parent.tty);
            child.cgroup.clone_from(&parent.cgroup);
        }
        let child = Arc::new(child);
        self.table.insert(Arc::clone(&child));
        Some(child)
    }

    /// A process ended. `None` when that was known already: its last two threads may both report it.
    pub(crate) fn exited(&mut self, observation: &Observation) -> Option<Arc<Process>> {
        let key = self.key_of(observation);
        if self.table.has_ended(key) {
            return None;
        }
        let process = self.table.get(key).unwrap_or_else(|| {
            let process = Arc::new(self.identity(observation, key, None));
            self.table.insert(Arc::clone(&process));
            process
        });
        self.table.end(key);
        Some(process)
    }

    /// Who the process is: everything but what it runs. `known` is the same process or one it copies.
    fn identity(&mut self, observation: &Observation, key: ProcessKey, known: Option<&Process>) -> Process {
        let mut process = Process::unknown(key);
        let same = known.filter(|known| known.key == key);
        process.created = same.map_or_else(
            || self.clock.ticks(observation.start_ns.unwrap_or(key.start * 10_000_000)),
            |known| known.created,
        );
        process.parent = self.parent_key(observation).or_else(|| same?.parent);
        process.comm.clone_from(&observation.comm);
        process.session = observation.session.or_else(|| known?.session);
        process.cgroup_id = observation.cgroup_id.or_else(|| known?.cgroup_id);
        let credentials = observation
            .credentials
            .or_else(|| procfs::credentials(key.pid))
            .or_else(|| known.and_then(credentials_of));
        if let Some(credentials) = credentials {
            self.set_credentials(&mut process, credentials);
        }
        process
    }

    fn set_credentials(&mut self, process: &mut Process, credentials: Credentials) {
        process.uid = Some(credentials.uid);
        process.gid = Some(credentials.gid);
        process.euid = Some(credentials.euid);
        process.user = self.users.name(credentials.uid);
        process.login_uid = credentials.login_uid;
        process.login_session = credentials.login_session;
        process.capabilities = credentials.capabilities;
    }

    fn describe_execution(&mut self, process: &mut Process, exec: Execution) {
        process.invoked_as = Some(exec.file_name).filter(|name| !name.is_empty() && *name != exec.path);
        process.image = Image {
            path: exec.path,
            device: exec.device,
            inode: exec.inode,
            nlink: exec.nlink,
            size_bytes: exec.size_bytes,
            modified_ns: exec.modified_ns,
            memfd: exec.memfd,
            hashes: None,
        };
        let incomplete = exec.path_cut || exec.size_bytes.is_none();
        if (incomplete || process.image.path.is_empty() || process.image.inode == 0)
            && let Some(image) = procfs::image(process.key.pid)
        {
            let inode = process.image.inode;
            if inode == 0 || inode == image.inode {
                process.image = image;
            }
        }
        if process.image.size_bytes.is_none() {
            describe_by_path(&mut process.image, &exec.candidates);
        }
        process.tty = exec.tty.or(process.tty.take());
        process.cgroup = exec.cgroup.or(process.cgroup.take());
        process.arguments_bytes = exec.arguments_bytes;
        process.arguments_truncated = exec.arguments_truncated;
        match exec.arguments {
            Some(arguments) => process.command_line = command_line::join(&arguments),
            None => self.arguments_from_proc(process),
        }
    }

    fn describe_from_proc(&mut self, process: &mut Process) {
        let pid = process.key.pid;
        process.image = procfs::image(pid).unwrap_or_default();
        if let Some(stat) = procfs::stat(pid) {
            process.comm = stat.comm;
            process.session = Some(stat.session);
            process.tty = procfs::tty_name(stat.tty_device);
        }
        process.cgroup = procfs::cgroup(pid);
        self.arguments_from_proc(process);
    }

    fn arguments_from_proc(&mut self, process: &mut Process) {
        let Some(read) = procfs::arguments(process.key.pid).filter(|read| !read.arguments.is_empty()) else {
            self.arguments_missing += 1;
            return;
        };
        process.command_line = command_line::join(&read.arguments);
        process.arguments_bytes = read.bytes;
        process.arguments_truncated = read.truncated;
    }

    /// A running process, from `/proc` alone.
    fn read_process(&mut self, pid: u32) -> Option<Process> {
        let stat = procfs::stat(pid)?;
        let mut process = Process::unknown(ProcessKey::from_boot_ns(pid, stat.start_ns));
        process.created = self.clock.ticks(stat.start_ns);
        process.parent = (stat.parent_pid != 0).then(|| procfs::key(stat.parent_pid)).flatten();
        process.comm = stat.comm;
        process.session = Some(stat.session);
        process.tty = procfs::tty_name(stat.tty_device);
        process.image = procfs::image(pid).unwrap_or_default();
        process.cgroup = procfs::cgroup(pid);
        if let Some(read) = procfs::arguments(pid) {
            process.command_line = command_line::join(&read.arguments);
            process.arguments_bytes = read.bytes;
            process.arguments_truncated = read.truncated;
        }
        if let Some(credentials) = procfs::credentials(pid) {
            self.set_credentials(&mut process, credentials);
        }
        Some(process)
    }

    fn key_of(&mut self, observation: &Observation) -> ProcessKey {
        observation.key().unwrap_or_else(|| self.guess_key(observation.pid, observation.at_ns))
    }

    fn parent_key(&mut self, observation: &Observation) -> Option<ProcessKey> {
        if let Some(key) = observation.parent_key() {
            return Some(key).filter(|key| key.pid != 0);
        }
        let pid = observation.parent_pid.filter(|pid| *pid != 0)?;
        Some(self.guess_key(pid, observation.at_ns))
    }

    /// For sources that know only the number: the running process, else the newest known one, else one
    /// that starts now.
    fn guess_key(&mut self, pid: u32, at_ns: u64) -> ProcessKey {
        let known = self.table.latest(pid).map(|process| process.key);
        let running = procfs::key(pid);
        match (known, running) {
            (Some(known), Some(running)) if same(known, running) => known,
            (_, Some(running)) => running,
            (Some(known), None) if !self.table.has_ended(known) => known,
            _ => ProcessKey::from_boot_ns(pid, at_ns),
        }
    }
}

/// Size and times of a file the source gave only path and inode of, if the path still leads to it.
fn describe_by_path(image: &mut Image, candidates: &[u64]) {
    if image.path.starts_with('/')
        && let Ok(facts) = fs::metadata(&image.path)
        && (facts.ino() == image.inode || candidates.contains(&facts.ino()))
    {
        procfs::describe(image, &facts);
    }
}

fn same(one: ProcessKey, other: ProcessKey) -> bool {
    one.pid == other.pid && one.start.abs_diff(other.start) <= START_TOLERANCE
}

fn credentials_of(process: &Process) -> Option<Credentials> {
    Some(Credentials {
        uid: process.uid?,
        gid: process.gid?,
        euid: process.euid?,
        capabilities: process.capabilities,
        login_uid: process.login_uid,
        login_session: process.login_session,
    })
}
