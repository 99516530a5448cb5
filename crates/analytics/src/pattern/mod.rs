//! Patterns in tables of discrete values: which combinations are frequent, which few describe most rows, and
//! which tell two groups of rows apart.
//!
//! Values are numbers per column, 0 for a value that takes no part. Equal rows are one row with a weight.

mod closed;
mod clusters;
mod differences;

pub use closed::{Limits, frequent};
pub use clusters::clusters;
pub use differences::{Difference, differences};

use std::collections::HashMap;

/// The value that takes no part in patterns.
pub const NO_VALUE: u32 = 0;

/// Distinct rows with their weights.
#[derive(Debug, Default)]
pub struct Table {
    width: usize,
    cells: Vec<u32>,
    weights: Vec<f64>,
    rows: HashMap<Box<[u32]>, usize>,
}

/// A value for each column it restricts, `None` for the others.
pub type Pattern = Vec<Option<u32>>;

/// A pattern and the weight of the rows that meet it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub pattern: Pattern,
    pub weight: f64,
}

impl Table {
    /// A table of so many columns.
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Adds a row. Rows without weight do not count.
    pub fn add(&mut self, row: &[u32], weight: f64) {
        debug_assert_eq!(row.len(), self.width);
        if weight.is_nan() || weight <= 0.0 {
            return;
        }
        match self.rows.get(row) {
            Some(at) => self.weights[*at] += weight,
            None => {
                self.rows.insert(row.into(), self.weights.len());
                self.cells.extend_from_slice(row);
                self.weights.push(weight);
            }
        }
    }

    /// How many distinct rows there are.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// The weight of all rows.
    pub fn total(&self) -> f64 {
        self.weights.iter().sum()
    }

    fn row(&self, at: usize) -> &[u32] {
        &self.cells[at * self.width..(at + 1) * self.width]
    }

    /// The weight of the rows that meet a pattern.
    pub fn weight_of(&self, pattern: &[Option<u32>]) -> f64 {
        let met = (0..self.len()).filter(|at| meets(self.row(*at), pattern));
        met.map(|at| self.weights[at]).sum()
    }
}

fn meets(row: &[u32], pattern: &[Option<u32>]) -> bool {
    row.iter().zip(pattern).all(|(value, wanted)| wanted.is_none_or(|wanted| wanted == *value))
}

/// How many columns a pattern restricts.
fn restricted(pattern: &[Option<u32>]) -> usize {
    pattern.iter().flatten().count()
}
