//! Expression → value, for one resource.

use std::cell::Cell;

use bartizan_base::Ticks;
use serde_json::{Map, Value};

use super::{Expression, ExpressionError, Part, Template};
use crate::field::{Field, FieldKind, Found};
use crate::target::Target;
use crate::value::{get, member, text_of, type_of};

/// Most steps (calls, members of arrays, conditions) of one policy for one resource.
const STEPS_MAX: u64 = 2_000_000;

/// Which policy asks: what `policy()` answers, and where an error message points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFacts {
    pub assignment_id: String,
    pub definition_id: String,
    /// Empty when the definition is assigned by itself.
    pub set_definition_id: String,
    /// The member of the initiative; empty likewise.
    pub reference_id: String,
}

/// What `requestContext()` answers: the request that a write came with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub api_version: String,
    /// Object id of the caller.
    pub principal_id: String,
}

/// The work that is left for one policy and one resource.
#[derive(Debug)]
pub struct Steps(Cell<u64>);

impl Default for Steps {
    fn default() -> Self {
        Self(Cell::new(STEPS_MAX))
    }
}

impl Steps {
    pub(crate) fn take(&self, count: u64) -> Result<(), ExpressionError> {
        let left = self.0.get().checked_sub(count).ok_or(ExpressionError::TooMuchWork(STEPS_MAX))?;
        self.0.set(left);
        Ok(())
    }
}

/// The member that a `count` is at.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// `name` of a count over values; for a count over a field the field as written.
    pub(crate) name: &'a str,
    /// Set for a count over a field.
    pub(crate) field: Option<&'a Field>,
    pub(crate) value: &'a Value,
    pub(crate) outer: Option<&'a Binding<'a>>,
}

/// What an expression can see.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub target: &'a Target,
    pub now: Ticks,
    pub facts: &'a PolicyFacts,
    /// By name; `[parameters('x')]` of a bound policy is gone already.
    pub parameters: &'a Map<String, Value>,
    /// Of a template that is being deployed.
    pub variables: Option<&'a Map<String, Value>>,
    /// Of a write; `None` in an evaluation of what is stored.
    pub request: Option<&'a Request>,
    pub binding: Option<&'a Binding<'a>>,
    pub steps: &'a Steps,
}

impl Template {
    /// The value for `scope`.
    ///
    /// # Errors
    /// When an expression in it has none.
    pub fn resolve(&self, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
        self.0.resolve(scope)
    }

    /// The value as text.
    ///
    /// # Errors
    /// When an expression in it has none.
    pub fn resolve_text(&self, scope: &Scope<'_>) -> Result<String, ExpressionError> {
        match &self.0 {
            Part::Constant(value) => Ok(text_of(value).into_owned()),
            part => Ok(text_of(&part.resolve(scope)?).into_owned()),
        }
    }
}

impl Part {
    pub(super) fn resolve(&self, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Expression(expression) => expression.evaluate(scope),
            Self::Array(parts) => {
                parts.iter().map(|part| part.resolve(scope)).collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Object(parts) => parts
                .iter()
                .map(|(name, part)| Ok((text_of(&name.resolve(scope)?).into_owned(), part.resolve(scope)?)))
                .collect::<Result<_, _>>()
                .map(Value::Object),
        }
    }
}

impl Expression {
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
        scope.steps.take(1)?;
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Member { of, name } => {
                let of = of.evaluate(scope)?;
                Ok(member(&of, name).cloned().unwrap_or_default())
            }
            Self::Index { of, index } => {
                let (of, index) = (of.evaluate(scope)?, index.evaluate(scope)?);
                index_into(&of, &index)
            }
            Self::Call { function, arguments } => {
                if function.name == "if" {
                    return self.choose(arguments, scope);
                }
                let arguments = arguments
                    .iter()
                    .map(|argument| argument.evaluate(scope))
                    .collect::<Result<Vec<_>, _>>()?;
                function.call(&arguments, Some(scope))
            }
        }
    }

    /// Only the branch that is taken is evaluated, as in a template: the other may have no value.
    fn choose(&self, arguments: &[Expression], scope: &Scope<'_>) -> Result<Value, ExpressionError> {
        let condition = arguments[0].evaluate(scope)?;
        arguments[if truth("if", 1, &condition)? { 1 } else { 2 }].evaluate(scope)
    }
}

/// A boolean argument; `'true'` and `'false'` count.
pub(super) fn truth(function: &'static str, at: usize, value: &Value) -> Result<bool, ExpressionError> {
    match value {
        Value::Bool(on) => Ok(*on),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(ExpressionError::Argument { function, at, wanted: "a boolean", given: type_of(other) }),
    }
}

/// `of[index]`. A member or place that is not there is null, as for a tag that a resource group lacks.
pub(super) fn index_into(of: &Value, index: &Value) -> Result<Value, ExpressionError> {
    let found = match (of, index) {
        (Value::Null, _) => None,
        (_, Value::String(name)) => member(of, name),
        (Value::Array(items), Value::Number(number)) => {
            number.as_u64().and_then(|at| usize::try_from(at).ok()).and_then(|at| items.get(at))
        }
        (of, index) => {
            return Err(ExpressionError::NoMember {
                member: text_of(index).chars().take(80).collect(),
                of: type_of(of),
            });
        }
    };
    Ok(found.cloned().unwrap_or_default())
}

impl Scope<'_> {
    /// What a condition's `field` reads: below the member of the nearest `count` that holds it, or of the target.
    pub(crate) fn read<'s>(&'s self, field: &Field) -> Found<'s> {
        match self.member_path(field) {
            Some((value, path)) if path.0.is_empty() => Found::One(std::borrow::Cow::Borrowed(value)),
            Some((value, path)) => path.walk(value),
            None => field.read(self.target),
        }
    }

    fn member_path(&self, field: &Field) -> Option<(&Value, crate::field::Path)> {
        if !field.is_array() {
            return None;
        }
        let mut next = self.binding;
        while let Some(binding) = next {
            if let Some(path) = binding.field.and_then(|of| field.below(of)) {
                return Some((binding.value, path));
            }
            next = binding.outer;
        }
        None
    }

    /// `field('name')`. Inside `count … where` a path below the counted array gives an array of one, as documented.
    pub(super) fn field(&self, name: &str) -> Result<Value, ExpressionError> {
        let field = Field::parse(name)?;
        if let FieldKind::Member(path) = &field.kind
            && path.0.len() == 1
            && field.text.eq_ignore_ascii_case("location")
        {
            return Ok(field.read(self.target).into_value());
        }
        Ok(match self.member_path(&field) {
            Some((value, path)) if path.0.is_empty() => Value::Array(vec![value.clone()]),
            Some((value, path)) => match path.walk(value) {
                Found::Many(values) => Found::Many(values).into_value(),
                found => Value::Array(vec![found.into_value()]),
            },
            None => field.read(self.target).into_value(),
        })
    }

    /// `current('name')`, `current('alias[*].path')`, `current()`.
    pub(super) fn current(&self, name: Option<&str>) -> Result<Value, ExpressionError> {
        let outside = || ExpressionError::Value {
            function: "current",
            reason: match name {
                Some(name) => format!("no `count` around it is called `{name}`"),
                None => "no `count` is around it".to_owned(),
            },
        };
        let Some(name) = name else {
            return self.binding.map(|binding| binding.value.clone()).ok_or_else(outside);
        };
        let mut next = self.binding;
        while let Some(binding) = next {
            if binding.name.eq_ignore_ascii_case(name) {
                return Ok(binding.value.clone());
            }
            next = binding.outer;
        }
        let field = Field::parse(name)?;
        let (value, path) = self.member_path(&field).ok_or_else(outside)?;
        Ok(path.walk(value).into_value())
    }

    /// `parameters('name')`.
    pub(super) fn parameter(&self, name: &str) -> Result<Value, ExpressionError> {
        get(self.parameters, name).cloned().ok_or_else(|| ExpressionError::UnknownParameter(name.to_owned()))
    }
}
