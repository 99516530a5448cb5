//! Working out what does not depend on a resource: `parameters()`, and calls whose arguments are all known.

use serde_json::{Map, Value};

use super::{Expression, Part, Template};
use crate::value::get;

impl Template {
    /// The same template with these parameters in place. What has no value stays as it is and says so when it is
    /// evaluated: a branch that is never taken may hold it.
    #[must_use]
    pub fn bind(&self, parameters: &Map<String, Value>) -> Self {
        Self(self.0.bind(parameters))
    }
}

impl Part {
    fn bind(&self, parameters: &Map<String, Value>) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(value.clone()),
            Self::Expression(expression) => match expression.bind(parameters) {
                Expression::Literal(value) => Self::Constant(value),
                expression => Self::Expression(expression),
            },
            Self::Array(parts) => {
                let parts: Vec<Part> = parts.iter().map(|part| part.bind(parameters)).collect();
                let values: Option<Vec<Value>> = parts.iter().map(|part| part.constant().cloned()).collect();
                values.map_or(Self::Array(parts), |values| Self::Constant(Value::Array(values)))
            }
            Self::Object(parts) => {
                let parts: Vec<(Part, Part)> =
                    parts.iter().map(|(name, part)| (name.bind(parameters), part.bind(parameters))).collect();
                let values: Option<Map<String, Value>> = parts
                    .iter()
                    .map(|(name, part)| {
                        Some((name.constant()?.as_str()?.to_owned(), part.constant()?.clone()))
                    })
                    .collect();
                values.map_or(Self::Object(parts), |values| Self::Constant(Value::Object(values)))
            }
        }
    }

    fn constant(&self) -> Option<&Value> {
        match self {
            Self::Constant(value) => Some(value),
            _ => None,
        }
    }
}

impl Expression {
    fn bind(&self, parameters: &Map<String, Value>) -> Self {
        match self {
            Self::Literal(value) => Self::Literal(value.clone()),
            Self::Member { of, name } => match of.bind(parameters) {
                Self::Literal(of) => {
                    Self::Literal(crate::value::member(&of, name).cloned().unwrap_or_default())
                }
                of => Self::Member { of: Box::new(of), name: name.clone() },
            },
            Self::Index { of, index } => match (of.bind(parameters), index.bind(parameters)) {
                (Self::Literal(of), Self::Literal(index)) => match super::evaluate::index_into(&of, &index) {
                    Ok(value) => Self::Literal(value),
                    Err(_) => {
                        Self::Index { of: Box::new(Self::Literal(of)), index: Box::new(Self::Literal(index)) }
                    }
                },
                (of, index) => Self::Index { of: Box::new(of), index: Box::new(index) },
            },
            Self::Call { function, arguments } => {
                let arguments: Vec<Expression> =
                    arguments.iter().map(|argument| argument.bind(parameters)).collect();
                let values: Option<Vec<Value>> =
                    arguments.iter().map(|argument| argument.literal().cloned()).collect();
                let value = match (function.name, values) {
                    ("parameters", Some(values)) => {
                        values.first().and_then(Value::as_str).and_then(|name| get(parameters, name)).cloned()
                    }
                    ("if", _) => {
                        let taken = arguments[0]
                            .literal()
                            .and_then(|condition| super::evaluate::truth("if", 1, condition).ok());
                        if let Some(taken) = taken {
                            return arguments[if taken { 1 } else { 2 }].clone();
                        }
                        None
                    }
                    (_, Some(values)) if function.is_pure() => function.call(&values, None).ok(),
                    _ => None,
                };
                value.map_or(Self::Call { function, arguments }, Self::Literal)
            }
        }
    }

    fn literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }
}
