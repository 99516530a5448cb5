//! The regular expression of a `parse` pattern, and the function that runs it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, StructArray};
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
use crate::types::arrow_type;
use crate::value::{ColumnBuilder, Reader, Value};

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
                        // Relaxed mode takes what is there and finds out later that it is no number.
                        KqlType::Int | KqlType::Long if mode != ParseMode::Relaxed || !bounded => r"-?\d+",
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
        let strict = mode != ParseMode::Relaxed;
        let signature = Signature::exact(vec![arrow_type(KqlType::String)], Volatility::Immutable);
        Some(Self { pattern, regex, strict, columns, signature })
    }

    fn fields(&self) -> Fields {
        let captured = self
            .columns
            .iter()
            .map(|(output, ty)| Field::new(capture_name(*output), arrow_type(*ty), *ty != KqlType::String));
        captured.chain(std::iter::once(Field::new(MATCHED, DataType::Boolean, false))).collect()
    }

    /// The captured values, or `None` when the row does not match.
    fn row<'a>(&self, text: &'a str) -> Option<Vec<Value<'a>>> {
        let found = self.regex.captures(text)?;
        let mut values = Vec::with_capacity(self.columns.len());
        for (at, (_, ty)) in self.columns.iter().enumerate() {
            let captured = found.name(&format!("c{at}")).map_or("", |found| found.as_str());
            let value = convert(Value::String(captured.into()), *ty);
            if value.is_null() && self.strict {
                return None;
            }
            values.push(value);
        }
        Some(values)
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
        let reader = Reader::new(&source, KqlType::String, false)?;
        let mut builders: Vec<ColumnBuilder> =
            self.columns.iter().map(|(_, ty)| ColumnBuilder::new(*ty, rows)).collect();
        let mut matched = BooleanBuilder::with_capacity(rows);
        for row in 0..rows {
            let value = reader.get(row);
            let text = match &value {
                Value::String(text) => text.as_ref(),
                _ => "",
            };
            let values = self.row(text);
            matched.append_value(values.is_some());
            let mut values = values.unwrap_or_default().into_iter();
            for builder in &mut builders {
                builder.push(values.next().unwrap_or(Value::Null));
            }
        }
        let mut arrays: Vec<ArrayRef> = builders.into_iter().map(ColumnBuilder::finish).collect();
        arrays.push(Arc::new(matched.finish()));
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(self.fields(), arrays, None)?)))
    }
}
