//! `graph-where-nodes` and `graph-where-edges`: a graph with fewer nodes or edges. The number of edges at each node
//! is counted anew.

use std::rc::Rc;

use bartizan_schema::KqlType;

use crate::bound::{
    GRAPH_NODE_COLUMNS, GraphNodeColumn, GraphNodes, Join, JoinKind, JoinOutput, JoinSide, Operation, Rel,
    Scalar, Whole,
};
use crate::span::Span;
use crate::syntax::ast::Expr;

use super::Graph;
use crate::bind::scope::Table;
use crate::bind::{Binder, Inherited};

impl Binder<'_> {
    /// The nodes that a condition over their properties holds for, and the edges between them.
    pub(in crate::bind) fn graph_where_nodes(&mut self, input: Table, condition: &Expr, span: Span) -> Table {
        let Some(graph) = self.copied(input, span) else { return self.failed(span) };
        let nodes = self.those(graph.nodes.clone(), condition, span);
        let nodes = self.computed_once(nodes);
        let mut edges = graph.edges.clone();
        for end in 0..2 {
            edges = self.ending_in(edges, end, &nodes, span);
        }
        self.narrowed(&graph, nodes, edges, span)
    }

    /// All nodes, and the edges that a condition over their properties holds for.
    pub(in crate::bind) fn graph_where_edges(&mut self, input: Table, condition: &Expr, span: Span) -> Table {
        let Some(graph) = self.copied(input, span) else { return self.failed(span) };
        let edges = self.those(graph.edges.clone(), condition, span);
        self.narrowed(&graph, graph.nodes.clone(), edges, span)
    }

    /// The graph of a pipeline, unless its copies would be too large: a narrower one reads its nodes three times.
    fn copied(&mut self, input: Table, span: Span) -> Option<Rc<Graph>> {
        let graph = input.graph?;
        let cost = graph.nodes.cost.saturating_mul(2).saturating_add(graph.edges.cost);
        self.charge(cost, span).then_some(graph)
    }

    fn those(&mut self, table: Table, condition: &Expr, span: Span) -> Table {
        let predicate = self.over(&table, |binder| binder.predicate(condition));
        self.through(table, span, |input| Rel::Filter { input, predicate })
    }

    /// The edges that begin (`end` 0) or end (1) in one of the nodes.
    fn ending_in(&mut self, edges: Table, end: usize, nodes: &Table, span: Span) -> Table {
        let inherited = Inherited::both(&edges, nodes);
        let columns = edges.columns;
        let outputs = columns.iter().cloned().enumerate();
        let outputs = outputs.map(|(index, column)| JoinOutput { column, from: JoinSide::Left, index });
        let id = |at| Scalar::column(at, KqlType::String, span);
        let join = Join {
            left: edges.rel,
            right: nodes.rel.clone(),
            kind: JoinKind::LeftSemi,
            on: vec![(id(end), id(0))],
            outputs: outputs.collect(),
            span,
        };
        self.derive(Rel::Join(Box::new(join)), columns, inherited, span)
    }

    fn narrowed(&mut self, graph: &Graph, nodes: Table, edges: Table, span: Span) -> Table {
        let edges = self.computed_once(edges);
        let inherited = Inherited::both(&edges, &nodes);
        let schemas = nodes.columns;
        let from = |at| GraphNodeColumn { from: vec![(1, at)], is_key: false };
        let columns = (GRAPH_NODE_COLUMNS..schemas.len()).map(from).collect();
        let inputs = vec![edges.rel.clone(), nodes.rel];
        let operation = Operation::GraphNodes(GraphNodes { columns });
        let whole = Whole { inputs, operation, columns: schemas.clone(), span };
        let nodes = self.derive(Rel::Whole(Box::new(whole)), schemas, inherited, span);
        let nodes = self.computed_once(nodes);
        self.graph(Graph { nodes, edges, directed: graph.directed }, span)
    }
}
