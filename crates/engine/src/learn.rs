//! Columns that are known only when their rows are: `bag_unpack` and `pivot`.
//!
//! Such a call is bound without its columns first. The engine asks its rows, one call after the other, and
//! the text is bound again with what has been learned. Calls are numbered in the order they are bound, so
//! the first unlearned one never depends on another, and everything bound before it stays as it is.
//!
//! What the call reads is put into a shared relation by the binder. Where that is more than a plain scan, it
//! is computed once here and kept for the rounds that follow; see [`subquery::worth_keeping`].

use bartizan_kql::bound::{Operation, Rel};
use bartizan_kql::{Learned, visit};
use datafusion::execution::SessionState;

use crate::error::QueryError;
use crate::lower::Context;
use crate::prune::prune;
use crate::{subquery, whole};

/// A plugin call whose columns are not known.
pub(crate) struct Unlearned {
    number: u32,
    pub whole: Rel,
}

/// The call that was bound first, in any of a query's results.
pub(crate) fn first_unlearned<'a>(roots: impl Iterator<Item = &'a Rel>) -> Option<Unlearned> {
    let mut first: Option<(u32, &Rel)> = None;
    for root in roots {
        visit::relations(root, &mut |rel| {
            if let Rel::Whole(whole) = rel
                && let Operation::Plugin(call) = &whole.operation
                && let Some(number) = call.unlearned
                && first.is_none_or(|(least, _)| number < least)
            {
                first = Some((number, rel));
            }
        });
    }
    first.map(|(number, rel)| Unlearned { number, whole: rel.clone() })
}

/// Runs what a call reads and asks it for the columns.
pub(crate) async fn learn(
    call: Unlearned,
    context: &mut Context,
    state: &SessionState,
) -> Result<(u32, Learned), QueryError> {
    let Unlearned { number, whole } = call;
    context.kept.extend(shared_inputs(&whole));
    let uses = subquery::shared_uses([&whole], &context.kept);
    let Rel::Whole(whole) = prune(whole, context, &uses, None).rel else {
        return Err(QueryError::Internal("a plugin call is gone after pruning".to_owned()));
    };
    for input in &whole.inputs {
        let uses = subquery::shared_uses([input], &context.kept);
        subquery::resolve(input, &uses, context, state).await?;
    }
    let (columns, any_rows) = whole::learn(&whole, context, state).await?;
    context.forget_round();
    Ok((number, Learned { columns, open: !any_rows }))
}

/// The shared relations that a call reads directly: the rounds that follow read them again.
fn shared_inputs(whole: &Rel) -> Vec<u32> {
    let mut found = Vec::new();
    let mut left: Vec<&Rel> = visit::inputs(whole);
    while let Some(rel) = left.pop() {
        match rel {
            Rel::Shared { id, .. } => found.push(*id),
            Rel::Project { input, .. } => left.push(input),
            _ => {}
        }
    }
    found
}
