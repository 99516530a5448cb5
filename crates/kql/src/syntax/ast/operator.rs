//! Tabular operators, each with everything that was written: settings, clauses and their order.

use bartizan_schema::KqlType;

use crate::span::Span;

use super::graph::{GraphTable, MakeGraph, PatternQuery};
use super::{ColumnDecl, Expr, Name, Parameter, Script};

/// A tabular operator and its place.
#[derive(Clone, Debug)]
pub struct Operator {
    pub kind: OperatorKind,
    /// The operator's name, for messages.
    pub name: String,
    /// Where that name stands; empty when there is none.
    pub name_span: Span,
    pub span: Span,
}

/// A `name=value` setting of an operator: `kind=inner`, `hint.strategy=shuffle`.
#[derive(Clone, Debug)]
pub struct Setting {
    pub name: Name,
    pub value: SettingValue,
}

/// What a setting is set to.
#[derive(Clone, Debug)]
pub enum SettingValue {
    Word(Name),
    Expr(Expr),
}

/// See [`Operator`].
#[derive(Clone, Debug)]
pub enum OperatorKind {
    Where(Expr),
    Extend(Vec<Expr>),
    Project(Vec<Expr>),
    ProjectAway(Vec<Expr>),
    ProjectKeep(Vec<Expr>),
    ProjectRename(Vec<Expr>),
    ProjectReorder(Vec<(Expr, Option<Name>)>),
    /// `project-by-names`: names, wildcards, or constants that hold names.
    ProjectByNames(Vec<Expr>),
    Summarize {
        aggregates: Vec<Expr>,
        by: Vec<Expr>,
    },
    Join {
        lookup: bool,
        settings: Vec<Setting>,
        right: Box<Expr>,
        on: Vec<Expr>,
    },
    Union {
        settings: Vec<Setting>,
        inputs: Vec<Expr>,
    },
    Sort(Vec<SortKey>),
    Top {
        count: Expr,
        by: Vec<SortKey>,
    },
    Take(Expr),
    Count(Option<Name>),
    Distinct(Vec<Expr>),
    Parse {
        settings: Vec<Setting>,
        source: Expr,
        pattern: Vec<ParsePart>,
        filter: bool,
    },
    /// `parse-kv source as (a: string) with (pair_delimiter=' ', kv_delimiter='=')`.
    ParseKv {
        source: Expr,
        columns: Vec<ColumnDecl>,
        settings: Vec<Setting>,
    },
    MvExpand {
        settings: Vec<Setting>,
        items: Vec<ExpandItem>,
        limit: Option<Expr>,
        legacy: bool,
    },
    /// `mv-apply with_itemindex=i x = d to typeof(long) limit 5 id guid(…) on (where x > 1)`.
    MvApply {
        settings: Vec<Setting>,
        items: Vec<ExpandItem>,
        limit: Option<Expr>,
        /// `id`: a guid for the service's own use, without effect on the rows.
        id: Option<Expr>,
        body: Vec<Operator>,
    },
    Render {
        visualization: String,
        properties: Vec<(String, String)>,
    },
    Print(Vec<Expr>),
    Range {
        name: Name,
        start: Expr,
        stop: Expr,
        step: Expr,
    },
    Serialize(Vec<Expr>),
    Sample(Expr),
    SampleDistinct {
        count: Expr,
        of: Expr,
    },
    As {
        settings: Vec<Setting>,
        name: Name,
    },
    Invoke(Expr),
    GetSchema(Vec<Setting>),
    Consume(Vec<Setting>),
    Search {
        settings: Vec<Setting>,
        tables: Vec<Expr>,
        predicate: Expr,
    },
    /// `find withsource=t in (A, B*) where x == 1 project x, y: long, pack(*)`.
    Find {
        settings: Vec<Setting>,
        tables: Vec<Expr>,
        predicate: Expr,
        output: FindOutput,
    },
    Evaluate {
        settings: Vec<Setting>,
        call: Expr,
        schema: Option<(bool, Vec<ColumnDecl>)>,
    },
    MakeSeries {
        /// `kind=nonempty` and hints.
        settings: Vec<Setting>,
        aggregates: Vec<SeriesItem>,
        axis: Box<Expr>,
        range: Box<SeriesRange>,
        by: Vec<Expr>,
    },
    TopNested(Vec<TopNestedLevel>),
    TopHitters {
        count: Expr,
        of: Expr,
        by: Option<Expr>,
    },
    Partition {
        settings: Vec<Setting>,
        by: Expr,
        body: PartitionBody,
    },
    /// `reduce kind=source by x with threshold=0.1, characters='-'`; `settings` holds both kinds.
    Reduce {
        settings: Vec<Setting>,
        by: Expr,
    },
    Scan(Box<Scan>),
    Fork(Vec<ForkBranch>),
    /// `facet by a, b with (take 3)`.
    Facet {
        by: Vec<Expr>,
        body: Vec<Operator>,
    },
    MakeGraph(Box<MakeGraph>),
    GraphMatch(Box<PatternQuery>),
    GraphShortestPaths(Box<PatternQuery>),
    GraphToTable(Vec<GraphTable>),
    /// `kind=weak`, `with_component_id=c`.
    GraphMarkComponents(Vec<Setting>),
    GraphWhereNodes(Expr),
    GraphWhereEdges(Expr),
    /// `macro-expand kind=union group as name ( … )`: the body once per entity of the group.
    MacroExpand {
        settings: Vec<Setting>,
        group: Expr,
        name: Option<Name>,
        body: Script,
    },
    ExecuteAndCache,
    AssertSchema(Vec<ColumnDecl>),
    /// What could not be read; already reported.
    Error,
}

/// One key of `sort` or `top`.
#[derive(Clone, Debug)]
pub struct SortKey {
    pub value: Expr,
    pub ascending: bool,
    pub nulls_first: Option<bool>,
}

/// One expanded column of `mv-expand` or `mv-apply`.
#[derive(Clone, Debug)]
pub struct ExpandItem {
    pub value: Expr,
    pub ty: Option<KqlType>,
}

/// A piece of a `parse` pattern.
#[derive(Clone, Debug)]
pub enum ParsePart {
    Star,
    Text(String),
    Column { name: Name, ty: Option<KqlType> },
}

/// `n of column with others = value by aggregate desc`.
#[derive(Clone, Debug)]
pub struct TopNestedLevel {
    /// All values when absent.
    pub count: Option<Expr>,
    pub of: Expr,
    /// The value that stands for all the others.
    pub others: Option<Expr>,
    pub by: Expr,
    pub ascending: bool,
}

/// One aggregate of `make-series` and the value of its empty bins.
#[derive(Clone, Debug)]
pub struct SeriesItem {
    pub value: Expr,
    pub default: Option<Expr>,
}

/// The bins of `make-series`.
#[derive(Clone, Debug)]
pub struct SeriesRange {
    pub from: Option<Expr>,
    pub to: Option<Expr>,
    pub step: Option<Expr>,
    /// Written `in range(from, to, step)`: `to` is then inclusive and bins are those of `bin()`.
    pub legacy: bool,
}

/// What `partition` does with the rows of each key.
#[derive(Clone, Debug)]
pub enum PartitionBody {
    /// `( top 1 by x )`: operators over the rows of the key.
    Operators(Vec<Operator>),
    /// `{ T | where k == key }`: a query of its own that may name the key column.
    Query(Script),
}

/// `name = (operators)` of `fork`.
#[derive(Clone, Debug)]
pub struct ForkBranch {
    pub name: Option<Name>,
    pub body: Vec<Operator>,
    pub span: Span,
}

/// Which columns `find` gives.
#[derive(Clone, Debug)]
pub enum FindOutput {
    /// Nothing said, or `project-smart`: columns named in the predicate and those all tables share, the
    /// rest packed.
    Smart,
    /// `project a, b: long, pack(*)`.
    Project { columns: Vec<FindColumn>, pack: bool },
    /// `project-away a, pack(*)`.
    ProjectAway { columns: Vec<FindColumn>, pack: bool },
}

/// `name: type` behind `find … project`.
#[derive(Clone, Debug)]
pub struct FindColumn {
    pub name: Name,
    pub ty: Option<KqlType>,
}

/// `scan with_match_id=m declare (n: long = 0) with (step s output=last: x > 1 => n = n + 1; …)`.
#[derive(Clone, Debug)]
pub struct Scan {
    /// `with_match_id=name`, `with_step_name=name`.
    pub settings: Vec<Setting>,
    pub order_by: Vec<SortKey>,
    pub partition_by: Vec<Expr>,
    pub declare: Vec<Parameter>,
    pub steps: Vec<ScanStep>,
}

/// One step of `scan`.
#[derive(Clone, Debug)]
pub struct ScanStep {
    pub name: Name,
    pub optional: bool,
    /// `all` when not said.
    pub output: ScanOutput,
    pub condition: Expr,
    /// Each an [`ExprKind::Assign`](super::ExprKind::Assign).
    pub assignments: Vec<Expr>,
    pub span: Span,
}

/// Which rows a step of `scan` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOutput {
    All,
    Last,
    None,
}
