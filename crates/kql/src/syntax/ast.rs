//! The syntax tree. Every node knows its place; names keep their spelling.

use bartizan_schema::KqlType;

use crate::bound::Literal;
use crate::span::Span;

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
    /// `set x = …`, `alias …`, `restrict …`, `declare pattern …`: accepted, without effect on binding.
    Ignored {
        what: String,
        span: Span,
    },
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
    /// `-x` and `+x`.
    Negate(Box<Expr>),
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
    /// `typeof(string)`, or a schema `typeof(a: long, b: string)`.
    TypeOf {
        types: Vec<KqlType>,
        columns: Vec<ColumnDecl>,
    },
    /// `datatable(a: long)[1, 2]`.
    Datatable {
        columns: Vec<ColumnDecl>,
        values: Vec<Expr>,
    },
    /// `externaldata(a: long)['url'] with (…)`.
    ExternalData {
        columns: Vec<ColumnDecl>,
    },
    /// `source | op | op`; without a source the first operator makes the rows (`print`, `range`, `union`).
    Pipe {
        source: Option<Box<Expr>>,
        ops: Vec<Operator>,
    },
}

/// A tabular operator and its place.
#[derive(Clone, Debug)]
pub struct Operator {
    pub kind: OperatorKind,
    /// The operator's name, for messages.
    pub name: String,
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
    MvExpand {
        settings: Vec<Setting>,
        items: Vec<ExpandItem>,
        limit: Option<Expr>,
        legacy: bool,
    },
    MvApply {
        settings: Vec<Setting>,
        items: Vec<ExpandItem>,
        limit: Option<Expr>,
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
    As(Name),
    Invoke(Expr),
    GetSchema,
    Consume,
    Search {
        settings: Vec<Setting>,
        tables: Vec<Expr>,
        predicate: Expr,
    },
    Evaluate {
        call: Expr,
        schema: Option<(bool, Vec<ColumnDecl>)>,
    },
    ParseKv {
        source: Expr,
        columns: Vec<ColumnDecl>,
    },
    MakeSeries {
        aggregates: Vec<Expr>,
        axis: Box<Expr>,
        by: Vec<Expr>,
    },
    TopNested(Vec<TopNestedLevel>),
    TopHitters {
        of: Expr,
        by: Option<Expr>,
    },
    Partition {
        body: Option<Vec<Operator>>,
    },
    Reduce,
    /// Parsed by name only (`scan`, `fork`, `facet`, `find`, graph operators).
    Known,
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

/// `n of column by aggregate`.
#[derive(Clone, Debug)]
pub struct TopNestedLevel {
    pub of: Expr,
    pub by: Expr,
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
