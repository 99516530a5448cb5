//! Reads the records that `bpf/process.bpf.c` writes. The two change together.
//!
//! A record is taken field by field from a byte slice, each access checked; nothing is reinterpreted in
//! place, so a record of any content gives an error or an observation and never more than that.

use crate::observation::{Credentials, Execution, Kind, Observation, login};

const FLAG_ARGUMENTS_CUT: u32 = 1;
const FLAG_ARGUMENTS_UNREADABLE: u32 = 2;
const FLAG_PATH_CUT: u32 = 4;
const FLAG_PATH_DETACHED: u32 = 8;
const FLAG_LOGIN_KNOWN: u32 = 16;

/// Why a record was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("record ends after {have} bytes, `{field}` needs {need}")]
    Short { field: &'static str, have: usize, need: usize },
    #[error("record kind {0} is unknown")]
    Kind(u32),
}

/// Reads one record.
pub(crate) fn parse(bytes: &[u8]) -> Result<Observation, RecordError> {
    let mut cursor = Cursor { rest: bytes, taken: 0 };
    let kind = match cursor.u32("kind")? {
        1 => Kind::Exec,
        2 => Kind::Fork,
        3 => Kind::Exit,
        other => return Err(RecordError::Kind(other)),
    };
    let flags = cursor.u32("flags")?;
    let mut observation = head(&mut cursor, kind, flags)?;
    if kind == Kind::Exec {
        observation.exec = Some(Box::new(image(&mut cursor, flags)?));
    }
    Ok(observation)
}

fn head(cursor: &mut Cursor<'_>, kind: Kind, flags: u32) -> Result<Observation, RecordError> {
    let at_ns = cursor.u64("time")?;
    let start_ns = cursor.u64("start")?;
    let parent_start_ns = cursor.u64("parent start")?;
    let pid = cursor.u32("pid")?;
    let parent_pid = cursor.u32("parent pid")?;
    let session = cursor.u32("session")?;
    let exit_code = cursor.u32("exit code")?.cast_signed();
    let (uid, gid, euid) = (cursor.u32("uid")?, cursor.u32("gid")?, cursor.u32("euid")?);
    let (login_uid, login_session) = (cursor.u32("login uid")?, cursor.u32("login session")?);
    cursor.u32("reserved")?;
    let cgroup_id = cursor.u64("cgroup")?;
    let capabilities = cursor.u64("capabilities")?;
    let comm = cursor.fixed_text("comm", 16)?;
    let logged_in = flags & FLAG_LOGIN_KNOWN != 0;
    Ok(Observation {
        kind,
        at_ns,
        pid,
        start_ns: Some(start_ns),
        parent_pid: Some(parent_pid),
        parent_start_ns: Some(parent_start_ns),
        credentials: Some(Credentials {
            uid,
            gid,
            euid,
            capabilities: Some(capabilities),
            login_uid: login(login_uid).filter(|_| logged_in),
            login_session: login(login_session).filter(|_| logged_in),
        }),
        session: Some(session),
        comm,
        cgroup_id: Some(cgroup_id).filter(|id| *id != 0),
        wait_status: (kind == Kind::Exit).then_some(exit_code),
        exec: None,
    })
}

fn image(cursor: &mut Cursor<'_>, flags: u32) -> Result<Execution, RecordError> {
    let inode = cursor.u64("inode")?;
    let size_bytes = cursor.u64("size")?;
    let modified_sec = cursor.u64("modified")?.cast_signed();
    let modified_nsec = cursor.u32("modified")?;
    let device = cursor.u32("device")?;
    let nlink = cursor.u32("nlink")?;
    let arguments_bytes = cursor.u32("argument bytes")?;
    let path_len = cursor.u16("path length")?;
    let file_name_len = cursor.u16("file name length")?;
    let arguments_len = cursor.u16("argument length")?;
    let cgroup_len = cursor.u16("cgroup length")?;
    let tty = cursor.fixed_text("tty", 16)?;
    let parts = cursor.take("path", usize::from(path_len))?;
    let file_name = text(cursor.take("file name", usize::from(file_name_len))?);
    let arguments = cursor.take("arguments", usize::from(arguments_len))?;
    let cgroup = text(cursor.take("cgroup name", usize::from(cgroup_len))?);
    let detached = flags & FLAG_PATH_DETACHED != 0;
    let path = path_from_parts(parts, detached, flags & FLAG_PATH_CUT != 0);
    Ok(Execution {
        memfd: detached && path.starts_with("memfd:"),
        path,
        path_cut: flags & FLAG_PATH_CUT != 0,
        file_name,
        arguments: (flags & FLAG_ARGUMENTS_UNREADABLE == 0).then(|| split_arguments(arguments)),
        arguments_bytes: u64::from(arguments_bytes),
        arguments_truncated: flags & FLAG_ARGUMENTS_CUT != 0,
        device: u64::from(device),
        inode,
        candidates: Vec::new(),
        nlink: Some(nlink),
        size_bytes: Some(size_bytes),
        modified_ns: modified_sec
            .checked_mul(1_000_000_000)
            .and_then(|ns| ns.checked_add(modified_nsec.into())),
        tty: (!tty.is_empty()).then_some(tty),
        cgroup: (!cgroup.is_empty()).then_some(cgroup),
    })
}

/// The parts stand last first. A path that was cut begins with `…/`, so that nobody takes it for a whole one.
fn path_from_parts(parts: &[u8], detached: bool, cut: bool) -> String {
    let mut names: Vec<_> =
        parts.split(|byte| *byte == 0).filter(|part| !part.is_empty()).map(text).collect();
    names.reverse();
    let joined = names.join("/");
    match (detached, cut) {
        (true, _) => joined,
        (false, true) => format!("…/{joined}"),
        (false, false) => format!("/{joined}"),
    }
}

/// The argument area: each argument ends with a zero byte; the last one may have been cut.
pub(crate) fn split_arguments(area: &[u8]) -> Vec<String> {
    let area = area.strip_suffix(&[0]).unwrap_or(area);
    if area.is_empty() {
        return Vec::new();
    }
    area.split(|byte| *byte == 0).map(text).collect()
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

struct Cursor<'a> {
    rest: &'a [u8],
    taken: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], RecordError> {
        let Some((head, rest)) = self.rest.split_at_checked(len) else {
            return Err(RecordError::Short {
                field,
                have: self.taken + self.rest.len(),
                need: self.taken + len,
            });
        };
        self.rest = rest;
        self.taken += len;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], RecordError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(field, N)?);
        Ok(bytes)
    }

    fn u16(&mut self, field: &'static str) -> Result<u16, RecordError> {
        Ok(u16::from_ne_bytes(self.array(field)?))
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, RecordError> {
        Ok(u32::from_ne_bytes(self.array(field)?))
    }

    fn u64(&mut self, field: &'static str) -> Result<u64, RecordError> {
        Ok(u64::from_ne_bytes(self.array(field)?))
    }

    fn fixed_text(&mut self, field: &'static str, len: usize) -> Result<String, RecordError> {
        Ok(text(self.take(field, len)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An execution record as the kernel side lays it out.
    fn exec_record(flags: u32, parts: &[u8], arguments: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in [1_u32, flags] {
            bytes.extend(value.to_ne_bytes());
        }
        for value in [5_000_000_000_u64, 4_000_000_000, 1_000_000_000] {
            bytes.extend(value.to_ne_bytes());
        }
        for value in [42_u32, 7, 6, 0, 1000, 100, 0, u32::MAX, 3, 0] {
            bytes.extend(value.to_ne_bytes());
        }
        for value in [99_u64, 0x1ff] {
            bytes.extend(value.to_ne_bytes());
        }
        bytes.extend(*b"tool\0garbage\0\0\0\0");
        for value in [1234_u64, 4096, 1_700_000_000] {
            bytes.extend(value.to_ne_bytes());
        }
        for value in [5_u32, 0x0080_0001, 1, arguments.len() as u32] {
            bytes.extend(value.to_ne_bytes());
        }
        for value in [parts.len() as u16, 7, arguments.len() as u16, 3] {
            bytes.extend(value.to_ne_bytes());
        }
        bytes.extend(*b"pts0\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend(parts);
        bytes.extend(*b"./tool\0");
        bytes.extend(arguments);
        bytes.extend(*b"cg\0");
        bytes
    }

    #[test]
    fn reads_an_execution() {
        let seen = parse(&exec_record(16, b"tool\0bin\0opt\0", b"./tool\0-x\0\0a b\0")).unwrap();
        assert_eq!((seen.pid, seen.parent_pid, seen.start_ns), (42, Some(7), Some(4_000_000_000)));
        let ids = seen.credentials.unwrap();
        assert_eq!((ids.uid, ids.euid, ids.login_uid, ids.login_session), (1000, 0, None, Some(3)));
        let exec = seen.exec.unwrap();
        assert_eq!(exec.path, "/opt/bin/tool");
        assert_eq!(exec.arguments.unwrap(), ["./tool", "-x", "", "a b"]);
        assert_eq!((exec.tty.as_deref(), exec.cgroup.as_deref()), (Some("pts0"), Some("cg")));
        assert_eq!(exec.modified_ns, Some(1_700_000_000_000_000_005));
    }

    #[test]
    fn marks_memory_files_and_cut_paths() {
        let memfd = parse(&exec_record(FLAG_PATH_DETACHED, b"memfd:x\0", b"")).unwrap().exec.unwrap();
        assert!(memfd.memfd);
        assert_eq!(memfd.path, "memfd:x");
        let cut = parse(&exec_record(FLAG_PATH_CUT, b"z\0y\0", b"")).unwrap().exec.unwrap();
        assert_eq!(cut.path, "…/y/z");
        let unreadable = parse(&exec_record(FLAG_ARGUMENTS_UNREADABLE, b"z\0", b"")).unwrap().exec.unwrap();
        assert_eq!(unreadable.arguments, None);
    }

    #[test]
    fn every_shorter_record_is_refused() {
        let whole = exec_record(0, b"tool\0bin\0", b"tool\0");
        for len in 0..whole.len() {
            assert!(parse(&whole[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn garbage_never_panics() {
        // A small multiplicative generator: the same bytes in every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        let whole = exec_record(0, b"tool\0bin\0", b"tool\0");
        for round in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=(round % 9) {
                let at = (usize::from(next()) << 8 | usize::from(next())) % bytes.len();
                bytes[at] = next();
            }
            bytes.truncate(usize::from(next()) + 16);
            std::hint::black_box(parse(&bytes).is_ok());
        }
    }
}
