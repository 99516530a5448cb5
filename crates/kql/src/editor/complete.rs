//! Completion: what may stand at a place, with the columns and names in view there.

use crate::analysis::QUERY_BYTES_MAX;
use crate::bind::probe::{NameKind, Probe};
use crate::catalog::Catalog;
use crate::functions::{self, Declared};
use crate::operators::{self, Operator};
use crate::span::Span;
use crate::stack::with_deep_stack;
use crate::syntax::written_name;

use super::place::{Place, place};
use super::{at_character, probe_at, sentence};

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
    /// What it is or does, in a sentence or two; empty where the name says it.
    pub documentation: String,
    /// What replaces [`Completion::span`].
    pub insert: String,
    /// The word that is being typed; empty where none is.
    pub span: Span,
}

/// Operators that compare or join two operands.
const INFIX: &[&str] = &[
    "==",
    "!=",
    "=~",
    "!~",
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

/// The operators that most queries use, which are offered before the others.
const COMMON_OPERATORS: &[&str] = &[
    "where",
    "summarize",
    "project",
    "extend",
    "take",
    "sort",
    "top",
    "count",
    "distinct",
    "join",
    "union",
    "render",
    "parse",
    "mv-expand",
    "make-series",
    "lookup",
    "project-away",
    "evaluate",
    "search",
];

/// The functions and aggregates that most queries use.
const COMMON_FUNCTIONS: &[&str] = &[
    "count",
    "dcount",
    "countif",
    "sum",
    "avg",
    "min",
    "max",
    "arg_max",
    "arg_min",
    "make_set",
    "make_list",
    "percentile",
    "take_any",
    "ago",
    "now",
    "bin",
    "tostring",
    "isnotempty",
    "isempty",
    "iff",
    "case",
    "strcat",
    "split",
    "extract",
    "parse_json",
    "toint",
    "tolong",
    "tolower",
    "datetime_diff",
    "coalesce",
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
    let mut list = List {
        typed: text[cursor.word.start..offset].to_lowercase(),
        span: cursor.word,
        tables_first: false,
        out: Vec::new(),
    };
    match &cursor.place {
        Place::Nothing => {}
        Place::Operator => list.operators(|_| true),
        Place::Plugin => {
            for plugin in functions::PLUGINS {
                if plugin.refused.is_none() {
                    let detail = format!("{}{}", plugin.name, plugin.signature);
                    let insert = format!("{}(", plugin.name);
                    list.documented(
                        CompletionKind::Plugin,
                        plugin.name,
                        &detail,
                        &insert,
                        sentence(plugin.summary),
                    );
                }
            }
        }
        Place::Hint => list.words(CompletionKind::Setting, HINTS),
        Place::Value { operator, setting } => {
            let settings = operators::lookup(operator).map_or(&[][..], |operator| operator.settings);
            for setting in settings.iter().filter(|known| known.name == setting) {
                list.words(CompletionKind::Value, setting.values);
            }
        }
        Place::Infix { operator, said } => list.infix(operator, said),
        Place::LeftColumn => list.columns(&probe_word(text, offset, cursor.word, catalog)),
        Place::RightColumn { statement, table } => {
            // the other table by itself, behind the statements that it may use names of
            let mut alone = format!("{}{}", &text[..*statement], &text[table.start..table.end]);
            alone.push_str(" | where ");
            let end = alone.len();
            list.columns(&probe_word(&alone, end, Span::new(end, end), catalog));
        }
        Place::Key => {
            list.columns(&probe_word(text, offset, cursor.word, catalog));
            for (side, whose) in [("$left", "the rows so far"), ("$right", "the table in parentheses")] {
                list.add(CompletionKind::Keyword, side, &format!("columns of {whose}"), &format!("{side}."));
            }
        }
        Place::Start { statement } => {
            list.tables_first = true;
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
    /// A table is wanted here more than an operator.
    tables_first: bool,
    out: Vec<Completion>,
}

impl List {
    fn add(&mut self, kind: CompletionKind, label: &str, detail: &str, insert: &str) {
        self.documented(kind, label, detail, insert, String::new());
    }

    fn documented(
        &mut self,
        kind: CompletionKind,
        label: &str,
        detail: &str,
        insert: &str,
        documentation: String,
    ) {
        if label.to_lowercase().contains(&self.typed) {
            let (label, detail, insert) = (label.to_owned(), detail.to_owned(), insert.to_owned());
            self.out.push(Completion { label, kind, detail, documentation, insert, span: self.span });
        }
    }

    fn columns(&mut self, probe: &Probe) {
        for column in probe.columns() {
            self.add(CompletionKind::Column, &column.name, column.ty.name(), &written_name(&column.name));
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
            let documentation = catalog.table_description(&name).unwrap_or_default();
            self.documented(CompletionKind::Table, &name, "table", &written_name(&name), documentation);
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
        let nulls = declared.function.nulls.sentence();
        let documentation = format!("{} {nulls}", sentence(declared.function.summary));
        self.documented(
            kind,
            name,
            &format!("{name}{signature}"),
            &insert,
            documentation.trim_end().to_owned(),
        );
    }

    fn infix(&mut self, operator: &str, said: &[String]) {
        let clauses = clauses(operator);
        let left: Vec<&str> =
            clauses.into_iter().filter(|word| !said.iter().any(|known| known == word)).collect();
        self.words(CompletionKind::Keyword, &left);
        if !matches!(operator, "take" | "sample" | "render" | "as" | "count" | "join" | "lookup") {
            for word in INFIX {
                let list = matches!(
                    *word,
                    "in" | "!in" | "in~" | "!in~" | "has_any" | "has_all" | "between" | "!between"
                );
                let insert = if list { format!("{word} (") } else { (*word).to_owned() };
                self.add(CompletionKind::Keyword, word, "", &insert);
            }
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
            self.columns(probe);
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
            let wanted = wanted
                || (self.tables_first
                    && completion.kind <= CompletionKind::Table
                    && completion.kind != CompletionKind::Operator);
            let order = match completion.kind {
                // keywords and values are listed in a sensible order already
                CompletionKind::Keyword | CompletionKind::Value => *at,
                CompletionKind::Operator => common(COMMON_OPERATORS, &completion.label),
                CompletionKind::Function | CompletionKind::Aggregate => {
                    common(COMMON_FUNCTIONS, &completion.label)
                }
                _ => 0,
            };
            (!begins, !wanted, completion.kind, order, completion.label.clone())
        });
        self.out = ranked.into_iter().map(|(_, completion)| completion).collect();
        self.out.dedup_by(|a, b| a.label == b.label && a.kind == b.kind);
        self.out
    }
}

/// The place in a list of what is used most; what is not in it comes behind.
fn common(list: &[&str], name: &str) -> usize {
    list.iter().position(|known| *known == name).unwrap_or(list.len())
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
