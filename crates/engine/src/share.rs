//! Relations that a query has more than once are computed once.
//!
//! A tabular `let` is put in wherever it is used, and some operators are bound to trees that read one relation
//! twice. Copies are found by comparing what the tree prints, spans and all, and become one
//! [`Rel::Shared`], as `materialize()` makes it. Only relations that bring many rows down to few are worth it
//! (a filtered scan is cheaper run twice), and only those that would give the same rows again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bartizan_kql::bound::{Rel, ScalarKind};
use bartizan_kql::visit::{
    inputs, inputs_mut, relations, scalars, scalars_mut, sub_relations, sub_relations_mut,
};

use crate::functions::registry::is_volatile;

/// Ids from here on are made here; the binder's are below.
const FIRST_ID: u32 = 1 << 31;
/// Relations of a query that are compared. A query with more is run as it is written.
const RELATIONS_MAX: usize = 4096;
/// Bytes of all that is printed for the comparison.
const PRINTED_BYTES_MAX: usize = 16 << 20;

/// Whether a shared relation was found here rather than asked for by `materialize()`.
pub(crate) fn is_implicit(id: u32) -> bool {
    id >= FIRST_ID
}

/// Marks what occurs more than once in the results of a query.
pub(crate) fn share<'a>(roots: impl Iterator<Item = &'a mut Rel>) {
    let mut roots: Vec<&mut Rel> = roots.collect();
    let mut found = Found::default();
    if roots.iter().try_for_each(|root| found.gather(root, false)).is_none() {
        return;
    }
    let Some(ids) = found.ids() else { return };
    let mut ids = ids.into_iter();
    roots.iter_mut().for_each(|root| mark(root, false, &mut ids));
}

/// The candidates of a query in the order of a walk.
#[derive(Default)]
struct Found<'a> {
    visited: usize,
    candidates: Vec<(u64, &'a Rel)>,
}

impl<'a> Found<'a> {
    /// `None` when there are too many relations.
    fn gather(&mut self, rel: &'a Rel, shared: bool) -> Option<()> {
        self.visited += 1;
        if self.visited > RELATIONS_MAX {
            return None;
        }
        if !shared && reduces(rel) {
            self.candidates.push((outline(rel), rel));
        }
        for input in inputs(rel) {
            self.gather(input, matches!(rel, Rel::Shared { .. }))?;
        }
        let mut inner = Vec::new();
        scalars(rel).into_iter().for_each(|scalar| sub_relations(scalar, &mut |rel| inner.push(rel)));
        inner.into_iter().try_for_each(|rel| self.gather(rel, false))
    }

    /// The id of each candidate that has a copy; `None` when none has, or comparing costs too much.
    fn ids(&self) -> Option<Vec<Option<u32>>> {
        let mut alike: HashMap<u64, usize> = HashMap::new();
        self.candidates.iter().for_each(|(outline, _)| *alike.entry(*outline).or_default() += 1);
        let mut copies: HashMap<String, Vec<usize>> = HashMap::new();
        let mut printed = 0;
        for (at, (outline, rel)) in self.candidates.iter().enumerate() {
            if alike.get(outline).is_some_and(|count| *count > 1) && gives_the_same_again(rel) {
                let text = format!("{rel:?}");
                printed += text.len();
                if printed > PRINTED_BYTES_MAX {
                    return None;
                }
                copies.entry(text).or_default().push(at);
            }
        }
        let mut ids = vec![None; self.candidates.len()];
        let mut repeated: Vec<Vec<usize>> = copies.into_values().filter(|places| places.len() > 1).collect();
        repeated.sort_unstable();
        for (id, places) in (FIRST_ID..).zip(&repeated) {
            places.iter().for_each(|at| ids[*at] = Some(id));
        }
        (!repeated.is_empty()).then_some(ids)
    }
}

/// The walk of [`Found::gather`] again, wrapping what has an id.
fn mark(rel: &mut Rel, shared: bool, ids: &mut impl Iterator<Item = Option<u32>>) {
    let id = if !shared && reduces(rel) { ids.next().flatten() } else { None };
    let is_shared = matches!(rel, Rel::Shared { .. });
    for input in inputs_mut(rel) {
        mark(input, is_shared, ids);
    }
    for scalar in scalars_mut(rel) {
        sub_relations_mut(scalar, &mut |rel| mark(rel, false, ids));
    }
    if let Some(id) = id {
        let input = std::mem::replace(rel, Rel::Print { items: Vec::new() });
        *rel = Rel::Shared { id, input: Box::new(input) };
    }
}

/// Whether a relation is an aggregate, or a few rows, or made of such.
fn reduces(rel: &Rel) -> bool {
    match rel {
        Rel::Summarize { .. } | Rel::Take { .. } | Rel::TakeWithin { .. } => true,
        // sequences, patterns and plugins give fewer rows than they read, or are asked for them all
        Rel::Whole(whole) => !whole.inputs.is_empty(),
        Rel::Join(join) => reduces_below(&join.left) && reduces_below(&join.right),
        _ => false,
    }
}

/// [`reduces`], through operators that make no rows.
fn reduces_below(rel: &Rel) -> bool {
    match rel {
        Rel::Filter { input, .. }
        | Rel::Project { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Serialize { input }
        | Rel::Shared { input, .. } => reduces_below(input),
        _ => reduces(rel),
    }
}

/// What copies agree in and most other relations do not, without looking far.
fn outline(rel: &Rel) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(rel).hash(&mut hasher);
    rel.columns().hash(&mut hasher);
    hasher.finish()
}

fn gives_the_same_again(rel: &Rel) -> bool {
    let mut same = true;
    relations(rel, &mut |rel| {
        same &= !matches!(rel, Rel::Sample { .. });
        same &= !scalars(rel).into_iter().any(|scalar| is_volatile_inside(&scalar.kind));
    });
    same
}

fn is_volatile_inside(kind: &ScalarKind) -> bool {
    match kind {
        ScalarKind::Call { function, args } => {
            is_volatile(function) || args.iter().any(|arg| is_volatile_inside(&arg.kind))
        }
        ScalarKind::Path { value, .. } | ScalarKind::InRelation { value, .. } => {
            is_volatile_inside(&value.kind)
        }
        ScalarKind::Literal(_) | ScalarKind::Column(_) | ScalarKind::ToScalar(_) => false,
    }
}
