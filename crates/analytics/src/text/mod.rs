//! Structure in text: pairs of keys and values, and the patterns that many texts share.

pub mod key_values;
pub mod patterns;
