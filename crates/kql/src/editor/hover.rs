//! Hover: what the name under the pointer is.

use crate::analysis::QUERY_BYTES_MAX;
use crate::bind::probe::{self, Meaning};
use crate::bound::ScalarKind;
use crate::catalog::Catalog;
use crate::functions::{self, Declared};
use crate::operators::{self, Operator as Declaration};
use crate::span::Span;
use crate::stack::with_deep_stack;
use crate::syntax::ast::{Expr, ExprKind, Name, Operator, OperatorKind, Statement};
use crate::syntax::visit::{Visitor, walk_script};
use crate::syntax::{self, Errors};

use super::at_character;

/// Columns of a table that are listed before the rest is counted.
const COLUMNS_SHOWN: usize = 30;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The name's place.
    pub span: Span,
    /// Markdown.
    pub text: String,
}

/// What the name at `offset` (in bytes) is: an operator, a function, a column, a table.
pub fn hover(text: &str, offset: usize, catalog: &dyn Catalog) -> Option<Hover> {
    if text.len() > QUERY_BYTES_MAX {
        return None;
    }
    let offset = at_character(text, offset);
    with_deep_stack(|| hover_here(text, offset, catalog)).flatten()
}

fn hover_here(text: &str, offset: usize, catalog: &dyn Catalog) -> Option<Hover> {
    let script = syntax::parse(text, &mut Errors::default());
    let mut finder = Finder { text, offset, plugin: false, found: None };
    walk_script(&script, &mut finder);
    finder.found.or_else(|| {
        let (span, meaning) = probe::probe(&script, catalog, offset).meaning?;
        Some(Hover { span, text: describe(text.get(span.start..span.end)?, &meaning) })
    })
}

struct Finder<'a> {
    text: &'a str,
    offset: usize,
    /// The next call is the plugin of an `evaluate`.
    plugin: bool,
    found: Option<Hover>,
}

impl Finder<'_> {
    fn at(&self, span: Span) -> bool {
        span.start <= self.offset && self.offset <= span.end && span.start < span.end
    }

    fn call(&mut self, name: &Name) {
        let plugin = std::mem::take(&mut self.plugin);
        if !self.at(name.span) {
            return;
        }
        let text = if plugin {
            functions::lookup_plugin(&name.text).map(|plugin| {
                format!("```kql\nevaluate {}(…)\n```\n{}", plugin.name, sentence(plugin.summary))
            })
        } else {
            functions::lookup(&name.text).or_else(|| functions::lookup_aggregate(&name.text)).map(function)
        };
        self.found = text.map(|text| Hover { span: name.span, text }).or(self.found.take());
    }
}

impl Visitor for Finder<'_> {
    fn statement(&mut self, statement: &Statement) {
        let name = match statement {
            Statement::Let { name, .. } => name,
            Statement::Set { name, .. } => name,
            _ => return,
        };
        // the keyword is the last word before the name
        let before = self.text.get(..name.span.start).unwrap_or_default().trim_end();
        let start = before.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1);
        let span = Span::new(start, before.len());
        let declaration = before.get(start..).and_then(operators::lookup_statement);
        if let Some(declaration) = declaration.filter(|_| self.at(span)) {
            self.found = Some(Hover { span, text: operator(declaration) });
        }
    }

    fn operator(&mut self, op: &Operator) {
        self.plugin = matches!(op.kind, OperatorKind::Evaluate { .. });
        if let Some(declaration) = operators::lookup(&op.name).filter(|_| self.at(op.name_span)) {
            self.found = Some(Hover { span: op.name_span, text: operator(declaration) });
        }
    }

    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::Call { name, .. } = &expr.kind {
            self.call(name);
        }
    }
}

fn sentence(summary: &str) -> String {
    let mut chars = summary.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn operator(declaration: &Declaration) -> String {
    let mut out =
        format!("```kql\n{}\n```\n{}", declaration.syntax.join("\n"), sentence(declaration.summary));
    for setting in declaration.settings {
        let values = if setting.values.is_empty() {
            String::new()
        } else {
            format!(" ({})", setting.values.join(", "))
        };
        out.push_str(&format!("\n- `{}`{values}: {}", setting.name, setting.summary));
    }
    out
}

fn function(declared: &Declared) -> String {
    let function = declared.function;
    let forms: Vec<String> =
        function.signatures.iter().map(|signature| format!("{}{signature}", function.name)).collect();
    format!(
        "```kql\n{}\n```\n{}\n\n```kql\n{}\n```",
        forms.join("\n"),
        sentence(function.summary),
        function.example
    )
}

fn describe(name: &str, meaning: &Meaning) -> String {
    match meaning {
        Meaning::Value(value) => {
            let what = if matches!(value.kind, ScalarKind::Column(_)) { "column" } else { "value" };
            format!("```kql\n{name}: {}\n```\n{}", value.ty, sentence(what))
        }
        Meaning::Table(columns) => {
            let shown: Vec<String> = columns
                .iter()
                .take(COLUMNS_SHOWN)
                .map(|column| format!("{}: {}", column.name, column.ty))
                .collect();
            let rest = columns.len().saturating_sub(COLUMNS_SHOWN);
            let rest = if rest > 0 { format!(", … and {rest} more") } else { String::new() };
            format!("```kql\n{name} ({}{rest})\n```\nTable.", shown.join(", "))
        }
    }
}
