//! What operators and choices make of the types they are given.

use bartizan_schema::KqlType;

/// Whether a type is one of the four numbers.
pub(crate) fn is_number(ty: KqlType) -> bool {
    rank(ty) > 0
}

fn rank(ty: KqlType) -> u8 {
    match ty {
        KqlType::Int => 1,
        KqlType::Long => 2,
        KqlType::Real => 3,
        KqlType::Decimal => 4,
        _ => 0,
    }
}

/// The wider of two numbers; another type stays as it is. A dynamic value takes part as the other's type.
pub(crate) fn widest(left: KqlType, right: KqlType) -> KqlType {
    let wider = if rank(right) > rank(left) { right } else { left };
    // `bin(int, 2)` is long in the reference: a literal is long, and int never stays alone in arithmetic
    if wider == KqlType::Int { KqlType::Long } else { wider }
}

/// A number that is no decimal.
pub(super) fn is_plain_number(ty: KqlType) -> bool {
    matches!(ty, KqlType::Int | KqlType::Long | KqlType::Real)
}

/// What values of these types become when one of them is chosen (`iff`, `coalesce`, `max_of`).
pub(crate) fn common(types: &[KqlType]) -> KqlType {
    let mut known = types.iter().copied().filter(|ty| *ty != KqlType::Dynamic);
    let Some(first) = known.next() else { return KqlType::Dynamic };
    known
        .try_fold(first, |sum, ty| {
            if sum == ty {
                Some(sum)
            } else if is_number(sum) && is_number(ty) {
                Some(if rank(ty) > rank(sum) { ty } else { sum })
            } else {
                None
            }
        })
        .unwrap_or(KqlType::Dynamic)
}

/// The result of `+ - * / %`, or `None` where the operator is not defined.
pub(crate) fn arithmetic(op: &str, left: KqlType, right: KqlType) -> Option<KqlType> {
    use KqlType::{DateTime, Dynamic, TimeSpan};
    Some(match (left, op, right) {
        (Dynamic, _, Dynamic) => Dynamic,
        (Dynamic, "-", DateTime) | (DateTime, "-", Dynamic) => TimeSpan,
        (Dynamic, _, other) | (other, _, Dynamic) if is_number(other) => widest(KqlType::Long, other),
        (Dynamic, _, other) | (other, _, Dynamic) if matches!(other, DateTime | TimeSpan) => other,
        (left, _, right) if is_number(left) && is_number(right) => widest(left, right),
        (DateTime, "-", DateTime) => TimeSpan,
        (DateTime, "+" | "-", TimeSpan) | (TimeSpan, "+", DateTime) | (DateTime, "+", DateTime) => DateTime,
        (TimeSpan, "+" | "-" | "%", TimeSpan) => TimeSpan,
        // the time of the day is `TimeGenerated % 1d`
        (DateTime, "%", TimeSpan) => TimeSpan,
        (TimeSpan, "%", number) if is_number(number) => TimeSpan,
        (TimeSpan, "/", TimeSpan) => KqlType::Real,
        (TimeSpan, "*" | "/", number) if is_number(number) => TimeSpan,
        // odd, but the reference takes a moment's ticks for a number here
        (DateTime, "*" | "/" | "%", number) if is_number(number) => DateTime,
        (number, "*", TimeSpan) if is_number(number) => TimeSpan,
        _ => return None,
    })
}

/// Whether `<`, `<=`, `>` and `>=` compare these.
pub(crate) fn ordered(left: KqlType, right: KqlType) -> bool {
    left == right
        || left == KqlType::Dynamic
        || right == KqlType::Dynamic
        || (is_number(left) && is_number(right))
}

/// The conversion function that makes a value of this type.
pub(crate) fn conversion(ty: KqlType) -> &'static str {
    match ty {
        KqlType::Bool => "tobool",
        KqlType::Int => "toint",
        KqlType::Long => "tolong",
        KqlType::Real => "toreal",
        KqlType::Decimal => "todecimal",
        KqlType::String => "tostring",
        KqlType::DateTime => "todatetime",
        KqlType::TimeSpan => "totimespan",
        KqlType::Guid => "toguid",
        KqlType::Dynamic => "todynamic",
    }
}

/// The .NET type that stands for a KQL type where schemas are told: in `getschema` and in answers of version 1.
pub fn system_type(ty: KqlType) -> &'static str {
    match ty {
        KqlType::Bool => "System.SByte",
        KqlType::Int => "System.Int32",
        KqlType::Long => "System.Int64",
        KqlType::Real => "System.Double",
        KqlType::Decimal => "System.Data.SqlTypes.SqlDecimal",
        KqlType::String => "System.String",
        KqlType::DateTime => "System.DateTime",
        KqlType::TimeSpan => "System.TimeSpan",
        KqlType::Guid => "System.Guid",
        KqlType::Dynamic => "System.Object",
    }
}
