//! Bound tree to DataFusion logical plan.
//!
//! Every relation lowers to a plan whose columns are unqualified, unique and named as KQL names them, so
//! that filters reach the scan under the names that files use. Joins rename both sides first.
//! Sub-queries inside expressions have been run before (`crate::subquery`); their values are found here by
//! the address of their node, which stays put while the tree is borrowed.

mod arithmetic;
mod compare;
mod filter;
mod join;
mod membership;
mod mv_expand;
mod order;
mod parse;
pub(crate) mod pattern;
mod project;
mod rows;
mod scalar;
mod scan;
mod sort;
mod summarize;
mod union;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bartizan_base::Ticks;
use bartizan_kql::Span;
use bartizan_kql::bound::{ColumnSchema, Literal, Rel};
use bartizan_schema::KqlType;
use datafusion::common::Column;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::expr_rewriter::normalize_sorts;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, logical_plan};

use crate::engine::QueryRequest;
use crate::error::QueryError;
use crate::interrupt::Interrupt;
use crate::provider::SnapshotTable;
use crate::subquery::Materialized;
use crate::whole::ExternalData;

pub(crate) use rows::{literal_value, to_scalar_value};
pub(crate) use scalar::apply;
pub(crate) use scan::TIMESTAMP;

/// A lowered relation: the plan and its columns' KQL types, in order.
#[derive(Clone, Debug)]
pub(crate) struct Lowered {
    pub plan: LogicalPlan,
    pub columns: Vec<ColumnSchema>,
    /// Name of a hidden column that numbers the rows in their meaningful order, when a relation above asked
    /// for it. It is not among `columns`.
    pub order: Option<String>,
}

impl Lowered {
    fn new(plan: LogicalPlan, columns: Vec<ColumnSchema>) -> Self {
        Self { plan, columns, order: None }
    }

    fn builder(self) -> (LogicalPlanBuilder, Vec<ColumnSchema>, Option<String>) {
        (LogicalPlanBuilder::from(self.plan), self.columns, self.order)
    }
}

/// The value of a sub-query that has been run.
#[derive(Debug)]
pub(crate) enum Answer {
    /// `toscalar`.
    Scalar(Literal),
    /// The first column of an `in` relation.
    Members(Vec<Literal>),
}

/// What the `current_…` functions tell of the request.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub endpoint: String,
    pub database: String,
    pub principal: String,
}

/// What expressions and scans need to know about the query they are part of.
#[derive(Debug)]
pub(crate) struct Context {
    pub now: Ticks,
    pub facts: Facts,
    pub timespan: Option<(Ticks, Ticks)>,
    /// After, up to.
    pub ingested: Option<(i64, i64)>,
    pub tables: HashMap<String, Arc<SnapshotTable>>,
    /// Sub-query values, by the address of their relation.
    pub answers: HashMap<usize, Answer>,
    /// Values of `toscalar` that have been computed, by the id they are shared under.
    pub scalars: HashMap<u32, Literal>,
    /// Shared relations that have been computed.
    pub shared: HashMap<u32, Materialized>,
    /// Shared relations that were found to be too large to keep.
    pub too_large: HashSet<u32>,
    /// Whole-input operators that have been run, by the address of their relation.
    pub computed: HashMap<usize, Materialized>,
    /// What `externaldata` may read.
    pub external: Option<Arc<ExternalData>>,
    pub interrupt: Interrupt,
    /// Shared relations that a later round of binding uses again, see `crate::learn`.
    pub kept: HashSet<u32>,
}

/// The key of a sub-query in [`Context::answers`].
pub(crate) fn address(rel: &Rel) -> usize {
    std::ptr::from_ref(rel) as usize
}

/// Columns by position, as an expression sees them.
pub(crate) type Scope<'a> = &'a [ColumnSchema];

/// A column of the input by its exact name.
pub(crate) fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// `plan` with these columns only. Above a scan, names get the scan's; above all else they are what they are, and
/// DataFusion need not look for each what it might mean.
fn projected(plan: LogicalPlanBuilder, items: Vec<Expr>) -> Result<LogicalPlanBuilder, QueryError> {
    let is_plain = plan.schema().iter().all(|(relation, _)| relation.is_none());
    Ok(match is_plain {
        true => plan.project_with_validation(items.into_iter().map(|item| (item, false)).collect())?,
        false => plan.project(items)?,
    })
}

/// `plan` in this order. What rows are ordered by reads columns of the plan only. The builder's own `sort` puts in the
/// place of an expression a column of that name of any sort below, which none of them hands on (DataFusion 55.2).
pub(crate) fn sorted(plan: LogicalPlanBuilder, by: Vec<Sort>) -> Result<LogicalPlanBuilder, QueryError> {
    let input = Arc::new(plan.build()?);
    let expr = normalize_sorts(by, &input)?;
    Ok(LogicalPlanBuilder::from(LogicalPlan::Sort(logical_plan::Sort { expr, input, fetch: None })))
}

impl Context {
    /// What a query starts from; its tables are added once they are known.
    pub(crate) fn new(request: &QueryRequest, endpoint: &str, interrupt: &Interrupt) -> Self {
        let bound = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
        Self {
            now: request.now,
            facts: Facts {
                endpoint: endpoint.to_owned(),
                database: request.workspace.to_string(),
                principal: request.principal.clone(),
            },
            timespan: request.timespan,
            ingested: request.ingested.map(|window| (bound(window.after), bound(window.upto))),
            tables: HashMap::new(),
            answers: HashMap::new(),
            scalars: HashMap::new(),
            shared: HashMap::new(),
            too_large: HashSet::new(),
            computed: HashMap::new(),
            external: None,
            interrupt: interrupt.clone(),
            kept: HashSet::new(),
        }
    }

    /// Drops what is kept by the address of a relation that is about to go.
    pub(crate) fn forget_round(&mut self) {
        self.answers.clear();
        self.scalars.clear();
        self.computed.clear();
    }

    /// Whether a table surely has no rows.
    pub(crate) fn is_empty(&self, table: &str) -> bool {
        self.tables.get(table).is_some_and(|table| table.is_empty())
    }

    /// Lowers a relation whose order does not matter to anything above it.
    pub(crate) fn relation(&self, rel: &Rel) -> Result<Lowered, QueryError> {
        self.ordered_relation(rel, false)
    }

    /// Lowers a relation. With `ordered`, the result has [`Lowered::order`] when the rows have a meaningful
    /// order.
    pub(crate) fn ordered_relation(&self, rel: &Rel, ordered: bool) -> Result<Lowered, QueryError> {
        self.interrupt.check()?;
        match rel {
            Rel::Table { name, columns, span } => self.scan(name, columns, *span),
            Rel::Rows { columns, rows } => rows::datatable(columns, rows, ordered),
            Rel::Print { items } => self.print(items),
            Rel::Range { column, start, stop, step } => self.range(column, start, stop, step, ordered),
            Rel::Filter { input, predicate } => self.filter(input, predicate, ordered),
            Rel::Project { input, items } => self.project(input, items, ordered),
            Rel::Summarize { input, keys, aggregates } => self.summarize(input, keys, aggregates),
            Rel::Sort { input, keys } => self.sort(input, keys, ordered),
            Rel::Take { input, count } => self.take(input, count, ordered),
            Rel::TakeWithin { input, keys, count } => self.take_within(input, keys, count, ordered),
            Rel::Sample { input, count } => self.take(input, count, false),
            Rel::Join(join) => self.join(join),
            Rel::Union { inputs, columns } => self.union(inputs, columns),
            Rel::MvExpand(expand) => self.mv_expand(expand, ordered),
            Rel::Parse(parse) => self.parse(parse, ordered),
            Rel::Serialize { input } => self.ordered_relation(input, ordered),
            Rel::Whole(whole) => self.computed(address(rel), whole, ordered),
            Rel::Shared { id, input } => self.shared(*id, input, ordered),
            Rel::Unsupported { what, span, .. } => Err(QueryError::unsupported(what, *span)),
        }
    }
}

/// The least common type that two compared or combined values convert to.
fn common_type(a: KqlType, b: KqlType) -> Option<KqlType> {
    use KqlType::{Decimal, Dynamic, Int, Long, Real};
    Some(match (a, b) {
        _ if a == b => a,
        (Int, Long) | (Long, Int) => Long,
        (Int | Long, Real) | (Real, Int | Long) => Real,
        (Decimal, Int | Long | Real) | (Int | Long | Real, Decimal) => Decimal,
        (Dynamic, other) | (other, Dynamic) => other,
        _ => return None,
    })
}

/// Refuses what has no place in the tree it was found in: a slip of the binder, not of the user.
fn broken(what: &str, span: Span) -> QueryError {
    QueryError::Internal(format!("{what} at {}..{}", span.start, span.end))
}
