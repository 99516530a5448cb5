//! `percentile` and its relatives, `tdigest` and its merges.
//!
//! Percentiles are exact, by nearest rank, for up to 1,024 different values in a group (see
//! [`bartizan_analytics::sketch::TDigest`]) and approximate beyond.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, Float64Array, StringViewArray, StructArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use bartizan_analytics::sketch::TDigest;
use bartizan_schema::KqlType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::EmitTo;

use super::extreme::fields;
use super::grouped::{Definition, Grouped, Rows};
use crate::functions::dynamic::to_json;
use crate::functions::sketch;
use crate::types::arrow_type;
use crate::value::ColumnBuilder;

/// What is wanted of a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Give {
    /// A struct with one field per point.
    Columns(Vec<Point>),
    /// A dynamic array.
    List(Vec<Point>),
    Sketch,
}

/// A percentage, hashable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Point(u64);

impl Point {
    pub(super) fn new(percent: f64) -> Self {
        Self(percent.to_bits())
    }

    fn percent(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Arguments: value and weight; or a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Percentile {
    /// The values' type; `None` when they are digests.
    pub of: Option<KqlType>,
    pub give: Give,
}

impl Definition for Percentile {
    type Groups = Digests;

    fn name(&self) -> &'static str {
        match (&self.give, self.of) {
            (_, None) => "tdigest_merge",
            (Give::Sketch, _) => "tdigest",
            _ => "percentile",
        }
    }

    fn arguments(&self) -> Vec<DataType> {
        match self.of {
            Some(ty) => vec![arrow_type(ty), DataType::Int64],
            None => vec![arrow_type(KqlType::Dynamic)],
        }
    }

    fn result(&self) -> DataType {
        match (&self.give, self.of) {
            (Give::Columns(points), Some(ty)) => {
                DataType::Struct(fields(&vec![arrow_type(ty); points.len()]))
            }
            _ => arrow_type(KqlType::Dynamic),
        }
    }

    fn state(&self) -> Vec<DataType> {
        // The digest, and the name of the type it is of.
        vec![DataType::Binary, DataType::Utf8View]
    }

    fn start(&self) -> Digests {
        Digests { definition: self.clone(), digests: Vec::new(), heap: 0 }
    }
}

#[derive(Clone, Debug)]
struct Digest {
    digest: TDigest,
    /// The type of its values.
    ty: KqlType,
}

#[derive(Debug)]
pub(super) struct Digests {
    definition: Percentile,
    digests: Vec<Option<Digest>>,
    /// Memory of the digests' contents.
    heap: usize,
}

impl Digests {
    fn add(&mut self, group: usize, value: f64, weight: f64) {
        let ty = self.definition.of.unwrap_or(KqlType::Real);
        let digest =
            &mut self.digests[group].get_or_insert_with(|| Digest { digest: TDigest::default(), ty }).digest;
        let before = digest.heap_bytes();
        digest.add(value, weight);
        self.heap = (self.heap + digest.heap_bytes()).saturating_sub(before);
    }

    fn unite(&mut self, group: usize, ty: KqlType, other: &TDigest) {
        let digest =
            &mut self.digests[group].get_or_insert_with(|| Digest { digest: TDigest::default(), ty }).digest;
        let before = digest.heap_bytes();
        digest.merge(other);
        self.heap = (self.heap + digest.heap_bytes()).saturating_sub(before);
    }

    fn take(&mut self, emit: EmitTo) -> Vec<Option<Digest>> {
        let mut taken = emit.take_needed(&mut self.digests);
        for digest in taken.iter_mut().flatten() {
            self.heap = self.heap.saturating_sub(digest.digest.heap_bytes());
            digest.digest.settle();
        }
        taken
    }
}

impl Grouped for Digests {
    fn grow(&mut self, groups: usize) {
        self.digests.resize_with(groups, || None);
    }

    fn update(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let Some(ty) = self.definition.of else {
            let texts = values[0].as_string_view();
            for (row, group) in rows.iter().filter(|(row, _)| texts.is_valid(*row)) {
                if let Some((digest, ty)) = sketch::read_digest(texts.value(row)) {
                    self.unite(group, ty, &digest);
                }
            }
            return Ok(());
        };
        let numbers = numbers(&values[0], ty)?;
        let weights = values[1].as_primitive::<Int64Type>();
        for (row, group) in rows.iter().filter(|(row, _)| numbers.is_valid(*row) && weights.is_valid(*row)) {
            self.add(group, numbers.value(row), weights.value(row) as f64);
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()> {
        let (digests, types) = (states[0].as_binary::<i32>(), states[1].as_string_view());
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| digests.is_valid(*row)) {
            let digest = TDigest::from_bytes(digests.value(row)).zip(types.value(row).parse().ok());
            let (digest, ty) = digest.ok_or_else(|| {
                DataFusionError::Internal("a partial `percentile` cannot be read".to_owned())
            })?;
            self.unite(*group, ty, &digest);
        }
        Ok(())
    }

    fn results(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let digests = self.take(emit);
        let give = &self.definition.give;
        let values = |points: &[Point], found: &Digest| {
            let value = |point: &Point| found.digest.percentile(point.percent());
            points.iter().map(|point| sketch::value_of(value(point), found.ty)).collect::<Vec<_>>()
        };
        Ok(match (give, self.definition.of) {
            (Give::Columns(points), Some(ty)) => {
                let mut columns: Vec<ColumnBuilder> =
                    points.iter().map(|_| ColumnBuilder::new(ty, digests.len())).collect();
                for digest in &digests {
                    for (at, column) in columns.iter_mut().enumerate() {
                        let percent = points[at].percent();
                        let value = digest.as_ref().and_then(|found| found.digest.percentile(percent));
                        column.push(sketch::value_of(value, ty));
                    }
                }
                let columns = columns.into_iter().map(ColumnBuilder::finish).collect();
                Arc::new(StructArray::try_new(fields(&vec![arrow_type(ty); points.len()]), columns, None)?)
            }
            (Give::Columns(points) | Give::List(points), _) => {
                let text = |found: Option<Digest>| {
                    let found = found.filter(|found| !found.digest.is_empty())?;
                    let texts: Vec<String> = values(points, &found).iter().map(to_json).collect();
                    Some(format!("[{}]", texts.join(",")))
                };
                Arc::new(digests.into_iter().map(text).collect::<StringViewArray>())
            }
            (Give::Sketch, of) => {
                let empty = Digest { digest: TDigest::default(), ty: of.unwrap_or(KqlType::Real) };
                let text = |found: Option<Digest>| {
                    let found = found.unwrap_or_else(|| empty.clone());
                    Some(sketch::write_digest(&found.digest, found.ty))
                };
                Arc::new(digests.into_iter().map(text).collect::<StringViewArray>())
            }
        })
    }

    fn states(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let mut states = BinaryBuilder::new();
        let mut types = Vec::new();
        for digest in self.take(emit) {
            types.push(digest.as_ref().map(|digest| digest.ty.name()));
            states.append_option(digest.map(|digest| digest.digest.to_bytes()));
        }
        Ok(vec![Arc::new(states.finish()), Arc::new(types.into_iter().collect::<StringViewArray>())])
    }

    fn bytes(&self) -> usize {
        self.heap + self.digests.capacity() * size_of::<Option<Digest>>()
    }
}

/// A column as numbers, the way [`sketch::number`] sees single values.
fn numbers(column: &ArrayRef, ty: KqlType) -> Result<Float64Array> {
    Ok(match column.data_type() {
        DataType::Int64 if ty == KqlType::DateTime => {
            column.as_primitive::<Int64Type>().unary(sketch::from_ticks)
        }
        DataType::Int64 => column.as_primitive::<Int64Type>().unary(|value| value as f64),
        DataType::Int32 => column.as_primitive::<Int32Type>().unary(f64::from),
        DataType::Float64 => column.as_primitive::<Float64Type>().clone(),
        other => return Err(DataFusionError::Internal(format!("percentile of {other}"))),
    })
}
