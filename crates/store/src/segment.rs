//! The format of a log segment: a header, then frames.
//!
//! | bytes | header | | bytes | frame |
//! | --- | --- | --- | --- | --- |
//! | 8 | `BZWALSEG` | | 4 | [`MARKER`] |
//! | 4 | format version | | 4 | payload length |
//! | 4 | zero | | 4 | CRC-32C of length and payload |
//! | 8 | segment number | | n | payload: a [`Record`] |
//! | 4 | CRC-32C of the above | | | |
//!
//! The marker has bytes that UTF-8 text never has, so a reader that lost its place finds the next frame
//! and no body can imitate one. Damage in the middle therefore costs the damaged frames and no others.

use std::ops::Range;

use memchr::memmem;

use crate::record::Record;

/// Version written to new segments, and the newest one read.
pub(crate) const VERSION: u32 = 1;
pub(crate) const HEADER_LEN: usize = 28;
const MAGIC: &[u8; 8] = b"BZWALSEG";
const MARKER: [u8; 4] = [0xFE, b'B', b'Z', 0xFF];
const FRAME_HEADER_LEN: usize = 12;

/// The header of segment `number`.
pub(crate) fn header(number: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(number.to_le_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Appends a frame with `record` to `out`.
pub(crate) fn put_frame(record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend(MARKER);
    out.extend([0; 8]);
    record.encode(out);
    let len = ((out.len() - start - FRAME_HEADER_LEN) as u32).to_le_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&len), &out[start + FRAME_HEADER_LEN..]);
    out[start + 4..start + 8].copy_from_slice(&len);
    out[start + 8..start + 12].copy_from_slice(&crc.to_le_bytes());
}

/// What a segment holds.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Sound records with the place of their frames.
    pub(crate) records: Vec<(Range<usize>, Record)>,
    /// Bytes that are no sound frame, with sound frames after them.
    pub(crate) damaged: Vec<Range<usize>>,
    /// Where the last sound frame ends. What follows is a write that a crash cut short, or damage that
    /// nothing sound follows.
    pub(crate) sound_len: usize,
    /// Set when the segment was written by a newer program.
    pub(crate) newer_version: Option<u32>,
}

/// Reads a segment's bytes.
pub(crate) fn scan(bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    let mut at = match read_header(bytes) {
        Some(VERSION) => HEADER_LEN,
        Some(version) => return Scan { newer_version: Some(version), ..scan },
        None => 0,
    };
    scan.sound_len = at;
    while at < bytes.len() {
        let sound = frame_end(bytes, at)
            .and_then(|end| Some((end, Record::decode(&bytes[at + FRAME_HEADER_LEN..end])?)));
        match sound {
            Some((end, record)) => {
                scan.records.push((at..end, record));
                at = end;
                scan.sound_len = at;
            }
            None => match next_frame(bytes, at + 1) {
                Some(next) => {
                    scan.damaged.push(at..next);
                    at = next;
                }
                None => break,
            },
        }
    }
    scan
}

fn read_header(bytes: &[u8]) -> Option<u32> {
    let header = bytes.get(..HEADER_LEN)?;
    let (fields, crc) = header.split_at(HEADER_LEN - 4);
    let sound = fields.starts_with(MAGIC) && crc32c::crc32c(fields).to_le_bytes() == crc;
    sound.then(|| number(&fields[8..12]))
}

/// The end of the frame at `at`, if it is sound.
fn frame_end(bytes: &[u8], at: usize) -> Option<usize> {
    let header = bytes.get(at..at + FRAME_HEADER_LEN)?;
    if header[..4] != MARKER {
        return None;
    }
    let start = at + FRAME_HEADER_LEN;
    let end = start.checked_add(number(&header[4..8]) as usize)?;
    let payload = bytes.get(start..end)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[4..8]), payload);
    (crc == number(&header[8..12])).then_some(end)
}

/// Whether the frame at `at` has all its bytes, sound or not.
pub(crate) fn is_whole_frame(bytes: &[u8], at: usize) -> bool {
    let header = bytes.get(at..at + FRAME_HEADER_LEN).filter(|header| header[..4] == MARKER);
    header.is_some_and(|header| bytes.len() - at - FRAME_HEADER_LEN >= number(&header[4..8]) as usize)
}

fn next_frame(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    memmem::find_iter(rest, &MARKER).map(|found| from + found).find(|at| frame_end(bytes, *at).is_some())
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    fn segment(records: u64) -> Vec<u8> {
        let mut bytes = header(1);
        (1..=records).for_each(|seq| put_frame(&record(seq), &mut bytes));
        bytes
    }

    fn seqs(scan: &Scan) -> Vec<u64> {
        scan.records.iter().map(|(_, record)| record.seq).collect()
    }

    #[test]
    fn a_cut_at_any_byte_loses_only_the_frame_it_is_in() {
        let bytes = segment(3);
        let ends: Vec<usize> = scan(&bytes).records.iter().map(|(place, _)| place.end).collect();
        for len in 0..=bytes.len() {
            let scan = scan(&bytes[..len]);
            let whole = ends.iter().filter(|end| **end <= len).count();
            assert_eq!(scan.records.len(), whole, "cut at {len}");
            assert!(scan.damaged.is_empty());
            assert!(scan.sound_len <= len);
        }
    }

    #[test]
    fn a_flipped_byte_loses_only_the_frame_it_is_in() {
        let bytes = segment(3);
        let places: Vec<Range<usize>> = scan(&bytes).records.into_iter().map(|(place, _)| place).collect();
        for at in HEADER_LEN..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            let hit = places.iter().position(|place| place.contains(&at)).unwrap() as u64 + 1;
            let scan = scan(&flipped);
            let expected: Vec<u64> = (1..=3).filter(|seq| *seq != hit).collect();
            assert_eq!(seqs(&scan), expected, "flipped at {at}");
            let reported = scan.damaged.len() + usize::from(scan.sound_len < flipped.len());
            assert_eq!(reported, 1, "flipped at {at}");
        }
    }

    #[test]
    fn a_damaged_header_does_not_hide_frames() {
        let mut bytes = segment(2);
        bytes[9] ^= 1;
        let scan = scan(&bytes);
        assert_eq!(seqs(&scan), [1, 2]);
        assert_eq!(scan.damaged.first(), Some(&(0..HEADER_LEN)));
    }
}
