//! The crate's tests: text in, columns and diagnostics out.

mod catalog;
mod corpus;
mod declarations;
mod documented;
mod golden;
mod hostile;
mod naming;
