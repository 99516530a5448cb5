//! Ways in for the fuzz targets in `fuzz/`: the parsers of what the kernel wrote, for any input.

use crate::{audit_record, record};

/// A record of the ring buffer.
pub fn record(bytes: &[u8]) {
    drop(record::parse(bytes));
}

/// The stamp of an audit record.
pub fn audit(text: &str) {
    audit_record::stamp(text);
}
