//! Ways in for the fuzz targets, here and in `fuzz/`: what must hold of the front end for any text. Each panics
//! when it does not.

use std::sync::LazyLock;

use bartizan_schema::{Column, TableRegistry};

use crate::analysis::{AnalyzeOptions, analyze, syntax_diagnostics};
use crate::bound::ColumnSchema;
use crate::catalog::{Catalog, FunctionSymbol, TableSymbol};
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::{codes, source_tokens};
use crate::{call_help, classify, complete, format, hover};

/// The shipped tables.
struct Shipped(TableRegistry);

static CATALOG: LazyLock<Shipped> =
    LazyLock::new(|| Shipped(TableRegistry::shipped().expect("the shipped tables are read by tests")));

impl Catalog for Shipped {
    fn table(&self, name: &str) -> Option<TableSymbol> {
        let table = self.0.get(name)?;
        let column = |column: &Column| ColumnSchema { name: column.name.clone(), ty: column.ty };
        Some(TableSymbol { name: table.name.clone(), columns: table.columns.iter().map(column).collect() })
    }

    fn function(&self, _name: &str) -> Option<FunctionSymbol> {
        None
    }

    fn table_names(&self) -> Vec<String> {
        self.0.iter().map(|table| table.name.clone()).collect()
    }
}

/// The token stream holds every byte of the text.
pub fn lexer(text: &str) {
    let mut at = 0;
    for token in source_tokens(text) {
        assert!(token.span.start == at && token.span.end > at, "tokens leave a gap at {at}");
        at = token.span.end;
    }
    assert_eq!(at, text.len(), "tokens end before the text");
}

/// The parser reads any text, and every finding points into it.
pub fn parser(text: &str) {
    check_findings(text, &syntax_diagnostics(text));
}

/// The binder gives a tree or an error for any text, and every finding points into it.
pub fn binder(text: &str) {
    let analysis = analyze(text, &*CATALOG, &AnalyzeOptions::default());
    check_findings(text, &analysis.diagnostics);
    assert!(analysis.query.is_some() || !analysis.diagnostics.is_empty(), "refused without a reason");
}

/// Formatting twice is formatting once, and what has been formatted has no syntax errors.
pub fn formatter(text: &str) {
    match format(text) {
        Ok(formatted) => assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "formatted twice"),
        Err(findings) => check_findings(text, &findings),
    }
}

/// Completion, hover, the forms of a call and colours work on any text at any place.
pub fn editor(text: &str, offset: usize) {
    for completion in complete(text, offset, &*CATALOG) {
        let span = completion.span;
        assert!(text.get(span.start..span.end).is_some(), "a completion replaces no text");
    }
    let _hover = hover(text, offset, &*CATALOG);
    if let Some(help) = call_help(text, offset, &*CATALOG) {
        for form in &help.forms {
            let inside = |span: &Span| form.label.get(span.start..span.end).is_some();
            assert!(form.parameters.iter().all(inside), "a parameter lies outside its form");
        }
    }
    for piece in classify(text, &*CATALOG) {
        assert!(text.get(piece.span.start..piece.span.end).is_some(), "a colour lies outside the text");
    }
}

fn check_findings(text: &str, findings: &[Diagnostic]) {
    for finding in findings {
        assert_ne!(finding.code, codes::INTERNAL, "the front end panicked");
        let span = finding.span;
        assert!(text.get(span.start..span.end).is_some(), "a finding points outside the text: {finding:?}");
    }
}
