//! The text index of a file: which blocks of rows may hold a text.
//!
//! For every string column and block of 8,192 rows there is a Bloom filter of all runs of three characters, case and
//! rare punctuation folded together. A text that is looked for has runs of its own; a block whose filter lacks one of
//! them has no row with it. A filter never says no wrongly, and what it does not know it calls possible, so readers
//! compare the rows all the same.
//!
//! The index lies in the Parquet file itself, between the last row group and the footer, where other readers do not
//! look. So it comes and goes with its file and is part of its checksum. The manifest says where.
//!
//! | part | layout, numbers little-endian |
//! | --- | --- |
//! | a column's filters | number of blocks (u32), for each its words (u32) or [`UNKNOWN`]; all words (u64); CRC-32C of it |
//! | directory | version, rows of a block, rows, columns (u32 each); for each column the length of its name (u16), its name, offset and length (u32) |
//! | end | CRC-32C of the directory, its length (u32), `BZTX` |

mod cache;

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringViewArray};
use bartizan_base::counters;
use bartizan_schema::KqlType;

use crate::layout;
use crate::manifest::IndexPlace;
use crate::snapshot::FileEntry;

/// Rows in a block. A row group has sixteen.
pub const BLOCK_ROWS: usize = 8192;

const VERSION: u32 = 1;
const MAGIC: &[u8; 4] = b"BZTX";
const END_LEN: usize = 12;
/// Directories are this small for tables of a hundred columns, so that one read has them.
const DIRECTORY_READ: usize = 8 << 10;

/// Bits of a character's class; a run of three has 18.
const CLASS_BITS: u32 = 6;
const RUNS: usize = 1 << (3 * CLASS_BITS);
/// Blocks with more different runs than this have no filter: it would be large and say yes to most.
const RUNS_MAX: usize = 16_384;
/// Ten bits for each run and six probes are wrong once in a hundred times.
const BITS_PER_RUN: usize = 10;
const PROBES: u32 = 6;
/// In the place of a number of words: the block has no filter, and may hold anything.
const UNKNOWN: u32 = u32::MAX;
/// The class of all bytes outside ASCII.
const FOREIGN: u8 = 63;

const DAMAGED: &str = "bartizan_store_text_index_unreadable_total";

/// What is looked for: the runs that a text must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted(Vec<u32>);

impl Wanted {
    /// The runs of `text`, whatever its case. `None` when it has none, so that nothing can be ruled out.
    ///
    /// Runs with letters outside ASCII are left out: how those are folded is up to whoever compares.
    pub fn new(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let mut runs: Vec<u32> = lower
            .as_bytes()
            .windows(3)
            .filter(|window| window.is_ascii())
            .map(|window| window.iter().fold(0, |run, byte| run << CLASS_BITS | u32::from(class(*byte))))
            .collect();
        runs.sort_unstable();
        runs.dedup();
        (!runs.is_empty()).then_some(Self(runs))
    }
}

/// Which blocks of a file may have a text in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Rows of the file; the last block has what is left.
    pub rows: usize,
    /// For each block whether it has to be read.
    pub may_hold: Vec<bool>,
}

impl FileEntry {
    /// The blocks of rows that may have what is `wanted` in the string column `column`. `None` when the file has no
    /// index or it cannot be read: all of them, then. Reads from disk, unless it is in memory from before.
    pub fn blocks_with(&self, column: &str, wanted: &Wanted) -> Option<Blocks> {
        let place = self.index?;
        let directory = cache::directory(&self.path, || self.read_directory(place))?;
        let blocks = directory.rows.div_ceil(BLOCK_ROWS);
        let Some(section) = directory.sections.iter().find(|section| section.column == column) else {
            // Every string column of the file is in the directory: in no row has this one a value.
            return Some(Blocks { rows: directory.rows, may_hold: vec![false; blocks] });
        };
        let filters = cache::filters(&self.path, column, || {
            let bytes = self.read_part(place.offset + u64::from(section.offset), section.len as usize)?;
            Filters::read(&bytes)
        })?;
        if filters.words.len() != blocks {
            counters::count(DAMAGED, "", 1);
            return None;
        }
        Some(Blocks { rows: directory.rows, may_hold: filters.may_hold(wanted) })
    }

    fn read_directory(&self, place: IndexPlace) -> Option<Directory> {
        let first = place.len.min(DIRECTORY_READ);
        let tail = self.read_part(place.offset + (place.len - first) as u64, first)?;
        let len = Directory::len(&tail)?;
        if len <= tail.len() {
            return Directory::read(&tail[tail.len() - len..]);
        }
        let whole =
            (len <= place.len).then(|| self.read_part(place.offset + (place.len - len) as u64, len))?;
        Directory::read(&whole?)
    }

    fn read_part(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        let read = self.disk.read_range(&self.path, offset, len);
        // The file's own check finds out what is wrong with it.
        read.inspect_err(
            |error| tracing::warn!(path = %self.path.display(), %error, "cannot read a text index"),
        )
        .ok()
    }
}

/// The index of a file with the rows of `batch`, in their order.
pub(crate) fn build(batch: &RecordBatch) -> Vec<u8> {
    let mut index = Vec::new();
    let mut sections = Vec::new();
    let mut runs = Runs::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if layout::kql_type(field) != Some(KqlType::String) {
            continue;
        }
        let Some(texts) = column.as_string_view_opt() else { continue };
        let offset = index.len();
        write_filters(texts, &mut runs, &mut index);
        sections.push(Section {
            column: field.name().clone(),
            offset: offset as u32,
            len: (index.len() - offset) as u32,
        });
    }
    Directory { rows: batch.num_rows(), sections }.write(&mut index);
    index
}

/// How many texts are remembered as looked at: the number of places that one byte tells apart.
const LATELY_PLACES: usize = 256;

/// Texts of a block that were looked at lately: most columns say the same few things again and again.
struct Lately<'a> {
    texts: [Option<&'a str>; LATELY_PLACES],
}

impl Default for Lately<'_> {
    fn default() -> Self {
        Self { texts: [None; LATELY_PLACES] }
    }
}

impl<'a> Lately<'a> {
    /// Whether a text is none of those; it takes the place of another one then.
    fn is_new(&mut self, text: &'a str) -> bool {
        // The last bytes differ where the first are a folder or a domain that all have. Any spread will do: a text
        // that is looked at twice costs time and nothing else.
        let mixed = match text.as_bytes().last_chunk::<8>() {
            Some(end) => u64::from_le_bytes(*end) ^ text.len() as u64,
            None => text.bytes().fold(1, |sum, byte| sum << 8 | u64::from(byte)),
        };
        let place = (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize;
        let is_new = self.texts[place] != Some(text);
        self.texts[place] = Some(text);
        is_new
    }
}

fn write_filters(texts: &StringViewArray, runs: &mut Runs, out: &mut Vec<u8>) {
    let start = out.len();
    let blocks = texts.len().div_ceil(BLOCK_ROWS);
    let mut words: Vec<u64> = Vec::new();
    put(out, blocks as u32);
    for block in 0..blocks {
        let from = block * BLOCK_ROWS;
        runs.clear();
        let mut lately = Lately::default();
        for at in from..texts.len().min(from + BLOCK_ROWS) {
            if texts.is_valid(at) && lately.is_new(texts.value(at)) {
                runs.add(texts.value(at));
            }
        }
        if runs.found.len() > RUNS_MAX {
            put(out, UNKNOWN);
            continue;
        }
        let count = (runs.found.len() * BITS_PER_RUN).div_ceil(64);
        put(out, count as u32);
        let at = words.len();
        words.resize(at + count, 0);
        let filter = &mut words[at..];
        for run in &runs.found {
            for bit in probes(*run, count) {
                filter[bit / 64] |= 1 << (bit % 64);
            }
        }
    }
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    let crc = crc32c::crc32c(&out[start..]);
    put(out, crc);
}

fn put(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_le_bytes());
}

/// The bits that stand for a run in a filter of so many words.
fn probes(run: u32, words: usize) -> impl Iterator<Item = usize> {
    let bits = words as u64 * 64;
    // SplitMix64's finaliser; each further probe is the next of its sequence.
    let mut state = u64::from(run).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..PROBES).map(move |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ (mixed >> 31)) * u128::from(bits)) >> 64) as usize
    })
}

/// Letters have 26 classes whatever their case, digits ten, all else of ASCII shares 27.
const fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => byte - b'a',
        b'A'..=b'Z' => byte - b'A',
        b'0'..=b'9' => 26 + byte - b'0',
        0..=127 => 36 + byte % 27,
        _ => FOREIGN,
    }
}

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
};

/// The different runs of a block.
struct Runs {
    seen: Vec<u64>,
    found: Vec<u32>,
}

impl Runs {
    fn new() -> Self {
        Self { seen: vec![0; RUNS / 64], found: Vec::new() }
    }

    fn clear(&mut self) {
        for run in self.found.drain(..) {
            self.seen[run as usize / 64] = 0;
        }
    }

    fn add(&mut self, text: &str) {
        self.add_bytes(text.as_bytes());
        if !text.is_ascii() {
            // Letters outside ASCII may stand for ASCII ones when case does not count: the Kelvin sign is a `k` in
            // lower case, the long s an `S` in upper case. So every way to fold them is there.
            let lower = text.to_lowercase();
            self.add_bytes(lower.as_bytes());
            self.add_bytes(lower.to_uppercase().as_bytes());
        }
    }

    fn add_bytes(&mut self, text: &[u8]) {
        let mut run = 0;
        for (at, byte) in text.iter().enumerate() {
            run = (run << CLASS_BITS | u32::from(CLASSES[usize::from(*byte)])) & (RUNS as u32 - 1);
            let (word, bit) = (run as usize / 64, 1 << (run % 64));
            if at >= 2 && self.seen[word] & bit == 0 {
                self.seen[word] |= bit;
                self.found.push(run);
            }
        }
    }
}

/// What columns the index has.
#[derive(Debug, PartialEq, Eq)]
struct Directory {
    rows: usize,
    sections: Vec<Section>,
}

#[derive(Debug, PartialEq, Eq)]
struct Section {
    column: String,
    /// From the start of the index.
    offset: u32,
    len: u32,
}

impl Directory {
    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        for number in [VERSION, BLOCK_ROWS as u32, self.rows as u32, self.sections.len() as u32] {
            put(out, number);
        }
        for Section { column, offset, len } in &self.sections {
            out.extend((column.len() as u16).to_le_bytes());
            out.extend(column.as_bytes());
            put(out, *offset);
            put(out, *len);
        }
        let crc = crc32c::crc32c(&out[start..]);
        let len = out.len() - start + END_LEN;
        put(out, crc);
        put(out, len as u32);
        out.extend(MAGIC);
    }

    /// The length of a directory, from the last bytes of an index.
    fn len(tail: &[u8]) -> Option<usize> {
        let end = tail.last_chunk::<END_LEN>()?;
        let len = Reader(&end[4..8]).number()? as usize;
        (end[8..] == *MAGIC && len >= END_LEN).then_some(len)
    }

    /// `None` for damaged ones and those of a version that this program does not know.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (body, end) = bytes.split_at_checked(bytes.len().checked_sub(END_LEN)?)?;
        let mut reader = Reader(body);
        let is_sound = Reader(end).number()? == crc32c::crc32c(body);
        if !is_sound || reader.number()? != VERSION || reader.number()? as usize != BLOCK_ROWS {
            counters::count(DAMAGED, "", 1);
            return None;
        }
        let (rows, columns) = (reader.number()? as usize, reader.number()?);
        let sections = (0..columns).map(|_| {
            let name = reader.take(2)?;
            let name = reader.take(usize::from(u16::from_le_bytes([name[0], name[1]])))?;
            let column = std::str::from_utf8(name).ok()?.to_owned();
            Some(Section { column, offset: reader.number()?, len: reader.number()? })
        });
        Some(Self { rows, sections: sections.collect::<Option<_>>()? })
    }
}

/// The filters of one column.
#[derive(Debug)]
struct Filters {
    /// For each block where its words are; `None` without a filter.
    words: Vec<Option<std::ops::Range<usize>>>,
    bits: Vec<u64>,
}

impl Filters {
    fn read(bytes: &[u8]) -> Option<Arc<Self>> {
        let (body, crc) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
        if Reader(crc).number()? != crc32c::crc32c(body) {
            counters::count(DAMAGED, "", 1);
            return None;
        }
        let mut reader = Reader(body);
        let (mut words, mut at) = (Vec::new(), 0);
        for _ in 0..reader.number()? {
            words.push(match reader.number()? {
                UNKNOWN => None,
                count => {
                    at += count as usize;
                    Some(at - count as usize..at)
                }
            });
        }
        let bits: Vec<u64> = reader
            .0
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
            .collect();
        (bits.len() == at).then(|| Arc::new(Self { words, bits }))
    }

    fn may_hold(&self, wanted: &Wanted) -> Vec<bool> {
        let block = |place: &Option<std::ops::Range<usize>>| {
            let Some(place) = place else { return true };
            let filter = &self.bits[place.clone()];
            let has = |bit: usize| filter[bit / 64] >> (bit % 64) & 1 == 1;
            !filter.is_empty() && wanted.0.iter().all(|run| probes(*run, filter.len()).all(has))
        };
        self.words.iter().map(block).collect()
    }

    fn size_bytes(&self) -> usize {
        self.bits.len() * 8 + self.words.len() * size_of::<Option<std::ops::Range<usize>>>()
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Schema;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    fn batch(texts: Vec<String>) -> RecordBatch {
        let fields = vec![layout::arrow_field("Text", KqlType::String)];
        let column = StringViewArray::from_iter_values(texts);
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(column)]).unwrap()
    }

    fn filters(index: &[u8]) -> (Directory, Arc<Filters>) {
        let len = Directory::len(index).unwrap();
        let directory = Directory::read(&index[index.len() - len..]).unwrap();
        let Section { offset, len, .. } = directory.sections[0];
        let filters = Filters::read(&index[offset as usize..(offset + len) as usize]).unwrap();
        (directory, filters)
    }

    /// Words of few letters, so that runs occur by chance, and letters that change length when folded.
    fn text(rng: &mut StdRng) -> String {
        const LETTERS: [char; 14] =
            ['a', 'B', 'k', 's', '0', '7', '\\', '-', ' ', '"', 'ß', '\u{212a}', '\u{130}', '\u{17f}'];
        (0..rng.random_range(0..12)).map(|_| LETTERS[rng.random_range(0..LETTERS.len())]).collect()
    }

    #[test]
    fn no_block_with_the_text_is_ever_ruled_out() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut ruled_out = 0;
        for rows in [1, 100, BLOCK_ROWS, 2 * BLOCK_ROWS + 1] {
            let texts: Vec<String> = (0..rows).map(|_| text(&mut rng)).collect();
            let (directory, filters) = filters(&build(&batch(texts.clone())));
            assert_eq!(directory.rows, rows);
            for _ in 0..300 {
                let needle = text(&mut rng);
                let Some(wanted) = Wanted::new(&needle) else { continue };
                let may_hold = filters.may_hold(&wanted);
                assert_eq!(may_hold.len(), rows.div_ceil(BLOCK_ROWS));
                let forms = |text: &str| {
                    [text.to_owned(), text.to_lowercase(), text.to_lowercase().to_uppercase().to_lowercase()]
                };
                for (block, may) in may_hold.iter().enumerate() {
                    let rows = &texts[block * BLOCK_ROWS..rows.min((block + 1) * BLOCK_ROWS)];
                    let is_there = rows.iter().any(|text| {
                        forms(text)
                            .iter()
                            .any(|text| text.contains(&needle) || text.contains(&needle.to_lowercase()))
                    });
                    assert!(*may || !is_there, "`{needle}` is in block {block} of {rows:?}");
                    ruled_out += usize::from(!*may);
                }
            }
        }
        assert!(ruled_out > 100, "{ruled_out} blocks were ruled out");
    }

    #[test]
    fn a_needle_is_found_in_its_block_only() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut texts: Vec<String> = (0..8 * BLOCK_ROWS)
            .map(|_| format!("C:\\Windows\\System32\\svchost.exe -k --request {:016x}", rng.random::<u64>()))
            .collect();
        texts[3 * BLOCK_ROWS + 17] = "C:\\Temp\\MimiKatz.exe sekurlsa::logonpasswords".to_owned();
        let index = build(&batch(texts));
        let (_, filters) = filters(&index);
        for needle in ["mimikatz", "LOGONPASS", "\\Temp\\"] {
            let found = filters.may_hold(&Wanted::new(needle).unwrap());
            let expected: Vec<bool> = (0..8).map(|block| block == 3).collect();
            assert_eq!(found, expected, "{needle}");
        }
        assert!(filters.may_hold(&Wanted::new("svchost").unwrap()).iter().all(|may| *may));
        assert!(index.len() < 3 * 8 * BLOCK_ROWS, "{} bytes for {} rows", index.len(), 8 * BLOCK_ROWS);
    }

    #[test]
    fn what_has_no_runs_rules_nothing_out() {
        for text in ["", "ab", "ä", "aäb", "\u{1f600}\u{1f600}"] {
            assert_eq!(Wanted::new(text), None, "{text}");
        }
        assert_eq!(Wanted::new("ABC"), Wanted::new("abc"));
    }

    #[test]
    fn blocks_with_too_many_runs_are_always_read() {
        let mut rng = StdRng::seed_from_u64(3);
        let noise = (0..BLOCK_ROWS).map(|_| (0..40).map(|_| rng.random_range(' '..='~')).collect()).collect();
        let (_, filters) = filters(&build(&batch(noise)));
        assert_eq!(filters.may_hold(&Wanted::new("mimikatz").unwrap()), [true]);
        let (_, empty) = filters_of_empty();
        assert_eq!(empty.may_hold(&Wanted::new("mimikatz").unwrap()), [false]);
    }

    fn filters_of_empty() -> (Directory, Arc<Filters>) {
        filters(&build(&batch(vec![String::new(); 10])))
    }

    #[test]
    fn a_flipped_byte_is_noticed() {
        let index = build(&batch(vec!["some text".to_owned(), "and another".to_owned()]));
        let len = Directory::len(&index).unwrap();
        let (body, directory) = index.split_at(index.len() - len);
        for at in 0..directory.len() {
            let mut flipped = directory.to_vec();
            flipped[at] ^= 4;
            let found = Directory::len(&flipped)
                .filter(|found| *found == len)
                .and_then(|_| Directory::read(&flipped));
            assert_eq!(found, None, "byte {at} of the directory");
        }
        for at in 0..body.len() {
            let mut flipped = body.to_vec();
            flipped[at] ^= 4;
            assert!(Filters::read(&flipped).is_none(), "byte {at} of the filters");
        }
    }
}
