//! Different values of one column, each kept once and known by a number. Sets of many groups share one, so
//! that a set is a list of small numbers and a text that is in a thousand sets is stored once.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, StringViewArray, make_view};
use arrow::buffer::{Buffer, ScalarBuffer};
use datafusion::common::hash_utils::QualityRandomState;
use datafusion::common::{DataFusionError, Result};

use super::table::Table;

/// Texts up to this length are inside their views (Arrow's `Utf8View`).
const INLINE_BYTES_MAX: usize = 12;
/// The first block of longer texts; each next one is twice as large, up to [`BLOCK_BYTES_MAX`].
const BLOCK_BYTES_MIN: usize = 4 << 10;
const BLOCK_BYTES_MAX: usize = 2 << 20;

/// Hashes with a seed of this process, so that nobody can send values that all collide.
static HASHES: LazyLock<QualityRandomState> =
    LazyLock::new(|| QualityRandomState::with_seed(RandomState::new().hash_one(0)));

#[derive(Debug)]
pub(super) struct Interner {
    hashes: QualityRandomState,
    table: Table,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// Numbers, times and booleans by their bits.
    Bits(Vec<i64>),
    Texts(Texts),
}

/// Texts as Arrow has them: short ones in their views, longer ones in blocks that views point into.
#[derive(Debug, Default)]
struct Texts {
    views: Vec<u128>,
    full: Vec<Buffer>,
    /// The block that is being filled, which never grows beyond its capacity.
    block: Vec<u8>,
    block_bytes: usize,
    /// All of them as an array, while there are no others since.
    array: Option<StringViewArray>,
}

impl Interner {
    pub(super) fn new(of_texts: bool) -> Self {
        let values = if of_texts { Values::Texts(Texts::default()) } else { Values::Bits(Vec::new()) };
        Self { hashes: HASHES.clone(), table: Table::default(), values }
    }

    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Bits(bits) => bits.len(),
            Values::Texts(texts) => texts.views.len(),
        }
    }

    /// Memory held.
    pub(super) fn heap_bytes(&self) -> usize {
        self.table.heap_bytes()
            + match &self.values {
                Values::Bits(bits) => bits.capacity() * size_of::<i64>(),
                Values::Texts(texts) => texts.heap_bytes(),
            }
    }

    /// The number of a value of a column without texts.
    #[inline]
    pub(super) fn bits(&mut self, value: i64) -> u32 {
        let Values::Bits(bits) = &mut self.values else { return 0 };
        let tag = tag(self.hashes.hash_one(value));
        match self.table.find(tag, |at| bits[at as usize] == value) {
            Ok(at) => at,
            Err(slot) => {
                bits.push(value);
                self.table.put(slot, tag, (bits.len() - 1) as u32)
            }
        }
    }

    /// The number of a text that is in an array: its view, and how to read it when the view does not hold all
    /// of it.
    #[inline]
    pub(super) fn view<'a>(&mut self, view: u128, read: impl FnOnce() -> &'a [u8]) -> u32 {
        let Values::Texts(texts) = &mut self.values else { return 0 };
        if view as u32 as usize > INLINE_BYTES_MAX {
            return self.long(read());
        }
        let tag = tag(self.hashes.hash_one(view));
        match self.table.find(tag, |at| texts.views[at as usize] == view) {
            Ok(at) => at,
            Err(slot) => {
                let at = texts.push(view);
                self.table.put(slot, tag, at)
            }
        }
    }

    /// The number of a text.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        match text.len() {
            0..=INLINE_BYTES_MAX => self.view(make_view(text.as_bytes(), 0, 0), || &[]),
            _ => self.long(text.as_bytes()),
        }
    }

    fn long(&mut self, text: &[u8]) -> u32 {
        let Values::Texts(texts) = &mut self.values else { return 0 };
        let tag = tag(self.hashes.hash_one(text));
        match self.table.find(tag, |at| texts.is_long(texts.views[at as usize], text)) {
            Ok(at) => at,
            Err(slot) => {
                let view = texts.store(text);
                let at = texts.push(view);
                self.table.put(slot, tag, at)
            }
        }
    }

    /// All values in order of their numbers.
    pub(super) fn array(&mut self) -> Result<ArrayRef> {
        Ok(match &mut self.values {
            Values::Bits(bits) => Arc::new(Int64Array::from(bits.clone())),
            Values::Texts(texts) => Arc::new(texts.array()?),
        })
    }
}

/// The part of a hash that is kept beside a value's number.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Texts {
    fn heap_bytes(&self) -> usize {
        let views = self.views.capacity() * size_of::<u128>();
        let blocks = self.full.iter().map(Buffer::capacity).sum::<usize>() + self.block.capacity();
        views * if self.array.is_some() { 2 } else { 1 } + blocks
    }

    fn push(&mut self, view: u128) -> u32 {
        self.array = None;
        self.views.push(view);
        (self.views.len() - 1) as u32
    }

    /// Whether the text behind a view is `text`, which is too long to be in one.
    fn is_long(&self, view: u128, text: &[u8]) -> bool {
        // the length, and the first four bytes
        let prefix = u32::from_le_bytes([text[0], text[1], text[2], text[3]]);
        if view as u64 != u64::from(prefix) << 32 | text.len() as u64 {
            return false;
        }
        let (block, from) = ((view >> 64) as u32 as usize, (view >> 96) as usize);
        let block = self.full.get(block).map_or(self.block.as_slice(), Buffer::as_slice);
        block[from..from + text.len()] == *text
    }

    fn store(&mut self, text: &[u8]) -> u128 {
        if self.block.capacity() - self.block.len() < text.len() {
            self.close_block();
            self.block_bytes = (self.block_bytes * 2).clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX);
            self.block = Vec::with_capacity(self.block_bytes.max(text.len()));
        }
        let from = self.block.len();
        self.block.extend_from_slice(text);
        make_view(text, self.full.len() as u32, from as u32)
    }

    fn close_block(&mut self) {
        if !self.block.is_empty() {
            self.full.push(Buffer::from_vec(std::mem::take(&mut self.block)));
        }
    }

    fn array(&mut self) -> Result<StringViewArray> {
        if self.array.is_none() {
            self.close_block();
            let views = ScalarBuffer::from(self.views.clone());
            let array = StringViewArray::try_new(views, self.full.clone(), None);
            self.array = Some(array.map_err(DataFusionError::from)?);
        }
        self.array.clone().ok_or_else(|| DataFusionError::Internal("texts of a set".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;

    use super::*;

    #[test]
    fn each_text_has_one_number_and_is_kept_as_it_is() {
        let mut values = Interner::new(true);
        let text = |n: usize| "x".repeat(n % 40) + &"é".repeat(n % 3) + &n.to_string();
        for round in 0..2 {
            for n in 0..5_000 {
                assert_eq!(values.text(&text(n)), n as u32, "round {round}");
            }
            // a block that was handed out is not written to again
            assert_eq!(values.array().unwrap().len(), 5_000);
        }
        let more = "y".repeat(BLOCK_BYTES_MAX + 1);
        assert_eq!((values.text(""), values.text(&more), values.text("")), (5_000, 5_001, 5_000));
        let array = values.array().unwrap();
        let texts = array.as_string_view();
        assert!((0..5_000).all(|n| texts.value(n) == text(n)));
        assert_eq!((texts.value(5_000), texts.value(5_001)), ("", more.as_str()));
        // as they come from another array
        let others = StringViewArray::from_iter_values((0..5_000).rev().map(text));
        for at in 0..5_000 {
            let found = values.view(others.views()[at], || others.value(at).as_bytes());
            assert_eq!(found as usize, 4_999 - at);
        }
        assert_eq!(values.len(), 5_002);
    }

    #[test]
    fn each_number_has_one_number() {
        let mut values = Interner::new(false);
        for _ in 0..2 {
            assert!((0..5_000).all(|n| values.bits(n << 40) == n as u32));
        }
        assert_eq!(values.len(), 5_000);
        assert!(values.heap_bytes() < 200_000);
    }
}
