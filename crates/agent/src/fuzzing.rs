//! Ways in for the fuzz targets in `fuzz/`: the parsers of what other programs wrote, for any input.

use crate::connectivity;
use crate::inventory::{dpkg, rpm_header};

/// dpkg's status file.
pub fn dpkg(text: &str) {
    drop(dpkg::parse_status(text));
}

/// A header of rpm's database.
pub fn rpm_header(bytes: &[u8]) {
    drop(rpm_header::parse(bytes));
}

/// The head of an HTTP answer, from whatever is at the other end.
pub fn http_answer(bytes: &[u8]) {
    if let Some(answer) = connectivity::parse_answer(bytes) {
        assert!(answer.status < 1000, "a status has three digits");
    }
}
