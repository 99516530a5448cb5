//! Completion: what may stand at a place, with the columns and names in view there.

use crate::analysis::QUERY_BYTES_MAX;
use crate::bind::probe::{NameKind, Probe};
use crate::catalog::Catalog;
use crate::functions::{self, Declared};
use crate::operators::{self, Operator};
use crate::span::Span;
use crate::stack::with_deep_stack;

use super::place::{Place, place};
use super::{at_character, probe_at};

/// What a completion is, for its icon and its place in the list: the order here is the order there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompletionKind {
    Column,
    /// A `let` name or a parameter.
    Variable,
    /// A value of a setting.
    Value,
    /// A setting of an operator.
    Setting,
    Keyword,
    Operator,
    Table,
    Aggregate,
    Function,
    Plugin,
    Statement,
}

/// One thing that may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub label: String,
    pub kind: CompletionKind,
    /// A column's type, a function's signature, an operator's summary.
    pub detail: String,
    /// What replaces [`Completion::span`].
    pub insert: String,
    /// The word that is being typed; empty where none is.
    pub span: Span,
}

/// Operators that compare or join two operands.
const INFIX: &[&str] = &[
    "and",
    "or",
    "has",
    "!has",
    "has_cs",
    "has_any",
    "has_all",
    "contains",
    "!contains",
    "contains_cs",
    "startswith",
    "!startswith",
    "endswith",
    "!endswith",
    "hasprefix",
    "hassuffix",
    "in",
    "!in",
    "in~",
    "!in~",
    "between",
    "!between",
    "matches regex",
];

const CHARTS: &[&str] = &[
    "table",
    "timechart",
    "columnchart",
    "barchart",
    "piechart",
    "areachart",
    "stackedareachart",
    "linechart",
    "scatterchart",
    "anomalychart",
    "card",
    "ladderchart",
    "pivotchart",
    "timepivot",
    "treemap",
    "graph",
];

const HINTS: &[&str] = &[
    "strategy",
    "shufflekey",
    "num_partitions",
    "remote",
    "concurrency",
    "spread",
    "materialized",
    "distribution",
    "pass_filters",
    "pass_filters_column",
    "progressive_top",
];

/// What may stand at `offset` (in bytes), best first. The word in front of it, if any, is taken as its
/// beginning.
pub fn complete(text: &str, offset: usize, catalog: &dyn Catalog) -> Vec<Completion> {
    if text.len() > QUERY_BYTES_MAX {
        return Vec::new();
    }
    let offset = at_character(text, offset);
    with_deep_stack(|| complete_here(text, offset, catalog)).unwrap_or_default()
}

fn complete_here(text: &str, offset: usize, catalog: &dyn Catalog) -> Vec<Completion> {
    let cursor = place(text, offset);
    let mut list =
        List { typed: text[cursor.word.start..offset].to_lowercase(), span: cursor.word, out: Vec::new() };
    match &cursor.place {
        Place::Nothing => {}
        Place::Operator => list.operators(|_| true),
        Place::Plugin => {
            for plugin in functions::PLUGINS {
                list.add(CompletionKind::Plugin, plugin.name, plugin.summary, &format!("{}(", plugin.name));
            }
        }
        Place::Hint => list.words(CompletionKind::Setting, HINTS),
        Place::Value { operator, setting } => {
            let settings = operators::lookup(operator).map_or(&[][..], |operator| operator.settings);
            for setting in settings.iter().filter(|known| known.name == setting) {
                list.words(CompletionKind::Value, setting.values);
            }
        }
        Place::Infix { operator } => list.infix(operator),
        Place::Start { statement } => {
            list.operators(|operator| operator.source);
            if *statement {
                for statement in operators::STATEMENTS {
                    list.add(
                        CompletionKind::Statement,
                        statement.name,
                        statement.summary,
                        &format!("{} ", statement.name),
                    );
                }
            }
            let probe = probe_word(text, offset, cursor.word, catalog);
            list.tables(catalog);
            list.names(&probe);
            list.functions(catalog);
        }
        Place::Operand { operator, first, aggregates } => {
            let probe = probe_word(text, offset, cursor.word, catalog);
            list.operand(operator, *first, *aggregates, &probe, catalog);
        }
    }
    list.sorted()
}

/// Probes the place, with a name put in where none is typed yet.
fn probe_word(text: &str, offset: usize, word: Span, catalog: &dyn Catalog) -> Probe {
    if word.start < word.end {
        return probe_at(text, offset, catalog);
    }
    let filled = format!("{} cursor_ {}", &text[..offset], &text[offset..]);
    probe_at(&filled, offset + 1, catalog)
}

struct List {
    /// What is typed already, in lower case.
    typed: String,
    span: Span,
    out: Vec<Completion>,
}

impl List {
    fn add(&mut self, kind: CompletionKind, label: &str, detail: &str, insert: &str) {
        if label.to_lowercase().contains(&self.typed) {
            let (label, detail, insert) = (label.to_owned(), detail.to_owned(), insert.to_owned());
            self.out.push(Completion { label, kind, detail, insert, span: self.span });
        }
    }

    fn words(&mut self, kind: CompletionKind, words: &[&str]) {
        for word in words {
            self.add(kind, word, "", word);
        }
    }

    fn operators(&mut self, wanted: impl Fn(&Operator) -> bool) {
        for operator in operators::all().filter(|operator| wanted(operator)) {
            self.add(
                CompletionKind::Operator,
                operator.name,
                operator.summary,
                &format!("{} ", operator.name),
            );
        }
    }

    fn tables(&mut self, catalog: &dyn Catalog) {
        for name in catalog.table_names() {
            self.add(CompletionKind::Table, &name, "table", &name);
        }
    }

    fn names(&mut self, probe: &Probe) {
        for (name, kind) in &probe.names {
            let (detail, insert) = match kind {
                NameKind::Value => ("value", name.clone()),
                NameKind::Table => ("table of this query", name.clone()),
                NameKind::Function => ("function of this query", format!("{name}(")),
            };
            self.add(CompletionKind::Variable, name, detail, &insert);
        }
    }

    fn functions(&mut self, catalog: &dyn Catalog) {
        for declared in functions::all().filter(|declared| declared.family != "aggregate") {
            self.function(CompletionKind::Function, declared);
        }
        for name in catalog.function_names() {
            self.add(CompletionKind::Function, &name, "saved function", &format!("{name}("));
        }
    }

    fn function(&mut self, kind: CompletionKind, declared: &Declared) {
        let name = declared.function.name;
        let signature = declared.function.signatures.first().copied().unwrap_or_default();
        let insert = if signature.starts_with("()") { format!("{name}()") } else { format!("{name}(") };
        self.add(kind, name, &format!("{name}{signature}"), &insert);
    }

    fn infix(&mut self, operator: &str) {
        self.words(CompletionKind::Keyword, &clauses(operator));
        if !matches!(operator, "take" | "sample" | "render" | "as" | "count") {
            self.words(CompletionKind::Keyword, INFIX);
        }
    }

    fn operand(
        &mut self,
        operator: &str,
        first: bool,
        aggregates: bool,
        probe: &Probe,
        catalog: &dyn Catalog,
    ) {
        if operator == "render" {
            return self.words(CompletionKind::Value, CHARTS);
        }
        if let Some(operator) = operators::lookup(operator).filter(|_| first) {
            for setting in operator.settings {
                self.add(
                    CompletionKind::Setting,
                    setting.name,
                    setting.summary,
                    &format!("{}=", setting.name),
                );
            }
            self.words(CompletionKind::Keyword, &clauses(operator.name));
        }
        let joins = matches!(operator, "join" | "lookup" | "union");
        if (joins && first) || probe.wants_table {
            self.tables(catalog);
        }
        if !(joins && first) {
            for column in probe.columns() {
                self.add(CompletionKind::Column, &column.name, column.ty.name(), &quoted(&column.name));
            }
        }
        if matches!(operator, "project-away" | "project-keep" | "project-reorder") {
            return;
        }
        self.names(probe);
        if aggregates {
            for declared in functions::all().filter(|declared| declared.family == "aggregate") {
                self.function(CompletionKind::Aggregate, declared);
            }
        }
        self.functions(catalog);
    }

    /// Names that begin with what is typed come first, then by kind, then by name
    /// or as listed.
    fn sorted(mut self) -> Vec<Completion> {
        let aggregates = self.out.iter().any(|completion| completion.kind == CompletionKind::Aggregate);
        let mut ranked: Vec<_> = self.out.into_iter().enumerate().collect();
        ranked.sort_by_cached_key(|(at, completion)| {
            let begins = completion.label.to_lowercase().starts_with(&self.typed);
            // where aggregates may stand, they are what is wanted most
            let wanted = aggregates && completion.kind == CompletionKind::Aggregate;
            // keywords and values are listed in a sensible order already
            let listed = matches!(completion.kind, CompletionKind::Keyword | CompletionKind::Value);
            let order = if listed { *at } else { 0 };
            (!begins, !wanted, completion.kind, order, completion.label.clone())
        });
        self.out = ranked.into_iter().map(|(_, completion)| completion).collect();
        self.out.dedup_by(|a, b| a.label == b.label && a.kind == b.kind);
        self.out
    }
}

/// A column's name as it is written.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { name.to_owned() } else { format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}

/// The words of an operator's clauses, taken from the forms it is written in: `by`, `on`, `with`.
fn clauses(operator: &str) -> Vec<&'static str> {
    let Some(operator) = operators::lookup(operator) else { return Vec::new() };
    let mut out: Vec<&'static str> = Vec::new();
    for form in operator.syntax {
        let words = form.split([' ', '[', ']', '|', ',', '(', ')', ':']);
        let clauses =
            words.filter(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        for word in clauses.filter(|word| !operator.name.split('-').any(|part| part == *word)) {
            if !out.contains(&word) {
                out.push(word);
            }
        }
    }
    out
}
