//! Why a source could not be asked.

use std::error::Error;

use thiserror::Error;

/// A failed run, in words for whoever looks after the connector. Carries no credential.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{connector} connector, `{endpoint}`: {what}; {way_out}")]
pub struct DiscoverError {
    /// The kind of connection: `aws`, `vmware` …
    pub connector: &'static str,
    /// Who was asked: an address, a file, a network.
    pub endpoint: String,
    pub what: String,
    /// What the operator can do about it.
    pub way_out: String,
}

/// Longest text taken over from an answer.
const TEXT_MAX: usize = 300;

/// A text of somebody else's, short and on one line.
pub(crate) fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let mut out: String = line.chars().take(TEXT_MAX).collect();
    if out.len() < line.len() {
        out.push('…');
    }
    out
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
