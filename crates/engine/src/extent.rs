//! How much there is to plan. The front end bounds a query's text, its nesting and its copies; what it becomes over
//! the columns of its tables is bounded here, before DataFusion rewrites it all several times.

use bartizan_kql::bound::{Rel, Scalar, ScalarKind};
use bartizan_kql::visit;

use crate::error::QueryError;

/// Terms of a query: its operators, and in their expressions the calls and columns. Constants are free, so that long
/// lists of values are. Far above real queries, and a few seconds of planning at worst.
const TERMS_MAX: usize = 100_000;

/// Refuses a query with more than [`TERMS_MAX`] terms, all results together.
pub(crate) fn check<'a>(roots: impl Iterator<Item = &'a Rel>) -> Result<(), QueryError> {
    let mut terms = 0;
    for root in roots {
        visit::relations(root, &mut |rel| {
            terms += 1 + visit::scalars(rel).into_iter().map(of_scalar).sum::<usize>();
        });
    }
    if terms > TERMS_MAX {
        let what = format!(
            "over the columns of its tables it has {terms} terms, at most {TERMS_MAX} are taken; name the columns \
             that are compared, search fewer tables, or put a long list of values into one `in` or `has_any`"
        );
        return Err(QueryError::TooLarge { what });
    }
    Ok(())
}

fn of_scalar(scalar: &Scalar) -> usize {
    match scalar.kind {
        ScalarKind::Literal(_) => 0,
        _ => 1 + visit::operands(scalar).into_iter().map(of_scalar).sum::<usize>(),
    }
}
