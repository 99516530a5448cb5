//! The regular expression of a `parse` pattern, and the function that runs it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBuilder, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use bartizan_kql::bound::{ParseMode, ParsePart};
use bartizan_schema::KqlType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use regex::Regex;

use super::super::convert::convert;
use super::super::kernel::compile;
use super::plain_pattern::PlainPattern;
use crate::types::arrow_type;
use crate::value::{ColumnBuilder, Value};

/// The field that says whether the pattern matched.
pub(crate) const MATCHED: &str = "matched";

/// The field with what column `output` captured.
pub(crate) fn capture_name(output: usize) -> String {
    format!("c{output}")
}

/// Takes text, gives a struct of captured columns.
#[derive(Debug)]
pub(crate) struct Captures {
    pattern: String,
    regex: Regex,
    /// The groups of `regex` that the columns capture.
    groups: Vec<usize>,
    /// Matches most subjects without `regex`.
    plain: Option<PlainPattern>,
    /// A capture that does not convert makes the whole row unmatched.
    strict: bool,
    /// Output column and type of each capture, in order.
    columns: Vec<(usize, KqlType)>,
    signature: Signature,
}

impl Captures {
    /// `None` when the pattern is not a valid regular expression.
    pub(crate) fn new(mode: ParseMode, flags: &str, parts: &[ParsePart], types: &[KqlType]) -> Option<Self> {
        let mut pattern = String::new();
        let mut columns = Vec::new();
        let flags: String = flags.chars().filter(|c| matches!(c, 'i' | 's' | 'm' | 'U')).collect();
        // Outside regex mode, text may span lines.
        let flags = if mode == ParseMode::Regex { flags } else { "s".to_owned() };
        if !flags.is_empty() {
            pattern.push_str(&format!("(?{flags})"));
        }
        pattern.push('^');
        for (at, part) in parts.iter().enumerate() {
            match part {
                ParsePart::Star => pattern.push_str(".*?"),
                ParsePart::Text(text) if mode == ParseMode::Regex => pattern.push_str(&format!("(?:{text})")),
                ParsePart::Text(text) => pattern.push_str(&regex::escape(text)),
                ParsePart::Column { output } => {
                    let ty = *types.get(*output)?;
                    let next = parts.get(at + 1);
                    let bounded = matches!(next, Some(ParsePart::Text(_)));
                    let capture = match ty {
                        // Relaxed mode takes what is there and finds out later that it is no number; where nothing
                        // says how far that reaches, it takes nothing.
                        KqlType::Int | KqlType::Long if mode != ParseMode::Relaxed => r"-?\d+",
                        KqlType::Int | KqlType::Long if !bounded => r"-?\d+|",
                        // In regex mode captures are greedy, as the reference's example shows.
                        _ if next.is_none() || mode == ParseMode::Regex => ".*",
                        _ => ".*?",
                    };
                    pattern.push_str(&format!("(?P<c{}>{capture})", columns.len()));
                    columns.push((*output, ty));
                }
            }
        }
        // A pattern that ends in a star or a column reaches the end of the text anyway.
        if matches!(parts.last(), Some(ParsePart::Text(_))) && mode != ParseMode::Regex {
            pattern.push('$');
        }
        let regex = compile(&pattern)?;
        // In regex mode the texts may have groups of their own.
        let group = |at| regex.capture_names().position(|name| name == Some(format!("c{at}").as_str()));
        let groups = (0..columns.len()).map(group).collect::<Option<Vec<_>>>()?;
        let plain = PlainPattern::new(mode, parts, types);
        let strict = mode != ParseMode::Relaxed;
        // The same text gives the same captures, but the optimizer must not know: it would put copies of the
        // call into the filters below, and each would match every row again.
        let signature = Signature::exact(vec![arrow_type(KqlType::String)], Volatility::Volatile);
        Some(Self { pattern, regex, groups, plain, strict, columns, signature })
    }

    fn fields(&self) -> Fields {
        let captured = self
            .columns
            .iter()
            .map(|(output, ty)| Field::new(capture_name(*output), arrow_type(*ty), *ty != KqlType::String));
        captured.chain(std::iter::once(Field::new(MATCHED, DataType::Boolean, false))).collect()
    }

    /// Puts the captures of a text into `found`; whether it matches.
    fn captures<'t>(&self, text: &'t str, found: &mut Vec<&'t str>) -> bool {
        if let Some(Ok(matched)) = self.plain.as_ref().map(|plain| plain.captures(text, found)) {
            return matched;
        }
        found.clear();
        let Some(captures) = self.regex.captures(text) else { return false };
        let group = |at: &usize| captures.get(*at).map_or("", |found| found.as_str());
        found.extend(self.groups.iter().map(group));
        true
    }

    /// Puts the captured values of a text into `values`; whether it matches.
    fn row<'t>(&self, text: &'t str, found: &mut Vec<&'t str>, values: &mut Vec<Value<'t>>) -> bool {
        values.clear();
        if !self.captures(text, found) {
            return false;
        }
        for (captured, (_, ty)) in found.iter().zip(&self.columns) {
            let value = convert(Value::String((*captured).into()), *ty);
            if value.is_null() && self.strict {
                values.clear();
                return false;
            }
            values.push(value);
        }
        true
    }
}

impl PartialEq for Captures {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, self.strict, &self.columns) == (&other.pattern, other.strict, &other.columns)
    }
}

impl Eq for Captures {}

impl Hash for Captures {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.pattern, self.strict, &self.columns).hash(state);
    }
}

impl ScalarUDFImpl for Captures {
    fn name(&self) -> &str {
        "parse"
    }

    fn schema_name(&self, args: &[datafusion::logical_expr::Expr]) -> Result<String> {
        let source = args.first().map(ToString::to_string).unwrap_or_default();
        Ok(format!("parse({source}, {:?}, {:?}, {})", self.pattern, self.columns, self.strict))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(self.fields()))
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(FieldRef::new(Field::new(self.name(), DataType::Struct(self.fields()), false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let source = match args.args.into_iter().next() {
            Some(source) => source.into_array(rows)?,
            None => return datafusion::common::internal_err!("parse without a source"),
        };
        let source = cast(&source, &DataType::Utf8View)?;
        let texts = source.as_string_view();
        let mut builders: Vec<ColumnBuilder> =
            self.columns.iter().map(|(_, ty)| ColumnBuilder::new(*ty, rows)).collect();
        let mut matched = BooleanBuilder::with_capacity(rows);
        let (mut found, mut values) = (Vec::new(), Vec::new());
        for row in 0..rows {
            let text = if texts.is_valid(row) { texts.value(row) } else { "" };
            matched.append_value(self.row(text, &mut found, &mut values));
            let mut values = values.drain(..);
            for builder in &mut builders {
                builder.push(values.next().unwrap_or(Value::Null));
            }
        }
        let mut arrays: Vec<ArrayRef> = builders.into_iter().map(ColumnBuilder::finish).collect();
        arrays.push(Arc::new(matched.finish()));
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(self.fields(), arrays, None)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All short patterns of a few pieces, over subjects that repeat what the pieces look for.
    #[test]
    fn plain_patterns_match_as_their_regular_expressions_do() {
        let types = [KqlType::String, KqlType::Long, KqlType::Real];
        let piece = |n: usize| match n {
            0 => ParsePart::Star,
            1 => ParsePart::Text("a".to_owned()),
            2 => ParsePart::Text("ab ".to_owned()),
            3 => ParsePart::Text("7".to_owned()),
            at => ParsePart::Column { output: at - 4 },
        };
        let subjects = [
            "",
            "a",
            "ab ",
            "aab 12a",
            "x ab 5 ab 77",
            "ab -3ab 4",
            "ab aab  12",
            "a7a7a",
            "-1a-2",
            "ab é 1a",
        ];
        let (mut compared, mut matched) = (0, 0);
        for code in 0..7_usize.pow(4) {
            let parts: Vec<ParsePart> = (0..4).map(|at| piece(code / 7_usize.pow(at) % 7)).collect();
            for mode in [ParseMode::Simple, ParseMode::Relaxed] {
                let Some(both) = Captures::new(mode, "", &parts, &types) else { continue };
                let Some(plain) = &both.plain else { continue };
                for subject in subjects {
                    let (mut found, mut wanted) = (Vec::new(), Vec::new());
                    let Ok(matches) = plain.captures(subject, &mut found) else { continue };
                    let captures = both.regex.captures(subject);
                    if let Some(captures) = &captures {
                        wanted.extend(both.groups.iter().map(|at| &captures[*at]));
                    }
                    assert_eq!((matches, found), (captures.is_some(), wanted), "{parts:?} of `{subject}`");
                    compared += 1;
                    matched += usize::from(matches);
                }
            }
        }
        assert!(compared > 10_000 && matched > 1_000, "{compared} {matched}");
    }

    #[test]
    fn a_subject_that_takes_too_long_is_left_to_the_regular_expression() {
        let parts = [
            ParsePart::Star,
            ParsePart::Text("a".to_owned()),
            ParsePart::Star,
            ParsePart::Text("a".to_owned()),
            ParsePart::Star,
            ParsePart::Text("b".to_owned()),
        ];
        let both = Captures::new(ParseMode::Simple, "", &parts, &[]).unwrap();
        let subject = "a".repeat(10_000);
        let mut found = Vec::new();
        assert!(both.plain.as_ref().unwrap().captures(&subject, &mut found).is_err());
        assert!(!both.captures(&subject, &mut found));
        assert!(both.captures(&format!("{subject}b"), &mut found));
    }
}
