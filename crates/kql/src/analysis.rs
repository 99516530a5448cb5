//! The way in: text and catalog to analysis.

use std::collections::HashMap;

use bartizan_base::Ticks;
use bartizan_base::time::UNIX_EPOCH_TICKS;

use crate::bound::{BoundQuery, ColumnSchema};
use crate::catalog::Catalog;
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::stack::with_deep_stack;
use crate::syntax::{Errors, codes};
use crate::{bind, syntax};

/// Longest query, in bytes. The service's own limit is two million characters.
pub const QUERY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Circumstances of an analysis.
#[derive(Clone, Debug)]
pub struct AnalyzeOptions {
    /// The moment of `now()`. The call stays in the tree; the engine fills in the same moment.
    pub now: Ticks,
    /// Columns that plugin calls turned out to have, by the number of the call
    /// ([`PluginCall::unlearned`](crate::bound::PluginCall::unlearned)). Calls are numbered as they are
    /// bound, so what is learned of a call holds only if all calls before it were learned too.
    pub learned: HashMap<u32, Learned>,
    /// The caller's values for `declare query_parameters`, by name: literals as the language writes them, or plain
    /// text for a string.
    pub parameters: HashMap<String, String>,
    /// Query parameters without a value and without a default are null, and [`BoundQuery::unset_parameters`] names
    /// them: for editors and checks, which have no values yet. Otherwise they are errors.
    pub allow_unset_parameters: bool,
}

/// What a plugin call's rows told about its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The columns that the plugin adds to those known from the text.
    pub columns: Vec<ColumnSchema>,
    /// There were no rows to learn from: a name that is not known may still be a column.
    pub open: bool,
}

impl Default for AnalyzeOptions {
    fn default() -> Self {
        Self {
            now: Ticks(UNIX_EPOCH_TICKS),
            learned: HashMap::new(),
            parameters: HashMap::new(),
            allow_unset_parameters: false,
        }
    }
}

/// What came of a query.
#[derive(Debug)]
pub struct Analysis {
    /// The bound query; `None` when any diagnostic is an error.
    pub query: Option<BoundQuery>,
    /// In the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The result may have columns that are known only when the query runs (`evaluate bag_unpack`).
    pub open: bool,
}

/// Parses and binds a query. Never panics and always ends, whatever the text is.
pub fn analyze(text: &str, catalog: &dyn Catalog, options: &AnalyzeOptions) -> Analysis {
    if text.len() > QUERY_BYTES_MAX {
        let message = format!("the query is longer than {QUERY_BYTES_MAX} bytes");
        return refused(codes::TOO_LONG, message);
    }
    let analysis = with_deep_stack(|| analyze_here(text, catalog, options));
    analysis.unwrap_or_else(|| refused(codes::INTERNAL, "the query could not be analyzed".to_owned()))
}

/// Only parses, for editors and for checks that need no tables: what is wrong with a name or a type is not
/// looked for.
pub fn syntax_diagnostics(text: &str) -> Vec<Diagnostic> {
    if text.len() > QUERY_BYTES_MAX {
        let message = format!("the query is longer than {QUERY_BYTES_MAX} bytes");
        return refused(codes::TOO_LONG, message).diagnostics;
    }
    let parsed = with_deep_stack(|| {
        let mut errors = Errors::default();
        drop(syntax::parse(text, &mut errors));
        errors.into_sorted()
    });
    parsed.unwrap_or_else(|| refused(codes::INTERNAL, "the query could not be read".to_owned()).diagnostics)
}

fn analyze_here(text: &str, catalog: &dyn Catalog, options: &AnalyzeOptions) -> Analysis {
    let mut errors = Errors::default();
    let script = syntax::parse(text, &mut errors);
    if script.statements.is_empty() && !errors.any() {
        errors.error(codes::NO_QUERY, Span::new(0, text.len()), "the query is empty");
    }
    let bound = bind::bind(&script, catalog, options, &mut errors);
    let failed = errors.any();
    let diagnostics = errors.into_sorted();
    match bound {
        Some((query, open)) if !failed => Analysis { query: Some(query), diagnostics, open },
        _ => Analysis { query: None, diagnostics, open: false },
    }
}

fn refused(code: &'static str, message: String) -> Analysis {
    let mut errors = Errors::default();
    errors.error(code, Span::default(), message);
    Analysis { query: None, diagnostics: errors.into_sorted(), open: false }
}
