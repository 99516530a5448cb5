//! Frequent and telling combinations of values.
