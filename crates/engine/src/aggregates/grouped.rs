//! How our aggregates are written: once, over many groups at a time. DataFusion wants two forms of each,
//! one for grouped and one for ungrouped queries; both are made here.

use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};

/// What an aggregate is: its types, and where its work starts.
pub(super) trait Definition: Debug + Clone + Eq + Hash + Send + Sync + 'static {
    type Groups: Grouped;

    fn name(&self) -> &'static str;
    fn arguments(&self) -> Vec<DataType>;
    fn result(&self) -> DataType;
    /// Types of what partial results are passed on as.
    fn state(&self) -> Vec<DataType>;
    fn start(&self) -> Self::Groups;
}

/// The groups of one aggregate, each at some stage of its work.
pub(super) trait Grouped: Debug + Send + Sync + 'static {
    /// Makes room for `groups` groups in all; new ones are empty.
    fn grow(&mut self, groups: usize);
    /// Adds rows to their groups.
    fn update(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()>;
    /// Adds partial results, one row each, to their groups.
    fn merge(&mut self, states: &[ArrayRef], groups: &[usize]) -> Result<()>;
    /// Results of the groups that `emit` takes away.
    fn results(&mut self, emit: EmitTo) -> Result<ArrayRef>;
    /// Partial results of the groups that `emit` takes away.
    fn states(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>>;
    /// Memory held.
    fn bytes(&self) -> usize;
}

/// Which group each row of a batch belongs to, and which rows count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    groups: &'a [usize],
    counted: Option<&'a BooleanArray>,
}

impl Rows<'_> {
    /// Row and group of each row that counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.groups.iter().copied().enumerate().filter(|(row, _)| self.counts(*row))
    }

    #[inline]
    pub(super) fn counts(&self, row: usize) -> bool {
        self.counted.is_none_or(|keep| keep.is_valid(row) && keep.value(row))
    }

    /// Groups, each with a run of rows that are in it. Not all of these may count.
    pub(super) fn runs(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let mut end = 0;
        std::iter::from_fn(move || {
            let start = end;
            let group = *self.groups.get(start)?;
            end += self.groups[start..].iter().take_while(|other| **other == group).count();
            Some((group, start..end))
        })
    }
}

/// A call of an aggregate of ours.
pub(super) fn call<D: Definition>(definition: D, args: Vec<Expr>) -> Expr {
    let signature = Signature::exact(definition.arguments(), Volatility::Immutable);
    AggregateUDF::new_from_impl(Aggregate { definition, signature }).call(args)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Aggregate<D> {
    definition: D,
    signature: Signature,
}

impl<D: Definition> AggregateUDFImpl for Aggregate<D> {
    fn name(&self) -> &str {
        self.definition.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(self.definition.result())
    }

    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |(at, ty)| FieldRef::new(Field::new(format!("{}_{at}", self.name()), ty, true));
        Ok(self.definition.state().into_iter().enumerate().map(field).collect())
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let mut groups = self.definition.start();
        groups.grow(1);
        Ok(Box::new(Single { groups, indices: Vec::new() }))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many::new(self.definition.clone())))
    }
}

/// An aggregate over many groups, as DataFusion drives it.
pub(super) struct Many<D: Definition> {
    definition: D,
    groups: D::Groups,
}

impl<D: Definition> Many<D> {
    pub(super) fn new(definition: D) -> Self {
        Self { groups: definition.start(), definition }
    }
}

impl<D: Definition> GroupsAccumulator for Many<D> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        counted: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.groups.grow(total);
        self.groups.update(values, &Rows { groups, counted })
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.groups.grow(total);
        self.groups.merge(states, groups)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.groups.results(emit)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.groups.states(emit)
    }

    /// Each row as a group of its own: what is passed on when grouping first does not pay.
    fn convert_to_state(&self, values: &[ArrayRef], counted: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |column| column.len());
        let groups: Vec<usize> = (0..rows).collect();
        let mut each = self.definition.start();
        each.grow(rows);
        each.update(values, &Rows { groups: &groups, counted })?;
        each.states(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.groups.bytes()
    }
}

#[derive(Debug)]
struct Single<G> {
    groups: G,
    /// As many zeros as the largest batch has rows.
    indices: Vec<usize>,
}

impl<G> Single<G> {
    fn indices(&mut self, columns: &[ArrayRef]) -> Vec<usize> {
        let mut indices = std::mem::take(&mut self.indices);
        indices.resize(columns.first().map_or(0, |column| column.len()), 0);
        indices
    }
}

impl<G: Grouped> Accumulator for Single<G> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.indices = self.indices(values);
        self.groups.update(values, &Rows { groups: &self.indices, counted: None })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.indices = self.indices(states);
        self.groups.merge(states, &self.indices)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.groups.results(EmitTo::All)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let states = self.groups.states(EmitTo::All)?;
        states.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.groups.bytes() + self.indices.capacity() * size_of::<usize>()
    }
}
