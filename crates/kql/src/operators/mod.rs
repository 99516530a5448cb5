//! The language's tabular operators and statements, declared once: names, syntax forms, settings, a summary
//! and an example. The parser takes names and settings from here; completion, hover and the reference pages
//! take the rest. Whether this build can *run* an operator is the engine's to say.

use std::collections::HashMap;
use std::sync::LazyLock;

mod columns;
mod flow;
mod graph;
mod parsing;
mod rows;
mod sources;
mod statements;
mod summaries;
mod tables;

/// A tabular operator or a statement.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    pub name: &'static str,
    /// Other spellings that mean the same, older ones mostly.
    pub aliases: &'static [&'static str],
    /// The forms it is written in: words stand for themselves, `Capitalised` ones are to be filled in, `[x]`
    /// may be left out, `…` may go on.
    pub syntax: &'static [&'static str],
    pub settings: &'static [Setting],
    pub summary: &'static str,
    /// A query that needs no tables.
    pub example: &'static str,
    /// May begin a query, because it makes rows itself.
    pub source: bool,
}

/// A `name=value` of an operator. Hints (`hint.…`) are taken everywhere and change no result, so they are not
/// listed.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    /// The values it may have; empty when any will do.
    pub values: &'static [&'static str],
    pub summary: &'static str,
}

impl Operator {
    const fn new(
        name: &'static str,
        syntax: &'static [&'static str],
        summary: &'static str,
        example: &'static str,
    ) -> Self {
        Self { name, aliases: &[], syntax, settings: &[], summary, example, source: false }
    }

    const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn settings(mut self, settings: &'static [Setting]) -> Self {
        self.settings = settings;
        self
    }

    const fn source(mut self) -> Self {
        self.source = true;
        self
    }
}

const fn setting(name: &'static str, values: &'static [&'static str], summary: &'static str) -> Setting {
    Setting { name, values, summary }
}

/// The families of operators, in the order of the reference pages.
pub const FAMILIES: &[(&str, &[Operator])] = &[
    ("rows", rows::OPERATORS),
    ("columns", columns::OPERATORS),
    ("summaries", summaries::OPERATORS),
    ("tables", tables::OPERATORS),
    ("parsing", parsing::OPERATORS),
    ("flow", flow::OPERATORS),
    ("graph", graph::OPERATORS),
    ("sources", sources::OPERATORS),
];

/// Statements, which end with `;`.
pub const STATEMENTS: &[Operator] = statements::STATEMENTS;

static INDEX: LazyLock<HashMap<&'static str, &'static Operator>> = LazyLock::new(|| {
    let named = |operator: &'static Operator| {
        std::iter::once(&operator.name).chain(operator.aliases).map(move |name| (*name, operator))
    };
    all().flat_map(named).collect()
});

/// Every operator, family by family.
pub fn all() -> impl Iterator<Item = &'static Operator> {
    FAMILIES.iter().flat_map(|(_, operators)| *operators)
}

/// The operator called `name` (or by an older spelling).
pub fn lookup(name: &str) -> Option<&'static Operator> {
    INDEX.get(name).copied()
}

/// The statement that begins with this word.
pub fn lookup_statement(word: &str) -> Option<&'static Operator> {
    STATEMENTS.iter().find(|statement| statement.name.split(' ').next() == Some(word))
}

/// Names of operators, older spellings included.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().flat_map(|operator| std::iter::once(&operator.name).chain(operator.aliases)).copied()
}
