//! Executions from the audit subsystem, read as its owner: with nobody else listening the kernel would write
//! every record to its log, so we take the place of the audit daemon, and only when no daemon has it.
//!
//! The rules are added at the start and removed at the end, and the settings put back. The kernel is told
//! never to make a process wait for us. Forks and exits come from the process connector where there is one.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::net::netlink::AUDIT;

use crate::audit_record::{self, Partial, Stamp, TYPE_EOE, TYPE_EXECVE, TYPE_PATH, TYPE_SYSCALL};
use crate::boot::{self, BootClock};
use crate::connector::ConnectorSource;
use crate::netlink::{self, FLAG_ACK, FLAG_REQUEST, NetlinkSocket, Received};
use crate::observation::{Kind, Losses, Observation, Opened, Source};
use crate::sensor::Tier;
use crate::wait;

const GET: u16 = 1000;
const SET: u16 = 1001;
const ADD_RULE: u16 = 1011;
const DELETE_RULE: u16 = 1012;

/// How long the kernel may take to answer a command.
const ANSWER: Duration = Duration::from_secs(2);

/// Records the kernel holds for us while we are busy: some 1,300 executions of six records.
const BACKLOG_RECORDS: u32 = 8192;

/// Executions whose records are still arriving. Records of different processors interleave, rarely over more
/// than a few.
const PARTIALS_MAX: usize = 256;

/// Exits are held back this long, because the records of an execution take a way through a kernel thread and
/// may come later than the end of the process: on a busy machine by several tenths of a second.
const EXIT_DELAY: Duration = Duration::from_secs(1);

/// Exits held back at most; the oldest go out early then.
const EXITS_MAX: usize = 16_384;

/// Events read from the connector at a time: all there can be, but for a machine that forks faster than we read.
const CONNECTOR_READS: usize = 65_536;

struct AuditSource {
    socket: NetlinkSocket,
    connector: Option<ConnectorSource>,
    /// The settings to put back; `None` while audit is not ours, and then nothing may be touched.
    before: Option<Status>,
    partials: BTreeMap<u64, (Stamp, Partial)>,
    forks: VecDeque<Observation>,
    executions: VecDeque<Observation>,
    exits: VecDeque<Observation>,
    clock: BootClock,
    losses: Losses,
}

/// Takes over audit and adds the rules.
///
/// # Errors
/// The step that failed with the kernel's answer, or who owns audit.
pub(crate) fn open() -> Result<Opened, String> {
    let socket = NetlinkSocket::open(AUDIT, 0).map_err(|error| format!("audit refused a socket: {error}"))?;
    let mut source = Box::new(AuditSource {
        socket,
        connector: None,
        before: None,
        partials: BTreeMap::new(),
        forks: VecDeque::new(),
        executions: VecDeque::new(),
        exits: VecDeque::new(),
        clock: BootClock::measure(),
        losses: Losses::default(),
    });
    let before = source.status().map_err(|error| format!("audit does not tell its status: {error}"))?;
    if before.owner != 0 {
        return Err(format!("process {} owns audit", before.owner));
    }
    if before.enabled == 2 {
        return Err("the audit rules are locked until the next boot".to_owned());
    }
    // Dropping the source from here on takes everything back.
    source.before = Some(before);
    let ours = Status { enabled: 1, owner: std::process::id(), backlog: BACKLOG_RECORDS, backlog_wait: 0 };
    // The owner first: records of a change made without an owner go to the kernel's log.
    source.set(ours, MASK_OWNER).map_err(|error| format!("audit refused a new owner: {error}"))?;
    source.set(ours, MASK_SETTINGS).map_err(|error| format!("audit refused to be turned on: {error}"))?;
    source.add_rules().map_err(|error| format!("audit refused the execve rules: {error}"))?;
    let mut notes = vec![
        "audit: programs executed by processes older than audit itself are not seen, and the kernel's loss \
         count is not reliable"
            .to_owned(),
    ];
    match ConnectorSource::subscribe() {
        Ok(connector) => source.connector = Some(connector),
        Err(error) => notes.push(format!("audit: the end of processes is not seen: {error}")),
    }
    Ok(Opened { source, tier: Tier::Audit, notes })
}

/// The part of the kernel's audit status we read and set.
#[derive(Clone, Copy, Debug, Default)]
struct Status {
    enabled: u32,
    owner: u32,
    backlog: u32,
    backlog_wait: u32,
}

/// Which fields of a status are to be set.
const MASK_OWNER: u32 = 0x4;
const MASK_SETTINGS: u32 = 0x1 | 0x10 | 0x20;

impl Status {
    fn parse(body: &[u8]) -> Option<Self> {
        Some(Self {
            enabled: netlink::number(body, 4)?,
            owner: netlink::number(body, 12)?,
            backlog: netlink::number(body, 20)?,
            backlog_wait: netlink::number(body, 36).unwrap_or_default(),
        })
    }

    fn to_bytes(self, mask: u32) -> Vec<u8> {
        let Self { enabled, owner, backlog, backlog_wait } = self;
        let words = [mask, enabled, 0, owner, 0, backlog, 0, 0, 0, backlog_wait, 0];
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }
}

/// System calls that execute a program, by audit's name of the architecture.
#[cfg(target_arch = "x86_64")]
const RULES: [(u32, [u32; 2]); 2] = [(0xc000_003e, [59, 322]), (0x4000_0003, [11, 358])];
#[cfg(not(target_arch = "x86_64"))]
const RULES: [(u32, [u32; 2]); 1] = [(0xc000_00b7, [221, 281])];

/// A rule as the kernel takes it: "at the end of these system calls, if they succeeded, write records".
fn rule(architecture: u32, calls: [u32; 2]) -> Vec<u8> {
    const FILTER_EXIT: u32 = 4;
    const ALWAYS: u32 = 2;
    const EQUAL: u32 = 0x4000_0000;
    const FIELDS: usize = 64;
    const KEY: &[u8] = b"bartizan";
    let (field_arch, field_success, field_key) = (11, 104, 210);

    let mut calls_mask = [0_u32; 64];
    for call in calls {
        calls_mask[call as usize / 32] |= 1 << (call % 32);
    }
    let mut fields = [0_u32; FIELDS];
    let mut values = [0_u32; FIELDS];
    let mut operators = [0_u32; FIELDS];
    fields[..3].copy_from_slice(&[field_arch, field_success, field_key]);
    values[..3].copy_from_slice(&[architecture, 1, KEY.len() as u32]);
    operators[..3].fill(EQUAL);
    let words = [FILTER_EXIT, ALWAYS, 3].into_iter().chain(calls_mask).chain(fields).chain(values);
    let words = words.chain(operators).chain([KEY.len() as u32]);
    let mut bytes: Vec<u8> = words.flat_map(u32::to_ne_bytes).collect();
    bytes.extend(KEY);
    bytes
}

impl AuditSource {
    fn status(&mut self) -> io::Result<Status> {
        self.socket.send(GET, FLAG_REQUEST, &[])?;
        self.answer(|ty, body| match ty {
            GET => Status::parse(body).map(Ok),
            netlink::TYPE_ERROR => refusal(body).map(Err),
            _ => None,
        })
    }

    fn command(&mut self, ty: u16, body: &[u8]) -> io::Result<()> {
        self.socket.send(ty, FLAG_REQUEST | FLAG_ACK, body)?;
        self.answer(|ty, body| (ty == netlink::TYPE_ERROR).then(|| refusal(body).map_or(Ok(()), Err)))
    }

    fn set(&mut self, status: Status, mask: u32) -> io::Result<()> {
        self.command(SET, &status.to_bytes(mask))
    }

    /// Rules left by a sensor that was killed are replaced.
    fn add_rules(&mut self) -> io::Result<()> {
        for (architecture, calls) in RULES {
            let rule = rule(architecture, calls);
            match self.command(ADD_RULE, &rule) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Reads until `accept` takes a message; records that arrive meanwhile are kept.
    fn answer<T>(&mut self, accept: impl Fn(u16, &[u8]) -> Option<io::Result<T>>) -> io::Result<T> {
        let deadline = Instant::now() + ANSWER;
        loop {
            match self.socket.receive()? {
                Received::Datagram(count) => {
                    let datagram = self.socket.datagram(count).to_vec();
                    for message in netlink::messages(&datagram, false) {
                        if let Some(answer) = accept(message.ty, message.body) {
                            return answer;
                        }
                        self.record(message.ty, message.body);
                    }
                }
                Received::Overrun => self.losses.overruns += 1,
                Received::Empty => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    wait::readable(&[self.socket.as_fd()], left)?;
                }
            }
        }
    }

    fn record(&mut self, ty: u16, body: &[u8]) {
        if !matches!(ty, TYPE_SYSCALL | TYPE_EXECVE | TYPE_PATH | TYPE_EOE) {
            return;
        }
        let text = String::from_utf8_lossy(body);
        let Some((stamp, fields)) = audit_record::stamp(&text) else {
            self.losses.malformed += 1;
            return;
        };
        if ty != TYPE_EOE {
            let partial = self.partials.entry(stamp.serial).or_insert_with(|| (stamp, Partial::default()));
            partial.1.add(ty, fields);
            if self.partials.len() > PARTIALS_MAX && self.partials.pop_first().is_some() {
                self.losses.exec += 1;
            }
            return;
        }
        if let Some((stamp, partial)) = self.partials.remove(&stamp.serial) {
            self.executions.extend(partial.finish(self.clock.boot_ns(stamp.unix_ms)));
        }
    }

    fn read_connector(&mut self) {
        let Some(connector) = &mut self.connector else { return };
        let (forks, exits) = (&mut self.forks, &mut self.exits);
        connector.drain(CONNECTOR_READS, &mut |observation| match observation.kind {
            Kind::Fork => forks.push_back(observation),
            Kind::Exit => exits.push_back(observation),
            Kind::Exec => {}
        });
    }

    /// Answers whether everything there was has been read.
    fn read_audit(&mut self, max: usize) -> bool {
        for _ in 0..max {
            match self.socket.receive() {
                Ok(Received::Datagram(count)) => {
                    let datagram = self.socket.datagram(count).to_vec();
                    for message in netlink::messages(&datagram, false) {
                        self.record(message.ty, message.body);
                    }
                }
                Ok(Received::Overrun) => self.losses.overruns += 1,
                Ok(Received::Empty) => return true,
                Err(error) => {
                    tracing::debug!(%error, "cannot read audit");
                    return true;
                }
            }
        }
        false
    }

    /// Exits that are old enough go behind the executions.
    fn release_exits(&mut self) {
        let delay_ns = EXIT_DELAY.as_nanos() as u64;
        let due_ns = boot::now_ns().saturating_sub(delay_ns);
        while let Some(exit) = self.exits.front() {
            if exit.at_ns > due_ns && self.exits.len() <= EXITS_MAX {
                return;
            }
            self.executions.extend(self.exits.pop_front());
        }
    }
}

/// The error in an answer; `None` for a confirmation.
fn refusal(body: &[u8]) -> Option<io::Error> {
    let code = netlink::number(body, 0)?.cast_signed();
    (code != 0).then(|| io::Error::from_raw_os_error(code.saturating_neg()))
}

impl Source for AuditSource {
    fn wait(&self, wake: BorrowedFd<'_>, timeout: Duration) -> io::Result<()> {
        match &self.connector {
            Some(connector) => wait::readable(&[self.socket.as_fd(), connector.as_fd(), wake], timeout),
            None => wait::readable(&[self.socket.as_fd(), wake], timeout),
        }
    }

    /// Forks are read last and handed out first: a process is told apart from older ones of its number by its
    /// fork, so that must be known before the execution that followed it.
    fn drain(&mut self, max: usize, sink: &mut dyn FnMut(Observation)) -> usize {
        self.clock = BootClock::measure();
        let all_read = self.read_audit(max);
        self.read_connector();
        if all_read {
            self.release_exits();
        }
        let count = self.forks.len() + self.executions.len();
        self.forks.drain(..).chain(self.executions.drain(..)).for_each(sink);
        count
    }

    fn losses(&self) -> Losses {
        let connector = self.connector.as_ref().map(Source::losses).unwrap_or_default();
        Losses {
            malformed: self.losses.malformed + connector.malformed,
            overruns: self.losses.overruns + connector.overruns,
            ..self.losses
        }
    }

    fn keeps_unread(&self) -> bool {
        false
    }
}

impl Drop for AuditSource {
    fn drop(&mut self) {
        let Some(before) = self.before else { return };
        for (architecture, calls) in RULES {
            if let Err(error) = self.command(DELETE_RULE, &rule(architecture, calls)) {
                tracing::warn!(%error, "an audit rule could not be removed");
            }
        }
        let restored = self.set(before, MASK_SETTINGS);
        if let Err(error) = restored.and_then(|()| self.set(before, MASK_OWNER)) {
            tracing::warn!(%error, "audit could not be given back");
        }
    }
}
