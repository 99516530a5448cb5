//! Operators that are read whole and have no node of the bound tree yet. Each is given the columns it would
//! have, so that what follows it still binds, and is refused by name when the query runs.

use crate::syntax::ast::Operator;

use super::Binder;
use super::scope::Table;

impl Binder<'_> {
    /// The columns an operator without a node gives.
    pub(super) fn pending(&mut self, input: Table, op: &Operator) -> Table {
        let span = op.span;
        self.unsupported(&op.name, input.columns, true, span)
    }
}
