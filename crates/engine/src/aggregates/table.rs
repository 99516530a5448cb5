//! An open hash table of tags and positions. What the positions mean, its user knows and compares.

/// A free slot. No table has 2^32 entries, so no entry looks like it.
const FREE: u64 = u64::MAX;
const SLOTS_MIN: usize = 16;

/// At most half of the slots are taken. A slot holds a tag (part of the value's hash, or all of the value when
/// it has 32 bits) above a position: entries of other tags are told apart without being looked at, and the
/// table grows without hashing anything again.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    slots: Vec<u64>,
    len: usize,
}

impl Table {
    pub(super) fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }

    /// Whether the next entry needs a larger table.
    pub(super) fn is_full(&self) -> bool {
        (self.len + 1) * 2 > self.slots.len()
    }

    /// The position of the entry with `tag` that is the right one, or the free slot where it belongs.
    #[inline]
    pub(super) fn find(&self, tag: u32, is_right: impl Fn(u32) -> bool) -> Result<u32, usize> {
        // not reached with an empty table but at its first entry
        let Some(mask) = self.slots.len().checked_sub(1) else { return Err(0) };
        let mut at = home(tag) & mask;
        loop {
            let slot = self.slots[at];
            if slot == FREE {
                return Err(at);
            }
            if (slot >> 32) as u32 == tag && is_right(slot as u32) {
                return Ok(slot as u32);
            }
            at = (at + 1) & mask;
        }
    }

    /// Puts an entry into the slot that [`Self::find`] gave for it; its position.
    #[inline]
    pub(super) fn put(&mut self, slot: usize, tag: u32, position: u32) -> u32 {
        let entry = u64::from(tag) << 32 | u64::from(position);
        if self.is_full() {
            self.grow();
            self.place(entry);
        } else {
            self.slots[slot] = entry;
        }
        self.len += 1;
        position
    }

    fn grow(&mut self) {
        let wider = vec![FREE; (self.slots.len() * 2).max(SLOTS_MIN)];
        let old = std::mem::replace(&mut self.slots, wider);
        old.into_iter().filter(|slot| *slot != FREE).for_each(|entry| self.place(entry));
    }

    /// Puts an entry into the first free slot for it.
    fn place(&mut self, entry: u64) {
        let mask = self.slots.len() - 1;
        let mut at = home((entry >> 32) as u32) & mask;
        while self.slots[at] != FREE {
            at = (at + 1) & mask;
        }
        self.slots[at] = entry;
    }
}

/// Where the search for a tag starts: tags may be small numbers in a row (Fibonacci hashing).
fn home(tag: u32) -> usize {
    (u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_however_many_share_a_tag() {
        let mut table = Table::default();
        for n in 0..1_000_u32 {
            let slot = table.find(n % 100, |at| at == n).unwrap_err();
            assert_eq!(table.put(slot, n % 100, n), n);
        }
        for n in 0..1_000 {
            assert_eq!(table.find(n % 100, |at| at == n), Ok(n));
        }
        assert!(table.find(7, |_| false).is_err());
        assert_eq!(table.heap_bytes(), 2048 * 8);
    }
}
