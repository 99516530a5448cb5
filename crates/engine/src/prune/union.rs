//! Inputs of a union that have been cut, put together again.

use std::collections::HashMap;

use bartizan_kql::Span;
use bartizan_kql::bound::{ColumnSchema, Literal, Named, Rel, Scalar};
use bartizan_schema::KqlType;

use super::{Kept, Place, same, value_at};

/// An input that has been cut, and where the union's columns are in it. It lacks those that are not there.
pub(super) struct Part {
    pub rel: Rel,
    pub places: HashMap<usize, Place>,
}

impl Part {
    /// The literal that all rows of the input have in a column.
    fn fixed(&self, at: usize, ty: KqlType) -> Option<Scalar> {
        match self.places.get(&at) {
            Some(Place::Fixed(value)) => Some(value.clone()),
            Some(Place::At(_)) => None,
            Some(Place::Gone) | None => Some(absent(ty)),
        }
    }
}

/// Columns that are one constant in all inputs are constant above too. An input keeps only its own columns.
pub(super) fn joined(parts: Vec<Part>, columns: Vec<ColumnSchema>, needed: &[bool]) -> Kept {
    let fixed: Vec<Option<Scalar>> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| if needed[at] { common(&parts, at, column.ty) } else { None })
        .collect();
    let mut kept: Vec<bool> =
        needed.iter().zip(&fixed).map(|(needed, fixed)| *needed && fixed.is_none()).collect();
    if !kept.contains(&true)
        && let Some(first) = needed.iter().position(|needed| *needed)
    {
        kept[first] = true;
    }
    let mut next = 0;
    let places = kept
        .iter()
        .zip(needed)
        .zip(fixed)
        .map(|((kept, needed), fixed)| match fixed {
            _ if *kept => {
                next += 1;
                Place::At(next - 1)
            }
            Some(value) if *needed => Place::Fixed(value),
            _ => Place::Gone,
        })
        .collect();
    let is_kept = |at: &usize| kept[*at];
    let inputs: Vec<Rel> = parts
        .into_iter()
        .map(|Part { rel, places }| {
            let mut own: Vec<usize> = places.keys().copied().filter(is_kept).collect();
            own.sort_unstable();
            let items = own.into_iter().filter_map(|at| {
                let column = &columns[at];
                Some(Named { name: column.name.clone(), value: value_at(&places[&at], column.ty)? })
            });
            Rel::Project { items: items.collect(), input: Box::new(rel) }
        })
        .collect();
    let columns: Vec<_> =
        columns.into_iter().zip(&kept).filter(|(_, kept)| **kept).map(|(column, _)| column).collect();
    if inputs.is_empty() {
        return Kept { rel: Rel::Rows { columns, rows: Vec::new() }, places };
    }
    Kept { rel: Rel::Union { inputs, columns }, places }
}

/// The literal that a column has in all rows of all inputs.
fn common(parts: &[Part], at: usize, ty: KqlType) -> Option<Scalar> {
    // no rows at all: any value is that of all of them
    let Some((first, others)) = parts.split_first() else { return Some(absent(ty)) };
    let value = first.fixed(at, ty)?;
    let alike = |part: &Part| part.fixed(at, ty).is_some_and(|other| same(&other, &value));
    others.iter().all(alike).then_some(value)
}

/// What rows have in a column that their input lacks.
fn absent(ty: KqlType) -> Scalar {
    let value = if ty == KqlType::String { Literal::String(String::new()) } else { Literal::Null };
    Scalar::literal(value, ty, Span::default())
}
