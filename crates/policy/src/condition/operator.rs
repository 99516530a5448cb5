//! How a test compares.

use std::cmp::Ordering;

use bartizan_base::Ticks;
use serde_json::Value;

use crate::value::{member, same, text_of};

/// Negative forms hold when the positive form does not, and so for absent fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equals,
    NotEquals,
    Like,
    NotLike,
    Match,
    NotMatch,
    MatchInsensitively,
    NotMatchInsensitively,
    Contains,
    NotContains,
    In,
    NotIn,
    ContainsKey,
    NotContainsKey,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
    Exists,
}

/// Every operator by its name in a rule.
pub(super) const OPERATORS: &[(&str, Operator)] = &[
    ("equals", Operator::Equals),
    ("notEquals", Operator::NotEquals),
    ("like", Operator::Like),
    ("notLike", Operator::NotLike),
    ("match", Operator::Match),
    ("notMatch", Operator::NotMatch),
    ("matchInsensitively", Operator::MatchInsensitively),
    ("notMatchInsensitively", Operator::NotMatchInsensitively),
    ("contains", Operator::Contains),
    ("notContains", Operator::NotContains),
    ("in", Operator::In),
    ("notIn", Operator::NotIn),
    ("containsKey", Operator::ContainsKey),
    ("notContainsKey", Operator::NotContainsKey),
    ("less", Operator::Less),
    ("lessOrEquals", Operator::LessOrEquals),
    ("greater", Operator::Greater),
    ("greaterOrEquals", Operator::GreaterOrEquals),
    ("exists", Operator::Exists),
];

impl Operator {
    /// As evaluation details name it: `Equals`, `NotIn` …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equals => "Equals",
            Self::NotEquals => "NotEquals",
            Self::Like => "Like",
            Self::NotLike => "NotLike",
            Self::Match => "Match",
            Self::NotMatch => "NotMatch",
            Self::MatchInsensitively => "MatchInsensitively",
            Self::NotMatchInsensitively => "NotMatchInsensitively",
            Self::Contains => "Contains",
            Self::NotContains => "NotContains",
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::ContainsKey => "ContainsKey",
            Self::NotContainsKey => "NotContainsKey",
            Self::Less => "Less",
            Self::LessOrEquals => "LessOrEquals",
            Self::Greater => "Greater",
            Self::GreaterOrEquals => "GreaterOrEquals",
            Self::Exists => "Exists",
        }
    }

    /// Whether it holds for `value`, `None` where the field is absent. A null that is there counts as an empty text,
    /// so that `"value": "[resourceGroup().tags['x']]", "notEquals": ""` asks whether the tag is set; an absent field
    /// equals nothing. Both are as in Azure.
    pub fn holds(self, value: Option<&Value>, against: &Value) -> bool {
        match self {
            Self::Equals => value.is_some_and(|value| same(value, against)),
            Self::NotEquals => !Self::Equals.holds(value, against),
            Self::Like => texts(value, against, like),
            Self::NotLike => !Self::Like.holds(value, against),
            Self::Match => texts(value, against, |text, pattern| matches_pattern(text, pattern, false)),
            Self::NotMatch => !Self::Match.holds(value, against),
            Self::MatchInsensitively => {
                texts(value, against, |text, pattern| matches_pattern(text, pattern, true))
            }
            Self::NotMatchInsensitively => !Self::MatchInsensitively.holds(value, against),
            Self::Contains => value.is_some_and(|value| contains(value, against)),
            Self::NotContains => !Self::Contains.holds(value, against),
            Self::In => value.filter(|value| !value.is_null()).is_some_and(|value| {
                against.as_array().is_some_and(|allowed| allowed.iter().any(|item| same(value, item)))
            }),
            Self::NotIn => !Self::In.holds(value, against),
            Self::ContainsKey => value.is_some_and(|value| member(value, &text_of(against)).is_some()),
            Self::NotContainsKey => !Self::ContainsKey.holds(value, against),
            Self::Less => ordered(value, against, Ordering::is_lt),
            Self::LessOrEquals => ordered(value, against, Ordering::is_le),
            Self::Greater => ordered(value, against, Ordering::is_gt),
            Self::GreaterOrEquals => ordered(value, against, Ordering::is_ge),
            Self::Exists => {
                value.is_some_and(|value| !value.is_null()) == text_of(against).eq_ignore_ascii_case("true")
            }
        }
    }
}

fn texts(value: Option<&Value>, pattern: &Value, test: impl Fn(&str, &str) -> bool) -> bool {
    value
        .filter(|value| !value.is_array() && !value.is_object())
        .is_some_and(|value| test(&text_of(value), &text_of(pattern)))
}

fn contains(value: &Value, item: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|member| same(member, item)),
        Value::Object(_) => false,
        other => text_of(other).to_lowercase().contains(&text_of(item).to_lowercase()),
    }
}

/// Numbers by size, also when written as text; moments by time; other texts by their letters without regard to case.
fn ordered(value: Option<&Value>, against: &Value, test: impl Fn(Ordering) -> bool) -> bool {
    let Some(value) = value.filter(|value| !value.is_null() && !value.is_array() && !value.is_object())
    else {
        return false;
    };
    let (left, right) = (text_of(value), text_of(against));
    let ordering = match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right),
        // A number and a word have no order.
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => None,
        _ => match (moment(&left), moment(&right)) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => Some(left.to_lowercase().cmp(&right.to_lowercase())),
        },
    };
    ordering.is_some_and(test)
}

fn moment(text: &str) -> Option<Ticks> {
    let looks = text.len() >= 10 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    if looks { Ticks::parse(text).ok() } else { None }
}

/// `*` stands for any run of characters; case does not matter. Linear: greedy with one point to fall back to.
fn like(text: &str, pattern: &str) -> bool {
    let fold = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    let (text, pattern) = (fold(text), fold(pattern));
    let (mut at, mut star, mut retry) = (0, None, 0);
    let mut p = 0;
    while at < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some(p);
            retry = at;
            p += 1;
        } else if pattern.get(p) == Some(&text[at]) {
            p += 1;
            at += 1;
        } else if let Some(star) = star {
            p = star + 1;
            retry += 1;
            at = retry;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// `#` is a digit, `?` a letter, `.` any character, everything else itself.
fn matches_pattern(text: &str, pattern: &str, fold: bool) -> bool {
    let mut text = text.chars();
    for expected in pattern.chars() {
        let Some(c) = text.next() else { return false };
        let held = match expected {
            '#' => c.is_ascii_digit(),
            '?' => c.is_alphabetic(),
            '.' => true,
            _ if fold => c.to_lowercase().eq(expected.to_lowercase()),
            _ => c == expected,
        };
        if !held {
            return false;
        }
    }
    text.next().is_none()
}
