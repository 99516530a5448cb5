//! The Kusto Query Language front end: text in, diagnostics and a bound tree out. No I/O, no async, no engine.
//!
//! [`analyze`] is the way in. It reads the text with `syntax`, resolves names against a [`Catalog`] with
//! `bind`, and gives the tree of [`bound`] that an engine runs. [`functions`] declares the language's
//! functions and aggregates, whether or not an engine can run them.

#![forbid(unsafe_code)]

pub mod analysis;
mod bind;
pub mod bound;
pub mod catalog;
pub mod diagnostic;
pub mod editor;
mod format;
pub mod functions;
pub mod fuzzing;
mod nearest;
pub mod operators;
pub mod reference;
mod sequence;
pub mod span;
mod stack;
pub mod syntax;
pub mod visit;

pub use analysis::{Analysis, AnalyzeOptions, Learned, analyze};
pub use bind::{matches_wildcard, system_type};
pub use bound::BoundQuery;
pub use catalog::{Catalog, FunctionSymbol, TableSymbol, Watchlist};
pub use diagnostic::{Diagnostic, Severity};
pub use editor::{call_help, classify, complete, hover};
pub use format::format;
pub use span::Span;
