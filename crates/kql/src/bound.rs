//! What the binder hands to an engine: a tree in which every name is resolved, every column has its final
//! name and type, and only a small set of relational operators is left.
//!
//! Many KQL operators become the same node: `extend`, `project-away`, `project-rename` and
//! `project-reorder` are all a [`Rel::Project`] that lists every output column; `count` and `distinct` are
//! a [`Rel::Summarize`]; `top` is a sort and a take; `lookup` is a join. Meaning that differs from SQL
//! stays visible here (`==` is [`Call`](ScalarKind::Call) `"=="`, with KQL's null rules) and is the
//! engine's to keep.

use bartizan_base::{Ticks, Timespan, WorkspaceId};
use bartizan_schema::KqlType;

pub use crate::sequence::{MakeSeries, Scan, ScanOutput, ScanStep};
use crate::span::Span;

mod graph;

pub use graph::{
    GRAPH_EDGE_COLUMNS, GRAPH_NODE_COLUMNS, GraphCycles, GraphFold, GraphMatch, GraphNodeColumn, GraphNodes,
    GraphOutput, GraphSequence, GraphStep,
};

/// What a [`Rel::Unsupported`] calls a part that did not bind. In a query that binds as a whole, it stands in
/// the place of a mistake inside a saved function, of which a warning tells.
pub const MISTAKE: &str = "an expression with errors";

/// A named and typed output column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnSchema {
    pub name: String,
    pub ty: KqlType,
}

/// A whole query: the last tabular expression statement, with lets already resolved.
#[derive(Clone, Debug)]
pub struct BoundQuery {
    pub root: Rel,
    /// The client hint of a trailing `render`, if any.
    pub render: Option<Render>,
    /// Further results, in order: of `fork`, `facet`, and of earlier tabular statements.
    pub results: Vec<BoundResult>,
    /// Whether rows of a watchlist were put in. They are in the tree, so no table tells of them.
    pub reads_watchlists: bool,
    /// Declared query parameters that stand for null, as nothing gave them a value.
    pub unset_parameters: Vec<ColumnSchema>,
}

/// A result besides the first.
#[derive(Clone, Debug)]
pub struct BoundResult {
    pub name: String,
    pub root: Rel,
    pub render: Option<Render>,
}

/// `render timechart with (title='…')`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Render {
    pub visualization: String,
    pub properties: Vec<(String, String)>,
}

/// A tabular expression. Column names inside one relation's schema are unique and case-sensitive.
#[derive(Clone, Debug)]
pub enum Rel {
    /// A table of the workspace. `columns` is its whole declared schema in order; the engine prunes. The name
    /// of another workspace's table is that of [`foreign_table`].
    Table { name: String, columns: Vec<ColumnSchema>, span: Span },
    /// `datatable`, and the empty relation that a fuzzy union leaves for an absent table.
    Rows { columns: Vec<ColumnSchema>, rows: Vec<Vec<Literal>> },
    /// `print`: one row of expressions without input columns.
    Print { items: Vec<Named> },
    /// `range name from start to stop step step`: inclusive of `stop` when hit exactly.
    Range { column: ColumnSchema, start: Scalar, stop: Scalar, step: Scalar },
    /// `where`: keeps rows for which the predicate is true (not null, not false).
    Filter { input: Box<Rel>, predicate: Scalar },
    /// Exactly these output columns, in order.
    Project { input: Box<Rel>, items: Vec<Named> },
    /// Output columns: `keys` then `aggregates`. Null is a group. Without keys, always one row.
    Summarize { input: Box<Rel>, keys: Vec<Named>, aggregates: Vec<NamedAggregate> },
    /// Stable order; serialises its output.
    Sort { input: Box<Rel>, keys: Vec<SortKey> },
    /// At most `count` rows. `count` is a constant `long`.
    Take { input: Box<Rel>, count: Scalar },
    /// At most `count` rows of each group of rows that agree in the columns at `keys`; null is a group. The
    /// first ones, when the input has an order.
    TakeWithin { input: Box<Rel>, keys: Vec<usize>, count: Scalar },
    /// See [`Join`].
    Join(Box<Join>),
    /// All rows of all inputs. The columns of an input are among `columns`, by name and type; rows of an input
    /// have no value for those that it lacks.
    Union { inputs: Vec<Rel>, columns: Vec<ColumnSchema> },
    /// See [`MvExpand`].
    MvExpand(Box<MvExpand>),
    /// See [`Parse`].
    Parse(Box<Parse>),
    /// `serialize`: marks order as meaningful; rows pass through unchanged.
    Serialize { input: Box<Rel> },
    /// `sample n`: any `count` rows.
    Sample { input: Box<Rel>, count: Scalar },
    /// See [`Whole`].
    Whole(Box<Whole>),
    /// A tabular `let` bound with `materialize()`, or used more than once: computed once per query, equal
    /// `id` means the same result.
    Shared { id: u32, input: Box<Rel> },
    /// A relation the language knows and this build's engine may not run yet, kept so that the engine can
    /// refuse it by name and place.
    Unsupported { what: String, columns: Vec<ColumnSchema>, span: Span },
}

/// An output column and its value.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub value: Scalar,
}

/// One aggregate of a `summarize`. `arg_max(t, a, b)` yields several columns: `outputs` has one entry for
/// the extremum and one per returned column, in order; every other aggregate has one.
#[derive(Clone, Debug)]
pub struct NamedAggregate {
    /// Canonical lower-case name from the registry: `count`, `countif`, `make_set`, `arg_max` …
    pub function: &'static str,
    /// Arguments over the input's columns. For `arg_max`/`arg_min`: the ordering expression, then the
    /// returned ones. For `take_any(a, b)`: the returned ones.
    pub args: Vec<Scalar>,
    pub outputs: Vec<ColumnSchema>,
    pub span: Span,
}

/// One key of a sort.
#[derive(Clone, Debug)]
pub struct SortKey {
    pub value: Scalar,
    pub descending: bool,
    pub nulls_first: bool,
}

/// The kinds of join that remain after aliases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Left rows de-duplicated by key first (any one row), then inner.
    InnerUnique,
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
    LeftSemi,
    RightSemi,
    LeftAnti,
    RightAnti,
}

/// A join. Keys are pairs of expressions over the left and the right schema, compared with `==` (a null
/// key matches nothing). `outputs` lists the output columns with their final names.
#[derive(Clone, Debug)]
pub struct Join {
    pub left: Rel,
    pub right: Rel,
    pub kind: JoinKind,
    pub on: Vec<(Scalar, Scalar)>,
    pub outputs: Vec<JoinOutput>,
    pub span: Span,
}

/// Where an output column of a join comes from. Missing strings become `""`, other types null.
#[derive(Clone, Debug)]
pub struct JoinOutput {
    pub column: ColumnSchema,
    pub from: JoinSide,
    /// Index into that side's schema.
    pub index: usize,
}

/// A side of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinSide {
    Left,
    Right,
}

/// `mv-expand`: several dynamic columns expanded in parallel, padded with null. A null value gives one row
/// with null; an empty array or bag gives none.
#[derive(Clone, Debug)]
pub struct MvExpand {
    pub input: Rel,
    pub items: Vec<MvExpandItem>,
    /// `with_itemindex=name`: a long column counted from 0, right after the input's columns.
    pub item_index: Option<String>,
    /// `bagexpansion=array` / `kind=array`: bags become `[key, value]` instead of one-key bags.
    pub bag_as_array: bool,
    /// Rows one input row may become.
    pub row_limit: Option<u64>,
    /// The final schema: the input's columns with expanded ones replaced in place, then new ones.
    pub columns: Vec<ColumnSchema>,
}

/// One expanded column.
#[derive(Clone, Debug)]
pub struct MvExpandItem {
    pub value: Scalar,
    /// Index into [`MvExpand::columns`] that receives the elements (typed by `to typeof(..)`).
    pub output: usize,
}

/// How `parse` matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseMode {
    Simple,
    Relaxed,
    Regex,
}

/// `parse` and `parse-where`. Output columns: the input's (those that a pattern column replaces keep their
/// place), then new ones in pattern order.
#[derive(Clone, Debug)]
pub struct Parse {
    pub input: Rel,
    pub mode: ParseMode,
    /// Regex flags as written (`i`, `s`, `m`, `U`).
    pub flags: String,
    pub source: Scalar,
    pub pattern: Vec<ParsePart>,
    /// `parse-where`: rows that do not match are dropped.
    pub drop_unmatched: bool,
    pub columns: Vec<ColumnSchema>,
}

/// A piece of a parse pattern.
#[derive(Clone, Debug)]
pub enum ParsePart {
    /// `*`: skip.
    Star,
    /// Literal text, or a regex in `kind=regex`.
    Text(String),
    /// Captures into column `output` of [`Parse::columns`], converted to its type.
    Column { output: usize },
}

/// An operator that reads its inputs completely, in their order, before it gives a row: plugins, and
/// operators over sequences, patterns and graphs.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The relation piped in, if any, then those among the arguments.
    pub inputs: Vec<Rel>,
    pub operation: Operation,
    pub columns: Vec<ColumnSchema>,
    pub span: Span,
}

/// What a [`Whole`] does with its inputs.
#[derive(Clone, Debug)]
pub enum Operation {
    /// `evaluate plugin(…)`.
    Plugin(PluginCall),
    /// `make-series`, over rows that have been grouped by key and bin.
    MakeSeries(MakeSeries),
    /// `scan`.
    Scan(Scan),
    /// `make-graph`: see [`GraphNodes`].
    GraphNodes(GraphNodes),
    /// See [`GraphMatch`].
    GraphMatch(Box<GraphMatch>),
    /// `graph-mark-components`: nodes and edges in, the nodes with a last column that numbers their component
    /// out. Components are weak, or `strong`: joined both ways.
    GraphComponents { strong: bool },
    /// See [`EachGroup`].
    EachGroup(Box<EachGroup>),
    /// See [`Reduce`].
    Reduce(Reduce),
    /// See [`External`].
    External(External),
}

/// A pipeline that is run once for each group of the input's rows, because no relational form of it was
/// found. The input comes sorted by the group. Output columns: the body's, then the `carried` ones.
#[derive(Clone, Debug)]
pub struct EachGroup {
    pub body: Rel,
    /// The id of the [`Rel::Shared`] inside `body` that stands for the rows of the group: the input's
    /// columns without the last `carried` ones.
    pub source: u32,
    /// Columns at the end of the input whose value is the same in all rows of a group.
    pub carried: usize,
    /// How many of the carried columns, the first ones, tell the groups apart.
    pub keys: usize,
}

/// `reduce`: groups texts by the pattern they share.
#[derive(Clone, Debug)]
pub struct Reduce {
    /// The column with the texts: the last one of the input.
    pub value: Scalar,
    /// The part of the rows that makes a term frequent, from 0 to 1.
    pub threshold: f64,
    /// Characters that part terms besides those that are neither letters nor digits.
    pub separators: String,
    /// `kind=source`: the input's other columns with each row's pattern, instead of one row for each pattern.
    pub keep_rows: bool,
}

/// `externaldata`: rows of files outside the store.
#[derive(Clone, Debug)]
pub struct External {
    /// Where the files are: texts without columns, maybe put together.
    pub uris: Vec<Scalar>,
    /// As written behind `format=`, or by the name of the file.
    pub format: Option<String>,
    pub ignore_first_record: bool,
    pub ignore_last_record: bool,
    /// Which members of a zip archive are read, with `*` for any text; all when absent.
    pub zip_pattern: Option<String>,
}

/// A call of a plugin.
#[derive(Clone, Debug)]
pub struct PluginCall {
    /// The name in the registry.
    pub plugin: &'static str,
    /// The arguments that are not tables, in the plugin's own order with defaults filled in: constants, and
    /// columns of the first input (of the second, for the key of a lookup).
    pub args: Vec<Scalar>,
    /// The repeated argument: dimensions, steps, sketches.
    pub rest: Vec<Scalar>,
    /// Which call this is of those whose columns only their rows tell, in the order they are bound, while
    /// the columns are not learned. It cannot run; it can only be asked for its columns.
    pub unlearned: Option<u32>,
}

impl Operation {
    /// The operation's expressions.
    pub fn scalars(&self) -> Vec<&Scalar> {
        match self {
            Self::Plugin(call) => call.args.iter().chain(&call.rest).collect(),
            Self::MakeSeries(series) => series.scalars(),
            Self::Scan(scan) => scan.scalars(),
            Self::GraphNodes(_) | Self::GraphMatch(_) | Self::GraphComponents { .. } => Vec::new(),
            Self::Reduce(reduce) => vec![&reduce.value],
            Self::External(external) => external.uris.iter().collect(),
            Self::EachGroup(_) => Vec::new(),
        }
    }

    /// The operation's expressions, to be rewritten in place.
    pub fn scalars_mut(&mut self) -> Vec<&mut Scalar> {
        match self {
            Self::Plugin(call) => call.args.iter_mut().chain(&mut call.rest).collect(),
            Self::MakeSeries(series) => series.scalars_mut(),
            Self::Scan(scan) => scan.scalars_mut(),
            Self::GraphNodes(_) | Self::GraphMatch(_) | Self::GraphComponents { .. } => Vec::new(),
            Self::Reduce(reduce) => vec![&mut reduce.value],
            Self::External(external) => external.uris.iter_mut().collect(),
            Self::EachGroup(_) => Vec::new(),
        }
    }

    /// The pipelines that are run once per group. They are not inputs: their rows differ from run to run.
    pub fn per_group(&self) -> Vec<&Rel> {
        match self {
            Self::EachGroup(each) => vec![&each.body],
            _ => Vec::new(),
        }
    }
}

/// A scalar expression with its type.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub kind: ScalarKind,
    pub ty: KqlType,
    pub span: Span,
}

/// Scalar expressions.
#[derive(Clone, Debug)]
pub enum ScalarKind {
    Literal(Literal),
    /// A column of the input relation, by position.
    Column(usize),
    /// A function or operator by canonical name. Operators are named as written in KQL: `==`, `!=`, `=~`,
    /// `!~`, `<`, `<=`, `>`, `>=`, `+`, `-`, `*`, `/`, `%`, `and`, `or`, `has`, `!has`, `has_cs`, `contains`,
    /// `startswith`, `endswith`, `hasprefix`, `hassuffix`, `has_any`, `has_all`, `matches regex`,
    /// `in`, `!in`, `in~`, `!in~`, `between`, `!between` (args: value, low, high; a timespan `high` is already
    /// added to `low`), `neg`. `iif`/`case` keep their argument order.
    Call {
        function: &'static str,
        args: Vec<Scalar>,
    },
    /// `value.key`, `value["key"]`, `value[0]` on a dynamic; result dynamic.
    Path {
        value: Box<Scalar>,
        segments: Vec<PathSegment>,
    },
    /// `value in (Tabular)`, and its negated and `~` forms: membership in the first column of a relation.
    /// If that column is dynamic, its array elements are the members.
    InRelation {
        value: Box<Scalar>,
        relation: Box<Rel>,
        negated: bool,
        ignore_case: bool,
    },
    /// `toscalar(Tabular)`: the first column of the first row, null when there is none. Where the relation is a
    /// [`Rel::Shared`], its value is the same wherever its id is, and only as a value.
    ToScalar(Box<Rel>),
}

/// One step into a dynamic value.
#[derive(Clone, Debug)]
pub enum PathSegment {
    Key(String),
    /// Counted from the end when negative.
    Index(i64),
    /// A computed key or index.
    Dynamic(Box<Scalar>),
}

/// A constant. Null has the type of its [`Scalar`].
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Real(f64),
    /// As written, canonical: engines choose their own decimal type.
    Decimal(String),
    String(String),
    DateTime(Ticks),
    TimeSpan(Timespan),
    /// Lower-case, hyphenated.
    Guid(String),
    /// JSON text.
    Dynamic(String),
}

/// The name in [`Rel::Table`] of a table of another workspace. Table names have no slash.
pub fn foreign_table(workspace: WorkspaceId, table: &str) -> String {
    format!("{workspace}/{table}")
}

/// The workspace, if it is another one than the query's, and the plain name of a [`Rel::Table`].
pub fn table_place(name: &str) -> (Option<WorkspaceId>, &str) {
    match name.split_once('/') {
        Some((workspace, table)) => (workspace.parse().ok(), table),
        None => (None, name),
    }
}

/// The name of an aggregate that queries cannot write: the value of a column that is the same in all rows of
/// a group.
pub const SAME_VALUE: &str = "the same value";

/// The name of a function that queries cannot write: a number that no other row of the input has, growing
/// in the input's order.
pub const ROW_ID: &str = "row id";

/// The name of a function that queries cannot write: the pairs that `parse-kv` finds in a text, as a bag.
pub const KEY_VALUES: &str = "key values";

impl Scalar {
    /// A column reference.
    pub fn column(index: usize, ty: KqlType, span: Span) -> Self {
        Self { kind: ScalarKind::Column(index), ty, span }
    }

    /// A constant.
    pub fn literal(value: Literal, ty: KqlType, span: Span) -> Self {
        Self { kind: ScalarKind::Literal(value), ty, span }
    }
}

impl Rel {
    /// The relation's output columns, in order.
    pub fn columns(&self) -> Vec<ColumnSchema> {
        let named = |items: &[Named]| {
            items.iter().map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty }).collect()
        };
        match self {
            Self::Table { columns, .. }
            | Self::Rows { columns, .. }
            | Self::Union { columns, .. }
            | Self::Unsupported { columns, .. } => columns.clone(),
            Self::Print { items } | Self::Project { items, .. } => named(items),
            Self::Range { column, .. } => vec![column.clone()],
            Self::Filter { input, .. }
            | Self::Sort { input, .. }
            | Self::Take { input, .. }
            | Self::TakeWithin { input, .. }
            | Self::Serialize { input }
            | Self::Sample { input, .. }
            | Self::Shared { input, .. } => input.columns(),
            Self::Summarize { keys, aggregates, .. } => {
                let mut columns: Vec<ColumnSchema> = named(keys);
                columns.extend(aggregates.iter().flat_map(|aggregate| aggregate.outputs.iter().cloned()));
                columns
            }
            Self::Join(join) => join.outputs.iter().map(|output| output.column.clone()).collect(),
            Self::MvExpand(expand) => expand.columns.clone(),
            Self::Parse(parse) => parse.columns.clone(),
            Self::Whole(whole) => whole.columns.clone(),
        }
    }
}
