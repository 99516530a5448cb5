//! The text records of the audit subsystem, as far as an execution needs them.
//!
//! An execution is several records with one serial number: SYSCALL (who and what), EXECVE (arguments, in
//! several records when long), CWD, one PATH per file, PROCTITLE, and EOE as the end. Values that could be
//! mistaken for something else come as hexadecimal; everything else is quoted or plain.

use std::collections::BTreeMap;

use crate::observation::{Credentials, Execution, Kind, Observation, login};
use crate::procfs::{self, ARGUMENTS_BYTES_MAX};

pub(crate) const TYPE_SYSCALL: u16 = 1300;
pub(crate) const TYPE_PATH: u16 = 1302;
pub(crate) const TYPE_EXECVE: u16 = 1309;
pub(crate) const TYPE_EOE: u16 = 1320;

/// Files kept of one execution: program, interpreter and loader are three.
const PATHS_MAX: usize = 8;

/// Pieces of arguments kept of one execution.
const PIECES_MAX: usize = 1024;

/// The stamp every record begins with: `audit(1700000000.123:456): `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) unix_ms: u64,
    pub(crate) serial: u64,
}

/// Splits the stamp from the fields.
pub(crate) fn stamp(record: &str) -> Option<(Stamp, &str)> {
    let (inside, rest) = record.strip_prefix("audit(")?.split_once("):")?;
    let (time, serial) = inside.split_once(':')?;
    let (seconds, millis) = time.split_once('.')?;
    let unix_ms = seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(millis.parse().ok()?)?;
    Some((Stamp { unix_ms, serial: serial.parse().ok()? }, rest.trim_start()))
}

/// An execution while its records arrive.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    syscall: Option<Syscall>,
    /// Argument pieces by argument and piece number.
    pieces: BTreeMap<(u32, u32), String>,
    argument_bytes: usize,
    cut: bool,
    paths: Vec<PathRecord>,
}

#[derive(Debug)]
struct Syscall {
    succeeded: bool,
    pid: u32,
    parent_pid: u32,
    credentials: Credentials,
    tty: Option<String>,
    comm: String,
    exe: String,
}

#[derive(Debug)]
struct PathRecord {
    item: u32,
    name: String,
    inode: u64,
    device: u64,
}

impl Partial {
    /// Adds the fields of one record.
    pub(crate) fn add(&mut self, ty: u16, fields: &str) {
        match ty {
            TYPE_SYSCALL => self.syscall = syscall(fields),
            TYPE_EXECVE => self.add_arguments(fields),
            TYPE_PATH if self.paths.len() < PATHS_MAX => self.paths.extend(path(fields)),
            _ => {}
        }
    }

    fn add_arguments(&mut self, fields: &str) {
        for (name, value) in pairs(fields) {
            let Some((argument, piece)) = argument_place(name) else { continue };
            let text = unquote(value);
            let room = ARGUMENTS_BYTES_MAX.saturating_sub(self.argument_bytes);
            self.argument_bytes += text.len() + usize::from(piece == 0);
            if text.len() > room || self.pieces.len() >= PIECES_MAX {
                self.cut = true;
                continue;
            }
            self.pieces.insert((argument, piece), text);
        }
    }

    /// The execution, when its records say enough and it succeeded.
    pub(crate) fn finish(self, at_ns: u64) -> Option<Observation> {
        let syscall = self.syscall.filter(|syscall| syscall.succeeded)?;
        let mut arguments: Vec<String> = Vec::new();
        let mut last = None;
        for ((argument, _), text) in self.pieces {
            match arguments.last_mut() {
                Some(open) if last == Some(argument) => open.push_str(&text),
                _ => arguments.push(text),
            }
            last = Some(argument);
        }
        let path = procfs::plain_path(&syscall.exe);
        let file_name = self.paths.iter().find(|path| path.item == 0).map(|path| path.name.clone());
        // Called through a link, the image's own path is not among the names, but its inode is.
        let image = self.paths.iter().find(|path| path.name == syscall.exe);
        Some(Observation {
            kind: Kind::Exec,
            at_ns,
            pid: syscall.pid,
            start_ns: None,
            parent_pid: Some(syscall.parent_pid),
            parent_start_ns: None,
            credentials: Some(syscall.credentials),
            session: None,
            comm: syscall.comm,
            cgroup_id: None,
            wait_status: None,
            exec: Some(Box::new(Execution {
                memfd: path.starts_with("memfd:"),
                path,
                file_name: file_name.unwrap_or_default(),
                arguments: Some(arguments).filter(|arguments| !arguments.is_empty()),
                arguments_bytes: self.argument_bytes as u64,
                arguments_truncated: self.cut,
                device: image.map_or(0, |image| image.device),
                inode: image.map_or(0, |image| image.inode),
                candidates: self.paths.iter().map(|path| path.inode).collect(),
                tty: syscall.tty,
                ..Execution::default()
            })),
        })
    }
}

fn syscall(fields: &str) -> Option<Syscall> {
    let fields: BTreeMap<&str, &str> = pairs(fields).collect();
    let number = |name: &str| fields.get(name)?.parse::<u32>().ok();
    Some(Syscall {
        succeeded: fields.get("success") == Some(&"yes"),
        pid: number("pid")?,
        parent_pid: number("ppid")?,
        credentials: Credentials {
            uid: number("uid")?,
            gid: number("gid")?,
            euid: number("euid")?,
            capabilities: None,
            login_uid: number("auid").and_then(login),
            login_session: number("ses").and_then(login),
        },
        tty: fields.get("tty").filter(|tty| **tty != "(none)").map(|tty| (*tty).to_owned()),
        comm: fields.get("comm").map(|value| unquote(value)).unwrap_or_default(),
        exe: fields.get("exe").map(|value| unquote(value)).unwrap_or_default(),
    })
}

fn path(fields: &str) -> Option<PathRecord> {
    let fields: BTreeMap<&str, &str> = pairs(fields).collect();
    let (major, minor) = fields.get("dev")?.split_once(':')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some(PathRecord {
        item: fields.get("item")?.parse().ok()?,
        name: unquote(fields.get("name")?),
        inode: fields.get("inode")?.parse().ok()?,
        device: (hex(major)? << 20) | hex(minor)?,
    })
}

/// `a3` is argument 3, `a3[1]` its second piece; `a3_len` and `argc` are none.
fn argument_place(name: &str) -> Option<(u32, u32)> {
    let rest = name.strip_prefix('a')?;
    match rest.split_once('[') {
        None => Some((rest.parse().ok()?, 0)),
        Some((argument, piece)) => Some((argument.parse().ok()?, piece.strip_suffix(']')?.parse().ok()?)),
    }
}

/// `name=value` pairs. A quoted value may hold spaces; it never holds a quote, because then it comes as
/// hexadecimal.
fn pairs(fields: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = fields;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([' ', '\n', '\0', '\x1d']);
            let (name, value) = rest.split_once('=')?;
            // Words without a value stand before the name.
            let name = name.rsplit(' ').next().unwrap_or(name);
            let end = match value.strip_prefix('"') {
                Some(quoted) => quoted.find('"').map(|at| at + 2),
                None => value.find([' ', '\n', '\0', '\x1d']),
            };
            let (value, after) = value.split_at(end.unwrap_or(value.len()));
            rest = after;
            if !name.is_empty() {
                return Some((name, value));
            }
        }
    })
}

/// Takes quotes off, or decodes hexadecimal; anything else stands for itself.
fn unquote(value: &str) -> String {
    if let Some(quoted) = value.strip_prefix('"') {
        return quoted.strip_suffix('"').unwrap_or(quoted).to_owned();
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let decoded: Option<Vec<u8>> = value
        .as_bytes()
        .chunks(2)
        .map(|pair| Some((digit(*pair.first()?)? << 4) | digit(*pair.get(1)?)?))
        .collect();
    match decoded {
        Some(bytes) if value.len() >= 2 => String::from_utf8_lossy(&bytes).into_owned(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSCALL: &str = "arch=c000003e syscall=59 success=yes exit=0 a0=55 a1=56 a2=57 a3=8 items=2 ppid=10 pid=11 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses=3 comm=\"true\" exe=\"/usr/bin/true\" key=\"bartizan\"";
    const PATH: &str = "item=0 name=\"/usr/bin/true\" inode=247 dev=fe:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL";

    fn execution(arguments: &[&str]) -> Observation {
        let mut partial = Partial::default();
        partial.add(TYPE_SYSCALL, SYSCALL);
        for record in arguments {
            partial.add(TYPE_EXECVE, record);
        }
        partial.add(TYPE_PATH, PATH);
        partial.finish(5).unwrap()
    }

    #[test]
    fn a_whole_execution() {
        let seen = execution(&["argc=4 a0=\"/bin/true\" a1=\"x\" a2=612062 a3=\"\""]);
        assert_eq!((seen.pid, seen.parent_pid), (11, Some(10)));
        assert_eq!(seen.credentials.unwrap().login_uid, Some(1000));
        let exec = seen.exec.unwrap();
        assert_eq!(exec.arguments.unwrap(), ["/bin/true", "x", "a b", ""]);
        assert_eq!((exec.path.as_str(), exec.inode, exec.device), ("/usr/bin/true", 247, 0xfe0_0001));
        assert_eq!(exec.tty.as_deref(), Some("pts1"));
    }

    #[test]
    fn long_arguments_come_in_pieces_and_records() {
        let seen = execution(&["argc=2 a0=\"x\" a1_len=6 a1[0]=616263", "a1[1]=646566"]);
        assert_eq!(seen.exec.unwrap().arguments.unwrap(), ["x", "abcdef"]);
        let long = format!("argc=2 a0=\"x\" a1=\"{}\"", "y".repeat(ARGUMENTS_BYTES_MAX));
        let seen = execution(&[&long]).exec.unwrap();
        assert!(seen.arguments_truncated && seen.arguments_bytes > ARGUMENTS_BYTES_MAX as u64);
    }

    #[test]
    fn memory_files_and_failures() {
        let hex: String = "/memfd:x (deleted)".bytes().map(|byte| format!("{byte:02X}")).collect();
        let mut partial = Partial::default();
        partial.add(TYPE_SYSCALL, &SYSCALL.replace("\"/usr/bin/true\"", &hex));
        let exec = partial.finish(0).unwrap().exec.unwrap();
        assert!(exec.memfd);
        assert_eq!(exec.path, "memfd:x");
        let mut failed = Partial::default();
        failed.add(TYPE_SYSCALL, &SYSCALL.replace("success=yes", "success=no"));
        assert_eq!(failed.finish(0), None);
        assert_eq!(Partial::default().finish(0), None);
    }

    #[test]
    fn stamps() {
        let (found, rest) = stamp("audit(1700000000.123:456): argc=1").unwrap();
        assert_eq!(found, Stamp { unix_ms: 1_700_000_000_123, serial: 456 });
        assert_eq!(rest, "argc=1");
        for text in ["", "audit(", "audit(1:2): x", "audit(1.x:2): x", "audit(99999999999999999999.1:2):"] {
            assert_eq!(stamp(text), None, "{text}");
        }
    }

    #[test]
    fn cut_records_never_panic() {
        for (ty, record) in
            [(TYPE_SYSCALL, SYSCALL), (TYPE_PATH, PATH), (TYPE_EXECVE, "argc=1 a0[0]=61 =\" a=")]
        {
            for cut in 0..record.len() {
                let mut partial = Partial::default();
                partial.add(ty, &record[..cut]);
                partial.add(ty, &record[cut..]);
                std::hint::black_box(partial.finish(0));
            }
        }
    }
}
