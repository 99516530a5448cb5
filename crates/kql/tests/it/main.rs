//! The crate's tests: text in, columns and diagnostics out.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise and says what it measured"
)]

mod catalog;
mod declarations;
mod editor;
mod format;
mod golden;
mod hostile;
mod lossless;
mod reference;
