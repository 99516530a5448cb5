//! Files of exports: their names, and writing them whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use bartizan_base::Ticks;

/// The path of a window's file below its rule's folder: by table and hour, named after the window.
pub(super) fn name(table: &str, after: u64, upto: u64, now: Ticks) -> String {
    let time = now.to_string();
    let part = |from: usize, to: usize| time.get(from..to).unwrap_or("00");
    let (year, month, day, hour) = (part(0, 4), part(5, 7), part(8, 10), part(11, 13));
    format!("{table}/y={year}/m={month}/d={day}/h={hour}/{after:020}-{upto:020}.json")
}

/// Writes a file so that it is there whole or not at all, also after a power cut.
pub(super) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("the file has no folder"))?;
    fs::create_dir_all(folder)?;
    let part = path.with_extension("part");
    let mut file = File::create(&part)?;
    file.write_all(text)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&part, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_table_hour_and_window() {
        let now = Ticks::parse("2026-03-04T05:06:07Z").unwrap();
        assert_eq!(
            name("Syslog", 7, 12, now),
            "Syslog/y=2026/m=03/d=04/h=05/00000000000000000007-00000000000000000012.json"
        );
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.json");
        write(&path, b"one\ntwo\n").unwrap();
        write(&path, b"one\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
