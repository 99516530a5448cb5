//! The formats of external data, and their rows as columns.

use arrow::array::ArrayRef;
use bartizan_kql::bound::ColumnSchema;
use bartizan_schema::KqlType;
use datafusion::error::DataFusionError;
use serde_json::Value as Json;

use crate::error::QueryError;
use crate::functions::convert::convert;
use crate::functions::dynamic::nesting;
use crate::value::{ColumnBuilder, Value};

/// Records between looks at the interrupt.
const RECORDS_PER_CHECK: usize = 4096;

/// How a file is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Fields between this character, in double quotes where needed.
    Delimited(char),
    /// A JSON object per line.
    JsonLines,
    /// JSON objects one after the other, or in an array.
    MultiJson,
    /// A line is a record of one field.
    Lines,
    /// The whole file is one field.
    Whole,
}

impl Format {
    /// The format that is stated, or that the file's name tells.
    pub(super) fn of(stated: Option<&str>, uri: &str) -> Option<Self> {
        let name = uri.split(['?', ';']).next().unwrap_or_default();
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zip")).unwrap_or(name);
        let by_name =
            name.rsplit('/').next().and_then(|file| file.rsplit_once('.')).map_or("", |(_, end)| end);
        match stated {
            Some(format) => Self::named(format),
            None => Some(Self::named(by_name).unwrap_or(Self::Delimited(','))),
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "csv" => Self::Delimited(','),
            "tsv" => Self::Delimited('\t'),
            "psv" => Self::Delimited('|'),
            "scsv" => Self::Delimited(';'),
            "sohsv" => Self::Delimited('\u{1}'),
            "json" | "singlejson" => Self::JsonLines,
            "multijson" => Self::MultiJson,
            "txt" => Self::Lines,
            "raw" => Self::Whole,
            _ => return None,
        })
    }
}

/// Why a file could not be read to its end.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The text is not what the format says.
    Malformed(String),
    Interrupted(DataFusionError),
}

impl ReadError {
    pub(super) fn into_query_error(self, place: &str) -> QueryError {
        match self {
            Self::Malformed(why) => QueryError::Refused { reason: format!("cannot read `{place}`: {why}") },
            Self::Interrupted(error) => error.into(),
        }
    }
}

/// Records of each file that hold no data. A document of JSON has no first record to leave out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skip {
    pub first: bool,
    pub last: bool,
}

/// Reads all records, or all but the last one.
fn each_but_last<T>(
    records: impl Iterator<Item = T>,
    but_last: bool,
    mut read: impl FnMut(T) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut records = records.peekable();
    while let Some(record) = records.next() {
        if but_last && records.peek().is_none() {
            break;
        }
        read(record)?;
    }
    Ok(())
}

type Check<'a> = &'a mut dyn FnMut() -> Result<(), DataFusionError>;

/// Rows read so far.
pub(super) struct Rows<'a> {
    columns: &'a [ColumnSchema],
    builders: Vec<ColumnBuilder>,
    count: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(columns: &'a [ColumnSchema]) -> Self {
        let builders = columns.iter().map(|column| ColumnBuilder::new(column.ty, 0)).collect();
        Self { columns, builders, count: 0 }
    }

    pub(super) fn finish(self) -> Vec<ArrayRef> {
        self.builders.into_iter().map(ColumnBuilder::finish).collect()
    }

    /// Adds the rows of one file.
    pub(super) fn read(
        &mut self,
        text: &str,
        format: Format,
        skip: Skip,
        check: Check<'_>,
    ) -> Result<(), ReadError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match format {
            Format::Delimited(delimiter) => {
                let records = Records::new(text, delimiter).skip(usize::from(skip.first));
                each_but_last(records, skip.last, |record| self.fields(&record, check))
            }
            Format::Lines => {
                let lines = text.lines().skip(usize::from(skip.first));
                each_but_last(lines, skip.last, |line| self.fields(&[line.to_owned()], check))
            }
            Format::Whole => self.fields(&[text.to_owned()], check),
            Format::JsonLines => {
                let lines = text.lines().filter(|line| !line.trim().is_empty());
                each_but_last(lines, skip.last, |line| {
                    let record = serde_json::from_str(line);
                    self.object(&record.map_err(|error| ReadError::Malformed(error.to_string()))?, check)
                })
            }
            Format::MultiJson => {
                let records = serde_json::Deserializer::from_str(text).into_iter::<Json>();
                each_but_last(records, skip.last, |record| {
                    match record.map_err(|error| ReadError::Malformed(error.to_string()))? {
                        Json::Array(records) => {
                            records.iter().try_for_each(|record| self.object(record, check))
                        }
                        record => self.object(&record, check),
                    }
                })
            }
        }
    }

    /// A record of fields by position. Missing ones are absent, surplus ones passed over.
    fn fields(&mut self, record: &[String], check: Check<'_>) -> Result<(), ReadError> {
        self.counted(check)?;
        for (at, (column, builder)) in self.columns.iter().zip(&mut self.builders).enumerate() {
            let value = match record.get(at).map(String::as_str) {
                None => Value::Null,
                Some("") if column.ty != KqlType::String => Value::Null,
                Some(field) => typed(field, column.ty),
            };
            builder.push(value);
        }
        Ok(())
    }

    /// A record of fields by name.
    fn object(&mut self, record: &Json, check: Check<'_>) -> Result<(), ReadError> {
        self.counted(check)?;
        for (column, builder) in self.columns.iter().zip(&mut self.builders) {
            match record.get(&column.name) {
                None | Some(Json::Null) => builder.push(Value::Null),
                Some(Json::String(text)) if column.ty != KqlType::Dynamic => {
                    builder.push(typed(text, column.ty));
                }
                Some(value) => {
                    builder.push(convert(Value::dynamic(value.to_string()), column.ty));
                }
            }
        }
        Ok(())
    }

    fn counted(&mut self, check: Check<'_>) -> Result<(), ReadError> {
        self.count += 1;
        if self.count.is_multiple_of(RECORDS_PER_CHECK) {
            check().map_err(ReadError::Interrupted)?;
        }
        Ok(())
    }
}

/// A field's text as its column's type. A dynamic one is JSON if it reads as such, and text otherwise.
fn typed(field: &str, ty: KqlType) -> Value<'_> {
    match ty {
        KqlType::String => Value::string(field),
        KqlType::Dynamic
            if !nesting::too_deep(field) && serde_json::from_str::<serde::de::IgnoredAny>(field).is_ok() =>
        {
            Value::dynamic(field)
        }
        ty => convert(Value::string(field), ty),
    }
}

/// Records of delimited text. A quoted field may hold delimiters, line breaks, and quotes written twice.
struct Records<'a> {
    rest: &'a str,
    delimiter: char,
}

impl<'a> Records<'a> {
    fn new(rest: &'a str, delimiter: char) -> Self {
        Self { rest, delimiter }
    }
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        // an empty line is no record
        self.rest = self.rest.trim_start_matches(['\r', '\n']);
        if self.rest.is_empty() {
            return None;
        }
        let mut record = Vec::new();
        loop {
            let mut field = String::new();
            if let Some(inner) = self.rest.strip_prefix('"') {
                self.rest = quoted(inner, &mut field);
            }
            let end = self.rest.find([self.delimiter, '\n']).unwrap_or(self.rest.len());
            field.push_str(self.rest[..end].trim_end_matches('\r'));
            record.push(field);
            let mut after = self.rest[end..].chars();
            let ended_by = after.next();
            self.rest = after.as_str();
            if ended_by != Some(self.delimiter) {
                return Some(record);
            }
        }
    }
}

/// Reads up to the closing quote into `field`; what follows it.
fn quoted<'a>(mut rest: &'a str, field: &mut String) -> &'a str {
    loop {
        let Some(at) = rest.find('"') else {
            field.push_str(rest);
            return "";
        };
        field.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimited_records() {
        let check = |text: &str, expected: &[&[&str]]| {
            let records: Vec<Vec<String>> = Records::new(text, ',').collect();
            assert_eq!(records, expected, "{text:?}");
        };
        check("a,b\r\n1,2\n", &[&["a", "b"], &["1", "2"]]);
        check("\"x,y\",\"say \"\"hi\"\"\"\n", &[&["x,y", "say \"hi\""]]);
        check("\"two\nlines\",z", &[&["two\nlines", "z"]]);
        check("a,,\n", &[&["a", "", ""]]);
        check("\"open,1\n2", &[&["open,1\n2"]]);
        check("\n\n", &[]);
    }

    #[test]
    fn formats_by_statement_and_by_name() {
        let check = |stated: Option<&str>, uri: &str, expected| assert_eq!(Format::of(stated, uri), expected);
        check(Some("PSV"), "x", Some(Format::Delimited('|')));
        check(None, "https://h.example/a.json.gz?sig=1", Some(Format::JsonLines));
        check(None, "https://h.example/a", Some(Format::Delimited(',')));
        check(Some("parquet"), "a.csv", None);
    }
}
