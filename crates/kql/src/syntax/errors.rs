//! Collects diagnostics, at most [`DIAGNOSTICS_MAX`] of them.

use crate::diagnostic::{Diagnostic, Severity};
use crate::span::Span;
use crate::syntax::codes;

/// More findings than this are not useful to anyone, and hostile text must not grow the answer.
pub(crate) const DIAGNOSTICS_MAX: usize = 50;

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
        let first = self.found.iter().skip(mark.0).find(|finding| finding.severity == Severity::Error);
        self.errors > mark.1 && first.is_none_or(unknown)
    }

    /// See [`Errors::rewind`].
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.found.len(), self.errors)
    }
}
