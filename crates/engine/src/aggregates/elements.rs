//! Values of one group, in the order they came: all of them, or each once.

use bartizan_analytics::sketch::{hash_bytes, hash_u64};
use bartizan_schema::KqlType;
use std::borrow::Cow;

use crate::value::Value;

/// One value, apart from its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    /// Numbers, times and booleans; reals by their bits.
    Bits(i64),
    Text(&'a str),
}

impl<'a> Raw<'a> {
    fn hash(self) -> u64 {
        match self {
            Self::Bits(bits) => hash_u64(bits as u64),
            Self::Text(text) => hash_bytes(text.as_bytes()),
        }
    }

    pub(super) fn value(self, ty: KqlType) -> Value<'a> {
        match (self, ty) {
            (Self::Bits(bits), KqlType::Bool) => Value::Bool(bits != 0),
            (Self::Bits(bits), KqlType::Int) => Value::Int(bits as i32),
            (Self::Bits(bits), KqlType::Real) => Value::Real(f64::from_bits(bits as u64)),
            (Self::Bits(bits), KqlType::DateTime) => Value::DateTime(bits),
            (Self::Bits(bits), KqlType::TimeSpan) => Value::TimeSpan(bits),
            (Self::Bits(bits), _) => Value::Long(bits),
            (Self::Text(text), KqlType::Dynamic) => Value::Dynamic(Cow::Borrowed(text)),
            (Self::Text(text), KqlType::Guid) => Value::Guid(Cow::Borrowed(text)),
            (Self::Text(text), KqlType::Decimal) => Value::Decimal(Cow::Borrowed(text)),
            (Self::Text(text), _) => Value::String(Cow::Borrowed(text)),
        }
    }
}

/// Sets smaller than this are searched from end to end.
const SEARCHED_MAX: usize = 8;
const FREE: u64 = u64::MAX;

#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    /// For texts, where each ends in `text`.
    bits: Vec<i64>,
    text: String,
    /// The number of each one's row; empty while all are 0.
    rows: Vec<i64>,
    /// Of a set: [`FREE`], or half of a hash above the position in `bits` of the value that has it. Values of
    /// other hashes are told apart without being looked at, and the table grows without hashing anything again.
    slots: Vec<u64>,
}

impl Elements {
    pub(super) fn len(&self) -> usize {
        self.bits.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.bits.capacity() + self.rows.capacity()) * size_of::<i64>()
            + self.slots.capacity() * size_of::<u64>()
            + self.text.capacity()
    }

    pub(super) fn push(&mut self, value: Raw<'_>, row: i64) {
        if row != 0 && self.rows.is_empty() {
            self.rows = vec![0; self.bits.len()];
        }
        match value {
            Raw::Bits(bits) => self.bits.push(bits),
            Raw::Text(text) => {
                self.text.push_str(text);
                self.bits.push(self.text.len() as i64);
            }
        }
        if row != 0 || !self.rows.is_empty() {
            self.rows.push(row);
        }
    }

    /// Adds a value that is not there yet; whether it was. One that is keeps the lower row number.
    pub(super) fn insert(&mut self, value: Raw<'_>, row: i64) -> bool {
        let hash = if self.slots.is_empty() { 0 } else { value.hash() };
        let found = if self.slots.is_empty() {
            (0..self.len()).find(|at| self.holds(*at, value))
        } else {
            match self.slots[self.slot_of(value, hash)] {
                FREE => None,
                slot => Some(slot as u32 as usize),
            }
        };
        if let Some(at) = found {
            if let Some(old) = self.rows.get_mut(at) {
                *old = (*old).min(row);
            }
            return false;
        }
        self.push(value, row);
        let at = self.len() - 1;
        if self.slots.is_empty() {
            if self.len() > SEARCHED_MAX {
                self.slots = vec![FREE; (self.len() * 4).next_power_of_two()];
                let is_text = matches!(value, Raw::Text(_));
                for at in 0..self.len() {
                    let hash = self.get(at, is_text).hash();
                    occupy(&mut self.slots, entry(hash, at));
                }
            }
        } else {
            if self.len() * 2 > self.slots.len() {
                let wider = vec![FREE; (self.len() * 4).next_power_of_two()];
                let old = std::mem::replace(&mut self.slots, wider);
                old.into_iter().filter(|slot| *slot != FREE).for_each(|slot| occupy(&mut self.slots, slot));
            }
            occupy(&mut self.slots, entry(hash, at));
        }
        true
    }

    /// The slot that has `value`, or the free one where it belongs. At most half of the slots are taken.
    fn slot_of(&self, value: Raw<'_>, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let half = hash >> 32;
        let mut at = half as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == FREE || (slot >> 32 == half && self.holds(slot as u32 as usize, value)) {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    /// Whether the value at `at` is `value`.
    fn holds(&self, at: usize, value: Raw<'_>) -> bool {
        match value {
            Raw::Bits(bits) => self.bits[at] == bits,
            Raw::Text(text) => {
                let start = at.checked_sub(1).map_or(0, |before| self.bits[before] as usize);
                self.text.as_bytes()[start..self.bits[at] as usize] == *text.as_bytes()
            }
        }
    }

    pub(super) fn get(&self, at: usize, is_text: bool) -> Raw<'_> {
        if !is_text {
            return Raw::Bits(self.bits[at]);
        }
        let start = at.checked_sub(1).map_or(0, |before| self.bits[before] as usize);
        Raw::Text(&self.text[start..self.bits[at] as usize])
    }

    pub(super) fn row(&self, at: usize) -> i64 {
        self.rows.get(at).copied().unwrap_or(0)
    }

    /// Positions by row number; as they came, where those are equal.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        if !self.rows.is_empty() {
            order.sort_by_key(|at| self.rows[*at]);
        }
        order
    }
}

/// What a slot holds of the value at `at`. No set has 2^32 values, so none is [`FREE`].
fn entry(hash: u64, at: usize) -> u64 {
    hash >> 32 << 32 | at as u64
}

/// Puts a value that is not there into the first free slot for it.
fn occupy(slots: &mut [u64], entry: u64) {
    let mask = slots.len() - 1;
    let mut at = (entry >> 32) as usize & mask;
    while slots[at] != FREE {
        at = (at + 1) & mask;
    }
    slots[at] = entry;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_keep_each_value_once_in_order_of_rows() {
        let mut set = Elements::default();
        for round in 0..3 {
            for n in 0..100 {
                set.insert(Raw::Text(&format!("v{}", n % 37)), 1_000 * round + 200 - n);
            }
        }
        assert_eq!(set.len(), 37);
        let first = set.order()[0];
        assert_eq!((set.get(first, true), set.row(first)), (Raw::Text("v25"), 101));
        let mut numbers = Elements::default();
        let new = (0..10_000).filter(|n| numbers.insert(Raw::Bits(n % 5_000), 0)).count();
        assert_eq!(new, 5_000);
        assert_eq!((numbers.len(), numbers.get(4_999, false)), (5_000, Raw::Bits(4_999)));
    }
}
