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
const FREE: u32 = u32::MAX;

#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    /// For texts, where each ends in `text`.
    bits: Vec<i64>,
    text: String,
    /// The number of each one's row; empty while all are 0.
    rows: Vec<i64>,
    /// Of a set: positions in `bits` by hash, or [`FREE`].
    slots: Vec<u32>,
}

impl Elements {
    pub(super) fn len(&self) -> usize {
        self.bits.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.bits.capacity() + self.rows.capacity()) * size_of::<i64>()
            + self.slots.capacity() * size_of::<u32>()
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

    /// Adds a value that is not there yet. One that is keeps the lower row number.
    pub(super) fn insert(&mut self, value: Raw<'_>, row: i64) {
        let is_text = matches!(value, Raw::Text(_));
        let found = if self.slots.is_empty() {
            (0..self.len()).find(|at| self.get(*at, is_text) == value)
        } else {
            let at = self.slots[self.slot_of(value, value.hash())];
            (at != FREE).then_some(at as usize)
        };
        if let Some(at) = found {
            if let Some(old) = self.rows.get_mut(at) {
                *old = (*old).min(row);
            }
            return;
        }
        self.push(value, row);
        if self.slots.is_empty() && self.len() <= SEARCHED_MAX {
            return;
        }
        if self.len() * 2 > self.slots.len() {
            self.slots = vec![FREE; (self.len() * 4).next_power_of_two()];
            for at in 0..self.len() {
                self.occupy(at, is_text);
            }
        } else {
            self.occupy(self.len() - 1, is_text);
        }
    }

    fn occupy(&mut self, at: usize, is_text: bool) {
        let value = self.get(at, is_text);
        let slot = self.slot_of(value, value.hash());
        self.slots[slot] = at as u32;
    }

    /// The slot that has `value`, or the free one where it belongs. At most half of the slots are taken.
    fn slot_of(&self, value: Raw<'_>, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let is_text = matches!(value, Raw::Text(_));
        let mut slot = hash as usize & mask;
        while self.slots[slot] != FREE && self.get(self.slots[slot] as usize, is_text) != value {
            slot = (slot + 1) & mask;
        }
        slot
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
        (0..10_000).for_each(|n| numbers.insert(Raw::Bits(n % 5_000), 0));
        assert_eq!((numbers.len(), numbers.get(4_999, false)), (5_000, Raw::Bits(4_999)));
    }
}
