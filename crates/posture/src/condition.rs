//! The small language in which an assessment says what decides it.
//!
//! ```yaml
//! all:
//!   - {path: evidence/ssh.config, exists: true}
//!   - not: {path: evidence/ssh.config/permitRootLogin, in: ["no", prohibit-password]}
//!   - {path: evidence/packages.updates/updates, anyItem: {path: security, equals: true}}
//! ```
//!
//! Declarative on purpose: content can be checked, shown to a reader and evaluated in microseconds, and it
//! cannot fail. A comparison with something absent does not hold.

use bartizan_base::{Ticks, Timespan};
use serde::Deserialize;
use serde_json::Value;

use crate::path;

/// A condition as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test { path: String, test: Test },
}

/// What is asked of the value at a path.
#[derive(Clone, Debug)]
pub enum Test {
    Exists(bool),
    /// Scalars compare as text without regard to case: collectors may write `"no"`, `No` or `false`.
    Equals(Value),
    In(Vec<Value>),
    Greater(f64),
    Less(f64),
    /// The date lies further back than this.
    OlderThan(Timespan),
    /// The date lies before this one.
    Before(Ticks),
    /// The array has a member for which the condition holds; paths inside start at the member.
    AnyItem(Box<Condition>),
}

impl Condition {
    /// Whether the condition holds.
    pub fn holds(&self, facts: &Value, now: Ticks) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(facts, now)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(facts, now)),
            Self::Not(condition) => !condition.holds(facts, now),
            Self::Test { path, test } => test.holds(path::read(facts, path), now),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<Value>, now: Ticks) -> bool {
        let Some(value) = value else { return matches!(self, Self::Exists(false)) };
        match self {
            Self::Exists(wanted) => *wanted,
            Self::Equals(other) => same(&value, other),
            Self::In(others) => others.iter().any(|other| same(&value, other)),
            Self::Greater(limit) => number(&value).is_some_and(|number| number > *limit),
            Self::Less(limit) => number(&value).is_some_and(|number| number < *limit),
            Self::OlderThan(age) => date(&value).is_some_and(|date| date < now - *age),
            Self::Before(end) => date(&value).is_some_and(|date| date < *end),
            Self::AnyItem(condition) => {
                value.as_array().is_some_and(|items| items.iter().any(|item| condition.holds(item, now)))
            }
        }
    }
}

fn same(value: &Value, other: &Value) -> bool {
    text(value).is_some_and(|value| text(other).is_some_and(|other| value.eq_ignore_ascii_case(&other)))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn date(value: &Value) -> Option<Ticks> {
    Ticks::parse(value.as_str()?).ok()
}

/// The YAML form: one object whose keys say which condition it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    all: Option<Vec<Condition>>,
    any: Option<Vec<Condition>>,
    not: Option<Box<Condition>>,
    path: Option<String>,
    exists: Option<bool>,
    equals: Option<Value>,
    r#in: Option<Vec<Value>>,
    greater: Option<f64>,
    less: Option<f64>,
    older_than: Option<String>,
    before: Option<Ticks>,
    any_item: Option<Box<Condition>>,
}

impl TryFrom<Written> for Condition {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let groups = [
            written.all.map(Condition::All),
            written.any.map(Condition::Any),
            written.not.map(Condition::Not),
        ];
        let tests = [
            written.exists.map(Test::Exists),
            written.equals.map(Test::Equals),
            written.r#in.map(Test::In),
            written.greater.map(Test::Greater),
            written.less.map(Test::Less),
            written.older_than.as_deref().map(age).transpose()?.map(Test::OlderThan),
            written.before.map(Test::Before),
            written.any_item.map(Test::AnyItem),
        ];
        let mut groups: Vec<Condition> = groups.into_iter().flatten().collect();
        let mut tests: Vec<Test> = tests.into_iter().flatten().collect();
        match (groups.pop(), written.path, tests.pop()) {
            (Some(group), None, None) if groups.is_empty() => Ok(group),
            (None, Some(path), Some(test)) if tests.is_empty() => Ok(Self::Test { path, test }),
            _ => Err("a condition is `all`, `any`, `not`, or `path` with exactly one test".to_owned()),
        }
    }
}

/// `15m`, `12h`, `7d`.
fn age(text: &str) -> Result<Timespan, String> {
    let error = || format!("`{text}` is not an age such as `15m`, `12h` or `7d`");
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(error()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| error())?;
    Ok(Timespan::from_seconds(count * unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(yaml: &str) -> bool {
        let facts = json!({"n": 3, "on": true, "word": "Yes", "when": "2026-01-01T00:00:00Z", "list": [{"k": 1}, {"k": 2}], "none": null});
        let condition: Condition = serde_norway::from_str(yaml).expect(yaml);
        condition.holds(&facts, Ticks::parse("2026-01-01T01:00:00Z").expect("a date"))
    }

    #[test]
    fn tests_hold_or_not() {
        for (yaml, expected) in [
            ("{path: n, exists: true}", true),
            ("{path: none, exists: false}", true),
            ("{path: word, equals: yes}", true),
            ("{path: on, equals: true}", true),
            ("{path: on, equals: 'TRUE'}", true),
            ("{path: missing, equals: ''}", false),
            ("{path: list, equals: '[]'}", false),
            ("{path: word, in: [no, 'yes']}", true),
            ("{path: n, greater: 2}", true),
            ("{path: list#count, less: 2}", false),
            ("{path: when, olderThan: 59m}", true),
            ("{path: when, olderThan: 2h}", false),
            ("{path: when, before: '2025-12-31'}", false),
            ("{path: word, olderThan: 1m}", false),
            ("{path: list, anyItem: {path: k, equals: 2}}", true),
            ("{path: n, anyItem: {path: k, exists: false}}", false),
            ("{all: []}", true),
            ("{not: {any: [{path: missing, exists: true}, {path: n, less: 1}]}}", true),
        ] {
            assert_eq!(check(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn unclear_conditions_are_refused() {
        for yaml in [
            "{}",
            "{path: a}",
            "{path: a, equals: 1, greater: 2}",
            "{all: [], path: a, exists: true}",
            "{path: a, olderThan: soon}",
            "{paht: a, exists: true}",
        ] {
            assert!(serde_norway::from_str::<Condition>(yaml).is_err(), "{yaml}");
        }
    }
}
