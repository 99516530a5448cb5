//! Following one log file through growth, rotation, truncation and restarts.
//!
//! A position is the file's inode, the offset after the last complete line, and a checksum of the file's
//! beginning. The checksum tells a file from a new one that got the same inode number, and a truncated file
//! that grew again from the one we knew. Positions are handed out with the lines and stored with them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::extension::SEND_ROWS_MAX;

/// A longer line is cut into pieces.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Most lines of one read: they are sent together with the position behind them, as one part of an upload.
const LINES_MAX: usize = SEND_ROWS_MAX;
/// How much of the file's beginning is remembered.
const HEAD_BYTES_MAX: u64 = 256;

/// Where reading stands, as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub inode: u64,
    pub offset: u64,
    /// Length and checksum of the known beginning.
    pub head_bytes: u64,
    pub head_crc: u32,
}

/// What one look at the file brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TailRead {
    pub lines: Vec<String>,
    /// After these lines.
    pub position: Position,
    /// There is more to read at once.
    pub more: bool,
}

/// A followed path.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    open: Option<Open>,
    /// Stored position of an earlier run, until the file is first opened.
    resume: Option<Position>,
    /// Files that were rotated away before they were read to the end and cannot be found.
    lost_files: u64,
}

#[derive(Debug)]
struct Open {
    file: File,
    position: Position,
}

/// Where to begin with a file that has no stored position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    Start,
    End,
}

impl Tail {
    /// Follows `path` from `resume`, or from `begin` when there is no stored position. The file may not exist yet.
    pub fn new(path: &Path, resume: Option<Position>, begin: Begin) -> Self {
        let mut tail = Self { path: path.to_owned(), open: None, resume, lost_files: 0 };
        if resume.is_none()
            && begin == Begin::End
            && let Ok(file) = File::open(path)
            && let Ok(position) = end_of(&file)
        {
            tail.open = Some(Open { file, position });
        }
        tail
    }

    /// Where reading stands; stored even before the first line, so that a restart begins here too.
    pub fn position(&self) -> Option<Position> {
        self.open.as_ref().map(|open| open.position).or(self.resume)
    }

    /// Rotated files that were gone before they were read.
    pub fn lost_files(&self) -> u64 {
        self.lost_files
    }

    /// Reads complete lines up to about `bytes_max`. `None` when there is nothing new.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(&mut self, bytes_max: usize) -> io::Result<Option<TailRead>> {
        if self.open.is_none() && !self.reopen()? {
            return Ok(None);
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        open.restart_if_truncated()?;
        // Looked up before reading: a line written to the old file after this moment belongs to a writer that
        // has not noticed the rotation, and the old file is read once more before it is left.
        let rotated = is_rotated(&self.path, open.position.inode)?;
        let read = open.read_lines(bytes_max)?;
        if read.is_some() || !rotated {
            return Ok(read);
        }
        self.open = None;
        self.resume = None;
        if !self.reopen()? {
            return Ok(None);
        }
        match &mut self.open {
            Some(open) => open.read_lines(bytes_max),
            None => Ok(None),
        }
    }

    /// Opens the file to go on with; false when there is none.
    fn reopen(&mut self) -> io::Result<bool> {
        if let Some(resume) = self.resume {
            if let Some(open) = self.find(resume)? {
                self.open = Some(open);
                self.resume = None;
                return Ok(true);
            }
            if self.path.exists() {
                tracing::warn!(path = %self.path.display(), "the file read last is gone; going on with the new one");
                self.lost_files += 1;
                self.resume = None;
            }
        }
        match File::open(&self.path) {
            Ok(file) => {
                let inode = file.metadata()?.ino();
                self.open = Some(Open { file, position: Position { inode, ..Position::default() } });
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The file of a stored position: under its own name, or under a rotated one (`auth.log.1`).
    fn find(&self, position: Position) -> io::Result<Option<Open>> {
        let matches = |path: &Path| -> io::Result<Option<Open>> {
            let Ok(file) = File::open(path) else { return Ok(None) };
            if file.metadata()?.ino() != position.inode {
                return Ok(None);
            }
            let open = Open { file, position };
            Ok(open.head_is_known()?.then_some(open))
        };
        if let Some(open) = matches(&self.path)? {
            return Ok(Some(open));
        }
        let Some((folder, name)) =
            self.path.parent().zip(self.path.file_name().and_then(|name| name.to_str()))
        else {
            return Ok(None);
        };
        // logrotate names: `auth.log.1`, `auth.log-20260301`, `auth-20260301.log`.
        let stem = name.split('.').next().unwrap_or(name);
        let Ok(entries) = fs::read_dir(folder) else { return Ok(None) };
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(|other| other.starts_with(stem))
                && let Some(open) = matches(&entry.path())?
            {
                return Ok(Some(open));
            }
        }
        Ok(None)
    }
}

impl Open {
    fn read_lines(&mut self, bytes_max: usize) -> io::Result<Option<TailRead>> {
        let mut buffer = vec![0; bytes_max.max(LINE_BYTES_MAX)];
        let length = self.file.read_at(&mut buffer, self.position.offset)?;
        let bytes = &buffer[..length];
        let mut used = 0;
        let mut lines = Vec::new();
        while used < length && lines.len() < LINES_MAX {
            let rest = &bytes[used..];
            let (line, step) = match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) if end <= LINE_BYTES_MAX => (&rest[..end], end + 1),
                _ if rest.len() >= LINE_BYTES_MAX => (&rest[..LINE_BYTES_MAX], LINE_BYTES_MAX),
                // The writer has not finished this line.
                _ => break,
            };
            if !line.is_empty() {
                lines.push(String::from_utf8_lossy(line).into_owned());
            }
            used += step;
        }
        if used == 0 {
            return Ok(None);
        }
        let lines_full = lines.len() >= LINES_MAX;
        self.position.offset += used as u64;
        self.remember_head()?;
        Ok(Some(TailRead { lines, position: self.position, more: length == buffer.len() || lines_full }))
    }

    fn restart_if_truncated(&mut self) -> io::Result<()> {
        let size = self.file.metadata()?.len();
        if size < self.position.offset || !self.head_is_known()? {
            self.position = Position { inode: self.position.inode, ..Position::default() };
        }
        Ok(())
    }

    fn head_is_known(&self) -> io::Result<bool> {
        Ok(head_crc(&self.file, self.position.head_bytes)? == Some(self.position.head_crc))
    }

    fn remember_head(&mut self) -> io::Result<()> {
        let wanted = self.position.offset.min(HEAD_BYTES_MAX);
        if self.position.head_bytes < wanted
            && let Some(crc) = head_crc(&self.file, wanted)?
        {
            self.position.head_bytes = wanted;
            self.position.head_crc = crc;
        }
        Ok(())
    }
}

fn end_of(file: &File) -> io::Result<Position> {
    let metadata = file.metadata()?;
    let mut open = Open {
        file: file.try_clone()?,
        position: Position { inode: metadata.ino(), offset: metadata.len(), ..Position::default() },
    };
    open.remember_head()?;
    Ok(open.position)
}

/// Checksum of the first `length` bytes; `None` when the file is shorter.
fn head_crc(file: &File, length: u64) -> io::Result<Option<u32>> {
    let mut head = vec![0; length.min(HEAD_BYTES_MAX) as usize];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) if head.is_empty() => Ok(Some(0)),
        Ok(()) => Ok(Some(crc32c::crc32c(&head))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_rotated(path: &Path, inode: u64) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.ino() != inode),
        // Moved away, and the new one is not there yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn append(path: &Path, text: &str) {
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Reads until nothing is new.
    fn drain(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(read) = tail.read(1 << 16).unwrap() {
            lines.extend(read.lines);
        }
        lines
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.log");
        (folder, path)
    }

    #[test]
    fn half_lines_wait_for_their_end() {
        let (_folder, path) = folder();
        let mut tail = Tail::new(&path, None, Begin::Start);
        assert!(drain(&mut tail).is_empty());
        append(&path, "one\ntw");
        assert_eq!(drain(&mut tail), ["one"]);
        append(&path, "o\n\nthree\n");
        assert_eq!(drain(&mut tail), ["two", "three"]);
    }

    #[test]
    fn rotation_reads_the_old_file_to_its_end_first() {
        let (_folder, path) = folder();
        append(&path, "one\n");
        let mut tail = Tail::new(&path, None, Begin::Start);
        assert_eq!(drain(&mut tail), ["one"]);
        fs::rename(&path, path.with_extension("log.1")).unwrap();
        append(&path.with_extension("log.1"), "late\n");
        append(&path, "new\n");
        assert_eq!(drain(&mut tail), ["late", "new"]);
    }

    #[test]
    fn truncation_starts_again_even_when_the_file_grew_past_the_old_size() {
        let (_folder, path) = folder();
        append(&path, "one\ntwo\n");
        let mut tail = Tail::new(&path, None, Begin::Start);
        assert_eq!(drain(&mut tail), ["one", "two"]);
        File::options().write(true).truncate(true).open(&path).unwrap();
        append(&path, "x\n");
        assert_eq!(drain(&mut tail), ["x"]);
        File::options().write(true).truncate(true).open(&path).unwrap();
        append(&path, "a longer first line\nand one more\n");
        assert_eq!(drain(&mut tail), ["a longer first line", "and one more"]);
    }

    #[test]
    fn a_restart_goes_on_where_the_stored_position_was_also_in_a_rotated_file() {
        let (_folder, path) = folder();
        append(&path, "one\ntwo\n");
        let mut tail = Tail::new(&path, None, Begin::Start);
        let position = tail.read(1 << 16).unwrap().unwrap().position;
        append(&path, "three\n");
        fs::rename(&path, path.with_extension("log.1")).unwrap();
        append(&path, "four\n");
        let mut tail = Tail::new(&path, Some(position), Begin::End);
        assert_eq!(drain(&mut tail), ["three", "four"]);
        assert_eq!(tail.lost_files(), 0);
    }

    #[test]
    fn a_rotated_file_that_is_gone_is_counted() {
        let (_folder, path) = folder();
        append(&path, "one\n");
        let mut tail = Tail::new(&path, None, Begin::Start);
        let position = tail.read(1 << 16).unwrap().unwrap().position;
        // Another file under the same name, perhaps even with the same inode number.
        fs::remove_file(&path).unwrap();
        append(&path, "other\n");
        let mut tail = Tail::new(&path, Some(position), Begin::End);
        assert_eq!(drain(&mut tail), ["other"]);
        assert_eq!(tail.lost_files(), 1);
    }

    #[test]
    fn the_first_run_starts_at_the_end_and_new_files_at_their_start() {
        let (_folder, path) = folder();
        append(&path, "old\n");
        let mut tail = Tail::new(&path, None, Begin::End);
        assert!(drain(&mut tail).is_empty());
        append(&path, "new\n");
        assert_eq!(drain(&mut tail), ["new"]);
    }

    #[test]
    fn many_short_lines_come_in_parts_with_their_own_positions() {
        let (_folder, path) = folder();
        append(&path, &"x\n".repeat(LINES_MAX + 1));
        let mut tail = Tail::new(&path, None, Begin::Start);
        let first = tail.read(1 << 16).unwrap().unwrap();
        assert_eq!(
            (first.lines.len(), first.position.offset, first.more),
            (LINES_MAX, 2 * LINES_MAX as u64, true)
        );
        assert_eq!(drain(&mut tail).len(), 1);
    }

    #[test]
    fn an_endless_line_is_cut_and_binary_is_replaced() {
        let (_folder, path) = folder();
        append(&path, &"x".repeat(LINE_BYTES_MAX + 10));
        File::options().append(true).open(&path).unwrap().write_all(b"\n\xff\xfe\n").unwrap();
        let mut tail = Tail::new(&path, None, Begin::Start);
        let lines = drain(&mut tail);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [LINE_BYTES_MAX, 10, 6]);
    }
}
