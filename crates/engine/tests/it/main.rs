//! The engine over a real store, tested through data.

mod documented;
mod golden;
mod storage;
mod support;
