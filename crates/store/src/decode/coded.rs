//! A column of texts on its way into a file: each different text once, and for each row which one it is. A column whose
//! texts hardly repeat is given up on, and keeps its texts as they come.
//!
//! Texts lie as Parquet's plain encoding has them, a length and the bytes, so that what is built here is what is
//! written: a text is copied once on its way from a body into a file.

/// Different texts of one column, at most.
const TEXTS_MAX: usize = 4096;
/// What they may take.
const BYTES_MAX: usize = 256 << 10;
/// From this many on, a column with as many different texts as half of its rows is given up on.
const TEXTS_ENOUGH: usize = 512;
/// Places where texts are looked for at first. They are at least four times as many as texts, so that most texts lie
/// where they are looked for first, and not many more, so that those of all columns lie in the processor's caches.
const SLOTS_MIN: usize = 64;
const EMPTY: u16 = u16::MAX;
/// Places that one text may be looked for in: texts chosen to share their first place end in a plain column.
const LOOKS_MAX: usize = 32;
/// Bytes of a text's begin, and of its end, that say where it is looked for.
const HASHED_BYTES: usize = 32;
/// Texts of about this size are one page.
const PAGE_BYTES: usize = 1 << 20;

/// The texts of one column.
#[derive(Debug, Default)]
pub(crate) struct CodedTexts {
    /// Different texts, in plain encoding.
    pub(crate) texts: Vec<u8>,
    /// Where each of them starts.
    starts: Vec<u32>,
    /// Which one each of the first rows has.
    pub(crate) codes: Vec<u16>,
    /// The texts of the rows after those.
    pub(crate) pages: Vec<PlainPage>,
    /// Numbers of texts, by their hash; none before the first text.
    slots: Vec<u16>,
    /// What the row before has: many columns have long runs of one text.
    last: u16,
    is_given_up: bool,
    rows: usize,
}

/// Texts of some rows, one after the other.
#[derive(Debug, Default)]
pub(crate) struct PlainPage {
    pub(crate) rows: usize,
    pub(crate) bytes: Vec<u8>,
}

impl CodedTexts {
    /// The same text in all rows.
    pub(crate) fn constant(text: &str, rows: usize) -> Self {
        let mut texts = Vec::new();
        put_plain(&mut texts, text);
        Self { texts, starts: vec![0], codes: vec![0; rows], rows, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// How many different texts there are.
    pub(crate) fn different(&self) -> usize {
        self.starts.len()
    }

    /// For about so many rows.
    pub(crate) fn with_rows(rows: usize) -> Self {
        Self { codes: Vec::with_capacity(rows), ..Self::default() }
    }

    /// Adds a row.
    #[inline]
    pub(crate) fn push(&mut self, text: &str) {
        self.rows += 1;
        if !self.is_given_up {
            if let Some(code) = self.code_of(text) {
                self.codes.push(code);
                return;
            }
            self.is_given_up = true;
            self.slots = Vec::new();
        }
        self.push_plain(text);
    }

    fn push_plain(&mut self, text: &str) {
        let is_full = |page: &PlainPage| page.bytes.len() + text.len() > PAGE_BYTES;
        if self.pages.last().is_none_or(is_full) {
            // as if the other rows that are expected had a text like this: memory that grows is copied, and new
            // memory comes emptied
            let expected = self.codes.capacity().saturating_sub(self.rows) + 1;
            let bytes = Vec::with_capacity(PAGE_BYTES.min(expected.saturating_mul(text.len() + 4)));
            self.pages.push(PlainPage { rows: 0, bytes });
        }
        if let Some(page) = self.pages.last_mut() {
            page.rows += 1;
            put_plain(&mut page.bytes, text);
        }
    }

    /// The number of a text; `None` when there are too many.
    #[inline]
    fn code_of(&mut self, text: &str) -> Option<u16> {
        if self.is(self.last, text) {
            return Some(self.last);
        }
        if self.starts.len() * 4 >= self.slots.len() {
            self.make_room();
        }
        let first = hash(text.as_bytes());
        for look in 0..LOOKS_MAX {
            let slot = (first + look) & (self.slots.len() - 1);
            let code = self.slots[slot];
            if code == EMPTY {
                return self.add(text, slot);
            }
            if self.is(code, text) {
                self.last = code;
                return Some(code);
            }
        }
        None
    }

    /// Whether a number is that of a text.
    #[inline]
    fn is(&self, code: u16, text: &str) -> bool {
        let Some(start) = self.starts.get(usize::from(code)) else { return false };
        let known = self.texts.get(*start as usize..).and_then(<[u8]>::split_first_chunk::<4>);
        known.is_some_and(|(length, rest)| {
            u32::from_le_bytes(*length) as usize == text.len() && rest.starts_with(text.as_bytes())
        })
    }

    /// Doubles the places where texts are looked for.
    fn make_room(&mut self) {
        let places = (2 * self.slots.len()).max(SLOTS_MIN);
        self.slots = vec![EMPTY; places];
        for (code, start) in self.starts.iter().enumerate() {
            let known = self.texts.get(*start as usize..).and_then(<[u8]>::split_first_chunk::<4>);
            let Some((length, rest)) = known else { continue };
            let mut slot = hash(&rest[..u32::from_le_bytes(*length) as usize]);
            // A fourth of the places is taken at the most, so that one is free.
            while self.slots[slot & (places - 1)] != EMPTY {
                slot += 1;
            }
            self.slots[slot & (places - 1)] = code as u16;
        }
    }

    fn add(&mut self, text: &str, slot: usize) -> Option<u16> {
        let count = self.starts.len();
        let hardly_repeats = count >= TEXTS_ENOUGH && count * 2 > self.codes.len();
        if hardly_repeats || count >= TEXTS_MAX || self.texts.len() + text.len() > BYTES_MAX {
            return None;
        }
        self.starts.push(self.texts.len() as u32);
        put_plain(&mut self.texts, text);
        self.slots[slot] = count as u16;
        self.last = count as u16;
        Some(count as u16)
    }
}

fn put_plain(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Looks at all of a text, or at both ends of a long one: those that it does not tell apart are compared.
#[inline]
fn hash(text: &[u8]) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (begin, end) = match text.len().checked_sub(2 * HASHED_BYTES) {
        None => (text, &[][..]),
        Some(between) => (&text[..HASHED_BYTES], &text[HASHED_BYTES + between..]),
    };
    let mut sum = text.len() as u64;
    let mut add = |word: u64| sum = (sum.rotate_left(23) ^ word).wrapping_mul(ODD);
    for part in [begin, end] {
        let (words, rest) = part.as_chunks::<8>();
        words.iter().for_each(|word| add(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            add(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }
    (sum ^ sum >> 29).wrapping_mul(ODD) as usize >> 40
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts again, as a reader puts them together.
    fn texts_of(coded: &CodedTexts) -> Vec<String> {
        let different = plain(&coded.texts);
        let mut texts: Vec<String> =
            coded.codes.iter().map(|code| different[usize::from(*code)].clone()).collect();
        for page in &coded.pages {
            let more = plain(&page.bytes);
            assert_eq!(more.len(), page.rows);
            texts.extend(more);
        }
        texts
    }

    fn plain(mut bytes: &[u8]) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
            let (text, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
            texts.push(std::str::from_utf8(text).unwrap().to_owned());
            bytes = rest;
        }
        texts
    }

    fn coded(texts: &[String]) -> CodedTexts {
        let mut coded = CodedTexts::default();
        texts.iter().for_each(|text| coded.push(text));
        coded
    }

    #[test]
    fn texts_come_back_whether_they_repeat_or_not() {
        let few: Vec<String> = (0..9000).map(|n| "x".repeat(n % 70)).collect();
        let many: Vec<String> = (0..9000).map(|n| format!("{n:020}")).collect();
        let alike: Vec<String> =
            (0..9000).map(|n| format!("C:\\Windows\\{:03}\\System32", n % 300)).collect();
        let late: Vec<String> = (0..40_000).map(|n: usize| n.saturating_sub(20_000).to_string()).collect();
        let large: Vec<String> = (0..40).map(|n| n.to_string().repeat(100 << 10)).collect();
        for (sent, different) in [(&few, 70), (&many, 512), (&alike, 300), (&late, TEXTS_MAX), (&large, 2)] {
            let coded = coded(sent);
            assert_eq!(&texts_of(&coded), sent);
            assert_eq!((coded.len(), coded.different()), (sent.len(), different));
        }
        assert!(coded(&large).pages.len() > 5, "a page has a bounded size");
    }

    #[test]
    fn one_text_in_all_rows() {
        let constant = CodedTexts::constant("true", 5);
        assert_eq!((texts_of(&constant), constant.len()), (vec!["true".to_owned(); 5], 5));
    }

    #[test]
    fn texts_that_look_alike_are_told_apart() {
        let texts: Vec<String> =
            (0..1000).map(|n| format!("same begin {n:04} and middle, same end")).collect();
        let mut slots: Vec<usize> =
            texts.iter().map(|text| hash(text.as_bytes()) & (4 * TEXTS_MAX - 1)).collect();
        slots.sort_unstable();
        slots.dedup();
        assert!(slots.len() > 900, "{} places for a thousand texts", slots.len());
        // the middle of a long text says nothing, and looking for a place ends
        let long: Vec<String> = (0..1000).map(|n| format!("{:>100}{n}{:>100}", "begin", "end")).collect();
        assert_eq!(texts_of(&coded(&long)), long);
    }
}
