//! Members of a zip archive, as feeds are packed: stored or deflated, not encrypted, not above 4 GiB.
//! The layout is that of PKWARE's APPNOTE: a directory at the end names each member and where it begins.

use std::io::Read;

/// What a zip archive begins with: a first member, or the end of an empty one.
const STARTS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
const DIRECTORY_END: &[u8] = b"PK\x05\x06";
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
const MEMBER: &[u8] = b"PK\x03\x04";
/// Length of the directory's end without its comment, which is at most 64 KiB.
const END_LENGTH: usize = 22;
/// Bit 0 of a member's flags.
const ENCRYPTED: u16 = 1;

/// Whether these are the bytes of an archive.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    STARTS.iter().any(|start| bytes.starts_with(start))
}

/// The contents of the members whose name `wanted` accepts, in the archive's order.
///
/// # Errors
/// When the archive is damaged, packed in a way that is not known, or unpacks to more than `bytes_max`.
pub(super) fn members(
    archive: &[u8],
    wanted: impl Fn(&str) -> bool,
    bytes_max: u64,
) -> Result<Vec<Vec<u8>>, String> {
    let damaged = || "the archive is damaged".to_owned();
    let end = directory_end(archive).ok_or_else(damaged)?;
    let count = u16_at(archive, end + 10).ok_or_else(damaged)?;
    let mut at = u32_at(archive, end + 16).ok_or_else(damaged)? as usize;
    let mut left = bytes_max;
    let mut found = Vec::new();
    for _ in 0..count {
        let entry = archive.get(at..).filter(|rest| rest.starts_with(DIRECTORY_ENTRY)).ok_or_else(damaged)?;
        let entry = Entry::read(entry).ok_or_else(damaged)?;
        at += entry.length;
        if entry.name.ends_with('/') || !wanted(&entry.name) {
            continue;
        }
        let contents = entry.contents(archive, left)?;
        left -= contents.len() as u64;
        found.push(contents);
    }
    Ok(found)
}

fn directory_end(archive: &[u8]) -> Option<usize> {
    let last = archive.len().checked_sub(END_LENGTH)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    (first..=last).rev().find(|at| archive[*at..].starts_with(DIRECTORY_END))
}

/// A member as the directory tells of it.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    packed: usize,
    starts: usize,
    /// Of the entry itself.
    length: usize,
}

impl Entry {
    fn read(entry: &[u8]) -> Option<Self> {
        let name = usize::from(u16_at(entry, 28)?);
        let rest = usize::from(u16_at(entry, 30)?) + usize::from(u16_at(entry, 32)?);
        Some(Self {
            name: String::from_utf8_lossy(entry.get(46..46 + name)?).into_owned(),
            flags: u16_at(entry, 8)?,
            method: u16_at(entry, 10)?,
            packed: u32_at(entry, 20)? as usize,
            starts: u32_at(entry, 42)? as usize,
            length: 46 + name + rest,
        })
    }

    fn contents(&self, archive: &[u8], bytes_max: u64) -> Result<Vec<u8>, String> {
        let shown: String = self.name.chars().take(80).collect();
        if self.flags & ENCRYPTED != 0 {
            return Err(format!("`{shown}` in the archive is encrypted"));
        }
        let packed =
            self.packed_bytes(archive).ok_or_else(|| format!("`{shown}` in the archive is damaged"))?;
        let mut out = Vec::new();
        let most = bytes_max.saturating_add(1);
        let read = match self.method {
            0 => packed.take(most).read_to_end(&mut out),
            8 => flate2::read::DeflateDecoder::new(packed).take(most).read_to_end(&mut out),
            other => return Err(format!("`{shown}` in the archive is packed with method {other}")),
        };
        read.map_err(|error| format!("`{shown}` in the archive: {error}"))?;
        if out.len() as u64 > bytes_max {
            return Err(format!("the archive unpacks to more than {bytes_max} bytes"));
        }
        Ok(out)
    }

    fn packed_bytes<'a>(&self, archive: &'a [u8]) -> Option<&'a [u8]> {
        let member = archive.get(self.starts..).filter(|rest| rest.starts_with(MEMBER))?;
        let header = 30 + usize::from(u16_at(member, 26)?) + usize::from(u16_at(member, 28)?);
        member.get(header..header.checked_add(self.packed)?)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// An archive of these members, every second one deflated.
    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut directory = Vec::new();
        for (at, (name, contents)) in files.iter().enumerate() {
            let (method, packed) = if at % 2 == 0 {
                (0_u16, contents.to_vec())
            } else {
                let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
                deflate.write_all(contents).unwrap();
                (8, deflate.finish().unwrap())
            };
            let starts = out.len() as u32;
            let mut header = Vec::new();
            header.extend([20, 0, 0, 0]);
            header.extend(method.to_le_bytes());
            header.extend([0; 8]);
            header.extend((packed.len() as u32).to_le_bytes());
            header.extend((contents.len() as u32).to_le_bytes());
            header.extend((name.len() as u16).to_le_bytes());
            header.extend([0, 0]);
            out.extend(MEMBER);
            out.extend(&header);
            out.extend(name.as_bytes());
            out.extend(packed);
            directory.extend(DIRECTORY_ENTRY);
            directory.extend([20, 0]);
            directory.extend(&header);
            directory.extend([0; 10]);
            directory.extend(starts.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let starts = out.len() as u32;
        let count = (files.len() as u16).to_le_bytes();
        out.extend(&directory);
        out.extend(DIRECTORY_END);
        out.extend([0; 4]);
        out.extend(count);
        out.extend(count);
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(starts.to_le_bytes());
        out.extend([0, 0]);
        out
    }

    #[test]
    fn wanted_members_are_unpacked() {
        let bytes = archive(&[("a.csv", b"1,2"), ("b.csv", b"3,4"), ("readme.txt", b"no")]);
        assert!(is_zip(&bytes));
        let found = members(&bytes, |name| name.ends_with(".csv"), 100).unwrap();
        assert_eq!(found, [b"1,2".to_vec(), b"3,4".to_vec()]);
        assert!(members(&bytes, |_| true, 5).unwrap_err().contains("more than"));
    }

    #[test]
    fn damage_is_reported() {
        let bytes = archive(&[("a", b"some text"), ("b", b"other text")]);
        for cut in 0..bytes.len() {
            assert!(members(&bytes[..cut], |_| true, 100).is_err(), "{cut}");
        }
        let nothing = archive(&[]);
        assert!(is_zip(&nothing));
        assert!(members(&nothing, |_| true, 100).unwrap().is_empty());
    }
}
