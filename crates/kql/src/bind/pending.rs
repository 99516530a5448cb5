//! Operators that are read whole and have no node of the bound tree yet. Each is given the columns it would
//! have, so that what follows it still binds, and is refused by name when the query runs.

use bartizan_schema::KqlType;

use crate::bound::ColumnSchema;
use crate::syntax::ast::{Operator, OperatorKind, Parameter, ParameterType, Scan};

use super::Binder;
use super::scope::Table;
use super::union::setting_word;

impl Binder<'_> {
    /// The columns an operator without a node gives.
    pub(super) fn pending(&mut self, input: Table, op: &Operator) -> Table {
        let span = op.span;
        match &op.kind {
            OperatorKind::Scan(scan) => {
                let columns = scan_columns(input.columns, scan);
                self.unsupported("scan", columns, input.open, span)
            }
            OperatorKind::AssertSchema(columns) => {
                let columns = self.declared_columns(columns);
                self.unsupported("assert-schema", columns, false, span)
            }
            _ => self.unsupported(&op.name, input.columns, true, span),
        }
    }
}

/// The input's columns, then the declared ones, then the id of the match.
fn scan_columns(mut columns: Vec<ColumnSchema>, scan: &Scan) -> Vec<ColumnSchema> {
    let declared = scan.declare.iter().map(|Parameter { name, ty, .. }| match ty {
        ParameterType::Scalar(ty) => (name.text.clone(), *ty),
        ParameterType::Tabular { .. } => (name.text.clone(), KqlType::Dynamic),
    });
    let match_id = setting_word(&scan.settings, &["with_match_id"]).map(|name| (name, KqlType::Long));
    for (name, ty) in declared.chain(match_id) {
        columns.retain(|known| known.name != name);
        columns.push(ColumnSchema { name, ty });
    }
    columns
}
