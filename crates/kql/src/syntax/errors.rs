//! Collects diagnostics, at most [`DIAGNOSTICS_MAX`] of them.

use crate::diagnostic::{Diagnostic, Severity};
use crate::span::Span;

/// More findings than this are not useful to anyone, and hostile text must not grow the answer.
pub(crate) const DIAGNOSTICS_MAX: usize = 50;

/// Stable codes. A number is never reused for another meaning.
pub(crate) mod codes {
    pub(crate) const TOO_LONG: &str = "K0001";
    pub(crate) const TOO_DEEP: &str = "K0002";
    pub(crate) const TOO_LARGE: &str = "K0003";
    pub(crate) const INTERNAL: &str = "K0004";
    pub(crate) const UNKNOWN_CHARACTER: &str = "K0010";
    pub(crate) const UNCLOSED: &str = "K0011";
    pub(crate) const BAD_LITERAL: &str = "K0012";
    pub(crate) const EXPECTED: &str = "K0020";
    pub(crate) const UNEXPECTED: &str = "K0021";
    pub(crate) const NO_QUERY: &str = "K0131";
    pub(crate) const UNKNOWN_OPERATOR: &str = "K0023";
    pub(crate) const UNKNOWN_PARAMETER: &str = "K0024";
    pub(crate) const UNKNOWN_TABLE: &str = "K0100";
    pub(crate) const UNKNOWN_COLUMN: &str = "K0101";
    pub(crate) const UNKNOWN_FUNCTION: &str = "K0102";
    pub(crate) const NOT_SCALAR: &str = "K0104";
    pub(crate) const NOT_TABULAR: &str = "K0105";
    pub(crate) const DUPLICATE_COLUMN: &str = "K0106";
    pub(crate) const ARGUMENT_COUNT: &str = "K0110";
    pub(crate) const ARGUMENT_TYPE: &str = "K0111";
    pub(crate) const NOT_BOOL: &str = "K0112";
    pub(crate) const DYNAMIC_KEY: &str = "K0113";
    pub(crate) const OPERAND_TYPES: &str = "K0114";
    pub(crate) const AGGREGATE_PLACE: &str = "K0115";
    pub(crate) const NOT_CONSTANT: &str = "K0116";
    pub(crate) const UNKNOWN_TYPE: &str = "K0117";
    pub(crate) const JOIN_KEY: &str = "K0120";
    pub(crate) const JOIN_KIND: &str = "K0121";
    pub(crate) const RECURSION: &str = "K0130";
    pub(crate) const UNSUPPORTED: &str = "K0200";
}

/// Diagnostics found so far.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    found: Vec<Diagnostic>,
    errors: usize,
    /// The saved function whose body is being bound, and the call that is written in the query.
    saved: Option<(String, Span)>,
}

impl Errors {
    /// Adds an error.
    pub(crate) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.push(code, Severity::Error, span, message.into(), None);
    }

    /// Adds an error with a way out of it.
    pub(crate) fn error_with_hint(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.push(code, Severity::Error, span, message.into(), hint);
    }

    /// Adds a warning.
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.push(code, Severity::Warning, span, message.into(), hint);
    }

    fn push(
        &mut self,
        code: &'static str,
        severity: Severity,
        span: Span,
        message: String,
        hint: Option<String>,
    ) {
        let (severity, span, message) = match &self.saved {
            // the query's author cannot mend a saved function: its mistakes are warnings here, and what it
            // names in vain is null, as in the reference
            Some((name, call)) if code >= codes::UNKNOWN_TABLE && code != codes::RECURSION => {
                (Severity::Warning, *call, format!("in the saved function `{name}`: {message}"))
            }
            Some((_, call)) => (severity, *call, message),
            None => (severity, span, message),
        };
        self.errors += usize::from(severity == Severity::Error);
        let finding = Diagnostic { code, severity, span, message, hint };
        // the same text bound twice (a function used twice) is reported once
        if self.found.len() < DIAGNOSTICS_MAX && !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    /// Starts or ends the body of a saved function; gives what was there before.
    pub(crate) fn inside_saved(&mut self, function: Option<(String, Span)>) -> Option<(String, Span)> {
        std::mem::replace(&mut self.saved, function)
    }

    /// The saved function around, if any.
    pub(crate) fn saved(&self) -> Option<(String, Span)> {
        self.saved.clone()
    }

    /// How many errors there were, also those not kept.
    pub(crate) fn error_count(&self) -> usize {
        self.errors
    }

    /// Whether the query cannot run.
    pub(crate) fn any(&self) -> bool {
        self.errors > 0
    }

    /// Everything found, in the order of the text.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|finding| (finding.span.start, finding.span.end));
        self.found
    }

    /// Forgets what was found after a mark taken with [`Errors::mark`]: a fuzzy union tries a leg first.
    pub(crate) fn rewind(&mut self, mark: (usize, usize)) {
        self.found.truncate(mark.0);
        self.errors = mark.1;
    }

    /// Whether the first finding after `mark` is a table or function that does not exist.
    pub(crate) fn found_unknown_since(&self, mark: (usize, usize)) -> bool {
        let unknown =
            |finding: &Diagnostic| matches!(finding.code, codes::UNKNOWN_TABLE | codes::UNKNOWN_FUNCTION);
        self.errors > mark.1 && self.found.get(mark.0).is_none_or(unknown)
    }

    /// See [`Errors::rewind`].
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.found.len(), self.errors)
    }
}
