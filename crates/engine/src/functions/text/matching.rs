//! The text operators: `has`, `contains`, `startswith`, `matches regex` and their relatives.
//!
//! With constant right sides, which is how detections are written, they run over whole columns and the
//! case-insensitive forms compare ASCII in place instead of lowering every row.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use arrow::array::{Array, AsArray, BooleanArray, StringViewArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use bartizan_schema::KqlType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use memchr::memmem;
use regex::Regex;

use super::super::convert::text;
use super::super::dynamic;
use super::super::kernel::{Entry, compile, seeing_nulls};
use super::eq_ignore_case;
use super::needle::Needle;
use super::required;
use super::search::{Sought, may_fold_to_ascii, rows_with_any};
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
        let found = self.found(texts);
        Ok(if scalar {
            ColumnarValue::Scalar(ScalarValue::Boolean(Some(found.value(0))))
        } else {
            ColumnarValue::Array(Arc::new(found))
        })
    }
}

impl TextMatch {
    /// Texts that a matching subject contains, case aside: all of them, or else at least one. `None` when there
    /// are no such texts.
    pub(crate) fn required(&self) -> Option<(Vec<&str>, bool)> {
        if self.needles.op != TextOp::Regex {
            return Some((self.needles.texts.iter().map(String::as_str).collect(), self.all));
        }
        let mut texts = Vec::new();
        for pattern in &self.needles.regexes {
            if pattern.required.is_empty() {
                return None;
            }
            texts.extend(pattern.required.iter().map(Needle::text));
        }
        Some((texts, false))
    }

    /// Equal neighbours, as columns of clustered files have, are looked at once, and rows that surely do not
    /// match not at all.
    fn found(&self, texts: &StringViewArray) -> BooleanArray {
        let mut last = None;
        let mut last_found = false;
        let mut scratch = String::new();
        let may = self.needles.sought(self.all).map(|sought| rows_with_any(texts, &sought));
        let found = BooleanBuffer::collect_bool(texts.len(), |at| {
            if may.as_ref().is_some_and(|may| !may[at]) {
                return false;
            }
            let view = texts.views()[at];
            if last != Some(view) {
                let text = if texts.is_valid(at) { texts.value(at) } else { "" };
                last = Some(view);
                last_found = self.needles.found_with(text, self.all, &mut scratch);
            }
            last_found
        });
        BooleanArray::new(found, None)
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
    /// The texts to search for without case.
    needles: Vec<Needle>,
    /// The texts to search for with case.
    finders: Vec<memmem::Finder<'static>>,
    /// Finds whether any of many texts without case may be there.
    any: Option<AhoCorasick>,
    /// For long lists of whole values.
    set: HashSet<String>,
    regexes: Vec<Pattern>,
}

/// A regular expression and what a subject must have for it to match.
#[derive(Debug)]
struct Pattern {
    regex: Regex,
    required: Vec<Needle>,
}

impl Pattern {
    fn new(text: &str) -> Option<Self> {
        let required = required::required(text).unwrap_or_default();
        Some(Self {
            regex: compile(text)?,
            required: required.iter().map(|text| Needle::new(text)).collect(),
        })
    }

    fn is_match(&self, subject: &str) -> bool {
        let has = |needle: &Needle| needle.find(subject.as_bytes(), 0).is_some();
        let may = self.required.is_empty() || self.required.iter().any(has) || may_fold_to_ascii(subject);
        may && self.regex.is_match(subject)
    }
}

/// Lists longer than this are looked up by hash.
const SET_FROM: usize = 8;
/// More texts than this are searched for together first.
const TOGETHER_FROM: usize = 3;
/// More texts than this are not searched for one after the other in the bytes of many rows.
const SOUGHT_MAX: usize = 12;

impl Needles {
    fn new(op: TextOp, case_sensitive: bool, texts: Vec<String>) -> Self {
        let lower: Vec<String> =
            if case_sensitive { Vec::new() } else { texts.iter().map(|text| text.to_lowercase()).collect() };
        let set = if op == TextOp::Equals && texts.len() > SET_FROM {
            if case_sensitive { texts.iter().cloned().collect() } else { lower.iter().cloned().collect() }
        } else {
            HashSet::new()
        };
        let regexes = if op == TextOp::Regex {
            texts.iter().filter_map(|text| Pattern::new(text)).collect()
        } else {
            Vec::new()
        };
        let searches = matches!(op, TextOp::Contains | TextOp::Has | TextOp::HasPrefix | TextOp::HasSuffix);
        let needles: Vec<Needle> =
            if searches { lower.iter().map(|text| Needle::new(text)).collect() } else { Vec::new() };
        let finders = if searches && case_sensitive {
            texts.iter().map(|text| memmem::Finder::new(text).into_owned()).collect()
        } else {
            Vec::new()
        };
        let any = (needles.len() > TOGETHER_FROM)
            .then(|| AhoCorasick::builder().ascii_case_insensitive(true).build(&lower).ok())
            .flatten();
        Self { op, case_sensitive, texts, lower, needles, finders, any, set, regexes }
    }

    fn key(&self) -> (TextOp, bool, &[String]) {
        (self.op, self.case_sensitive, &self.texts)
    }

    fn found(&self, subject: &str, all: bool) -> bool {
        self.found_with(subject, all, &mut String::new())
    }

    /// `scratch` is room for a lowered subject.
    fn found_with(&self, subject: &str, all: bool, scratch: &mut String) -> bool {
        if !self.set.is_empty() {
            return if self.case_sensitive {
                self.set.contains(subject)
            } else {
                self.set.contains(lowered(subject, scratch))
            };
        }
        if self.op == TextOp::Regex {
            return self.regexes.iter().any(|pattern| pattern.is_match(subject));
        }
        if self.found_as_is(subject, all) {
            return true;
        }
        // Lowering can change lengths outside ASCII, so such subjects are lowered whole.
        let may_help = if self.needles.is_empty() || !self.needles.iter().all(Needle::is_ascii) {
            !subject.is_ascii()
        } else {
            self.needles.iter().any(Needle::may_need_lowering) && may_fold_to_ascii(subject)
        };
        !self.case_sensitive && may_help && self.found_as_is(lowered(subject, scratch), all)
    }

    /// What a subject surely has some of if it matches; `None` where nothing is known, or searching for it takes
    /// too long.
    fn sought(&self, all: bool) -> Option<Vec<Sought<'_>>> {
        let mut sought: Vec<Sought<'_>> = Vec::new();
        match self.op {
            TextOp::Regex if self.regexes.iter().any(|pattern| pattern.required.is_empty()) => return None,
            TextOp::Regex => {
                sought.extend(self.regexes.iter().flat_map(|pattern| &pattern.required).map(Sought::AnyCase));
                sought.push(Sought::Folding);
            }
            _ if self.finders.is_empty() && self.needles.is_empty() => return None,
            _ if self.texts.iter().any(String::is_empty) => return None,
            _ if self.case_sensitive => sought.extend(self.finders.iter().map(Sought::Exact)),
            _ if !self.needles.iter().all(Needle::is_ascii) => return None,
            _ => {
                sought.extend(self.needles.iter().map(Sought::AnyCase));
                if self.needles.iter().any(Needle::may_need_lowering) {
                    sought.push(Sought::Folding);
                }
            }
        }
        // Where all are needed one would do, but the lists are short.
        let most = if all { SOUGHT_MAX / 4 } else { SOUGHT_MAX };
        (sought.len() <= most).then_some(sought)
    }

    fn found_as_is(&self, subject: &str, all: bool) -> bool {
        if !all && self.any.as_ref().is_some_and(|any| !any.is_match(subject)) {
            return false;
        }
        let one = |at: usize| self.one(subject, at);
        let count = if self.case_sensitive { self.texts.len() } else { self.lower.len() };
        if all { (0..count).all(one) } else { (0..count).any(one) }
    }

    /// Whether `subject` has the text at `at`. Without case, letters outside ASCII are compared as they are.
    fn one(&self, subject: &str, at: usize) -> bool {
        let text = if self.case_sensitive { &self.texts[at] } else { &self.lower[at] };
        let (s, n) = (subject.as_bytes(), text.as_bytes());
        let same = |a: &[u8]| if self.case_sensitive { a == n } else { a.eq_ignore_ascii_case(n) };
        match self.op {
            TextOp::Equals if self.case_sensitive => subject == text,
            TextOp::Equals => eq_ignore_case(subject, text),
            TextOp::StartsWith => s.get(..n.len()).is_some_and(same),
            TextOp::EndsWith => s.len().checked_sub(n.len()).is_some_and(|at| same(&s[at..])),
            TextOp::Contains => self.find(s, at, 0).is_some(),
            TextOp::Has | TextOp::HasPrefix | TextOp::HasSuffix => {
                let from_edge = self.op != TextOp::HasSuffix;
                let to_edge = self.op != TextOp::HasPrefix;
                let mut from = 0;
                while let Some(found) = self.find(s, at, from) {
                    if (!from_edge || starts_term(subject, text, found))
                        && (!to_edge || ends_term(subject, text, found))
                    {
                        return true;
                    }
                    from = found + 1;
                }
                false
            }
            TextOp::Regex => false,
        }
    }

    /// The first occurrence of the text at `at`, at or behind `from`.
    fn find(&self, subject: &[u8], at: usize, from: usize) -> Option<usize> {
        match self.finders.get(at) {
            Some(finder) => finder.find(subject.get(from..)?).map(|found| from + found),
            None => self.needles[at].find(subject, from),
        }
    }
}

/// `subject` in lower case.
fn lowered<'a>(subject: &str, scratch: &'a mut String) -> &'a str {
    scratch.clear();
    if subject.is_ascii() {
        scratch.push_str(subject);
        scratch.make_ascii_lowercase();
    } else {
        scratch.push_str(&subject.to_lowercase());
    }
    scratch
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_needles_are_searched_together() {
        let words = ["alpha", "beta", "gamma", "delta", "ÄRGER"];
        let any = Needles::new(TextOp::Has, false, words.map(str::to_owned).to_vec());
        for (subject, found) in [("x GAMMA y", true), ("xgamma", false), ("kein ärger", true), ("", false)] {
            assert_eq!(any.found(subject, false), found, "{subject}");
        }
        assert!(any.found("alpha beta gamma delta ärger", true));
        assert!(!any.found("alpha beta gamma delta", true));
    }

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
        assert!(has("\u{212a}elvin", "kelvin"), "the Kelvin sign is a k");
    }
}
