//! Placeholder while families are added.

use super::super::kernel::Entry;

pub(crate) const FUNCTIONS: &[Entry] = &[];
