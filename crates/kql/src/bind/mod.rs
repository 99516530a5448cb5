//! Syntax tree to bound tree: resolves every name, gives every column its final name and type, and lowers
//! the many operators to the few of [`crate::bound`].
//!
//! `let` values and functions are put in where they are used. That can multiply text, so all work is
//! counted against [`COST_MAX`] and nesting against [`DEPTH_MAX`] and [`CALLS_MAX`].

mod apply;
mod builtin;
mod call;
mod declared_pattern;
mod evaluate;
mod expand;
mod extend;
mod external;
mod find;
mod graph;
mod inferred;
mod join;
mod key_values;
mod lets;
mod make_series;
pub(crate) mod naming;
mod operators;
mod pending;
mod per_group;
pub(crate) mod probe;
mod reduce;
mod remote;
mod restrict;
mod results;
mod scalar;
mod scan;
mod scope;
mod search;
mod several;
mod source;
mod summarize;
mod top_nested;
pub(crate) mod types;
mod union;
mod windowed;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use bartizan_schema::KqlType;

use crate::analysis::{AnalyzeOptions, Learned};
use crate::bound::{
    BoundQuery, BoundResult, ColumnSchema, Literal, MISTAKE, Named, Rel, Render, Scalar, ScalarKind,
};
use crate::catalog::Catalog;
use crate::span::Span;
use crate::syntax::ast::{Expr, Lambda, Script};
use crate::syntax::{Errors, codes};

pub use naming::matches_wildcard;
use scope::{Env, RowScope, Table};
pub use types::system_type;

/// Nodes and columns a bound query may have: far above any real one (the largest parsers stay below
/// 200,000), and about 300 MB of memory at worst.
const COST_MAX: usize = 1_500_000;
/// Relations one inside the other. Engines walk the tree by recursion.
const DEPTH_MAX: usize = 1_000;
/// Function calls one inside the other.
const CALLS_MAX: usize = 32;
/// `search` and `find` one inside the other, among the tables or in the condition: each may look into every table, once
/// for each table that those around it look into.
const SEARCHES_MAX: usize = 4;

/// Either kind of value an expression can have.
#[expect(
    clippy::large_enum_variant,
    reason = "a bound expression lives on the stack for a moment, never in a collection"
)]
pub(crate) enum Bound {
    Scalar(Scalar),
    Table(Table),
}

/// The state of one binding.
pub(crate) struct Binder<'a> {
    catalog: &'a dyn Catalog,
    pub(crate) errors: &'a mut Errors,
    env: Rc<Env>,
    /// The last one is the rows in view.
    rows: Vec<RowScope>,
    next_rows: u32,
    next_shared: u32,
    /// Plugin calls so far whose columns only their rows tell.
    open_calls: u32,
    learned: &'a HashMap<u32, Learned>,
    cost: usize,
    /// What the expressions hold that were bound since the last table: columns searched, sub-queries, values of names.
    /// The table they stand in is as much larger for each of its uses.
    held: usize,
    /// Work done twice, in nodes.
    reworked: usize,
    /// How many `search` and `find` the one at work is inside of.
    searches: usize,
    /// Functions being put in, outermost first.
    calls: Vec<*const Lambda>,
    /// Functions of the catalog that were used, parsed.
    saved: HashMap<String, Arc<Lambda>>,
    render: Option<Render>,
    /// Whether rows of a watchlist were put in.
    reads_watchlists: bool,
    /// What `declare pattern` declares.
    patterns: HashMap<String, declared_pattern::Declared>,
    /// Databases by the names that `alias database` gives them.
    aliases: HashMap<String, Expr>,
    /// The caller's values of query parameters.
    parameters: &'a HashMap<String, String>,
    /// Whether they may have no value.
    allow_unset: bool,
    /// Those that have none.
    unset: Vec<ColumnSchema>,
    /// Options of the query that change what an expression means.
    options: HashMap<String, Scalar>,
    /// Results besides the first.
    results: Vec<BoundResult>,
    /// Set while the aggregates of a `summarize` are bound.
    aggregates: Option<summarize::Sink>,
    /// Set while the expressions of a `graph-match` are bound.
    pattern: Option<Box<graph::PatternScope>>,
    /// Inside a union with `isfuzzy`: tables and functions that do not exist are passed over.
    fuzzy: bool,
    /// Names taken for columns of an open table while the operator at work is bound.
    inferred: Vec<String>,
    /// Every name ever taken so.
    inferred_names: HashSet<String>,
    /// Columns that a saved function makes of a name that does not exist.
    unknown_names: HashSet<String>,
    /// Columns called `Column1`, `Column2` … so far; the reference counts them through a whole script.
    numbered: usize,
    /// Set while an editor asks about a place.
    probe: Option<probe::Probe>,
}

/// Binds a script. The second value says whether the result may have more columns than are known.
pub(crate) fn bind(
    script: &Script,
    catalog: &dyn Catalog,
    options: &AnalyzeOptions,
    errors: &mut Errors,
) -> Option<(BoundQuery, bool)> {
    let mut binder = Binder::new(catalog, options, errors);
    let table = binder.query(script)?;
    let render = binder.render.take();
    let results = std::mem::take(&mut binder.results);
    let reads_watchlists = binder.reads_watchlists;
    let unset_parameters = std::mem::take(&mut binder.unset);
    let query = BoundQuery { root: table.rel, render, results, reads_watchlists, unset_parameters };
    Some((query, table.open))
}

impl<'a> Binder<'a> {
    fn new(catalog: &'a dyn Catalog, options: &'a AnalyzeOptions, errors: &'a mut Errors) -> Self {
        Self {
            catalog,
            errors,
            env: Rc::new(Env::default()),
            rows: vec![RowScope::default()],
            next_rows: 1,
            next_shared: 0,
            open_calls: 0,
            learned: &options.learned,
            cost: 0,
            held: 0,
            reworked: 0,
            searches: 0,
            calls: Vec::new(),
            saved: HashMap::new(),
            render: None,
            reads_watchlists: false,
            patterns: HashMap::new(),
            aliases: HashMap::new(),
            parameters: &options.parameters,
            allow_unset: options.allow_unset_parameters,
            unset: Vec::new(),
            options: HashMap::new(),
            results: Vec::new(),
            aggregates: None,
            pattern: None,
            fuzzy: false,
            inferred: Vec::new(),
            inferred_names: HashSet::new(),
            unknown_names: HashSet::new(),
            numbered: 0,
            probe: None,
        }
    }
}

impl Binder<'_> {
    /// The rows in view.
    fn row(&self) -> &RowScope {
        self.rows.last().expect("the outermost scope is never popped")
    }

    /// Runs `inner` with the columns of `table` in view.
    fn over<T>(&mut self, table: &Table, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.next_rows += 1;
        let scope = RowScope::of(self.next_rows, table);
        self.within(scope, inner)
    }

    /// Runs `inner` without any column in view, nor the elements of a graph's pattern: it is worked out before any
    /// match is looked for.
    fn apart<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.next_rows += 1;
        let scope = RowScope::hidden(self.next_rows);
        let aggregates = self.aggregates.take();
        let pattern = self.pattern.take();
        let out = self.within(scope, inner);
        self.aggregates = aggregates;
        self.pattern = pattern;
        out
    }

    fn within<T>(&mut self, scope: RowScope, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.rows.push(scope);
        let out = inner(self);
        self.rows.pop();
        out
    }

    /// Counts work; `false` when the query is too large to go on.
    fn charge(&mut self, cost: usize, span: Span) -> bool {
        let within = self.cost <= COST_MAX;
        self.cost = self.cost.saturating_add(cost);
        if within && self.cost > COST_MAX {
            let message = "the query becomes too large when its functions and `let` values are put in";
            let hint = match self.searches {
                0 => "materialize a shared part, or use fewer columns",
                _ => "name the tables that are searched, `in (Table, …)`, and the columns that are compared",
            };
            self.errors.error_with_hint(codes::TOO_LARGE, span, message, Some(hint.to_owned()));
        }
        self.cost <= COST_MAX
    }

    /// Counts what an expression holds, for itself and for the table that it becomes a part of.
    fn hold(&mut self, cost: usize, span: Span) -> bool {
        self.held = self.held.saturating_add(cost);
        self.charge(cost, span)
    }

    /// Whether the query became too large, so that what is bound next would be thrown away.
    fn exhausted(&self) -> bool {
        self.cost > COST_MAX
    }

    /// A table around `rel`, which was made from `inputs`.
    fn derive(&mut self, rel: Rel, columns: Vec<ColumnSchema>, inputs: Inherited, span: Span) -> Table {
        debug_assert_eq!(rel.columns(), columns);
        let held = std::mem::take(&mut self.held);
        let cost = inputs.cost.saturating_add(held).saturating_add(1 + columns.len());
        let depth = inputs.depth + 1;
        if !self.charge(1 + columns.len(), span) {
            return self.failed(span);
        }
        if depth > DEPTH_MAX {
            let message = format!("the query has more than {DEPTH_MAX} operators one inside the other");
            self.errors.error(codes::TOO_DEEP, span, message);
            return self.failed(span);
        }
        Table { rel, columns, open: inputs.open, time_alias: inputs.time_alias, cost, depth, graph: None }
    }

    /// Stands for a table that could not be bound; it accepts any column name, so that one mistake is
    /// reported once.
    fn failed(&self, span: Span) -> Table {
        let rel = Rel::Unsupported { what: MISTAKE.to_owned(), columns: Vec::new(), span };
        Table { rel, columns: Vec::new(), open: true, time_alias: true, cost: 1, depth: 1, graph: None }
    }

    /// A relation of known columns that no node expresses yet.
    fn unsupported(&mut self, what: &str, columns: Vec<ColumnSchema>, open: bool, span: Span) -> Table {
        let rel = Rel::Unsupported { what: what.to_owned(), columns: columns.clone(), span };
        let inherited = Inherited { open, time_alias: false, cost: 0, depth: 0 };
        self.derive(rel, columns, inherited, span)
    }

    /// A [`Rel::Project`] over `table`.
    fn project(&mut self, table: Table, items: Vec<Named>, span: Span) -> Table {
        let columns =
            items.iter().map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty }).collect();
        let inherited = Inherited::from(&table);
        self.derive(Rel::Project { input: Box::new(table.rel), items }, columns, inherited, span)
    }

    /// The next of `Column1`, `Column2` … that is not taken.
    fn numbered_name(&mut self, taken: impl Fn(&str) -> bool) -> String {
        loop {
            self.numbered += 1;
            let name = format!("Column{}", self.numbered);
            if !taken(&name) {
                return name;
            }
        }
    }

    /// Reports an unknown column, with the nearest name as a hint.
    fn unknown_column(&mut self, name: &str, span: Span) {
        let mut known: Vec<String> = self.row().columns.iter().map(|column| column.name.clone()).collect();
        known.extend(self.env.names());
        let hint = crate::nearest::nearest(name, known.iter().map(String::as_str));
        let hint = hint.map(|near| format!("did you mean `{near}`?"));
        let shown: String = name.chars().take(80).collect();
        self.errors.error_with_hint(
            codes::UNKNOWN_COLUMN,
            span,
            format!("there is no column `{shown}` here"),
            hint,
        );
    }
}

/// What a derived table takes over from its inputs.
#[derive(Clone, Copy)]
struct Inherited {
    open: bool,
    time_alias: bool,
    cost: usize,
    depth: usize,
}

impl From<&Table> for Inherited {
    fn from(table: &Table) -> Self {
        Self { open: table.open, time_alias: table.time_alias, cost: table.cost, depth: table.depth }
    }
}

impl Inherited {
    fn both(left: &Table, right: &Table) -> Self {
        Self {
            open: left.open || right.open,
            time_alias: left.time_alias || right.time_alias,
            cost: left.cost + right.cost,
            depth: left.depth.max(right.depth),
        }
    }
}

/// Stands for a value that could not be bound: null, of the type that fits most places.
fn failed_scalar(span: Span) -> Scalar {
    Scalar::literal(Literal::Null, KqlType::Dynamic, span)
}

/// Whether a value is null as written, or stands for a mistake.
fn is_null(value: &Scalar) -> bool {
    matches!(value.kind, ScalarKind::Literal(Literal::Null))
}

/// The value a column of this type has in rows that lack it: strings are never null.
fn absent(ty: KqlType, span: Span) -> Scalar {
    let value = if ty == KqlType::String { Literal::String(String::new()) } else { Literal::Null };
    Scalar::literal(value, ty, span)
}

/// One item per column, each passed on as it is.
fn passed_on(columns: &[ColumnSchema], span: Span) -> Vec<Named> {
    columns
        .iter()
        .enumerate()
        .map(|(at, column)| Named { name: column.name.clone(), value: Scalar::column(at, column.ty, span) })
        .collect()
}
