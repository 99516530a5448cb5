//! The text operators: `has`, `contains`, `startswith`, `matches regex` and their relatives.
//!
//! With constant right sides, which is how detections are written, they run over whole columns and the
//! case-insensitive forms compare ASCII in place instead of lowering every row.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use bartizan_schema::KqlType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use regex::Regex;

use super::super::convert::text;
use super::super::dynamic;
use super::super::kernel::{Entry, compile, seeing_nulls};
use super::eq_ignore_case;
use crate::types::arrow_type;
use crate::value::Value;

/// What is looked for, apart from case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TextOp {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    Has,
    HasPrefix,
    HasSuffix,
    Regex,
}

/// A text operator by its KQL name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator {
    pub op: TextOp,
    pub case_sensitive: bool,
    /// All needles must be found, not any.
    pub all: bool,
    pub negated: bool,
    /// Row at a time, for right sides that are not constant.
    pub entry: Entry,
}

impl Operator {
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name == "!~" {
            return Some(Self { negated: true, ..Self::named("=~")? });
        }
        if let Some(plain) = name.strip_prefix('!') {
            return Some(Self { negated: true, ..Self::named(plain)? });
        }
        let (plain, cs) = name.strip_suffix("_cs").map_or((name, false), |plain| (plain, true));
        let (op, case_sensitive, all) = match plain {
            "=~" => (TextOp::Equals, false, false),
            "contains" => (TextOp::Contains, cs, false),
            "startswith" => (TextOp::StartsWith, cs, false),
            "endswith" => (TextOp::EndsWith, cs, false),
            "has" | "has_any" => (TextOp::Has, cs, false),
            "has_all" => (TextOp::Has, cs, true),
            "hasprefix" => (TextOp::HasPrefix, cs, false),
            "hassuffix" => (TextOp::HasSuffix, cs, false),
            "matches regex" => (TextOp::Regex, true, false),
            _ => return None,
        };
        Some(Self { op, case_sensitive, all, negated: false, entry: row_entry(op, case_sensitive, all) })
    }
}

/// Kernels are plain functions, so each combination that exists is spelled out.
fn row_entry(op: TextOp, case_sensitive: bool, all: bool) -> Entry {
    macro_rules! entry {
        ($name:literal, $op:expr, $cs:literal, $all:literal) => {
            seeing_nulls($name, |args, _| row($op, $cs, $all, args))
        };
    }
    match (op, case_sensitive, all) {
        (TextOp::Equals, ..) => entry!("=~", TextOp::Equals, false, false),
        (TextOp::Contains, false, _) => entry!("contains", TextOp::Contains, false, false),
        (TextOp::Contains, true, _) => entry!("contains_cs", TextOp::Contains, true, false),
        (TextOp::StartsWith, false, _) => entry!("startswith", TextOp::StartsWith, false, false),
        (TextOp::StartsWith, true, _) => entry!("startswith_cs", TextOp::StartsWith, true, false),
        (TextOp::EndsWith, false, _) => entry!("endswith", TextOp::EndsWith, false, false),
        (TextOp::EndsWith, true, _) => entry!("endswith_cs", TextOp::EndsWith, true, false),
        (TextOp::Has, false, false) => entry!("has", TextOp::Has, false, false),
        (TextOp::Has, true, _) => entry!("has_cs", TextOp::Has, true, false),
        (TextOp::Has, false, true) => entry!("has_all", TextOp::Has, false, true),
        (TextOp::HasPrefix, false, _) => entry!("hasprefix", TextOp::HasPrefix, false, false),
        (TextOp::HasPrefix, true, _) => entry!("hasprefix_cs", TextOp::HasPrefix, true, false),
        (TextOp::HasSuffix, false, _) => entry!("hassuffix", TextOp::HasSuffix, false, false),
        (TextOp::HasSuffix, true, _) => entry!("hassuffix_cs", TextOp::HasSuffix, true, false),
        (TextOp::Regex, ..) => entry!("matches regex", TextOp::Regex, true, false),
    }
}

fn row<'a>(op: TextOp, case_sensitive: bool, all: bool, args: &[Value<'a>]) -> Value<'a> {
    let Some((subject, needles)) = args.split_first() else { return Value::Bool(false) };
    let mut texts = Vec::with_capacity(needles.len());
    for needle in needles {
        match needle {
            Value::Null => {}
            Value::Dynamic(json) => {
                for leaf in dynamic::leaves(json) {
                    texts.push(text(crate::lower::literal_value(&leaf)).into_owned());
                }
            }
            needle => texts.push(text(needle.clone()).into_owned()),
        }
    }
    let needles = Needles::new(op, case_sensitive, texts);
    Value::Bool(needles.found(&text(subject.clone()), all))
}

/// A text operator with constant needles.
#[derive(Debug)]
pub(crate) struct TextMatch {
    all: bool,
    needles: Needles,
    signature: Signature,
}

impl TextMatch {
    pub(crate) fn new(op: TextOp, case_sensitive: bool, all: bool, needles: Vec<String>) -> Self {
        let signature = Signature::exact(vec![arrow_type(KqlType::String)], Volatility::Immutable);
        Self { all, needles: Needles::new(op, case_sensitive, needles), signature }
    }
}

impl PartialEq for TextMatch {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all && self.needles.key() == other.needles.key()
    }
}

impl Eq for TextMatch {}

impl Hash for TextMatch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.all, self.needles.key()).hash(state);
    }
}

impl ScalarUDFImpl for TextMatch {
    fn name(&self) -> &str {
        "text_match"
    }

    fn schema_name(&self, args: &[datafusion::logical_expr::Expr]) -> Result<String> {
        let subject = args.first().map(ToString::to_string).unwrap_or_default();
        let (op, case_sensitive, texts) = self.needles.key();
        Ok(format!("text_match({subject}, {op:?}, {case_sensitive}, {}, {texts:?})", self.all))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(FieldRef::new(Field::new(self.name(), DataType::Boolean, false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(subject) = args.args.into_iter().next() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(false))));
        };
        let scalar = matches!(subject, ColumnarValue::Scalar(_));
        let array = subject.into_array(if scalar { 1 } else { args.number_rows })?;
        let array = cast(&array, &DataType::Utf8View)?;
        let texts = array.as_string_view();
        let found: BooleanArray =
            texts.iter().map(|text| Some(self.needles.found(text.unwrap_or(""), self.all))).collect();
        Ok(if scalar {
            ColumnarValue::Scalar(ScalarValue::Boolean(Some(found.value(0))))
        } else {
            ColumnarValue::Array(Arc::new(found))
        })
    }
}

/// Needles prepared for one operator.
#[derive(Debug)]
struct Needles {
    op: TextOp,
    case_sensitive: bool,
    texts: Vec<String>,
    /// Lower-case texts, when case does not count.
    lower: Vec<String>,
    /// For long lists of whole values.
    set: std::collections::HashSet<String>,
    regexes: Vec<Option<Regex>>,
}

/// Lists longer than this are looked up by hash.
const SET_FROM: usize = 8;

impl Needles {
    fn new(op: TextOp, case_sensitive: bool, texts: Vec<String>) -> Self {
        let lower: Vec<String> =
            if case_sensitive { Vec::new() } else { texts.iter().map(|text| text.to_lowercase()).collect() };
        let set = if op == TextOp::Equals && texts.len() > SET_FROM {
            if case_sensitive { texts.iter().cloned().collect() } else { lower.iter().cloned().collect() }
        } else {
            std::collections::HashSet::new()
        };
        let regexes =
            if op == TextOp::Regex { texts.iter().map(|text| compile(text)).collect() } else { Vec::new() };
        Self { op, case_sensitive, texts, lower, set, regexes }
    }

    fn key(&self) -> (TextOp, bool, &[String]) {
        (self.op, self.case_sensitive, &self.texts)
    }

    fn found(&self, subject: &str, all: bool) -> bool {
        if !self.set.is_empty() {
            return if self.case_sensitive {
                self.set.contains(subject)
            } else {
                self.set.contains(&subject.to_lowercase())
            };
        }
        if self.op == TextOp::Regex {
            return self.regexes.iter().flatten().any(|regex| regex.is_match(subject));
        }
        let needles = if self.case_sensitive { &self.texts } else { &self.lower };
        // Lowering can change lengths outside ASCII, so such subjects are lowered whole.
        let lowered;
        let subject = if self.case_sensitive || subject.is_ascii() {
            subject
        } else {
            lowered = subject.to_lowercase();
            &lowered
        };
        let one = |needle: &String| one(self.op, subject, needle, self.case_sensitive);
        if all { needles.iter().all(one) } else { needles.iter().any(one) }
    }
}

/// Whether `subject` has `needle`. Without case, `needle` is lower-case and `subject` ASCII or lower-case.
fn one(op: TextOp, subject: &str, needle: &str, case_sensitive: bool) -> bool {
    let (s, n) = (subject.as_bytes(), needle.as_bytes());
    let same = |a: &[u8]| if case_sensitive { a == n } else { a.eq_ignore_ascii_case(n) };
    match op {
        TextOp::Equals if case_sensitive => subject == needle,
        TextOp::Equals => eq_ignore_case(subject, needle),
        TextOp::StartsWith => s.get(..n.len()).is_some_and(same),
        TextOp::EndsWith => s.len().checked_sub(n.len()).is_some_and(|at| same(&s[at..])),
        TextOp::Contains => Occurrences::new(s, n, case_sensitive).next().is_some(),
        TextOp::Has | TextOp::HasPrefix | TextOp::HasSuffix => {
            let from_edge = op != TextOp::HasSuffix;
            let to_edge = op != TextOp::HasPrefix;
            Occurrences::new(s, n, case_sensitive).any(|at| {
                (!from_edge || starts_term(subject, needle, at))
                    && (!to_edge || ends_term(subject, needle, at))
            })
        }
        TextOp::Regex => false,
    }
}

/// `subject has needle`.
pub(crate) fn has_term(subject: &str, needle: &str) -> bool {
    Needles::new(TextOp::Has, false, vec![needle.to_owned()]).found(subject, false)
}

/// Whether an occurrence does not begin inside a term: terms are runs of letters and digits.
fn starts_term(subject: &str, needle: &str, at: usize) -> bool {
    let inside = needle.chars().next().is_some_and(char::is_alphanumeric)
        && subject.get(..at).and_then(|before| before.chars().next_back()).is_some_and(char::is_alphanumeric);
    !inside
}

fn ends_term(subject: &str, needle: &str, at: usize) -> bool {
    let end = at + needle.len();
    let inside = needle.chars().next_back().is_some_and(char::is_alphanumeric)
        && subject.get(end..).and_then(|after| after.chars().next()).is_some_and(char::is_alphanumeric);
    !inside
}

/// Positions of a needle, overlapping ones too, found by its first byte.
struct Occurrences<'a> {
    subject: &'a [u8],
    needle: &'a [u8],
    case_sensitive: bool,
    at: usize,
}

impl<'a> Occurrences<'a> {
    fn new(subject: &'a [u8], needle: &'a [u8], case_sensitive: bool) -> Self {
        Self { subject, needle, case_sensitive, at: 0 }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let Some(first) = self.needle.first() else {
            // The empty text occurs once, at the start.
            return (std::mem::replace(&mut self.at, 1) == 0).then_some(0);
        };
        loop {
            let rest = self.subject.get(self.at..)?;
            if rest.len() < self.needle.len() {
                return None;
            }
            let candidates = &rest[..=rest.len() - self.needle.len()];
            let step = if self.case_sensitive {
                memchr::memchr(*first, candidates)?
            } else {
                memchr::memchr2(*first, first.to_ascii_uppercase(), candidates)?
            };
            let found = self.at + step;
            self.at = found + 1;
            let piece = &self.subject[found..found + self.needle.len()];
            let same = if self.case_sensitive {
                piece == self.needle
            } else {
                piece.eq_ignore_ascii_case(self.needle)
            };
            if same {
                return Some(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(subject: &str, needle: &str) -> bool {
        Needles::new(TextOp::Has, false, vec![needle.to_owned()]).found(subject, false)
    }

    #[test]
    fn terms_end_where_letters_and_digits_end() {
        assert!(has("cmd.exe /c whoami", "WHOAMI"));
        assert!(has("a-whoami-b", "whoami"));
        assert!(!has("whoamis", "whoami"));
        assert!(!has("xwhoami", "whoami"));
        assert!(has("xwhoami whoami", "whoami"), "a later occurrence counts");
        assert!(has("net user /add", "user /add"), "a phrase is bounded at its ends");
        assert!(has("Straße Ärger", "ärger"));
        assert!(!has("Ärgernis", "ärger"));
    }
}
