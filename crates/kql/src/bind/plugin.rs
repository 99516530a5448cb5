//! `evaluate`, `make-series` and `top-nested`: operators whose columns are known here, and whose rows no
//! node of the bound tree expresses yet.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Operation, PluginCall, Rel, Scalar, Whole};
use crate::functions;
use crate::span::Span;
use crate::syntax::ast::{ColumnDecl, Expr, ExprKind, Operator, OperatorKind, SeriesItem, TopNestedLevel};
use crate::syntax::codes;

use super::naming::{Names, result_name};
use super::operators::plain_column;
use super::scope::Table;
use super::{Binder, Inherited};

impl Binder<'_> {
    /// `evaluate` at the start of a query.
    pub(super) fn evaluate_source(&mut self, op: &Operator) -> Table {
        let OperatorKind::Evaluate { call, schema, .. } = &op.kind else { return self.failed(op.span) };
        let empty = self.unsupported("evaluate", Vec::new(), true, op.span);
        self.evaluate(empty, call, schema.as_ref(), op.span)
    }

    pub(super) fn evaluate(
        &mut self,
        input: Table,
        call: &Expr,
        schema: Option<&(bool, Vec<ColumnDecl>)>,
        span: Span,
    ) -> Table {
        let ExprKind::Call { base: None, name, args } = &call.unwrapped().kind else {
            self.errors.error(
                codes::EXPECTED,
                call.span,
                "`evaluate` takes a plugin and its arguments in parentheses",
            );
            return self.failed(span);
        };
        let plugin = name.text.as_str();
        if functions::lookup_plugin(plugin).is_none() {
            let names = functions::PLUGINS.iter().map(|plugin| plugin.name);
            let hint = crate::nearest::nearest(plugin, names).map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no plugin `{}`", plugin.chars().take(80).collect::<String>());
            self.errors.error_with_hint(codes::UNKNOWN_FUNCTION, name.span, message, hint);
            return self.failed(span);
        }
        if plugin == "narrow" && schema.is_none() {
            return self.narrow(input, span);
        }
        let (columns, open) = self.plugin_columns(&input, plugin, args);
        let what = format!("evaluate {plugin}");
        match schema {
            Some((open, declared)) => {
                let mut columns = if *open { input.columns } else { Vec::new() };
                columns.extend(self.declared_columns(declared));
                self.unsupported(&what, columns, false, span)
            }
            None => self.unsupported(&what, columns, open, span),
        }
    }

    fn narrow(&mut self, input: Table, span: Span) -> Table {
        let columns = [("Row", KqlType::Long), ("Column", KqlType::String), ("Value", KqlType::String)];
        let columns = columns.map(|(name, ty)| ColumnSchema { name: name.to_owned(), ty }).to_vec();
        let inherited = Inherited { open: false, ..Inherited::from(&input) };
        let operation = Operation::Plugin(PluginCall { plugin: "narrow", args: Vec::new() });
        let whole = Whole { inputs: vec![input.rel], operation, columns: columns.clone(), span };
        self.derive(Rel::Whole(Box::new(whole)), columns, inherited, span)
    }

    fn plugin_columns(&mut self, input: &Table, plugin: &str, args: &[Expr]) -> (Vec<ColumnSchema>, bool) {
        let column = |name: &str, ty| ColumnSchema { name: name.to_owned(), ty };
        match plugin {
            "bag_unpack" => {
                let unpacked = args.first().and_then(|arg| self.input_column(input, arg));
                (without(&input.columns, &unpacked.into_iter().collect::<Vec<_>>()), true)
            }
            "pivot" => (self.pivot_columns(input, args), true),
            "autocluster" | "basket" => {
                let mut columns = vec![
                    column("SegmentId", KqlType::Long),
                    column("Count", KqlType::Long),
                    column("Percent", KqlType::Real),
                ];
                columns.extend(input.columns.iter().cloned());
                (columns, false)
            }
            "ipv4_lookup" | "ipv6_lookup" => (self.lookup_columns(input, args), input.open),
            "activity_counts_metrics" => {
                let mut columns = args
                    .get(1)
                    .and_then(|arg| self.input_column(input, arg))
                    .map(|at| input.columns[at].clone())
                    .into_iter()
                    .collect::<Vec<_>>();
                columns.extend(
                    ["count", "dcount", "new_dcount", "aggregated_dcount"]
                        .map(|name| column(name, KqlType::Long)),
                );
                (columns, true)
            }
            "identity" | "preview" | "rows_near" => (input.columns.clone(), false),
            _ => (Vec::new(), true),
        }
    }

    fn input_column(&mut self, input: &Table, arg: &Expr) -> Option<usize> {
        let value = self.over(input, |binder| binder.scalar(arg));
        plain_column(&value)
    }

    /// What is left of the input: without the pivoted column and without those inside the aggregate; or
    /// only the columns that are listed.
    fn pivot_columns(&mut self, input: &Table, args: &[Expr]) -> Vec<ColumnSchema> {
        if let Some(listed) = args.get(2..).filter(|listed| !listed.is_empty()) {
            let positions: Vec<usize> =
                listed.iter().filter_map(|arg| self.input_column(input, arg)).collect();
            return positions.into_iter().map(|at| input.columns[at].clone()).collect();
        }
        let mut gone: Vec<usize> =
            args.first().and_then(|arg| self.input_column(input, arg)).into_iter().collect();
        if let Some(Expr { kind: ExprKind::Call { args, .. }, .. }) = args.get(1) {
            let used: Vec<usize> = args.iter().filter_map(|arg| self.input_column(input, arg)).collect();
            gone.extend(used);
        }
        without(&input.columns, &gone)
    }

    fn lookup_columns(&mut self, input: &Table, args: &[Expr]) -> Vec<ColumnSchema> {
        let Some(table) = args.first() else { return input.columns.clone() };
        let looked_up = self.table(table);
        let mut names = Names::reserving(input.columns.iter().map(|column| column.name.as_str()));
        let mut columns = input.columns.clone();
        for column in looked_up.columns {
            columns.push(ColumnSchema { name: names.unique(&column.name), ty: column.ty });
        }
        columns
    }

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

fn without(columns: &[ColumnSchema], gone: &[usize]) -> Vec<ColumnSchema> {
    let kept = columns.iter().enumerate().filter(|(at, _)| !gone.contains(at));
    kept.map(|(_, column)| column.clone()).collect()
}
