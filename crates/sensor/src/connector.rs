//! The process connector: the kernel names every fork, execution and exit by process number, and everything
//! else must be read from `/proc` before the process is gone.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::net::netlink::CONNECTOR;

use crate::boot;
use crate::netlink::{self, NetlinkSocket, Received};
use crate::observation::{Kind, Losses, Observation, Opened, Source};
use crate::sensor::Tier;
use crate::wait;

/// Index and value of process events among the connector's users.
const PROCESS_EVENTS: [u32; 2] = [1, 1];
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;

const WHAT_NONE: u32 = 0;
const WHAT_FORK: u32 = 1;
const WHAT_EXEC: u32 = 2;
const WHAT_EXIT: u32 = 0x8000_0000;

/// How long the kernel may take to confirm that we listen.
const CONFIRMATION: Duration = Duration::from_millis(500);

pub(crate) struct ConnectorSource {
    socket: NetlinkSocket,
    losses: Losses,
}

/// Subscribes to process events.
///
/// # Errors
/// The step that failed with the kernel's answer.
pub(crate) fn open() -> Result<Opened, String> {
    let source = Box::new(ConnectorSource::subscribe()?);
    let notes = vec![
        "connector: arguments, image and user are read from /proc after the fact; short-lived processes are \
         often reported without them"
            .to_owned(),
    ];
    Ok(Opened { source, tier: Tier::Connector, notes })
}

impl ConnectorSource {
    pub(crate) fn subscribe() -> Result<Self, String> {
        let mut socket = NetlinkSocket::open(CONNECTOR, PROCESS_EVENTS[0])
            .map_err(|error| format!("the process connector refused a socket: {error}"))?;
        send(&mut socket, LISTEN)
            .map_err(|error| format!("the process connector refused to talk: {error}"))?;
        let mut source = Self { socket, losses: Losses::default() };
        source.confirm()?;
        Ok(source)
    }

    /// The kernel answers the subscription with an event that says whether it was granted.
    fn confirm(&mut self) -> Result<(), String> {
        wait::readable(&[self.socket.as_fd()], CONFIRMATION).map_err(|error| error.to_string())?;
        while let Ok(Received::Datagram(count)) = self.socket.receive() {
            for message in netlink::messages(self.socket.datagram(count), true) {
                match Event::parse(message.body) {
                    Some(Event { what: WHAT_NONE, fields, .. }) if fields[0] == 0 => return Ok(()),
                    Some(Event { what: WHAT_NONE, fields, .. }) => {
                        let error = io::Error::from_raw_os_error(fields[0].cast_signed());
                        return Err(format!("the process connector refused the subscription: {error}"));
                    }
                    // Events of other listeners' making may come first; they show that it works.
                    Some(_) => return Ok(()),
                    None => {}
                }
            }
        }
        Err("the kernel does not confirm the process connector (not compiled in, or not in this namespace)"
            .to_owned())
    }
}

fn send(socket: &mut NetlinkSocket, operation: u32) -> io::Result<()> {
    let mut body = Vec::new();
    for value in [PROCESS_EVENTS[0], PROCESS_EVENTS[1], 0, 0] {
        body.extend(value.to_ne_bytes());
    }
    body.extend(4_u16.to_ne_bytes());
    body.extend(0_u16.to_ne_bytes());
    body.extend(operation.to_ne_bytes());
    socket.send(netlink::TYPE_DONE, 0, &body)
}

impl Source for ConnectorSource {
    fn wait(&self, wake: BorrowedFd<'_>, timeout: Duration) -> io::Result<()> {
        wait::readable(&[self.socket.as_fd(), wake], timeout)
    }

    fn drain(&mut self, max: usize, sink: &mut dyn FnMut(Observation)) -> usize {
        let asleep_ns = boot::asleep_ns();
        let mut count = 0;
        while count < max {
            match self.socket.receive() {
                Ok(Received::Datagram(bytes)) => {
                    for message in netlink::messages(self.socket.datagram(bytes), true) {
                        match Event::parse(message.body) {
                            Some(event) => event.observation(asleep_ns).into_iter().for_each(&mut *sink),
                            None => self.losses.malformed += 1,
                        }
                    }
                }
                Ok(Received::Overrun) => self.losses.overruns += 1,
                Ok(Received::Empty) => break,
                Err(error) => {
                    tracing::debug!(%error, "cannot read the process connector");
                    break;
                }
            }
            count += 1;
        }
        count
    }

    fn losses(&self) -> Losses {
        self.losses
    }

    fn keeps_unread(&self) -> bool {
        false
    }
}

impl AsFd for ConnectorSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for ConnectorSource {
    fn drop(&mut self) {
        if let Err(error) = send(&mut self.socket, IGNORE) {
            tracing::debug!(%error, "the process connector was closed without a goodbye");
        }
    }
}

/// One process event: what, when, and the numbers that follow, whose meaning depends on `what`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Event {
    what: u32,
    /// On the monotonic clock, which stands still while the machine sleeps.
    at_monotonic_ns: u64,
    fields: [u32; 6],
}

impl Event {
    /// The connector header has 20 bytes; then come what, processor, time, and up to six numbers. Shorter
    /// events are padded with zeros by older kernels or lack the last numbers.
    fn parse(body: &[u8]) -> Option<Event> {
        let event = body.get(20..)?;
        if [netlink::number(body, 0)?, netlink::number(body, 4)?] != PROCESS_EVENTS {
            return None;
        }
        let at_monotonic_ns = u64::from_ne_bytes(event.get(8..16)?.try_into().ok()?);
        let mut fields = [0; 6];
        for (index, field) in fields.iter_mut().enumerate() {
            *field = netlink::number(event, 16 + 4 * index).unwrap_or_default();
        }
        Some(Event { what: netlink::number(event, 0)?, at_monotonic_ns, fields })
    }

    /// Threads are left out: their number differs from their process's.
    fn observation(&self, asleep_ns: u64) -> Option<Observation> {
        let [first, second, third, fourth, _signal, sixth] = self.fields;
        let (kind, pid, parent_pid, wait_status) = match self.what {
            WHAT_FORK if third == fourth => (Kind::Fork, fourth, Some(second), None),
            WHAT_EXEC => (Kind::Exec, second, None, None),
            // A leading thread that ends before the others reports the process too early by a little.
            WHAT_EXIT if first == second => {
                (Kind::Exit, second, Some(sixth).filter(|pid| *pid != 0), Some(third.cast_signed()))
            }
            _ => return None,
        };
        Some(Observation {
            kind,
            at_ns: self.at_monotonic_ns.saturating_add(asleep_ns),
            pid,
            start_ns: None,
            parent_pid,
            parent_start_ns: None,
            credentials: None,
            session: None,
            comm: String::new(),
            cgroup_id: None,
            wait_status,
            exec: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(what: u32, fields: &[u32]) -> Vec<u8> {
        let mut body = Vec::new();
        for value in [1_u32, 1, 0, 0, 40, what, 0] {
            body.extend(value.to_ne_bytes());
        }
        body.extend(77_u64.to_ne_bytes());
        for field in fields {
            body.extend(field.to_ne_bytes());
        }
        body
    }

    #[test]
    fn reads_processes_and_leaves_threads_out() {
        let see =
            |what, fields: &[u32]| Event::parse(&body(what, fields)).and_then(|event| event.observation(3));
        let fork = see(WHAT_FORK, &[5, 5, 9, 9]).unwrap();
        assert_eq!((fork.kind, fork.pid, fork.parent_pid, fork.at_ns), (Kind::Fork, 9, Some(5), 80));
        assert_eq!(see(WHAT_FORK, &[5, 5, 10, 9]), None);
        assert_eq!(see(WHAT_EXEC, &[9, 9]).unwrap().kind, Kind::Exec);
        let exit = see(WHAT_EXIT, &[9, 9, 256, 17, 5, 5]).unwrap();
        assert_eq!((exit.pid, exit.parent_pid, exit.wait_status), (9, Some(5), Some(256)));
        assert_eq!(see(WHAT_EXIT, &[10, 9, 0, 17, 5, 5]), None);
        assert_eq!(see(0x200, &[1, 1, 1]), None);
    }

    #[test]
    fn short_events_are_refused() {
        let whole = body(WHAT_EXEC, &[9, 9]);
        for cut in 0..36 {
            assert_eq!(Event::parse(&whole[..cut]), None);
        }
    }
}
