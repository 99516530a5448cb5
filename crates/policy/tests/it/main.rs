//! The engine through its data: `tests/data` holds a policy, an expression or a condition beside what comes out.
//! `UPDATE_GOLDEN=1` writes what comes out; look at the difference by eye.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod conditions;
mod definitions;
mod expressions;
mod golden;
mod policies;
mod published;
mod scale;
