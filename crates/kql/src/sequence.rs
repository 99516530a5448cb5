//! Operations of the bound tree over rows in sequence.

use crate::bound::{Named, Scalar};

/// `make-series`: lays bins that have been aggregated onto the grid of an axis, one output row per key.
///
/// The input has the group keys, then the start of a bin, then one column per series: a row for each bin
/// that has data. The output has the keys, an array per series, and the array of bins.
#[derive(Clone, Debug)]
pub struct MakeSeries {
    /// How many columns are group keys.
    pub keys: usize,
    /// Constants of the axis' type. Without `from` or `to`, each key's own data says where it begins or ends.
    pub from: Option<Scalar>,
    pub to: Option<Scalar>,
    pub step: Scalar,
    /// The older form: `to` belongs to the series, and bins are multiples of the step instead of counting
    /// from `from`.
    pub legacy: bool,
    /// The element for bins without data, for each series.
    pub defaults: Vec<Scalar>,
    /// `kind=nonempty`: without any data, one row of defaults.
    pub nonempty: bool,
}

impl MakeSeries {
    pub(crate) fn scalars(&self) -> Vec<&Scalar> {
        let bounds = self.from.iter().chain(&self.to).chain([&self.step]);
        bounds.chain(&self.defaults).collect()
    }

    pub(crate) fn scalars_mut(&mut self) -> Vec<&mut Scalar> {
        let bounds = self.from.iter_mut().chain(&mut self.to).chain([&mut self.step]);
        bounds.chain(&mut self.defaults).collect()
    }
}

/// `scan`: follows sequences of rows through steps.
///
/// Its expressions see, in this order: the input's columns, the declared columns, and then for each step
/// again both, as they were in the last row that matched that step. [`Scan::column`] counts.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Columns of the input.
    pub inputs: usize,
    /// Further columns, with the value they have where no step assigns one.
    pub declared: Vec<Named>,
    /// Each combination of these is scanned by itself.
    pub partition: Vec<Scalar>,
    pub steps: Vec<ScanStep>,
    /// A last column with the number of the match.
    pub with_match_id: bool,
    /// A last column with the name of the step.
    pub with_step_name: bool,
}

/// A step of [`Scan`].
#[derive(Clone, Debug)]
pub struct ScanStep {
    pub name: String,
    /// A sequence may go on without it.
    pub optional: bool,
    pub output: ScanOutput,
    pub condition: Scalar,
    /// Which declared column, and its value.
    pub assignments: Vec<(usize, Scalar)>,
}

/// Which rows a step gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOutput {
    All,
    /// Of rows that match the step one after the other, the last.
    Last,
    None,
}

impl Scan {
    /// Where an expression finds a column of the row before it (`step` is `None`), or of a step's last row.
    pub fn column(&self, step: Option<usize>, column: usize) -> usize {
        let width = self.inputs + self.declared.len();
        step.map_or(0, |step| (step + 1) * width) + column
    }

    pub(crate) fn scalars(&self) -> Vec<&Scalar> {
        let steps = self.steps.iter().flat_map(|step| {
            std::iter::once(&step.condition).chain(step.assignments.iter().map(|(_, value)| value))
        });
        self.declared.iter().map(|named| &named.value).chain(&self.partition).chain(steps).collect()
    }

    pub(crate) fn scalars_mut(&mut self) -> Vec<&mut Scalar> {
        let steps = self.steps.iter_mut().flat_map(|step| {
            std::iter::once(&mut step.condition).chain(step.assignments.iter_mut().map(|(_, value)| value))
        });
        self.declared
            .iter_mut()
            .map(|named| &mut named.value)
            .chain(&mut self.partition)
            .chain(steps)
            .collect()
    }
}
