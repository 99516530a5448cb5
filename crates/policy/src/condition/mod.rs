//! The `if` and `existenceCondition` language of Azure Policy.
//!
//! Conditions are parsed once, with a bound on depth and size, bound to the parameters of an assignment, and evaluated
//! many times. Evaluation knows a third answer, "unknown", for one purpose: to ask whether a policy is *about* a
//! resource at all, by treating every field other than type, kind and name as unknown (Azure calls this applicability).

mod evaluate;
mod operator;
mod parse;

use serde_json::{Map, Value};

use crate::expression::{ExpressionError, Template};
use crate::field::{Field, FieldError};

pub(crate) use evaluate::Looking;
pub use evaluate::{Detail, Details};
pub use operator::Operator;

/// Deepest nesting of `allOf`, `anyOf`, `not` and `count`.
pub(crate) const DEPTH_MAX: usize = 32;
/// Most conditions in one rule. The largest built-in definition has about 500.
pub(crate) const CONDITIONS_MAX: usize = 4_096;

/// Why a rule cannot be read. Places are JSON pointers from the condition on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    #[error("condition at `{0}` is not an object")]
    NotAnObject(String),
    #[error("condition at `{0}` has none of `allOf`, `anyOf`, `not`, `field`, `value`, `count`")]
    NoSubject(String),
    #[error("condition at `{place}` has `{first}` and `{second}`; split it in two, joined by `allOf`")]
    TwoSubjects { place: String, first: &'static str, second: &'static str },
    #[error("condition at `{place}` has no operator such as `equals`; its members are {members}")]
    NoOperator { place: String, members: String },
    #[error("condition at `{place}` has `{first}` and `{second}`; split it in two, joined by `allOf`")]
    TwoOperators { place: String, first: &'static str, second: &'static str },
    #[error("`{0}` must be a list")]
    NotAList(String),
    #[error("`{0}` must be a text")]
    NotAText(String),
    #[error("operator at `{place}` takes {wanted}")]
    Operand { place: String, wanted: &'static str },
    #[error("`{0}` counts a field without `[*]`; name the array as `Namespace/type/array[*]`")]
    CountsNoArray(String),
    #[error("`{0}` has neither `field` nor `value`, or both")]
    CountsNothing(String),
    #[error("conditions nest deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("rule has more than {CONDITIONS_MAX} conditions")]
    TooMany,
    #[error("cannot read the field at `{place}`: {source}")]
    Field { place: String, source: FieldError },
    #[error("cannot read the expression at `{place}`: {source}")]
    Expression { place: String, source: ExpressionError },
}

/// A parsed condition.
#[derive(Clone, Debug)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test(Box<Test>),
}

/// One comparison.
#[derive(Clone, Debug)]
pub struct Test {
    pub(crate) subject: Subject,
    pub(crate) operator: Operator,
    pub(crate) against: Template,
}

/// What a test looks at.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Field(Name),
    /// An expression, with its text for people.
    Value(Template, String),
    Count(Box<Count>),
}

/// A field's name, which may itself be an expression.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Known(Field),
    Computed(Template),
}

/// How many members satisfy a condition.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    pub(crate) over: Over,
    pub(crate) filter: Option<Condition>,
}

#[derive(Clone, Debug)]
pub(crate) enum Over {
    Field(Name),
    Values { values: Template, name: String },
}

impl Condition {
    /// Parses a rule's `if` or a details' `existenceCondition`.
    ///
    /// # Errors
    /// See [`ConditionError`]; the pointer in it leads to the wrong place.
    pub fn parse(value: &Value) -> Result<Self, ConditionError> {
        parse::condition(value)
    }

    /// The same condition with these parameters in place.
    #[must_use]
    pub fn bind(&self, parameters: &Map<String, Value>) -> Self {
        let all = |conditions: &[Condition]| conditions.iter().map(|c| c.bind(parameters)).collect();
        match self {
            Self::All(conditions) => Self::All(all(conditions)),
            Self::Any(conditions) => Self::Any(all(conditions)),
            Self::Not(condition) => Self::Not(Box::new(condition.bind(parameters))),
            Self::Test(test) => Self::Test(Box::new(Test {
                subject: test.subject.bind(parameters),
                operator: test.operator,
                against: test.against.bind(parameters),
            })),
        }
    }
}

impl Subject {
    fn bind(&self, parameters: &Map<String, Value>) -> Self {
        match self {
            Self::Field(name) => Self::Field(name.bind(parameters)),
            Self::Value(value, text) => Self::Value(value.bind(parameters), text.clone()),
            Self::Count(count) => Self::Count(Box::new(Count {
                over: match &count.over {
                    Over::Field(name) => Over::Field(name.bind(parameters)),
                    Over::Values { values, name } => {
                        Over::Values { values: values.bind(parameters), name: name.clone() }
                    }
                },
                filter: count.filter.as_ref().map(|filter| filter.bind(parameters)),
            })),
        }
    }
}

impl Name {
    fn bind(&self, parameters: &Map<String, Value>) -> Self {
        let Self::Computed(template) = self else { return self.clone() };
        let bound = template.bind(parameters);
        match bound.as_constant().and_then(Value::as_str).map(Field::parse) {
            Some(Ok(field)) => Self::Known(field),
            // A wrong name says so when it is read.
            _ => Self::Computed(bound),
        }
    }
}
