//! Hover: what the name under the pointer is.

use crate::analysis::QUERY_BYTES_MAX;
use crate::bind::probe::{self, Meaning};
use crate::bound::ScalarKind;
use crate::catalog::Catalog;
use crate::functions::{self, Declared, Plugin};
use crate::operators::{self, Operator as Declaration};
use crate::span::Span;
use crate::stack::with_deep_stack;
use crate::syntax::ast::{Expr, ExprKind, Name, Operator, OperatorKind, Statement};
use crate::syntax::visit::{Visitor, walk_script};
use crate::syntax::{self, Errors};

use super::{at_character, sentence};

/// Columns of a table that are listed before the rest is counted.
const COLUMNS_SHOWN: usize = 30;
/// Names of a query that are looked up for the meaning of a column.
const TABLES_ASKED: usize = 20;

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
    let mut finder = Finder { text, offset, catalog, plugin: false, tables: Vec::new(), found: None };
    walk_script(&script, &mut finder);
    let Finder { found, tables, .. } = finder;
    found.or_else(|| {
        let (span, meaning) = probe::probe(&script, catalog, offset).meaning?;
        Some(Hover { span, text: describe(text.get(span.start..span.end)?, &meaning, catalog, &tables) })
    })
}

struct Finder<'a> {
    text: &'a str,
    offset: usize,
    catalog: &'a dyn Catalog,
    /// Names that may be tables of the catalog, which tell what their columns hold.
    tables: Vec<String>,
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
            functions::lookup_plugin(&name.text).map(plugin_text)
        } else {
            let declared = functions::lookup(&name.text).or_else(|| functions::lookup_aggregate(&name.text));
            declared.map(function).or_else(|| {
                let saved = self.catalog.function(&name.text)?;
                Some(format!(
                    "```kql\n{}{}\n```\nFunction saved in this workspace.",
                    saved.name, saved.parameters
                ))
            })
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
        match &expr.kind {
            ExprKind::Call { name, .. } => self.call(name),
            ExprKind::Name(name) if self.tables.len() < TABLES_ASKED && !self.tables.contains(name) => {
                self.tables.push(name.clone());
            }
            _ => {}
        }
    }
}

fn plugin_text(plugin: &Plugin) -> String {
    let form =
        format!("```kql\nevaluate {}{}\n```\n{}", plugin.name, plugin.signature, sentence(plugin.summary));
    match plugin.refused {
        Some(why) => format!("{form}\n\nNot run here: {why}."),
        None => format!("{form}\n\n```kql\n{}\n```", laid_out(plugin.example)),
    }
}

/// An example as the formatter writes it.
fn laid_out(query: &str) -> String {
    crate::format(query).unwrap_or_else(|_| query.to_owned())
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
    out + &format!("\n\n```kql\n{}\n```", laid_out(declaration.example))
}

fn function(declared: &Declared) -> String {
    let function = declared.function;
    let forms: Vec<String> =
        function.signatures.iter().map(|signature| format!("{}{signature}", function.name)).collect();
    let mut out = format!("```kql\n{}\n```\n{}", forms.join("\n"), sentence(function.summary));
    let nulls = function.nulls.sentence();
    if !nulls.is_empty() {
        out.push_str("\n\n");
        out.push_str(nulls);
    }
    out + &format!("\n\n```kql\n{}\n```", laid_out(function.example))
}

fn describe(name: &str, meaning: &Meaning, catalog: &dyn Catalog, tables: &[String]) -> String {
    match meaning {
        Meaning::Value(value) => {
            let is_column = matches!(value.kind, ScalarKind::Column(_));
            let what = if is_column { "column" } else { "value" };
            let mut out = format!("```kql\n{name}: {}\n```\n{}", value.ty, sentence(what));
            // which table a column came from is not kept, so the answer says whose meaning it gives
            let known = tables.iter().filter(|_| is_column);
            let known = known.filter_map(|table| Some((table, catalog.column_description(table, name)?)));
            for (table, description) in known.filter(|(_, description)| !description.is_empty()) {
                out.push_str(&format!("\n\nIn `{table}`: {description}"));
            }
            out
        }
        Meaning::Table(columns) => {
            let shown: Vec<String> = columns
                .iter()
                .take(COLUMNS_SHOWN)
                .map(|column| format!("{}: {}", column.name, column.ty))
                .collect();
            let rest = columns.len().saturating_sub(COLUMNS_SHOWN);
            let rest = if rest > 0 { format!(", … and {rest} more") } else { String::new() };
            let about = catalog.table_description(name).unwrap_or_else(|| "Table.".to_owned());
            format!("```kql\n{name} ({}{rest})\n```\n{about}", shown.join(", "))
        }
    }
}
