//! A walk over the tree, outermost first, in the order of the text. Each method sees a node before its
//! parts are walked.

use crate::syntax::ast::{
    Expr, ExprKind, GraphPattern, Lambda, LetValue, MakeGraph, Operator, OperatorKind, Parameter,
    PartitionBody, Pattern, PatternQuery, Scan, Script, Setting, SettingValue, SortKey, Statement,
};

/// What a walk may look at.
pub(crate) trait Visitor {
    fn statement(&mut self, _: &Statement) {}
    fn expr(&mut self, _: &Expr) {}
    fn operator(&mut self, _: &Operator) {}
    fn setting(&mut self, _: &Setting) {}
    fn graph_pattern(&mut self, _: &GraphPattern) {}
}

/// Walks a whole script.
pub(crate) fn walk_script(script: &Script, visitor: &mut dyn Visitor) {
    for statement in &script.statements {
        visitor.statement(statement);
        match statement {
            Statement::Let { value: LetValue::Expr(value), .. } => walk_expr(value, visitor),
            Statement::Let { value: LetValue::Function(lambda), .. } => walk_lambda(lambda, visitor),
            Statement::Parameters(parameters) => walk_parameters(parameters, visitor),
            Statement::Expr(value) | Statement::Alias { database: value, .. } => walk_expr(value, visitor),
            Statement::Set { value, .. } => walk_optional(value.as_ref(), visitor),
            Statement::Restrict { entities, .. } => walk_exprs(entities, visitor),
            Statement::Pattern(pattern) => walk_pattern(pattern, visitor),
            Statement::Error(_) => {}
        }
    }
}

fn walk_lambda(lambda: &Lambda, visitor: &mut dyn Visitor) {
    walk_parameters(&lambda.parameters, visitor);
    walk_script(&lambda.body, visitor);
}

fn walk_parameters(parameters: &[Parameter], visitor: &mut dyn Visitor) {
    for parameter in parameters {
        walk_optional(parameter.default.as_ref(), visitor);
    }
}

fn walk_pattern(pattern: &Pattern, visitor: &mut dyn Visitor) {
    walk_parameters(&pattern.parameters, visitor);
    for case in &pattern.cases {
        walk_exprs(&case.arguments, visitor);
        walk_optional(case.path.as_ref(), visitor);
        walk_script(&case.body, visitor);
    }
}

fn walk_optional(expr: Option<&Expr>, visitor: &mut dyn Visitor) {
    if let Some(expr) = expr {
        walk_expr(expr, visitor);
    }
}

fn walk_exprs(exprs: &[Expr], visitor: &mut dyn Visitor) {
    for expr in exprs {
        walk_expr(expr, visitor);
    }
}

/// Walks one expression.
pub(crate) fn walk_expr(expr: &Expr, visitor: &mut dyn Visitor) {
    visitor.expr(expr);
    match &expr.kind {
        ExprKind::Error
        | ExprKind::Literal(..)
        | ExprKind::Name(_)
        | ExprKind::Wildcard(_)
        | ExprKind::TypeOf { .. } => {}
        ExprKind::Member { base, .. } => walk_expr(base, visitor),
        ExprKind::Index { base, index } => {
            walk_expr(base, visitor);
            walk_expr(index, visitor);
        }
        ExprKind::Call { base, args, .. } => {
            walk_optional(base.as_deref(), visitor);
            walk_exprs(args, visitor);
        }
        ExprKind::Negate(inner)
        | ExprKind::Plus(inner)
        | ExprKind::Paren(inner)
        | ExprKind::Assign { value: inner, .. } => {
            walk_expr(inner, visitor);
        }
        ExprKind::Binary { left, right, .. } => {
            walk_expr(left, visitor);
            walk_expr(right, visitor);
        }
        ExprKind::Logic { terms, .. } | ExprKind::EntityGroup(terms) => walk_exprs(terms, visitor),
        ExprKind::Membership { value, list, .. } => {
            walk_expr(value, visitor);
            walk_exprs(list, visitor);
        }
        ExprKind::Between { value, low, high, .. } => {
            walk_expr(value, visitor);
            walk_expr(low, visitor);
            walk_expr(high, visitor);
        }
        ExprKind::Datatable { values, .. } => walk_exprs(values, visitor),
        ExprKind::ExternalData { uris, properties, .. } => {
            walk_exprs(uris, visitor);
            walk_settings(properties, visitor);
        }
        ExprKind::Pipe { source, ops } => {
            walk_optional(source.as_deref(), visitor);
            walk_operators(ops, visitor);
        }
    }
}

fn walk_settings(settings: &[Setting], visitor: &mut dyn Visitor) {
    for setting in settings {
        visitor.setting(setting);
        if let SettingValue::Expr(value) = &setting.value {
            walk_expr(value, visitor);
        }
    }
}

fn walk_sort_keys(keys: &[SortKey], visitor: &mut dyn Visitor) {
    for key in keys {
        walk_expr(&key.value, visitor);
    }
}

/// Walks operators in their order.
pub(crate) fn walk_operators(ops: &[Operator], visitor: &mut dyn Visitor) {
    for op in ops {
        visitor.operator(op);
        walk_operator(&op.kind, visitor);
    }
}

fn walk_operator(kind: &OperatorKind, visitor: &mut dyn Visitor) {
    match kind {
        OperatorKind::GetSchema(_)
        | OperatorKind::ExecuteAndCache
        | OperatorKind::AssertSchema(_)
        | OperatorKind::Count(_)
        | OperatorKind::Render { .. }
        | OperatorKind::Error => {}
        OperatorKind::Where(value)
        | OperatorKind::Take(value)
        | OperatorKind::Sample(value)
        | OperatorKind::Invoke(value)
        | OperatorKind::GraphWhereNodes(value)
        | OperatorKind::GraphWhereEdges(value) => walk_expr(value, visitor),
        OperatorKind::Extend(items)
        | OperatorKind::Project(items)
        | OperatorKind::ProjectAway(items)
        | OperatorKind::ProjectKeep(items)
        | OperatorKind::ProjectRename(items)
        | OperatorKind::ProjectByNames(items)
        | OperatorKind::Distinct(items)
        | OperatorKind::Print(items)
        | OperatorKind::Serialize(items) => walk_exprs(items, visitor),
        OperatorKind::ProjectReorder(items) => items.iter().for_each(|(item, _)| walk_expr(item, visitor)),
        OperatorKind::Summarize { aggregates, by } => {
            walk_exprs(aggregates, visitor);
            walk_exprs(by, visitor);
        }
        OperatorKind::Join { settings, right, on, .. } => {
            walk_settings(settings, visitor);
            walk_expr(right, visitor);
            walk_exprs(on, visitor);
        }
        OperatorKind::Union { settings, inputs } => {
            walk_settings(settings, visitor);
            walk_exprs(inputs, visitor);
        }
        OperatorKind::Sort(keys) => walk_sort_keys(keys, visitor),
        OperatorKind::Top { count, by } => {
            walk_expr(count, visitor);
            walk_sort_keys(by, visitor);
        }
        OperatorKind::Parse { settings, source, .. } => {
            walk_settings(settings, visitor);
            walk_expr(source, visitor);
        }
        OperatorKind::ParseKv { source, settings, .. } => {
            walk_expr(source, visitor);
            walk_settings(settings, visitor);
        }
        OperatorKind::MvExpand { settings, items, limit, .. } => {
            walk_settings(settings, visitor);
            items.iter().for_each(|item| walk_expr(&item.value, visitor));
            walk_optional(limit.as_ref(), visitor);
        }
        OperatorKind::MvApply { settings, items, limit, id, body } => {
            walk_settings(settings, visitor);
            items.iter().for_each(|item| walk_expr(&item.value, visitor));
            walk_optional(limit.as_ref(), visitor);
            walk_optional(id.as_ref(), visitor);
            walk_operators(body, visitor);
        }
        OperatorKind::Range { start, stop, step, .. } => {
            [start, stop, step].into_iter().for_each(|value| walk_expr(value, visitor));
        }
        OperatorKind::SampleDistinct { count, of } => {
            walk_expr(count, visitor);
            walk_expr(of, visitor);
        }
        OperatorKind::As { settings, .. }
        | OperatorKind::Consume(settings)
        | OperatorKind::GraphMarkComponents(settings) => walk_settings(settings, visitor),
        OperatorKind::Search { settings, tables, predicate }
        | OperatorKind::Find { settings, tables, predicate, output: _ } => {
            walk_settings(settings, visitor);
            walk_exprs(tables, visitor);
            walk_expr(predicate, visitor);
        }
        OperatorKind::Evaluate { settings, call, .. } => {
            walk_settings(settings, visitor);
            walk_expr(call, visitor);
        }
        OperatorKind::MakeSeries { settings, aggregates, axis, range, by } => {
            walk_settings(settings, visitor);
            for item in aggregates {
                walk_expr(&item.value, visitor);
                walk_optional(item.default.as_ref(), visitor);
            }
            walk_expr(axis, visitor);
            for bound in [&range.from, &range.to, &range.step] {
                walk_optional(bound.as_ref(), visitor);
            }
            walk_exprs(by, visitor);
        }
        OperatorKind::TopNested(levels) => {
            for level in levels {
                walk_optional(level.count.as_ref(), visitor);
                walk_expr(&level.of, visitor);
                walk_optional(level.others.as_ref(), visitor);
                walk_expr(&level.by, visitor);
            }
        }
        OperatorKind::TopHitters { count, of, by } => {
            walk_expr(count, visitor);
            walk_expr(of, visitor);
            walk_optional(by.as_ref(), visitor);
        }
        OperatorKind::Partition { settings, by, body } => {
            walk_settings(settings, visitor);
            walk_expr(by, visitor);
            match body {
                PartitionBody::Operators(ops) => walk_operators(ops, visitor),
                PartitionBody::Query(script) => walk_script(script, visitor),
            }
        }
        OperatorKind::Reduce { settings, by } => {
            walk_settings(settings, visitor);
            walk_expr(by, visitor);
        }
        OperatorKind::Scan(scan) => walk_scan(scan, visitor),
        OperatorKind::Fork(branches) => {
            branches.iter().for_each(|branch| walk_operators(&branch.body, visitor));
        }
        OperatorKind::Facet { by, body } => {
            walk_exprs(by, visitor);
            walk_operators(body, visitor);
        }
        OperatorKind::MakeGraph(graph) => walk_make_graph(graph, visitor),
        OperatorKind::GraphMatch(query) | OperatorKind::GraphShortestPaths(query) => {
            walk_pattern_query(query, visitor);
        }
        OperatorKind::GraphToTable(tables) => {
            tables.iter().for_each(|table| walk_settings(&table.settings, visitor));
        }
        OperatorKind::MacroExpand { settings, group, body, .. } => {
            walk_settings(settings, visitor);
            walk_expr(group, visitor);
            walk_script(body, visitor);
        }
    }
}

fn walk_scan(scan: &Scan, visitor: &mut dyn Visitor) {
    walk_settings(&scan.settings, visitor);
    walk_sort_keys(&scan.order_by, visitor);
    walk_exprs(&scan.partition_by, visitor);
    walk_parameters(&scan.declare, visitor);
    for step in &scan.steps {
        walk_expr(&step.condition, visitor);
        walk_exprs(&step.assignments, visitor);
    }
}

fn walk_make_graph(graph: &MakeGraph, visitor: &mut dyn Visitor) {
    walk_settings(&graph.settings, visitor);
    walk_expr(&graph.source, visitor);
    walk_expr(&graph.target, visitor);
    for nodes in &graph.nodes {
        walk_expr(&nodes.table, visitor);
        walk_expr(&nodes.key, visitor);
    }
    if let Some(partition) = &graph.partition {
        walk_expr(&partition.by, visitor);
        walk_operators(&partition.body, visitor);
    }
}

fn walk_pattern_query(query: &PatternQuery, visitor: &mut dyn Visitor) {
    walk_settings(&query.settings, visitor);
    for pattern in &query.patterns {
        visitor.graph_pattern(pattern);
        for (edge, _) in &pattern.steps {
            if let Some(range) = &edge.range {
                walk_expr(&range.min, visitor);
                walk_expr(&range.max, visitor);
            }
        }
    }
    walk_optional(query.condition.as_ref(), visitor);
    walk_exprs(&query.project, visitor);
}
