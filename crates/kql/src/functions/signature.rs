//! Reading a signature's text.

use bartizan_schema::KqlType;

use crate::bind::types::{common, widest};

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    Any,
    Exactly(KqlType),
    /// `int` or `long`.
    Integer,
    /// `int`, `long`, `real` or `decimal`.
    Number,
    /// A number, a timespan or a datetime.
    Summable,
    /// Anything but dynamic.
    Orderable,
    /// `typeof(…)`.
    TypeOf,
    /// A whole table.
    Tabular,
}

/// A declared argument.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: ArgumentKind,
    pub optional: bool,
    pub repeated: bool,
}

/// The result's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    Exactly(KqlType),
    Same,
    Second,
    Widest,
    Common,
    Typed,
    Promoted,
}

/// One way to call a function.
#[derive(Clone, Debug)]
pub struct Signature {
    pub parameters: Vec<Parameter>,
    pub returns: Returns,
}

impl Signature {
    /// Takes the text apart; `None` when it is malformed, which a test keeps from being shipped.
    pub(super) fn parse(text: &'static str) -> Option<Self> {
        let (inside, returns) = text.strip_prefix('(')?.rsplit_once("): ")?;
        let parameters =
            inside.split(", ").filter(|part| !part.is_empty()).map(parameter).collect::<Option<_>>()?;
        Some(Self { parameters, returns: returns_kind(returns)? })
    }

    /// Whether so many arguments can be given.
    pub fn takes(&self, count: usize) -> bool {
        let required = self.parameters.iter().filter(|parameter| !parameter.optional).count();
        count >= required && (count <= self.parameters.len() || self.parameters.iter().any(|p| p.repeated))
    }

    /// Whether the types fit. A dynamic value fits everywhere, because it is converted at run time.
    pub fn accepts(&self, args: &[KqlType]) -> bool {
        args.iter().enumerate().all(|(at, ty)| {
            let parameter = self.parameters.get(at).or(self.parameters.last());
            parameter.is_none_or(|parameter| parameter.kind.accepts(*ty))
        })
    }

    /// Whether the types fit without a conversion: `avg(decimal)` is not `avg(real)`.
    pub(super) fn matches(&self, args: &[KqlType]) -> bool {
        args.iter().enumerate().all(|(at, ty)| {
            let parameter = self.parameters.get(at).or(self.parameters.last());
            parameter.is_none_or(|parameter| match parameter.kind {
                ArgumentKind::Exactly(wanted) => wanted == *ty,
                kind => *ty != KqlType::Dynamic && kind.accepts(*ty),
            })
        })
    }

    /// Fewest and most arguments; `None` when there is no most.
    pub fn arity(&self) -> (usize, Option<usize>) {
        let fewest = self.parameters.iter().filter(|parameter| !parameter.optional).count();
        let repeated = self.parameters.iter().any(|parameter| parameter.repeated);
        (fewest, (!repeated).then_some(self.parameters.len()))
    }
}

fn parameter(text: &'static str) -> Option<Parameter> {
    let (name, kind) = text.split_once(": ")?;
    let repeated = name.ends_with("...");
    let name = name.trim_end_matches("...");
    let optional = name.ends_with('?');
    Some(Parameter { name: name.trim_end_matches('?'), kind: argument_kind(kind)?, optional, repeated })
}

fn argument_kind(text: &str) -> Option<ArgumentKind> {
    Some(match text {
        "any" => ArgumentKind::Any,
        "integer" => ArgumentKind::Integer,
        "number" => ArgumentKind::Number,
        "summable" => ArgumentKind::Summable,
        "orderable" => ArgumentKind::Orderable,
        "type" => ArgumentKind::TypeOf,
        "table" => ArgumentKind::Tabular,
        other => ArgumentKind::Exactly(other.parse().ok()?),
    })
}

fn returns_kind(text: &str) -> Option<Returns> {
    Some(match text {
        "same" => Returns::Same,
        "second" => Returns::Second,
        "widest" => Returns::Widest,
        "common" => Returns::Common,
        "typed" => Returns::Typed,
        "promoted" => Returns::Promoted,
        other => Returns::Exactly(other.parse().ok()?),
    })
}

impl ArgumentKind {
    /// Whether a value of this type can be given without a conversion that the query would have to write.
    pub fn accepts(self, ty: KqlType) -> bool {
        let number = matches!(ty, KqlType::Int | KqlType::Long | KqlType::Real | KqlType::Decimal);
        match self {
            Self::Any | Self::TypeOf | Self::Tabular | Self::Orderable => true,
            _ if ty == KqlType::Dynamic => true,
            Self::Integer => matches!(ty, KqlType::Int | KqlType::Long),
            Self::Number | Self::Exactly(KqlType::Real | KqlType::Long | KqlType::Int | KqlType::Decimal) => {
                number
            }
            Self::Summable => number || matches!(ty, KqlType::TimeSpan | KqlType::DateTime),
            Self::Exactly(wanted) => wanted == ty,
        }
    }

    /// How to call it in a message.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Exactly(ty) => ty.name(),
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Summable => "a number, a timespan or a datetime",
            Self::Orderable => "a value with an order",
            Self::TypeOf => "typeof(…)",
            Self::Tabular => "a table",
        }
    }
}

impl Returns {
    pub(super) fn of(self, args: &[KqlType]) -> KqlType {
        let first = args.first().copied().unwrap_or(KqlType::Dynamic);
        match self {
            Self::Exactly(ty) => ty,
            Self::Same => first,
            Self::Second => args.get(1).copied().unwrap_or(first),
            Self::Widest => args.iter().copied().reduce(widest).unwrap_or(first),
            Self::Common => common(args),
            // the binder knows the `typeof` argument and overrides this
            Self::Typed => KqlType::Dynamic,
            Self::Promoted if first == KqlType::Int => KqlType::Long,
            Self::Promoted => first,
        }
    }
}
