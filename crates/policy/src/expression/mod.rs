//! Template expressions inside policies: `[parameters('effect')]`, `[concat(field('name'), '/MDE.Linux')]`.
//!
//! The template language of Azure Resource Manager, with the functions that policies add. An expression is parsed
//! once; what does not depend on a resource is worked out when a policy is assigned ([`Template::bind`]). An unknown
//! function is an error with its name, never an empty text: a policy that silently compared against nothing would
//! report machines compliant that nobody looked at.

mod bind;
mod evaluate;
mod functions;
mod parse;

use serde_json::Value;

pub use evaluate::{Binding, PolicyFacts, Request, Scope, Steps};
pub(crate) use functions::{Function, duration};

/// Deepest nesting of calls in one expression, and of values around it. The deepest in Azure's built-in policies is 9.
pub(crate) const DEPTH_MAX: usize = 32;
/// Longest expression, in bytes. Azure's own limit is 24,576 characters.
pub(crate) const LENGTH_MAX: usize = 24_576;
/// Longest text that a function may make, in bytes; Azure's limit for a value of a template.
pub(crate) const TEXT_MAX: usize = 131_072;
/// Most members of an array that a function may make.
pub(crate) const ARRAY_MAX: usize = 10_000;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("expression `{expression}` has a syntax error at position {at}: {wanted} was expected")]
    Syntax { expression: String, at: usize, wanted: &'static str },
    #[error("there is no function `{0}`")]
    UnknownFunction(String),
    #[error("function `{function}` has no meaning here: {reason}")]
    NotHere { function: String, reason: &'static str },
    #[error("function `{function}` takes {takes} arguments, not {given}")]
    Count { function: &'static str, takes: String, given: usize },
    #[error("argument {at} of function `{function}` must be {wanted}, not {given}")]
    Argument { function: &'static str, at: usize, wanted: &'static str, given: &'static str },
    #[error("function `{function}`: {reason}")]
    Value { function: &'static str, reason: String },
    #[error(
        "parameter `{0}` has no value; give it one in the assignment or a `defaultValue` in the definition"
    )]
    UnknownParameter(String),
    #[error("variable `{0}` is not declared in the template")]
    UnknownVariable(String),
    #[error("there is no member `{member}` in {of}")]
    NoMember { member: String, of: &'static str },
    #[error(transparent)]
    Field(#[from] crate::field::FieldError),
    #[error("expressions nest deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("expression is longer than {LENGTH_MAX} bytes")]
    TooLong,
    #[error("function `{0}` made a text above {TEXT_MAX} bytes or an array above {ARRAY_MAX} members")]
    TooLarge(&'static str),
    #[error("the policy takes more than {0} steps for one resource")]
    TooMuchWork(u64),
}

/// A parsed expression.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Literal(Value),
    Call { function: &'static Function, arguments: Vec<Expression> },
    Member { of: Box<Expression>, name: String },
    Index { of: Box<Expression>, index: Box<Expression> },
}

/// A JSON value in which texts may be expressions.
#[derive(Clone, Debug)]
pub struct Template(pub(crate) Part);

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Constant(Value),
    Expression(Expression),
    Array(Vec<Part>),
    Object(Vec<(Part, Part)>),
}

impl Template {
    /// Parses every expression in `value`, at any depth of arrays and objects. A text in `[…]` is an expression;
    /// `[[` escapes a bracket.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub fn parse(value: &Value) -> Result<Self, ExpressionError> {
        parse::part(value, 0).map(Self)
    }

    /// A value without expressions.
    pub fn constant(value: Value) -> Self {
        Self(Part::Constant(value))
    }

    /// The value, when nothing in it depends on a resource.
    pub fn as_constant(&self) -> Option<&Value> {
        match &self.0 {
            Part::Constant(value) => Some(value),
            _ => None,
        }
    }
}

/// The names of all functions, for reference pages and for the test that each has a case.
pub fn function_names() -> Vec<&'static str> {
    functions::names()
}
