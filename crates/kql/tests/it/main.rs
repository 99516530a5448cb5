//! The crate's tests: text in, columns and diagnostics out.

mod catalog;
mod corpus;
mod naming;
