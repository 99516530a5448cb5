//! Placeholder while families are added.

use super::kernel::Entry;

pub(super) const FUNCTIONS: &[Entry] = &[];
