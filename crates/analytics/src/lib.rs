//! The algorithms behind KQL's analytical functions, on plain Rust values: time series, sketches, patterns,
//! geography, graphs.
//!
//! Nothing here knows KQL's values, Arrow or DataFusion, so that each algorithm compiles and is tested in
//! seconds. The engine reads its columns, calls these functions and writes their results.

#![forbid(unsafe_code)]

pub mod activity;
pub mod geo;
pub mod graph;
pub mod pattern;
pub mod prefix;
pub mod series;
pub mod sketch;
pub mod special;
pub mod text;
pub mod units;
