//! A requirement: one fact, one test, one fix.

use serde::Deserialize;
use serde_json::Value;

use crate::check::{Check, Outcome};
use crate::facts::Facts;
use crate::{matrix, version};

/// Something that a machine must have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Requirement {
    pub name: String,
    pub title: String,
    /// Only on this `osType`; everywhere when absent.
    #[serde(default)]
    os: Option<String>,
    /// Only on these versions.
    #[serde(default)]
    versions: Bounds,
    /// Whether a failure stops an installation.
    pub blocking: bool,
    /// Dotted path of the fact.
    pub(crate) fact: String,
    /// What the fact is, in words.
    what: String,
    #[serde(default)]
    unit: Unit,
    /// What it means that the machine does not report the fact.
    #[serde(default)]
    absent_is: Absent,
    /// A circumstance in which the requirement does not apply.
    #[serde(default)]
    unless: Option<Circumstance>,
    pub(crate) is: TestFields,
    pub(crate) fix: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    before: Option<String>,
}

/// How a number is shown.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Unit {
    #[default]
    None,
    Bytes,
    Seconds,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Absent {
    #[default]
    Unknown,
    Passed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Circumstance {
    OtherAntivirusRunning,
}

/// The test as it is written: exactly one member.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct TestFields {
    equals: Option<Value>,
    not_equals: Option<Value>,
    one_of: Option<Vec<String>>,
    at_least: Option<f64>,
    within: Option<f64>,
    version_at_least: Option<String>,
    date_since: Option<String>,
    holds_update: Option<String>,
}

/// What is asked of a fact.
#[derive(Debug, PartialEq)]
pub(crate) enum Test<'a> {
    Equals(&'a Value),
    NotEquals(&'a Value),
    OneOf(&'a [String]),
    AtLeast(f64),
    /// At most this far from zero, on either side.
    Within(f64),
    VersionAtLeast(&'a str),
    /// `YYYY-MM-DD`, which compares as text.
    DateSince(&'a str),
    /// A list of updates has this one.
    HoldsUpdate(&'a str),
}

impl TestFields {
    /// The one test that is written, or what is wrong.
    pub(crate) fn test(&self) -> Result<Test<'_>, String> {
        let all = [
            self.equals.as_ref().map(Test::Equals),
            self.not_equals.as_ref().map(Test::NotEquals),
            self.one_of.as_deref().map(Test::OneOf),
            self.at_least.map(Test::AtLeast),
            self.within.map(Test::Within),
            self.version_at_least.as_deref().map(Test::VersionAtLeast),
            self.date_since.as_deref().map(Test::DateSince),
            self.holds_update.as_deref().map(Test::HoldsUpdate),
        ];
        let mut written = all.into_iter().flatten();
        let test = written.next().ok_or("`is` has no test")?;
        if written.next().is_some() {
            return Err("`is` has more than one test".to_owned());
        }
        match &test {
            Test::VersionAtLeast(version) if version::numbers(version).is_empty() => {
                Err(format!("`{version}` is not a version"))
            }
            Test::DateSince(date) if !is_date(date) => Err(format!("`{date}` is not a date YYYY-MM-DD")),
            _ => Ok(test),
        }
    }
}

impl Requirement {
    /// How the machine stands; `None` where the requirement does not apply.
    pub(crate) fn check(&self, facts: &Facts) -> Option<Check> {
        let os_fits = self.os.as_ref().is_none_or(|os| facts.text("osType").eq_ignore_ascii_case(os));
        let bounds = &self.versions;
        let version_fits =
            matrix::within(facts.text("osVersion"), bounds.from.as_deref(), bounds.before.as_deref());
        let excused =
            self.unless == Some(Circumstance::OtherAntivirusRunning) && facts.other_antivirus_running;
        if !os_fits || !version_fits || excused {
            return None;
        }
        let test = self.is.test().ok()?;
        let found = facts.get(&self.fact);
        let holds = found.and_then(|found| test.holds(found));
        let (outcome, evidence) = match (found, holds) {
            (None, _) if self.absent_is == Absent::Passed => {
                (Outcome::Passed, format!("{} is not set", self.what))
            }
            (Some(found), Some(true)) => (Outcome::Passed, self.found(&test, found)),
            (Some(found), Some(false)) => {
                (Outcome::Failed, format!("{}{}", self.found(&test, found), self.needed(&test)))
            }
            (None, _) => (Outcome::Unknown, format!("{} is not reported", self.what)),
            (Some(_), None) => (Outcome::Unknown, format!("{} cannot be read", self.what)),
        };
        let fix = if outcome == Outcome::Passed { String::new() } else { self.fix.trim().to_owned() };
        Some(Check {
            name: self.name.clone(),
            title: self.title.clone(),
            outcome,
            blocking: self.blocking,
            evidence,
            fix,
        })
    }

    fn found(&self, test: &Test<'_>, found: &Value) -> String {
        match (test, found) {
            (Test::HoldsUpdate(update), _) => {
                let has = if test.holds(found) == Some(true) { "has" } else { "lacks" };
                format!("the list of {} updates {has} {update}", found.as_array().map_or(0, Vec::len))
            }
            (_, Value::Bool(true)) => format!("{}: there", self.what),
            (_, Value::Bool(false)) => format!("{}: not there", self.what),
            (Test::Within(_), found) => {
                let number = found.as_f64().unwrap_or_default();
                let side = if number < 0.0 {
                    " (behind)"
                } else if number > 0.0 {
                    " (ahead)"
                } else {
                    ""
                };
                format!("{} is {}{side}", self.what, self.number(number.abs()))
            }
            (_, Value::String(text)) => format!("{} is `{text}`", self.what),
            (_, found) => match found.as_f64() {
                Some(number) => format!("{} is {}", self.what, self.number(number)),
                None => format!("{} is {found}", self.what),
            },
        }
    }

    /// What would pass, to be put behind what was found.
    fn needed(&self, test: &Test<'_>) -> String {
        let needed = match test {
            Test::Equals(Value::Bool(_)) | Test::HoldsUpdate(_) => return String::new(),
            Test::Equals(Value::String(text)) => format!("`{text}`"),
            Test::Equals(value) => value.to_string(),
            Test::NotEquals(value) => return format!("; {value} is the one value it must not have"),
            Test::OneOf(values) => format!("one of `{}`", values.join("`, `")),
            Test::AtLeast(number) => format!("at least {}", self.number(*number)),
            Test::Within(number) => return format!("; at most {} either way is good", self.number(*number)),
            Test::VersionAtLeast(version) => format!("`{version}` or later"),
            Test::DateSince(date) => format!("{date} or later"),
        };
        format!("; {needed} is needed")
    }

    fn number(&self, number: f64) -> String {
        match self.unit {
            Unit::None => number.to_string(),
            Unit::Bytes => format!("{} MiB", (number / f64::from(1 << 20)).floor()),
            Unit::Seconds => format!("{number} s"),
        }
    }
}

impl Test<'_> {
    /// Whether the fact passes; `None` when it is of another kind than the test is for.
    fn holds(&self, found: &Value) -> Option<bool> {
        match self {
            Self::Equals(wanted) => Some(same(found, wanted)),
            Self::NotEquals(wanted) => Some(!same(found, wanted)),
            Self::OneOf(values) => {
                let found = found.as_str()?;
                Some(values.iter().any(|value| value.eq_ignore_ascii_case(found)))
            }
            Self::AtLeast(least) => Some(found.as_f64()? >= *least),
            Self::Within(most) => Some(found.as_f64()?.abs() <= *most),
            Self::VersionAtLeast(wanted) => Some(version::compare(found.as_str()?, wanted)?.is_ge()),
            Self::DateSince(since) => {
                let found = found.as_str().filter(|found| is_date(found))?;
                Some(found >= *since)
            }
            Self::HoldsUpdate(update) => {
                Some(found.as_array()?.iter().any(|entry| {
                    entry["kb"].as_str().is_some_and(|kb| kb.trim().eq_ignore_ascii_case(update))
                }))
            }
        }
    }
}

/// Numbers compare by value, so that a registry's `1` and a rule's `1.0` are one.
fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => match (left.as_str(), right.as_str()) {
            (Some(left), Some(right)) => left.eq_ignore_ascii_case(right),
            _ => left == right,
        },
    }
}

fn is_date(text: &str) -> bool {
    let shape =
        |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}
