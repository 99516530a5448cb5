//! `make-series` and `top-nested`: operators whose columns are known here, and whose rows no node of the
//! bound tree expresses yet.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Scalar};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, SeriesItem, TopNestedLevel};

use super::Binder;
use super::naming::{Names, result_name};
use super::scope::Table;

impl Binder<'_> {
    /// Group columns, then one dynamic array per aggregate, then the axis.
    pub(super) fn make_series(
        &mut self,
        input: Table,
        aggregates: &[SeriesItem],
        axis: &Expr,
        by: &[Expr],
        span: Span,
    ) -> Table {
        let aggregates: Vec<Expr> = aggregates.iter().map(|item| item.value.clone()).collect();
        let keys = self.over(&input, |binder| binder.keys(by));
        let mut columns: Vec<ColumnSchema> =
            keys.iter().map(|key| ColumnSchema { name: key.name.clone(), ty: key.value.ty }).collect();
        let summarized = self.summarize(input.clone(), &aggregates, &[], span);
        columns.extend(
            summarized.columns.into_iter().map(|column| ColumnSchema { ty: KqlType::Dynamic, ..column }),
        );
        let _: Vec<crate::bound::Named> = self.over(&input, |binder| binder.keys(std::slice::from_ref(axis)));
        let axis = match &axis.kind {
            ExprKind::Assign { names, .. } => names.first().map(|name| name.text.clone()),
            _ => result_name(axis),
        };
        columns
            .push(ColumnSchema { name: axis.unwrap_or_else(|| "Column1".to_owned()), ty: KqlType::Dynamic });
        let mut names = Names::default();
        for column in &mut columns {
            column.name = names.unique(&column.name);
        }
        self.unsupported("make-series", columns, false, span)
    }

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
