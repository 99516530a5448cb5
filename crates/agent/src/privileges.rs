//! What an extension gives up when it starts, before any thread exists.
//!
//! Extensions stay user 0, because the files and kernel interfaces they read belong to it, but lose every
//! capability they have no use for, can gain none back, die with the supervisor, and have bounded memory
//! and files.

use std::io;

use bartizan_wire::ExtensionProgram;
use rustix::process::{Pid, Resource, Rlimit, Signal};

/// Read any file whatever its mode.
const CAP_DAC_READ_SEARCH: u32 = 2;
/// End processes of other users: blocked images.
const CAP_KILL: u32 = 5;
/// Look into other processes (`/proc/PID/exe`).
const CAP_SYS_PTRACE: u32 = 19;
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_SYS_RESOURCE: u32 = 24;
const CAP_AUDIT_CONTROL: u32 = 30;
const CAP_AUDIT_READ: u32 = 37;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Address space is not bounded (allocators and maps reserve freely); data is.
const DATA_BYTES_MAX: u64 = 1 << 30;
const OPEN_FILES_MAX: u64 = 4096;
/// Extensions give way to the machine's real work.
const NICE: i32 = 5;

fn capabilities(program: ExtensionProgram) -> &'static [u32] {
    match program {
        ExtensionProgram::Sensor => &[
            CAP_DAC_READ_SEARCH,
            CAP_KILL,
            CAP_SYS_PTRACE,
            CAP_NET_ADMIN,
            CAP_SYS_ADMIN,
            CAP_SYS_RESOURCE,
            CAP_AUDIT_CONTROL,
            CAP_AUDIT_READ,
            CAP_PERFMON,
            CAP_BPF,
        ],
        ExtensionProgram::Monitor => &[CAP_DAC_READ_SEARCH],
        ExtensionProgram::Inventory => &[CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE],
        ExtensionProgram::Unknown => &[],
    }
}

/// Ties this process to its parent: it is killed when the parent ends.
///
/// # Errors
/// When the parent is gone already.
pub fn die_with(parent: u32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before the line above; then this process was adopted by another.
    let now = rustix::process::getppid().map_or(0, |pid: Pid| pid.as_raw_nonzero().get() as u32);
    if now == parent { Ok(()) } else { Err(io::Error::other("the supervisor ended")) }
}

/// Gives up what `program` does not need. Call it while the process has one thread. Limits that the system
/// refuses are no reason not to run; they are returned for the log.
pub fn restrict(program: ExtensionProgram) -> Vec<String> {
    let mut refused = Vec::new();
    let mut note = |what: &str, result: io::Result<()>| {
        if let Err(error) = result {
            refused.push(format!("{what}: {error}"));
        }
    };
    let bound = |max: u64| Rlimit { current: Some(max), maximum: Some(max) };
    let limit = |resource, max| rustix::process::setrlimit(resource, bound(max)).map_err(io::Error::from);
    note("data limit", limit(Resource::Data, DATA_BYTES_MAX));
    note("core limit", limit(Resource::Core, 0));
    note("open files limit", limit(Resource::Nofile, OPEN_FILES_MAX));
    note("nice", rustix::process::nice(NICE).map(drop).map_err(io::Error::from));
    note("no new privileges", linux::no_new_privileges());
    note("capabilities", linux::keep_only(capabilities(program)));
    refused
}

#[expect(unsafe_code, reason = "prctl and capset have no safe wrapper among the enabled rustix features")]
mod linux {
    use std::io;

    const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Sets {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }

    pub(super) fn no_new_privileges() -> io::Result<()> {
        // SAFETY: PR_SET_NO_NEW_PRIVS takes four integers and touches no memory of ours.
        let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1_u64, 0_u64, 0_u64, 0_u64) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Reduces the permitted and effective sets to those of `wanted` that are held now.
    pub(super) fn keep_only(wanted: &[u32]) -> io::Result<()> {
        let header = Header { version: CAPABILITY_VERSION_3, pid: 0 };
        let mut sets = [Sets { effective: 0, permitted: 0, inheritable: 0 }; 2];
        // SAFETY: version 3 reads the header and writes exactly two `Sets`, which `sets` has room for.
        let result = unsafe { libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        for (word, set) in sets.iter_mut().enumerate() {
            let mask = wanted
                .iter()
                .filter(|capability| (**capability / 32) as usize == word)
                .fold(0, |mask, capability| mask | 1 << (capability % 32));
            set.permitted &= mask;
            set.effective = set.permitted;
            set.inheritable = 0;
        }
        // SAFETY: as above; the kernel only reads both.
        let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
