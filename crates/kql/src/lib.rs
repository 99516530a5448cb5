//! The Kusto Query Language front end: text in, diagnostics and a bound tree out. No I/O, no async, no engine.

#![forbid(unsafe_code)]

pub mod bound;
pub mod catalog;
pub mod diagnostic;
pub mod span;

pub use bound::BoundQuery;
pub use catalog::{Catalog, FunctionSymbol, TableSymbol};
pub use diagnostic::{Diagnostic, Severity};
pub use span::Span;
