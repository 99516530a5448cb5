//! One column under construction. It starts with its first value and is filled up with defaults where
//! rows had none, so a row costs what its own fields cost.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Array, Int64Builder,
    StringViewBuilder, UInt32Array,
};
use arrow::error::ArrowError;
use bartizan_schema::KqlType;

use super::cell::{Cell, Converted};
use super::coded::CodedTexts;
use super::json::{is_json, looks_nested};

/// Builds the array of one column.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    ty: KqlType,
    size: Size,
    /// Strings are coded for a file.
    is_coded: bool,
    values: Option<Values>,
    /// Rows that have a value or were filled up.
    len: usize,
}

/// A column for a file.
#[derive(Debug)]
pub(crate) enum FileColumn {
    Array(ArrayRef),
    Texts(CodedTexts),
}

/// What to expect of a column. Arrow's builders reserve for a thousand rows unless told otherwise, which
/// is a hundred times what a single event needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    rows: usize,
    text_block_bytes: usize,
}

impl Size {
    /// For a body of `bytes`: rows of usual length, and blocks that waste little in columns that have
    /// only a small part of the text.
    pub(super) fn of_body(bytes: usize) -> Self {
        Self { rows: bytes / 512 + 1, text_block_bytes: (bytes / 16).clamp(256, 64 << 10) }
    }

    /// How many rows there may be.
    pub(super) fn rows(self) -> usize {
        self.rows
    }
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBuilder),
    Int(Int32Builder),
    /// Long, datetime and timespan.
    Long(Int64Builder),
    Real(Float64Builder),
    /// Never null.
    Text(StringViewBuilder),
    /// Never null, coded for a file.
    Coded(CodedTexts),
    /// Guid, dynamic and decimal.
    NullableText(StringViewBuilder),
    /// The same text in all rows.
    Constant {
        text: String,
        rows: usize,
    },
}

/// What became of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Stored, with its size for metering.
    Stored { size_bytes: usize },
    /// There was nothing to store.
    Absent,
    /// It does not fit the column's type, or the row already has a value.
    Rejected,
}

impl ColumnBuilder {
    pub(super) fn new(ty: KqlType, size: Size, is_coded: bool) -> Self {
        Self { ty, size, is_coded, values: None, len: 0 }
    }

    /// Drops all values.
    pub(super) fn clear(&mut self) {
        self.values = None;
        self.len = 0;
    }

    pub(super) fn ty(&self) -> KqlType {
        self.ty
    }

    /// Stores the value of row `row`. Rows come in order; those skipped have the default.
    pub(super) fn push(&mut self, row: usize, cell: Cell<'_>) -> Pushed {
        if self.len > row {
            return Pushed::Rejected;
        }
        match self.ty {
            KqlType::String => match cell.to_text() {
                Some(text) => self.push_text(row, &text),
                None => Pushed::Absent,
            },
            KqlType::Dynamic => self.push_dynamic(row, cell),
            KqlType::Guid => {
                self.converted(row, cell.to_guid(), |this, row, value| this.push_text(row, &value))
            }
            KqlType::Decimal => {
                self.converted(row, cell.to_decimal(), |this, row, value| this.push_text(row, &value))
            }
            KqlType::Long => self.converted(row, cell.to_long(), Self::push_long),
            KqlType::DateTime => self.converted(row, cell.to_datetime(), Self::push_long),
            KqlType::TimeSpan => self.converted(row, cell.to_timespan(), Self::push_long),
            KqlType::Int => self.converted(row, cell.to_int(), |this, row, value| {
                if let Values::Int(builder) = this.at(row) {
                    builder.append_value(value);
                }
                Pushed::Stored { size_bytes: 4 }
            }),
            KqlType::Real => self.converted(row, cell.to_real(), |this, row, value| {
                if let Values::Real(builder) = this.at(row) {
                    builder.append_value(value);
                }
                Pushed::Stored { size_bytes: 8 }
            }),
            KqlType::Bool => self.converted(row, cell.to_bool(), |this, row, value| {
                if let Values::Bool(builder) = this.at(row) {
                    builder.append_value(value);
                }
                Pushed::Stored { size_bytes: 1 }
            }),
        }
    }

    /// Gives all rows one text; what senders wrote is dropped.
    pub(super) fn fill_text(&mut self, rows: usize, text: &str) {
        self.values = Some(Values::Constant { text: text.to_owned(), rows });
        self.len = rows;
    }

    /// Gives all rows one number of ticks.
    pub(super) fn fill_long(&mut self, rows: usize, value: i64) {
        let mut builder = Int64Builder::with_capacity(rows);
        builder.append_value_n(value, rows);
        self.values = Some(Values::Long(builder));
        self.len = rows;
    }

    /// Gives each row its number.
    pub(super) fn fill_reals(&mut self, values: &[f64]) {
        let mut builder = Float64Builder::with_capacity(values.len());
        builder.append_slice(values);
        self.values = Some(Values::Real(builder));
        self.len = values.len();
    }

    /// The column, unless no row has a value.
    pub(super) fn finish(self, rows: usize) -> Result<Option<ArrayRef>, ArrowError> {
        let Some(mut values) = self.values else { return Ok(None) };
        values.pad(rows.saturating_sub(self.len));
        values.finish().map(Some)
    }

    /// The same for a file.
    pub(super) fn finish_for_file(self, rows: usize) -> Result<Option<FileColumn>, ArrowError> {
        Ok(match self.values {
            Some(Values::Coded(mut texts)) => {
                (self.len..rows).for_each(|_| texts.push(""));
                Some(FileColumn::Texts(texts))
            }
            Some(Values::Constant { text, rows }) if self.ty == KqlType::String => {
                Some(FileColumn::Texts(CodedTexts::constant(&text, rows)))
            }
            _ => self.finish(rows)?.map(FileColumn::Array),
        })
    }

    /// The column with `fallback` where rows have no value.
    pub(super) fn finish_time(self, rows: usize, fallback: i64) -> Result<ArrayRef, ArrowError> {
        let Some(array) = self.finish(rows)? else {
            return Ok(Arc::new(Int64Array::from(vec![fallback; rows])));
        };
        Ok(match array.as_any().downcast_ref::<Int64Array>() {
            Some(times) if times.null_count() > 0 => {
                Arc::new(times.iter().map(|time| time.unwrap_or(fallback)).collect::<Int64Array>())
            }
            _ => array,
        })
    }

    fn converted<T>(
        &mut self,
        row: usize,
        value: Converted<T>,
        store: impl FnOnce(&mut Self, usize, T) -> Pushed,
    ) -> Pushed {
        match value {
            Converted::Value(value) => store(self, row, value),
            Converted::Absent => Pushed::Absent,
            Converted::Rejected => Pushed::Rejected,
        }
    }

    fn push_long(&mut self, row: usize, value: i64) -> Pushed {
        if let Values::Long(builder) = self.at(row) {
            builder.append_value(value);
        }
        Pushed::Stored { size_bytes: 8 }
    }

    fn push_text(&mut self, row: usize, text: &str) -> Pushed {
        match self.at(row) {
            Values::Coded(texts) => texts.push(text),
            Values::Text(builder) | Values::NullableText(builder) => builder.append_value(text),
            _ => {}
        }
        Pushed::Stored { size_bytes: text.len() }
    }

    /// JSON text as it is. A string that spells an array or object is taken as that value, because
    /// many senders encode their nested fields twice.
    fn push_dynamic(&mut self, row: usize, cell: Cell<'_>) -> Pushed {
        match cell {
            Cell::Text("") => Pushed::Absent,
            Cell::Text(text) if looks_nested(text) && is_json(text) => self.push_text(row, text.trim()),
            Cell::Text(text) => {
                let quoted = serde_json::Value::from(text).to_string();
                self.push_text(row, &quoted)
            }
            other => match other.to_text() {
                Some(text) => self.push_text(row, &text),
                None => Pushed::Absent,
            },
        }
    }

    /// The builder, padded so that the next value is row `row`'s.
    fn at(&mut self, row: usize) -> &mut Values {
        let (ty, size, is_coded) = (self.ty, self.size, self.is_coded);
        let values = self.values.get_or_insert_with(|| Values::new(ty, size, is_coded));
        if self.len < row {
            values.pad(row - self.len);
        }
        self.len = row + 1;
        values
    }
}

fn text_builder(size: Size) -> StringViewBuilder {
    StringViewBuilder::with_capacity(size.rows).with_fixed_block_size(size.text_block_bytes as u32)
}

impl Values {
    fn new(ty: KqlType, size: Size, is_coded: bool) -> Self {
        let rows = size.rows;
        match ty {
            KqlType::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            KqlType::Int => Self::Int(Int32Builder::with_capacity(rows)),
            KqlType::Long | KqlType::DateTime | KqlType::TimeSpan => {
                Self::Long(Int64Builder::with_capacity(rows))
            }
            KqlType::Real => Self::Real(Float64Builder::with_capacity(rows)),
            KqlType::String if is_coded => Self::Coded(CodedTexts::with_rows(rows)),
            KqlType::String => Self::Text(text_builder(size)),
            KqlType::Guid | KqlType::Dynamic | KqlType::Decimal => Self::NullableText(text_builder(size)),
        }
    }

    /// Adds rows without a value.
    fn pad(&mut self, missing: usize) {
        match self {
            Self::Bool(builder) => builder.append_nulls(missing),
            Self::Int(builder) => builder.append_nulls(missing),
            Self::Long(builder) => builder.append_nulls(missing),
            Self::Real(builder) => builder.append_nulls(missing),
            Self::Text(builder) => (0..missing).for_each(|_| builder.append_value("")),
            Self::Coded(texts) => (0..missing).for_each(|_| texts.push("")),
            Self::NullableText(builder) => (0..missing).for_each(|_| builder.append_null()),
            Self::Constant { rows, .. } => *rows += missing,
        }
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Long(mut builder) => Arc::new(builder.finish()),
            Self::Real(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) | Self::NullableText(mut builder) => Arc::new(builder.finish()),
            Self::Constant { text, rows } => return constant(&text, rows),
            Self::Coded(_) => {
                return Err(ArrowError::InvalidArgumentError(
                    "texts coded for a file are no array".to_owned(),
                ));
            }
        })
    }
}

/// The same text in each row, held once.
fn constant(text: &str, rows: usize) -> Result<ArrayRef, ArrowError> {
    let mut one = text_builder(Size { rows: 1, text_block_bytes: text.len().max(1) });
    one.append_value(text);
    arrow::compute::take(&one.finish(), &UInt32Array::from(vec![0; rows]), None)
}
