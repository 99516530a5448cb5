//! No code: a selection that keeps Cargo from building third-party crates twice.
//!
//! Cargo unites the features of the packages that a command selects, so `cargo test -p bartizan-store` alone
//! would build Arrow with fewer features than `cargo test --workspace` does, and keep both. Adding
//! `-p features` to a command gives the workspace's features: `cargo test -p bartizan-store -p features`.
