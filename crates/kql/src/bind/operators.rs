//! The pipeline: one operator after the other, each with the columns of the one before in view.

use bartizan_schema::KqlType;

use crate::bound::{
    ColumnSchema, Literal, Named, NamedAggregate, Rel, Render, Scalar, ScalarKind, SortKey as BoundKey,
};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Operator, OperatorKind, PartitionBody, Setting, SortKey};
use crate::syntax::codes;

use super::make_series::SeriesClauses;
use super::scope::{Binding, Table};
use super::{Binder, Bound, Inherited, passed_on};

impl Binder<'_> {
    /// `source | op | op`.
    pub(super) fn pipe(&mut self, source: Option<&Expr>, ops: &[Operator]) -> Table {
        let mut ops = ops.iter();
        let mut table = match source {
            Some(source) => self.table(source),
            None => match ops.next() {
                Some(first) => self.source_operator(first),
                None => self.failed(Span::default()),
            },
        };
        for op in ops {
            table = self.operator(table, op);
        }
        table
    }

    fn source_operator(&mut self, op: &Operator) -> Table {
        match &op.kind {
            OperatorKind::Print(items) => self.print(items, op.span),
            OperatorKind::Range { name, start, stop, step } => self.range(name, start, stop, step, op.span),
            OperatorKind::Union { settings, inputs } => self.union_of(inputs, settings, None, op.span),
            OperatorKind::Search { settings, tables, predicate } => {
                self.search(None, settings, tables, predicate, op.span)
            }
            OperatorKind::Find { settings, tables, predicate, output } => {
                self.find(settings, tables, predicate, output, op.span)
            }
            OperatorKind::Evaluate { .. } => self.evaluate_source(op),
            _ => self.unsupported(&op.name, Vec::new(), true, op.span),
        }
    }

    /// Applies one operator to rows whose columns are as known as they will be.
    pub(super) fn operator_once(&mut self, input: Table, op: &Operator) -> Table {
        let span = op.span;
        if let Some(refused) = self.graph_mismatch(&input, op) {
            return refused;
        }
        self.probe_operator(&input, span);
        match &op.kind {
            OperatorKind::MakeGraph(make) => self.make_graph(input, make, span),
            OperatorKind::GraphMatch(query) => self.graph_match(input, query, false, span),
            OperatorKind::GraphShortestPaths(query) => self.graph_match(input, query, true, span),
            OperatorKind::GraphToTable(tables) => self.graph_to_table(input, tables, span),
            OperatorKind::GraphMarkComponents(settings) => self.mark_components(input, settings, span),
            OperatorKind::GraphWhereNodes(condition) => self.graph_where_nodes(input, condition, span),
            OperatorKind::GraphWhereEdges(condition) => self.graph_where_edges(input, condition, span),
            OperatorKind::Where(predicate) => {
                let predicate = self.over(&input, |binder| binder.predicate(predicate));
                self.filter(input, predicate, span)
            }
            OperatorKind::Extend(items) => self.extend(input, items, span),
            OperatorKind::Project(items) => self.project_items(input, items, span),
            OperatorKind::ProjectAway(items) => self.project_away(input, items, span),
            OperatorKind::ProjectKeep(items) => self.project_keep(input, items, span),
            OperatorKind::ProjectRename(items) => self.project_rename(input, items, span),
            OperatorKind::ProjectReorder(items) => self.project_reorder(input, items, span),
            OperatorKind::Summarize { aggregates, by } => self.summarize(input, aggregates, by, span),
            OperatorKind::Join { lookup, settings, right, on } => {
                self.join(input, *lookup, settings, right, on, span)
            }
            OperatorKind::Union { settings, inputs } => self.union_of(inputs, settings, Some(input), span),
            OperatorKind::Sort(keys) => self.sort(input, keys, span),
            OperatorKind::Top { count, by } => self.top(input, count, by, span),
            OperatorKind::Take(count) => {
                let count = self.constant_count(count);
                self.through(input, span, |input| Rel::Take { input, count })
            }
            OperatorKind::Sample(count) => {
                let count = self.constant_count(count);
                self.through(input, span, |input| Rel::Sample { input, count })
            }
            OperatorKind::Count(name) => {
                self.count(input, name.as_ref().map_or("Count", |name| &name.text), span)
            }
            OperatorKind::Distinct(items) => self.distinct(input, items, span),
            OperatorKind::SampleDistinct { count, of } => {
                let count = self.constant_count(count);
                let distinct = self.distinct(input, std::slice::from_ref(of), span);
                self.through(distinct, span, |input| Rel::Sample { input, count })
            }
            OperatorKind::Parse { settings, source, pattern, filter } => {
                self.parse_operator(input, settings, source, pattern, *filter, span)
            }
            OperatorKind::MvExpand { settings, items, limit, legacy } => {
                self.mv_expand(input, settings, items, limit.as_ref(), *legacy, span)
            }
            OperatorKind::MvApply { settings, items, limit, body, .. } => {
                self.mv_apply(input, settings, items, limit.as_ref(), body, span)
            }
            OperatorKind::Render { visualization, properties } => {
                self.render =
                    Some(Render { visualization: visualization.clone(), properties: properties.clone() });
                input
            }
            OperatorKind::Serialize(items) => {
                let table = self.through(input, span, |input| Rel::Serialize { input });
                if items.is_empty() { table } else { self.extend(table, items, span) }
            }
            OperatorKind::As { name, .. } => {
                self.env.declare(&name.text, Binding::Table(input.clone()));
                input
            }
            OperatorKind::Invoke(call) => self.invoke(input, call, span),
            OperatorKind::GetSchema(settings) => self.get_schema(input, settings, span),
            OperatorKind::Consume(_) => self.take_none(input, span),
            OperatorKind::Search { settings, tables, predicate } => {
                self.search(Some(input), settings, tables, predicate, span)
            }
            OperatorKind::Evaluate { call, schema, .. } => self.evaluate(input, call, schema.as_ref(), span),
            OperatorKind::ParseKv { source, columns, settings } => {
                self.parse_kv(input, source, columns, settings, span)
            }
            OperatorKind::MakeSeries { settings, aggregates, axis, range, by } => {
                let clauses = SeriesClauses { settings, aggregates, axis, range, by };
                self.make_series(input, &clauses, span)
            }
            OperatorKind::Scan(scan) => self.scan(input, scan, span),
            OperatorKind::TopNested(levels) => self.top_nested(input, levels, span),
            OperatorKind::TopHitters { count, of, by } => {
                self.top_hitters(input, count, of, by.as_ref(), span)
            }
            OperatorKind::Partition { by, body, .. } => match body {
                PartitionBody::Operators(body) => self.partition(input, by, body, span),
                PartitionBody::Query(query) => self.partition_query(input, by, query, span),
            },
            OperatorKind::Reduce { settings, by } => self.reduce(input, settings, by, span),
            OperatorKind::Print(_) | OperatorKind::Range { .. } => {
                let message = format!("`{}` makes rows itself and cannot follow `|`", op.name);
                self.errors.error(codes::UNEXPECTED, span, message);
                input
            }
            OperatorKind::Error => Table { open: true, ..input },
            OperatorKind::Find { .. } => {
                let message = "`find` names its tables itself and cannot follow `|`";
                self.errors.error(codes::UNEXPECTED, span, message);
                input
            }
            OperatorKind::Fork(_) | OperatorKind::Facet { .. } => self.several_results(input, op),
            OperatorKind::AssertSchema(columns) => self.assert_schema(input, columns, span),
            OperatorKind::ProjectByNames(names) => self.project_by_names(input, names, span),
            OperatorKind::MacroExpand { .. } | OperatorKind::ExecuteAndCache => self.pending(input, op),
        }
    }

    /// A node that passes its input's columns on.
    pub(super) fn through(&mut self, input: Table, span: Span, make: impl FnOnce(Box<Rel>) -> Rel) -> Table {
        let inherited = Inherited::from(&input);
        let columns = input.columns;
        // the columns are not new, so they are not counted again
        self.derive(make(Box::new(input.rel)), columns, Inherited { cost: inherited.cost, ..inherited }, span)
    }

    pub(super) fn constant_count(&mut self, count: &Expr) -> Scalar {
        let value = self.apart(|binder| binder.scalar(count));
        if !matches!(value.ty, KqlType::Int | KqlType::Long | KqlType::Real | KqlType::Dynamic) {
            self.errors.error(
                codes::ARGUMENT_TYPE,
                count.span,
                format!("a number of rows must be a long, this is {}", value.ty),
            );
        }
        super::scalar::converted(value, KqlType::Long)
    }

    fn sort_keys(&mut self, input: &Table, keys: &[SortKey]) -> Vec<BoundKey> {
        self.over(input, |binder| {
            keys.iter()
                .map(|key| {
                    let value = match &key.value.kind {
                        ExprKind::Assign { value, .. } => binder.scalar(value),
                        _ => binder.scalar(&key.value),
                    };
                    // ascending puts null first, descending last, unless the query says otherwise
                    BoundKey {
                        value,
                        descending: !key.ascending,
                        nulls_first: key.nulls_first.unwrap_or(key.ascending),
                    }
                })
                .collect()
        })
    }

    pub(super) fn sort(&mut self, input: Table, keys: &[SortKey], span: Span) -> Table {
        let keys = self.sort_keys(&input, keys);
        self.over(&input, |binder| {
            for key in &keys {
                binder.refuse_dynamic_key(&key.value, "a sort key");
            }
        });
        self.through(input, span, |input| Rel::Sort { input, keys })
    }

    fn top(&mut self, input: Table, count: &Expr, by: &[SortKey], span: Span) -> Table {
        let count = self.constant_count(count);
        // unlike `sort`, it takes dynamic values, as the reference does
        let keys = self.sort_keys(&input, by);
        let sorted = self.through(input, span, |input| Rel::Sort { input, keys });
        self.through(sorted, span, |input| Rel::Take { input, count })
    }

    fn count(&mut self, input: Table, name: &str, span: Span) -> Table {
        let column = ColumnSchema { name: name.to_owned(), ty: KqlType::Long };
        let aggregates =
            vec![NamedAggregate { function: "count", args: Vec::new(), outputs: vec![column.clone()], span }];
        let inherited = Inherited { open: false, ..Inherited::from(&input) };
        let rel = Rel::Summarize { input: Box::new(input.rel), keys: Vec::new(), aggregates };
        self.derive(rel, vec![column], inherited, span)
    }

    fn distinct(&mut self, input: Table, items: &[Expr], span: Span) -> Table {
        let keys = match items {
            [Expr { kind: ExprKind::Wildcard(pattern), .. }] if pattern == "*" => {
                passed_on(&input.columns, span)
            }
            _ => self.over(&input, |binder| binder.keys(items)),
        };
        self.over(&input, |binder| {
            for key in &keys {
                binder.refuse_dynamic_key(&key.value, "a group key");
            }
        });
        let columns =
            keys.iter().map(|key| ColumnSchema { name: key.name.clone(), ty: key.value.ty }).collect();
        let inherited = Inherited::from(&input);
        let rel = Rel::Summarize { input: Box::new(input.rel), keys, aggregates: Vec::new() };
        self.derive(rel, columns, inherited, span)
    }

    fn print(&mut self, items: &[Expr], span: Span) -> Table {
        let mut names = super::naming::Names::default();
        let mut out = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let (given, value) = match &item.kind {
                ExprKind::Assign { names, value, .. } => (names.as_slice(), value.as_ref()),
                _ => (&[][..], item),
            };
            let mut spread = self.several(value);
            if spread.len() > 1 {
                for (at, (own, value)) in spread.into_iter().enumerate() {
                    let name = given.get(at).map_or(own, |name| name.text.clone());
                    out.push(Named { name: names.unique(&name), value });
                }
                continue;
            }
            let name = given.first().map(|name| name.text.clone());
            let value = spread.pop().map_or_else(|| self.scalar(value), |(_, value)| value);
            // `print tostring(1)` stays `print_0`: the reference names only what is written as a name
            let name = match name {
                Some(name) if !names.take(&name) => {
                    self.duplicate(&name, item.span);
                    continue;
                }
                Some(name) => name,
                None => names.unique(&format!("print_{at}")),
            };
            out.push(Named { name, value });
        }
        let columns =
            out.iter().map(|item| ColumnSchema { name: item.name.clone(), ty: item.value.ty }).collect();
        let inherited = Inherited { open: false, time_alias: false, cost: 0, depth: 0 };
        self.derive(Rel::Print { items: out }, columns, inherited, span)
    }

    /// Reports that an output column is declared twice.
    pub(super) fn duplicate(&mut self, name: &str, span: Span) {
        self.errors.error(
            codes::DUPLICATE_COLUMN,
            span,
            format!("a column called `{name}` is there already"),
        );
    }

    fn invoke(&mut self, input: Table, call: &Expr, span: Span) -> Table {
        let (name, args): (_, &[Expr]) = match &call.unwrapped().kind {
            ExprKind::Call { base: None, name, args } => (name.text.clone(), args),
            ExprKind::Name(name) => (name.clone(), &[]),
            _ => {
                self.errors.error(codes::EXPECTED, call.span, "`invoke` takes a function call");
                return self.failed(span);
            }
        };
        let function = match self.env.find(&name) {
            Some(Binding::Function { lambda, env }) => Some((lambda, env)),
            _ => self.saved_function(&name, span),
        };
        match function {
            Some((lambda, env)) => match self.invoke_lambda(&name, &lambda, &env, input, args, span) {
                Bound::Table(table) => table,
                Bound::Scalar(_) => {
                    self.errors.error(
                        codes::NOT_TABULAR,
                        call.span,
                        format!("`{name}` gives a value, not a table"),
                    );
                    self.failed(span)
                }
            },
            None if name == "FileProfile" => {
                let columns = input.columns;
                self.unsupported("FileProfile", columns, true, span)
            }
            None => {
                self.errors.error(
                    codes::UNKNOWN_FUNCTION,
                    call.span,
                    format!("there is no function `{name}`"),
                );
                self.failed(span)
            }
        }
    }

    /// One row per column of the input. The .NET type names are what the service prints.
    fn get_schema(&mut self, input: Table, settings: &[Setting], span: Span) -> Table {
        if super::union::setting_word(settings, &["kind"]).as_deref() == Some("csl") {
            return self.declared_schema(&input, span);
        }
        let schema = [
            ("ColumnName", KqlType::String),
            ("ColumnOrdinal", KqlType::Long),
            ("DataType", KqlType::String),
            ("ColumnType", KqlType::String),
        ];
        let columns = schema.map(|(name, ty)| ColumnSchema { name: name.to_owned(), ty }).to_vec();
        let rows = input.columns.iter().enumerate().map(|(at, column)| {
            vec![
                Literal::String(column.name.clone()),
                Literal::Long(at as i64),
                Literal::String(super::types::system_type(column.ty).to_owned()),
                Literal::String(column.ty.name().to_owned()),
            ]
        });
        let rel = Rel::Rows { columns: columns.clone(), rows: rows.collect() };
        let inherited = Inherited { open: false, time_alias: false, cost: input.columns.len(), depth: 0 };
        self.derive(rel, columns, inherited, span)
    }

    /// One row with the columns as `datatable` and `externaldata` declare them.
    fn declared_schema(&mut self, input: &Table, span: Span) -> Table {
        let declared: Vec<String> = input
            .columns
            .iter()
            .map(|column| format!("{}:{}", crate::syntax::written_name(&column.name), column.ty.name()))
            .collect();
        let columns = vec![ColumnSchema { name: "Schema".to_owned(), ty: KqlType::String }];
        let rows = vec![vec![Literal::String(declared.join(","))]];
        let rel = Rel::Rows { columns: columns.clone(), rows };
        let inherited = Inherited { open: false, time_alias: false, cost: input.columns.len(), depth: 0 };
        self.derive(rel, columns, inherited, span)
    }

    fn take_none(&mut self, input: Table, span: Span) -> Table {
        let count = Scalar::literal(Literal::Long(0), KqlType::Long, span);
        self.through(input, span, |input| Rel::Take { input, count })
    }
}

/// Whether a value is a column as it is, and which.
pub(super) fn plain_column(value: &Scalar) -> Option<usize> {
    match value.kind {
        ScalarKind::Column(at) => Some(at),
        _ => None,
    }
}
