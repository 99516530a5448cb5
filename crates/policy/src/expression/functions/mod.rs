//! The functions, one family a file. Names compare without regard to case, as in Azure.

mod arrays;
mod dates;
mod logic;
mod numbers;
mod resources;
mod texts;

pub(crate) use dates::duration;

use serde_json::{Map, Value};

use super::{ARRAY_MAX, ExpressionError, Scope, TEXT_MAX};
use crate::value::type_of;

/// A function's declaration.
#[derive(Debug)]
pub(crate) struct Function {
    /// As Azure spells it.
    pub(crate) name: &'static str,
    min: usize,
    /// `usize::MAX` for any number.
    max: usize,
    /// Whether the arguments alone decide the value.
    pure: bool,
    run: fn(&Call<'_>) -> Result<Value, ExpressionError>,
}

const fn pure(
    name: &'static str,
    min: usize,
    max: usize,
    run: fn(&Call<'_>) -> Result<Value, ExpressionError>,
) -> Function {
    Function { name, min, max, pure: true, run }
}

const fn reads(
    name: &'static str,
    min: usize,
    max: usize,
    run: fn(&Call<'_>) -> Result<Value, ExpressionError>,
) -> Function {
    Function { name, min, max, pure: false, run }
}

const FAMILIES: [&[Function]; 6] = [
    logic::FUNCTIONS,
    texts::FUNCTIONS,
    arrays::FUNCTIONS,
    numbers::FUNCTIONS,
    dates::FUNCTIONS,
    resources::FUNCTIONS,
];

/// Functions of templates that Azure does not allow here either, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("copyIndex", "loops (`copy`) are not supported in a policy's template; list the resources one by one"),
    ("listKeys", "secrets are not given to policies"),
    ("listSecrets", "secrets are not given to policies"),
    ("listAccountSas", "secrets are not given to policies"),
    ("list", "secrets are not given to policies"),
    ("newGuid", "a policy must give the same answer twice; use `guid`"),
    ("pickZones", "this server has no zones"),
    ("providers", "this server has one version of each provider; write the api-version"),
    ("environment", "there are no cloud endpoints here"),
    ("map", "lambda functions are not allowed in policies"),
    ("filter", "lambda functions are not allowed in policies"),
    ("reduce", "lambda functions are not allowed in policies"),
    ("sort", "lambda functions are not allowed in policies"),
    ("toObject", "lambda functions are not allowed in policies"),
    ("groupBy", "lambda functions are not allowed in policies"),
    ("mapValues", "lambda functions are not allowed in policies"),
    ("lambda", "lambda functions are not allowed in policies"),
];

/// The function called `name`.
pub(super) fn find(name: &str) -> Result<&'static Function, ExpressionError> {
    let found = FAMILIES.iter().flat_map(|family| family.iter()).find(|f| f.name.eq_ignore_ascii_case(name));
    if let Some(found) = found {
        return Ok(found);
    }
    let name: String = name.chars().take(80).collect();
    match REFUSED.iter().find(|(refused, _)| refused.eq_ignore_ascii_case(&name)) {
        Some((_, reason)) => Err(ExpressionError::NotHere { function: name, reason }),
        None => Err(ExpressionError::UnknownFunction(name)),
    }
}

/// Every function's name.
pub(super) fn names() -> Vec<&'static str> {
    FAMILIES.iter().flat_map(|family| family.iter()).map(|function| function.name).collect()
}

impl Function {
    pub(crate) fn is_pure(&self) -> bool {
        self.pure
    }

    pub(crate) fn check_count(&'static self, given: usize) -> Result<(), ExpressionError> {
        if (self.min..=self.max).contains(&given) {
            return Ok(());
        }
        let takes = match self.max {
            usize::MAX => format!("at least {}", self.min),
            max if max == self.min => max.to_string(),
            max => format!("{} to {max}", self.min),
        };
        Err(ExpressionError::Count { function: self.name, takes, given })
    }

    pub(crate) fn call(
        &'static self,
        arguments: &[Value],
        scope: Option<&Scope<'_>>,
    ) -> Result<Value, ExpressionError> {
        let value = (self.run)(&Call { function: self.name, arguments, scope })?;
        let size = match &value {
            Value::String(text) if text.len() > TEXT_MAX => return Err(ExpressionError::TooLarge(self.name)),
            Value::Array(items) if items.len() > ARRAY_MAX => {
                return Err(ExpressionError::TooLarge(self.name));
            }
            // Long texts cost as many steps as they have pages, so that a `count` cannot multiply them for nothing.
            Value::String(text) => text.len() / 1024,
            Value::Array(items) => items.len() / 16,
            _ => 0,
        };
        if let Some(scope) = scope {
            scope.steps.take(size as u64)?;
        }
        Ok(value)
    }
}

/// One call: the arguments with what it may look at.
struct Call<'a> {
    function: &'static str,
    arguments: &'a [Value],
    scope: Option<&'a Scope<'a>>,
}

impl<'a> Call<'a> {
    fn any(&self, at: usize) -> &'a Value {
        static NULL: Value = Value::Null;
        self.arguments.get(at).unwrap_or(&NULL)
    }

    fn given(&self, at: usize) -> Option<&'a Value> {
        self.arguments.get(at)
    }

    fn text(&self, at: usize) -> Result<&'a str, ExpressionError> {
        self.any(at).as_str().ok_or_else(|| self.wrong(at, "a text"))
    }

    fn texts(&self) -> Result<Vec<&'a str>, ExpressionError> {
        (0..self.arguments.len()).map(|at| self.text(at)).collect()
    }

    fn integer(&self, at: usize) -> Result<i64, ExpressionError> {
        let value = self.any(at);
        let whole = value.as_i64().or_else(|| {
            value
                .as_f64()
                .filter(|number| number.fract() == 0.0 && number.abs() < 9e15)
                .map(|number| number as i64)
        });
        whole.ok_or_else(|| self.wrong(at, "a whole number"))
    }

    fn size(&self, at: usize) -> Result<usize, ExpressionError> {
        usize::try_from(self.integer(at)?.max(0)).map_err(|_| self.wrong(at, "a number of members"))
    }

    fn array(&self, at: usize) -> Result<&'a Vec<Value>, ExpressionError> {
        self.any(at).as_array().ok_or_else(|| self.wrong(at, "an array"))
    }

    fn object(&self, at: usize) -> Result<&'a Map<String, Value>, ExpressionError> {
        self.any(at).as_object().ok_or_else(|| self.wrong(at, "an object"))
    }

    fn scope(&self) -> Result<&'a Scope<'a>, ExpressionError> {
        self.scope.ok_or_else(|| self.bad("it has no value before a resource is looked at"))
    }

    fn wrong(&self, at: usize, wanted: &'static str) -> ExpressionError {
        ExpressionError::Argument {
            function: self.function,
            at: at + 1,
            wanted,
            given: type_of(self.any(at)),
        }
    }

    /// The type is right and the value is not.
    fn must(&self, at: usize, wanted: &'static str) -> ExpressionError {
        match self.any(at) {
            Value::String(_) | Value::Number(_) => self.bad(format!("argument {} must be {wanted}", at + 1)),
            _ => self.wrong(at, wanted),
        }
    }

    fn bad(&self, reason: impl Into<String>) -> ExpressionError {
        ExpressionError::Value { function: self.function, reason: reason.into() }
    }
}
