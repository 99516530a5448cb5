//! Columns that are inferred from their use. Behind `bag_unpack` and the like more columns exist than are
//! known here; a name that is no known column is taken for one of them, and stays a column from there on.

use bartizan_schema::KqlType;

use crate::bound::{MISTAKE, Named, Rel, Scalar};
use crate::span::Span;
use crate::syntax::ast::{Expr, Operator};
use crate::syntax::codes;

use super::join::sides_of;
use super::operators::plain_column;
use super::scope::{RowScope, Table};
use super::{Binder, failed_scalar, passed_on};

/// Work done twice that a binding may have: operators over open tables are bound again once their columns
/// are known, and those in expressions of such operators again for each of them.
const REWORK_MAX: usize = 20_000_000;
/// What one more binding of an operator counts for, in nodes that are copied.
const RETRY_COST: usize = 1_000;

impl Binder<'_> {
    /// Counts work that is done twice; false when there has been too much of it.
    fn rework(&mut self, cost: usize, span: Span) -> bool {
        let within = self.reworked <= REWORK_MAX;
        self.reworked = self.reworked.saturating_add(cost);
        if within && self.reworked > REWORK_MAX {
            let message = "the query becomes too large: operators over columns that only its rows tell are nested \
                           too often";
            let hint = Some("say which columns there are: `evaluate … : (name: type, …)`".to_owned());
            self.errors.error_with_hint(codes::TOO_LARGE, span, message, hint);
        }
        self.reworked <= REWORK_MAX
    }

    /// Applies one operator. Names it uses that its input lacks become columns of an open input.
    pub(super) fn operator(&mut self, mut input: Table, op: &Operator) -> Table {
        if self.errors.any() {
            // Only the columns matter from here on, because nothing with a mistake runs. Copies of a long pipeline
            // for each of its operators would take longer than all else.
            let columns = input.columns.clone();
            input.cost = 1 + columns.len();
            input.depth = 1;
            input.rel = Rel::Unsupported { what: MISTAKE.to_owned(), columns, span: op.span };
        }
        if !input.open {
            return self.operator_once(input, op);
        }
        let outer = std::mem::take(&mut self.inferred);
        let (mark, numbered) = (self.errors.mark(), self.numbered);
        if !self.rework(1 + input.cost, op.span) {
            return self.failed(op.span);
        }
        let kept = input.clone();
        let mut table = self.operator_once(input, op);
        let names = std::mem::take(&mut self.inferred);
        if !names.is_empty() {
            if !self.rework(RETRY_COST, op.span) {
                return self.failed(op.span);
            }
            self.errors.rewind(mark);
            self.numbered = numbered;
            let wider = self.with_inferred(kept, &names, op.span);
            table = self.operator_once(wider, op);
        }
        self.inferred = outer;
        table
    }

    /// The table with these columns besides; their values are known when the query runs.
    fn with_inferred(&mut self, table: Table, names: &[String], span: Span) -> Table {
        let known = RowScope::of(0, &table);
        let mut items = passed_on(&table.columns, span);
        for name in names {
            if known.position(name).is_none() && !items.iter().any(|item| &item.name == name) {
                items.push(Named { name: name.clone(), value: failed_scalar(span) });
            }
        }
        if items.len() == table.columns.len() {
            return table;
        }
        self.inferred_names.extend(names.iter().cloned());
        self.project(table, items, span)
    }

    /// Both sides of a join with the columns that its conditions name.
    pub(super) fn with_join_keys(
        &mut self,
        left: Table,
        right: Table,
        on: &[Expr],
        span: Span,
    ) -> (Table, Table) {
        if !left.open && !right.open {
            return (left, right);
        }
        let (mut left_names, mut right_names) = (Vec::new(), Vec::new());
        for condition in on {
            sides_of(condition, &mut left_names, &mut right_names);
        }
        let left = if left.open { self.with_inferred(left, &left_names, span) } else { left };
        let right = if right.open { self.with_inferred(right, &right_names, span) } else { right };
        (left, right)
    }

    /// Whether a value is a column, of the rows in view, whose type only the run shows.
    pub(super) fn is_inferred(&self, value: &Scalar) -> bool {
        let name = plain_column(value).and_then(|at| self.row().columns.get(at)).map(|column| &column.name);
        name.is_some_and(|name| self.inferred_names.contains(name))
    }

    /// Notes that the column called `name` has the type of `value`, if only the run shows that.
    pub(super) fn note_inferred(&mut self, name: &str, value: &Scalar) {
        if self.is_inferred(value) {
            self.inferred_names.insert(name.to_owned());
        }
        // a saved function names a column in vain: a warning, and null
        if super::is_null(value) && value.ty == KqlType::Dynamic && self.errors.saved().is_some() {
            self.unknown_names.insert(name.to_owned());
        }
    }

    /// What the reference calls the type of a column in the names a union makes.
    pub(super) fn type_name(&self, table: &Table, name: &str, ty: KqlType) -> &'static str {
        let unknown = (table.open && self.inferred_names.contains(name)) || self.unknown_names.contains(name);
        if ty == KqlType::Dynamic && unknown { "unknown" } else { ty.name() }
    }
}
