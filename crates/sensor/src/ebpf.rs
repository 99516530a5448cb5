//! The kernel programs: loading, attaching, and reading their ring buffer.

use std::error::Error;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use aya::maps::{Map, MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, Program, RawTracePoint};
use aya::{Btf, Ebpf, EbpfLoader};

use crate::observation::{Losses, Observation, Opened, Source};
use crate::record;
use crate::sensor::Tier;
use crate::wait;

/// Built from `bpf/process.bpf.c`; `bpf/README.md` says how, and a test compares.
pub(crate) static OBJECT: &[u8] = aya::include_bytes_aligned!("../bpf/process.bpf.o");

const EVENTS: [&str; 3] = ["exec", "fork", "exit"];

struct EbpfSource {
    /// Holds the attached programs; dropping it detaches them.
    _programs: Ebpf,
    ring: RingBuf<MapData>,
    lost: PerCpuArray<MapData, u64>,
    malformed: u64,
}

/// Loads and attaches the programs.
///
/// # Errors
/// The step that failed with the kernel's answer, for the status report.
pub(crate) fn open(ring_bytes: u32) -> Result<Opened, String> {
    raise_locked_memory();
    let btf =
        Btf::from_sys_fs().map_err(|error| step("the kernel has no readable type information", &error))?;
    let mut programs = load(&btf, ring_bytes)?;
    let mut notes = Vec::from_iter(foreign_numbers());
    if let Err(typed) = attach_all(&mut programs, |programs, event| attach_typed(programs, event, &btf)) {
        attach_all(&mut programs, attach_raw).map_err(|raw| format!("{typed}; {raw}"))?;
        notes.push(format!("raw tracepoints are used instead of typed ones: {typed}"));
    }
    let ring =
        RingBuf::try_from(take(&mut programs, "events")?).map_err(|error| step("ring buffer", &error))?;
    let lost =
        PerCpuArray::try_from(take(&mut programs, "lost")?).map_err(|error| step("counters", &error))?;
    let source = Box::new(EbpfSource { _programs: programs, ring, lost, malformed: 0 });
    Ok(Opened { source, tier: Tier::Ebpf, notes })
}

fn load(btf: &Btf, ring_bytes: u32) -> Result<Ebpf, String> {
    EbpfLoader::new()
        .btf(Some(btf))
        .map_max_entries("events", ring_bytes.clamp(4096, 1 << 30).next_power_of_two())
        .load(OBJECT)
        .map_err(|error| step("the kernel refused the maps of the sensor", &error))
}

fn attach_all(
    programs: &mut Ebpf,
    attach: impl Fn(&mut Ebpf, &str) -> Result<(), String>,
) -> Result<(), String> {
    EVENTS.iter().try_for_each(|event| attach(programs, event))
}

fn attach_typed(programs: &mut Ebpf, event: &str, btf: &Btf) -> Result<(), String> {
    let program: &mut BtfTracePoint = program(programs, &format!("typed_{event}"))?;
    let name = format!("sched_process_{event}");
    program
        .load(&name, btf)
        .map_err(|error| step(&format!("loading the typed tracepoint {name}"), &error))?;
    program.attach().map_err(|error| step(&format!("attaching the typed tracepoint {name}"), &error))?;
    Ok(())
}

fn attach_raw(programs: &mut Ebpf, event: &str) -> Result<(), String> {
    let program: &mut RawTracePoint = program(programs, &format!("raw_{event}"))?;
    let name = format!("sched_process_{event}");
    program.load().map_err(|error| step(&format!("loading the raw tracepoint {name}"), &error))?;
    program.attach(&name).map_err(|error| step(&format!("attaching the raw tracepoint {name}"), &error))?;
    Ok(())
}

fn program<'a, T>(programs: &'a mut Ebpf, name: &str) -> Result<&'a mut T, String>
where
    &'a mut T: TryFrom<&'a mut Program>,
{
    let program =
        programs.program_mut(name).ok_or_else(|| format!("program `{name}` is not in the object"))?;
    program.try_into().map_err(|_other| format!("program `{name}` has another type"))
}

fn take(programs: &mut Ebpf, name: &str) -> Result<Map, String> {
    programs.take_map(name).ok_or_else(|| format!("map `{name}` is not in the object"))
}

/// The kernel counts processes as the host does, and inside a container `/proc` counts differently.
fn foreign_numbers() -> Option<String> {
    const HOST_NAMESPACE: &str = "pid:[4026531836]";
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    (namespace.as_os_str() != HOST_NAMESPACE).then(|| {
        "ebpf: the sensor is inside a process namespace, so processes older than it cannot be described"
            .to_owned()
    })
}

/// Before 5.11 the kernel charged maps to this limit; where it may not be raised the load says so itself.
fn raise_locked_memory() {
    let unlimited = rustix::process::Rlimit { current: None, maximum: None };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Memlock, unlimited) {
        tracing::debug!(%error, "the limit for locked memory stays as it is");
    }
}

/// One line with the whole chain of causes: the innermost is the kernel's answer. Verifier logs are cut.
fn step(what: &str, error: &dyn Error) -> String {
    const LINE_CHARS_MAX: usize = 400;
    let mut line = format!("{what}: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        line.push_str(": ");
        line.push_str(&inner.to_string());
        cause = inner.source();
    }
    let line: String = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

impl Source for EbpfSource {
    fn wait(&self, wake: BorrowedFd<'_>, timeout: Duration) -> io::Result<()> {
        wait::readable(&[self.ring.as_fd(), wake], timeout)
    }

    fn drain(&mut self, max: usize, sink: &mut dyn FnMut(Observation)) -> usize {
        let mut count = 0;
        while count < max {
            let Some(item) = self.ring.next() else { break };
            count += 1;
            match record::parse(&item) {
                Ok(observation) => sink(observation),
                Err(_) => self.malformed += 1,
            }
        }
        count
    }

    fn losses(&self) -> Losses {
        let count = |kind: u32| {
            self.lost.get(&kind, 0).map(|by_processor| by_processor.iter().sum()).unwrap_or_default()
        };
        Losses { exec: count(1), fork: count(2), exit: count(3), malformed: self.malformed, overruns: 0 }
    }

    fn keeps_unread(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Typed tracepoints are preferred, so nothing else would notice if the raw ones stopped loading.
    #[test]
    fn raw_tracepoints_attach_too() {
        let Ok(btf) = Btf::from_sys_fs() else {
            println!("skipped: the kernel has no readable type information");
            return;
        };
        match load(&btf, 4096) {
            Ok(mut programs) => attach_all(&mut programs, attach_raw).expect("maps could be made"),
            Err(reason) => println!("skipped: {reason}"),
        }
    }
}
