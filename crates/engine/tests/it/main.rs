//! The engine over a real store, tested through data.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, helpers of tests too")]

mod cancel;
mod coverage;
mod external;
mod golden;
mod hostile;
mod hot_paths;
mod matrix;
mod pruned;
mod registry;
mod sharing;
mod storage;
mod support;
mod text_index;
mod value_sizes;
mod wide;
