//! `graph-match` and `graph-shortest-paths`: the pattern, and what its conditions say about single elements,
//! which the search then never enters.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use bartizan_schema::KqlType;

use crate::bound::{
    ColumnSchema, GraphCycles, GraphFold, GraphMatch, GraphOutput, GraphSequence, GraphStep, Literal, Named,
    Operation, Rel, Scalar, ScalarKind, Whole,
};
use crate::span::Span;
use crate::syntax::ast::{
    EdgeDirection, Expr, ExprKind, GraphPattern, HopRange, Name, PatternEdge, PatternQuery,
};
use crate::syntax::codes;

use super::Graph;
use super::columns::{renumber, visit};
use super::element::{PatternScope, Variable};
use crate::bind::scope::{RowScope, Table};
use crate::bind::union::setting_word;
use crate::bind::{Binder, Inherited, passed_on};

/// Edges that all steps of a pattern may have together: engines walk them by recursion.
const HOPS_MAX: u32 = 1_000;

/// The shape of a pattern, before its conditions.
#[derive(Default)]
struct Shape {
    variables: HashMap<String, Variable>,
    nodes: usize,
    steps: Vec<GraphStep>,
    sequences: Vec<GraphSequence>,
}

impl Binder<'_> {
    pub(in crate::bind) fn graph_match(
        &mut self,
        input: Table,
        query: &PatternQuery,
        shortest: bool,
        span: Span,
    ) -> Table {
        let Some(graph) = input.graph else { return self.failed(span) };
        let mut shape = Shape::default();
        for pattern in &query.patterns {
            self.sequence(pattern, &graph, &mut shape);
        }
        self.check_shape(&shape, shortest, span);
        let cycles = self.cycles(query, span);
        let shortest = if shortest { Some(self.output_all(query, span)) } else { None };
        let scope = PatternScope::new(Rc::clone(&graph), shape.variables);
        let before = self.pattern.replace(Box::new(scope));
        self.next_rows += 1;
        let rows = RowScope::hidden(self.next_rows);
        let (terms, items) = self.within(rows, |binder| {
            let terms: Vec<Scalar> =
                conjuncts(query.condition.as_ref()).into_iter().map(|term| binder.condition(term)).collect();
            (terms, binder.keys(&query.project))
        });
        let scope = std::mem::replace(&mut self.pattern, before);
        let Some(scope) = scope else { return self.failed(span) };
        let nodes = vec![Vec::new(); shape.nodes];
        let search = GraphMatch {
            nodes,
            steps: shape.steps,
            sequences: shape.sequences,
            cycles,
            shortest,
            outputs: Vec::new(),
        };
        self.matched(*scope, search, terms, items, span)
    }

    fn sequence(&mut self, pattern: &GraphPattern, graph: &Graph, shape: &mut Shape) {
        let first = self.node(pattern.first.name.as_ref(), shape);
        let mut from = first;
        let mut steps = Vec::new();
        for (edge, node) in &pattern.steps {
            let hops = edge.range.as_ref().map(|range| self.hops(range, edge.span));
            let at = shape.steps.len();
            if let Some(name) = &edge.name {
                let variable = if hops.is_some() { Variable::Path(at) } else { Variable::Edge(at) };
                if shape.variables.insert(name.text.clone(), variable).is_some() {
                    let message = format!("`{}` names another element of the pattern already", name.text);
                    self.errors.error(codes::DUPLICATE_COLUMN, name.span, message);
                }
            }
            let to = self.node(node.name.as_ref(), shape);
            shape.steps.push(step(edge, graph, from, to, hops.unwrap_or((1, 1))));
            steps.push(at);
            from = to;
        }
        shape.sequences.push(GraphSequence { first, steps });
    }

    /// The variable of a node: a name that occurs again is the same node.
    fn node(&mut self, name: Option<&Name>, shape: &mut Shape) -> usize {
        let next = shape.nodes;
        if let Some(name) = name {
            match shape.variables.get(&name.text) {
                Some(Variable::Node(known)) => return *known,
                Some(_) => {
                    let message = format!("`{}` names an edge of the pattern already", name.text);
                    self.errors.error(codes::DUPLICATE_COLUMN, name.span, message);
                }
                None => {
                    shape.variables.insert(name.text.clone(), Variable::Node(next));
                }
            }
        }
        shape.nodes += 1;
        next
    }

    fn hops(&mut self, range: &HopRange, span: Span) -> (u32, u32) {
        let bound = |binder: &mut Self, expr: &Expr| {
            let value = binder.scalar(expr);
            constant_number(&value).and_then(|value| u32::try_from(value).ok())
        };
        let found = self.apart(|binder| (bound(binder, &range.min), bound(binder, &range.max)));
        match found {
            (Some(min), Some(max)) if min <= max && max <= HOPS_MAX => (min, max),
            _ => {
                let message = format!(
                    "a variable-length edge takes two constant numbers, the first no larger than the second \
                     and both at most {HOPS_MAX}"
                );
                self.errors.error(codes::ARGUMENT_TYPE, span, message);
                (1, 1)
            }
        }
    }

    fn check_shape(&mut self, shape: &Shape, shortest: bool, span: Span) {
        let hops: u64 = shape.steps.iter().map(|step| u64::from(step.hops.1)).sum();
        if hops > u64::from(HOPS_MAX) {
            let message = format!("a pattern has at most {HOPS_MAX} edges, all its steps together");
            let hint = Some("match shorter patterns, and join their results".to_owned());
            self.errors.error_with_hint(codes::TOO_LARGE, span, message, hint);
        }
        let variable = shape.steps.iter().any(|step| step.hops != (1, 1))
            || shape.variables.values().any(|variable| matches!(variable, Variable::Path(_)));
        if shortest && (shape.sequences.len() != 1 || !variable) {
            let message = "a shortest path is looked for along one pattern with a variable-length edge";
            self.errors.error(codes::EXPECTED, span, message);
        }
    }

    fn cycles(&mut self, query: &PatternQuery, span: Span) -> GraphCycles {
        match setting_word(&query.settings, &["cycles"]).as_deref() {
            None | Some("unique_edges") => GraphCycles::UniqueEdges,
            Some("all") => GraphCycles::All,
            Some("none") => GraphCycles::None,
            Some(other) => {
                let message = format!("`cycles` is all, none or unique_edges, not `{other}`");
                self.errors.error(codes::UNKNOWN_PARAMETER, span, message);
                GraphCycles::UniqueEdges
            }
        }
    }

    fn output_all(&mut self, query: &PatternQuery, span: Span) -> bool {
        match setting_word(&query.settings, &["output"]).as_deref() {
            None | Some("any") => false,
            Some("all") => true,
            Some(other) => {
                let message = format!("`output` is any or all, not `{other}`");
                self.errors.error(codes::UNKNOWN_PARAMETER, span, message);
                false
            }
        }
    }

    fn condition(&mut self, term: &Expr) -> Scalar {
        if let Some(scope) = &mut self.pattern {
            scope.in_condition = true;
        }
        let value = self.predicate(term);
        if let Some(scope) = &mut self.pattern {
            scope.in_condition = false;
        }
        value
    }

    /// The search, what it cannot check itself, and the columns.
    fn matched(
        &mut self,
        mut scope: PatternScope,
        mut search: GraphMatch,
        terms: Vec<Scalar>,
        mut items: Vec<Named>,
        span: Span,
    ) -> Table {
        let mut rest: Vec<Scalar> =
            terms.into_iter().filter_map(|term| pushed(term, &mut scope, &mut search)).collect();
        // what only pushed conditions read is not given
        let mut used = BTreeSet::new();
        rest.iter().chain(items.iter().map(|item| &item.value)).for_each(|value| {
            visit(value, &mut |at| {
                used.insert(at);
            });
        });
        let each =
            |at: &usize| matches!(scope.outputs[*at].0, GraphOutput::Path { fold: GraphFold::Each, .. });
        if used.iter().any(each) {
            let message = "a condition compares every edge of a variable-length edge with another element";
            let hint = Some("say `all(…)` or `any(…)` about its edges, in a term of its own".to_owned());
            self.errors.error_with_hint(codes::UNSUPPORTED, span, message, hint);
        }
        let kept: Vec<usize> = used.into_iter().collect();
        let place = |at: usize| kept.binary_search(&at).unwrap_or(0);
        rest.iter_mut().for_each(|value| renumber(value, &place));
        items.iter_mut().for_each(|item| renumber(&mut item.value, &place));
        let mut outputs: Vec<(GraphOutput, KqlType)> = kept.iter().map(|at| scope.outputs[*at]).collect();
        if outputs.is_empty() {
            // matches must stay countable
            outputs.push((GraphOutput::Node { variable: 0, column: 0 }, KqlType::String));
        }
        let columns: Vec<ColumnSchema> = outputs
            .iter()
            .enumerate()
            .map(|(at, (_, ty))| ColumnSchema { name: format!("\u{1}match{at}"), ty: *ty })
            .collect();
        search.outputs = outputs.into_iter().map(|(output, _)| output).collect();
        let nodes = self.with_items(&scope.graph.nodes, scope.node_items, span);
        let edges = self.with_items(&scope.graph.edges, scope.edge_items, span);
        let inherited = Inherited::both(&nodes, &edges);
        let operation = Operation::GraphMatch(Box::new(search));
        let whole = Whole { inputs: vec![nodes.rel, edges.rel], operation, columns: columns.clone(), span };
        let mut table = self.derive(Rel::Whole(Box::new(whole)), columns, inherited, span);
        for predicate in rest {
            table = self.through(table, span, |input| Rel::Filter { input, predicate });
        }
        self.project(table, items, span)
    }

    fn with_items(&mut self, table: &Table, items: Vec<Named>, span: Span) -> Table {
        if items.is_empty() {
            return table.clone();
        }
        let items = passed_on(&table.columns, span).into_iter().chain(items).collect();
        self.project(table.clone(), items, span)
    }
}

/// The value of a whole number that is written, or added up of such ones.
fn constant_number(value: &Scalar) -> Option<i64> {
    match &value.kind {
        ScalarKind::Literal(Literal::Long(value)) => Some(*value),
        ScalarKind::Literal(Literal::Int(value)) => Some(i64::from(*value)),
        ScalarKind::Call { function, args } => match (*function, args.as_slice()) {
            ("+", [a, b]) => constant_number(a)?.checked_add(constant_number(b)?),
            ("-", [a, b]) => constant_number(a)?.checked_sub(constant_number(b)?),
            ("*", [a, b]) => constant_number(a)?.checked_mul(constant_number(b)?),
            ("tolong" | "toint", [a]) => constant_number(a),
            _ => None,
        },
        _ => None,
    }
}

fn step(edge: &PatternEdge, graph: &Graph, from: usize, to: usize, hops: (u32, u32)) -> GraphStep {
    GraphStep {
        from,
        to,
        forward: graph.directed && edge.direction == EdgeDirection::Forward,
        backward: graph.directed && edge.direction == EdgeDirection::Backward,
        hops,
        filters: Vec::new(),
        inner_filters: Vec::new(),
    }
}

/// The terms that must all hold.
fn conjuncts(condition: Option<&Expr>) -> Vec<&Expr> {
    let mut open: Vec<&Expr> = condition.into_iter().collect();
    let mut terms = Vec::new();
    while let Some(next) = open.pop() {
        match &next.kind {
            ExprKind::Paren(inner) => open.push(inner),
            ExprKind::Logic { op: "and", terms: inner } => open.extend(inner.iter().rev()),
            _ => terms.push(next),
        }
    }
    terms
}

/// The one element that a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Node(usize),
    Step(usize),
}

/// Makes a condition about one element part of the search; gives back any other.
fn pushed(term: Scalar, scope: &mut PatternScope, search: &mut GraphMatch) -> Option<Scalar> {
    if let ScalarKind::Column(at) = term.kind
        && let (GraphOutput::Path { step, inner, column, fold: GraphFold::All }, _) = scope.outputs[at]
    {
        let step = &mut search.steps[step];
        let filters = if inner { &mut step.inner_filters } else { &mut step.filters };
        filters.push(column);
        return None;
    }
    let mut about: Option<About> = None;
    let mut single = true;
    let mut columns: HashMap<usize, usize> = HashMap::new();
    visit(&term, &mut |at| {
        let (element, column) = match scope.outputs[at].0 {
            GraphOutput::Node { variable, column } => (Some(About::Node(variable)), column),
            GraphOutput::Edge { step, column }
            | GraphOutput::Path { step, column, fold: GraphFold::Each, .. } => {
                (Some(About::Step(step)), column)
            }
            GraphOutput::Path { column, .. } => (None, column),
        };
        single &= element.is_some() && about.is_none_or(|known| Some(known) == element);
        about = about.or(element);
        columns.insert(at, column);
    });
    let (Some(about), true) = (about, single) else { return Some(term) };
    let mut term = term;
    renumber(&mut term, &|at| columns.get(&at).copied().unwrap_or(at));
    match about {
        About::Node(variable) => {
            let column = scope.column_for(true, term);
            search.nodes[variable].push(column);
        }
        About::Step(step) => {
            let column = scope.column_for(false, term);
            search.steps[step].filters.push(column);
        }
    }
    None
}
