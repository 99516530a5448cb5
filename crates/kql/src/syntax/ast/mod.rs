//! The syntax tree. Every node knows its place; names keep their spelling.

use bartizan_schema::KqlType;

use crate::bound::Literal;
use crate::span::Span;

mod graph;
mod operator;

pub use graph::{
    EdgeDirection, GraphNodes, GraphPartition, GraphPattern, GraphTable, HopRange, MakeGraph, PatternEdge,
    PatternNode, PatternQuery,
};
pub use operator::{
    ExpandItem, FindColumn, FindOutput, ForkBranch, Operator, OperatorKind, ParsePart, PartitionBody, Scan,
    ScanOutput, ScanStep, SeriesItem, SeriesRange, Setting, SettingValue, SortKey, TopNestedLevel,
};

/// A name and its place.
#[derive(Clone, Debug)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// A whole query or a function body: statements in order. At most the last expression matters.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub statements: Vec<Statement>,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    Let {
        name: Name,
        value: LetValue,
    },
    /// `declare query_parameters(…)`.
    Parameters(Vec<Parameter>),
    Expr(Expr),
    /// `set name` and `set name = value`: an option of the request.
    Set {
        name: Name,
        value: Option<Expr>,
    },
    /// `alias database name = cluster('x').database('y')`.
    Alias {
        name: Name,
        database: Expr,
    },
    /// `restrict access to (T, database('x').*)`.
    Restrict {
        entities: Vec<Expr>,
        span: Span,
    },
    /// `declare pattern …`.
    Pattern(Pattern),
    /// A statement that could not be read; already reported.
    Error(Span),
}

/// `declare pattern app = (id: string)[scope: string] { ('a').['b'] = { T }; }`. A pattern that is only
/// announced has no cases.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    /// The parameter in brackets, which a query gives behind a dot: `app('a').b`.
    pub path: Option<Parameter>,
    pub cases: Vec<PatternCase>,
    pub span: Span,
}

/// One line of a pattern: the arguments it is for, and the query that then stands for the call.
#[derive(Clone, Debug)]
pub struct PatternCase {
    pub arguments: Vec<Expr>,
    pub path: Option<Expr>,
    pub body: Script,
}

/// The right side of a `let`.
#[derive(Clone, Debug)]
pub enum LetValue {
    Expr(Expr),
    Function(std::sync::Arc<Lambda>),
}

/// `(x: long = 1, T: (*)) { … }`.
#[derive(Clone, Debug)]
pub struct Lambda {
    /// Written `view () { … }`: also found by the wildcards of `union` and `search`.
    pub view: bool,
    pub parameters: Vec<Parameter>,
    pub body: Script,
    pub span: Span,
}

/// A declared parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Name,
    pub ty: ParameterType,
    pub default: Option<Expr>,
}

/// What a parameter takes.
#[derive(Clone, Debug)]
pub enum ParameterType {
    Scalar(KqlType),
    /// `T: (*)` is `Tabular { columns: [], open: true }`.
    Tabular {
        columns: Vec<ColumnDecl>,
        open: bool,
    },
}

/// `name: type`.
#[derive(Clone, Debug)]
pub struct ColumnDecl {
    pub name: Name,
    pub ty: KqlType,
}

/// An expression, scalar or tabular: the grammar does not tell them apart.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

/// See [`Expr`].
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// What could not be read; already reported.
    Error,
    Literal(Literal, KqlType),
    Name(String),
    /// `*`, `Sec*`, `*_CL`.
    Wildcard(String),
    /// `base.name`, and `base['name']` with a constant text.
    Member {
        base: Box<Expr>,
        name: Name,
    },
    /// `base[index]`.
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    /// `f(a, b)`; `base` for `database('x').f(a)`.
    Call {
        base: Option<Box<Expr>>,
        name: Name,
        args: Vec<Expr>,
    },
    /// `-x`.
    Negate(Box<Expr>),
    /// `+x`: the same value, but no longer a column with a name.
    Plus(Box<Expr>),
    /// Comparison, arithmetic and string operators by their KQL spelling.
    Binary {
        op: &'static str,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `a and b and c`: flat, because rules chain hundreds of terms.
    Logic {
        op: &'static str,
        terms: Vec<Expr>,
    },
    /// `value in (a, b)`, `value has_any (a, b)` and the like; `op` includes `!` and `~`.
    Membership {
        op: &'static str,
        value: Box<Expr>,
        list: Vec<Expr>,
    },
    /// `value between (low .. high)`.
    Between {
        negated: bool,
        value: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    /// `name = value`, `(a, b) = value`.
    Assign {
        names: Vec<Name>,
        tuple: bool,
        value: Box<Expr>,
    },
    /// `(e)`.
    Paren(Box<Expr>),
    /// `typeof(string)`, or a schema `typeof(*, a: long, b: string)`.
    TypeOf {
        types: Vec<KqlType>,
        columns: Vec<ColumnDecl>,
        /// `*`: the input's columns too.
        star: bool,
    },
    /// `datatable(a: long)[1, 2]`.
    Datatable {
        columns: Vec<ColumnDecl>,
        values: Vec<Expr>,
    },
    /// `externaldata(a: long)['url'] with (…)`.
    ExternalData {
        columns: Vec<ColumnDecl>,
        uris: Vec<Expr>,
        properties: Vec<Setting>,
    },
    /// `entity_group [cluster('a').database('b'), …]`.
    EntityGroup(Vec<Expr>),
    /// `source | op | op`; without a source the first operator makes the rows (`print`, `range`, `union`).
    Pipe {
        source: Option<Box<Expr>>,
        ops: Vec<Operator>,
    },
}

impl Expr {
    /// A node for text that could not be read.
    pub fn error(span: Span) -> Self {
        Self { kind: ExprKind::Error, span }
    }

    /// The expression without enclosing parentheses.
    pub fn unwrapped(&self) -> &Expr {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }
}
