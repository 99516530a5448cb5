//! The shipped prerequisites over machines of many kinds, as data: `machines/*.json` beside `*.txt`.

#![expect(clippy::unwrap_used, reason = "clippy spares only functions marked as tests, not what they call")]

mod machines;
mod rules;
