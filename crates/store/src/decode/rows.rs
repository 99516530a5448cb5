//! Reads the rows of a body: serde visitors that hand every value to its column's builder.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sonic_rs::{JsonValueTrait, LazyValue};

use bartizan_schema::KqlType;

use super::cell::Cell;
use super::column::{ColumnBuilder, Pushed};
use super::{Layout, malformed};
use crate::error::StoreError;

/// What reading a body found out beside the values.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) rejected_cells: u64,
    pub(super) unknown_fields: u64,
    /// One per row.
    pub(super) billed_bytes: Vec<f64>,
}

/// Fills the builders of a table from a body.
pub(super) struct RowReader<'b> {
    layout: &'b Layout,
    builders: &'b mut [ColumnBuilder],
    counts: Counts,
    /// The keys of the row before, with their columns. Rows of one sender have the same fields in the
    /// same order, so a comparison mostly replaces the hash lookup.
    keys: Vec<(String, Option<usize>)>,
}

impl<'b> RowReader<'b> {
    pub(super) fn new(layout: &'b Layout, builders: &'b mut [ColumnBuilder]) -> Self {
        Self { layout, builders, counts: Counts::default(), keys: Vec::new() }
    }

    pub(super) fn finish(self) -> Counts {
        self.counts
    }

    /// An array of objects, or objects on lines of their own.
    pub(super) fn read_body(&mut self, text: &str) -> Result<(), StoreError> {
        let start = text.len() - text.trim_start().len();
        if text[start..].starts_with('[') {
            return self.read_value(text, 0, Shape::Rows);
        }
        let mut from = 0;
        for line in text.split_inclusive('\n') {
            if !line.trim_ascii().is_empty() {
                self.read_value(line, from, Shape::Row)?;
            }
            from += line.len();
        }
        Ok(())
    }

    fn read_value(&mut self, text: &str, from: usize, shape: Shape) -> Result<(), StoreError> {
        let mut parser = sonic_rs::Deserializer::from_str(text);
        let result = match shape {
            Shape::Rows => (&mut parser).deserialize_seq(RowsVisitor(self)),
            Shape::Row => RowSeed(self).deserialize(&mut parser),
        };
        result.and_then(|()| parser.end()).map_err(|error| {
            let message = error.to_string();
            let reason = message.split(" at line ").next().unwrap_or_default().trim().to_owned();
            malformed(from + error.offset().min(text.len()), reason)
        })
    }

    /// The column of the field at place `place` of the current row.
    fn column_of(&mut self, place: usize, key: &str) -> Option<usize> {
        match self.keys.get(place) {
            Some((known, at)) if known == key => return *at,
            _ => {}
        }
        let at = self.layout.position(key);
        let entry = (key.to_owned(), at);
        match self.keys.get_mut(place) {
            Some(slot) => *slot = entry,
            None => self.keys.push(entry),
        }
        at
    }

    fn push(&mut self, row: usize, at: usize, cell: Cell<'_>) {
        match self.builders[at].push(row, cell) {
            Pushed::Stored { size_bytes } => self.counts.billed_bytes[row] += size_bytes as f64,
            Pushed::Absent => {}
            Pushed::Rejected => self.counts.rejected_cells += 1,
        }
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Rows,
    Row,
}

struct RowsVisitor<'r, 'b>(&'r mut RowReader<'b>);

impl<'de> Visitor<'de> for RowsVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(RowSeed(self.0))?.is_some() {}
        Ok(())
    }
}

struct RowSeed<'r, 'b>(&'r mut RowReader<'b>);

impl<'de> DeserializeSeed<'de> for RowSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let reader = self.0;
        let row = reader.counts.billed_bytes.len();
        reader.counts.billed_bytes.push(0.0);
        let mut place = 0;
        while let Some(at) = fields.next_key_seed(KeySeed { reader, place })? {
            place += 1;
            match at {
                None => {
                    reader.counts.unknown_fields += 1;
                    fields.next_value::<IgnoredAny>()?;
                }
                Some(at) if reader.builders[at].ty() == KqlType::Dynamic => {
                    let value = fields.next_value::<LazyValue<'_>>()?;
                    reader.push_lazy(row, at, &value);
                }
                Some(at) => fields.next_value_seed(CellSeed { reader, row, at })?,
            }
        }
        Ok(())
    }
}

impl RowReader<'_> {
    /// Keeps the sender's own JSON text of a dynamic value.
    fn push_lazy(&mut self, row: usize, at: usize, value: &LazyValue<'_>) {
        let raw = value.as_raw_str();
        match raw.as_bytes().first() {
            Some(b'"') => match value.as_str() {
                Some(text) => self.push(row, at, Cell::Text(text)),
                None => self.counts.rejected_cells += 1,
            },
            Some(b'n') | None => self.push(row, at, Cell::Null),
            // Numbers and bools are their own JSON text, too.
            Some(_) => self.push(row, at, Cell::Nested(raw)),
        }
    }
}

struct KeySeed<'r, 'b> {
    reader: &'r mut RowReader<'b>,
    place: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.reader.column_of(self.place, key))
    }
}

struct CellSeed<'r, 'b> {
    reader: &'r mut RowReader<'b>,
    row: usize,
    at: usize,
}

impl CellSeed<'_, '_> {
    fn push<E>(self, cell: Cell<'_>) -> Result<(), E> {
        self.reader.push(self.row, self.at, cell);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.push(Cell::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.push(Cell::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.push(Cell::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.push(i64::try_from(value).map_or(Cell::Uint(value), Cell::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.push(Cell::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.push(Cell::Text(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<(), A::Error> {
        self.push_nested(serde::de::value::MapAccessDeserializer::new(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.push_nested(serde::de::value::SeqAccessDeserializer::new(items))
    }
}

impl CellSeed<'_, '_> {
    /// An array or object where a scalar was declared: its JSON text, written anew.
    fn push_nested<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let value: serde_json::Value = serde::Deserialize::deserialize(deserializer)?;
        self.push(Cell::Nested(&value.to_string()))
    }
}
