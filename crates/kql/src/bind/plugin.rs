//! `top-nested`: its columns are known here, its rows no node of the bound tree expresses yet.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Scalar};
use crate::span::Span;
use crate::syntax::ast::{ExprKind, TopNestedLevel};

use super::Binder;
use super::naming::result_name;
use super::scope::Table;

impl Binder<'_> {
    pub(super) fn top_nested(&mut self, input: Table, levels: &[TopNestedLevel], span: Span) -> Table {
        let mut columns: Vec<ColumnSchema> = Vec::new();
        for level in levels {
            let (name, of) = match &level.of.kind {
                ExprKind::Assign { names, value, .. } => {
                    (names.first().map(|name| name.text.clone()), value.as_ref())
                }
                _ => (None, &level.of),
            };
            let value: Scalar = self.over(&input, |binder| binder.scalar(of));
            let name = name.or_else(|| result_name(of)).unwrap_or_else(|| "Column1".to_owned());
            let (by_name, by) = match &level.by.kind {
                ExprKind::Assign { names, value, .. } => {
                    (names.first().map(|name| name.text.clone()), value.as_ref())
                }
                _ => (None, &level.by),
            };
            let measured = self.summarize(input.clone(), std::slice::from_ref(by), &[], span);
            let ty = measured.columns.first().map_or(KqlType::Long, |column| column.ty);
            columns.push(ColumnSchema { name: name.clone(), ty: value.ty });
            columns.push(ColumnSchema { name: by_name.unwrap_or_else(|| format!("aggregated_{name}")), ty });
        }
        self.unsupported("top-nested", columns, false, span)
    }
}
