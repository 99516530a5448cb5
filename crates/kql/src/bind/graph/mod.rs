//! Graphs: a third kind of value beside scalars and tables. One travels through the pipeline as a table that
//! nothing but the graph operators accept, and is two relations inside (see `crate::bound::GraphNodes`).

mod columns;
mod element;
mod matching;
mod narrowing;

use std::rc::Rc;

use bartizan_schema::KqlType;

use crate::bound::{
    ColumnSchema, GRAPH_EDGE_COLUMNS, GRAPH_NODE_COLUMNS, GraphNodeColumn, GraphNodes, Literal, Named,
    Operation, Rel, Scalar, ScalarKind, Whole,
};
use crate::span::Span;
use crate::syntax::ast::{Expr, GraphTable, MakeGraph, Operator, OperatorKind, Setting};
use crate::syntax::codes;

use super::naming::Names;
use super::scalar::converted;
use super::scope::{Binding, Table};
use super::union::setting_word;
use super::{Binder, Inherited, passed_on};

pub(crate) use element::PatternScope;

/// Names of the hidden columns. No query can write them.
const NODE_COLUMNS: [&str; GRAPH_NODE_COLUMNS] = ["\u{1}node", "\u{1}in", "\u{1}out"];
const EDGE_COLUMNS: [&str; GRAPH_EDGE_COLUMNS] = ["\u{1}source", "\u{1}target"];

/// Between the value of a partition and an id inside it.
const PARTITION_MARK: &str = "\u{1}";

/// See the module.
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: Table,
    edges: Table,
    /// Made with `-->`; otherwise every edge leads both ways.
    directed: bool,
}

impl Binder<'_> {
    /// Refuses a graph where a table belongs, and the other way round.
    pub(super) fn graph_mismatch(&mut self, input: &Table, op: &Operator) -> Option<Table> {
        let wants_graph = matches!(
            op.kind,
            OperatorKind::GraphMatch(_)
                | OperatorKind::GraphShortestPaths(_)
                | OperatorKind::GraphToTable(_)
                | OperatorKind::GraphMarkComponents(_)
                | OperatorKind::GraphWhereNodes(_)
                | OperatorKind::GraphWhereEdges(_)
        );
        let takes_both =
            matches!(op.kind, OperatorKind::As { .. } | OperatorKind::Invoke(_) | OperatorKind::Error);
        let (message, hint) = match (&input.graph, wants_graph) {
            (None, true) if !matches!(input.rel, Rel::Unsupported { .. }) => {
                (format!("`{}` takes a graph, this is a table", op.name), "make one with make-graph")
            }
            (Some(_), false) if !takes_both => (
                format!("`{}` takes a table, this is a graph", op.name),
                "graph-match and graph-to-table make tables of graphs",
            ),
            // a graph the engine will refuse by name, or a mistake that was reported
            (None, true) => {
                let what = match &input.rel {
                    Rel::Unsupported { what, .. } => what.clone(),
                    _ => op.name.clone(),
                };
                return Some(self.unsupported(&what, Vec::new(), true, op.span));
            }
            _ => return None,
        };
        self.errors.error_with_hint(codes::NOT_TABULAR, op.span, message, Some(hint.to_owned()));
        Some(self.failed(op.span))
    }

    /// The pipeline's value for a graph.
    fn graph(&mut self, graph: Graph, span: Span) -> Table {
        let what = "a graph as a result (graph-match and graph-to-table make a table of it)";
        let mut table = self.unsupported(what, Vec::new(), false, span);
        table.cost += graph.nodes.cost + graph.edges.cost;
        table.depth = table.depth.max(graph.nodes.depth).max(graph.edges.depth);
        table.graph = Some(Rc::new(graph));
        table
    }

    pub(super) fn make_graph(&mut self, input: Table, make: &MakeGraph, span: Span) -> Table {
        let partition = make.partition.as_ref().map(|partition| &partition.by);
        let source = self.over(&input, |binder| binder.scalar(&make.source));
        let id_type = source.ty;
        let ends = self.over(&input, |binder| {
            let source = binder.graph_key(source, partition);
            let target = binder.scalar(&make.target);
            [source, binder.graph_key(target, partition)]
        });
        let edges = self.keyed(input, &EDGE_COLUMNS, ends.into(), span);
        let edges = self.computed_once(edges);
        let mut inputs = vec![edges.rel.clone()];
        let mut inherited = Inherited::from(&edges);
        let mut columns: Vec<(ColumnSchema, GraphNodeColumn)> = Vec::new();
        for (at, nodes) in make.nodes.iter().enumerate() {
            let table = self.table(&nodes.table);
            let key = self.over(&table, |binder| binder.scalar(&nodes.key));
            let key_column = match key.kind {
                ScalarKind::Column(at) => Some(at),
                _ => None,
            };
            for (column, schema) in table.columns.iter().enumerate() {
                let place = (at + 1, column + 1);
                let is_key = key_column == Some(column);
                match columns.iter_mut().find(|(known, _)| known == schema) {
                    Some((_, known)) => {
                        known.from.push(place);
                        known.is_key |= is_key;
                    }
                    None => columns.push((schema.clone(), GraphNodeColumn { from: vec![place], is_key })),
                }
            }
            let key = self.over(&table, |binder| binder.graph_key(key, partition));
            let keyed = self.keyed(table, &NODE_COLUMNS[..1], vec![key], span);
            inherited = Inherited {
                open: inherited.open || keyed.open,
                cost: inherited.cost + keyed.cost,
                depth: inherited.depth.max(keyed.depth),
                ..inherited
            };
            inputs.push(keyed.rel);
        }
        if let Some(name) = &make.with_node_id {
            let schema = ColumnSchema { name: name.text.clone(), ty: id_type };
            columns.push((schema, GraphNodeColumn { from: Vec::new(), is_key: true }));
        }
        let mut names = Names::default();
        for (schema, _) in &mut columns {
            schema.name = names.unique(&schema.name);
        }
        let hidden = [KqlType::String, KqlType::Long, KqlType::Long];
        let hidden =
            NODE_COLUMNS.iter().zip(hidden).map(|(name, ty)| ColumnSchema { name: (*name).to_owned(), ty });
        let (schemas, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let schemas: Vec<ColumnSchema> = hidden.chain(schemas).collect();
        let operation = Operation::GraphNodes(GraphNodes { columns });
        let whole = Whole { inputs, operation, columns: schemas.clone(), span };
        let nodes = self.derive(Rel::Whole(Box::new(whole)), schemas, inherited, span);
        let nodes = self.computed_once(nodes);
        let mut table = self.graph(Graph { nodes, edges, directed: make.directed }, span);
        if let Some(partition) = &make.partition {
            for op in &partition.body {
                table = self.operator(table, op);
            }
        }
        table
    }

    /// An id as text; inside partitions, with the value of the partition before it, so that graphs of
    /// different partitions have no node in common.
    fn graph_key(&mut self, value: Scalar, partition: Option<&Expr>) -> Scalar {
        let span = value.span;
        if value.ty == KqlType::Dynamic {
            let message = "a node is not identified by a dynamic value";
            let hint = Some("convert it first: tostring(…)".to_owned());
            self.errors.error_with_hint(codes::DYNAMIC_KEY, span, message, hint);
        }
        let text = converted(value, KqlType::String);
        let Some(partition) = partition else { return text };
        let partition = converted(self.scalar(partition), KqlType::String);
        let mark = Scalar::literal(Literal::String(PARTITION_MARK.to_owned()), KqlType::String, span);
        let kind = ScalarKind::Call { function: "strcat", args: vec![partition, mark, text] };
        Scalar { kind, ty: KqlType::String, span }
    }

    /// `table` with hidden columns before its own.
    fn keyed(&mut self, table: Table, names: &[&str], keys: Vec<Scalar>, span: Span) -> Table {
        let keys = names.iter().zip(keys).map(|(name, value)| Named { name: (*name).to_owned(), value });
        let items = keys.chain(passed_on(&table.columns, span)).collect();
        self.project(table, items, span)
    }

    /// A relation that several operations read.
    fn computed_once(&mut self, mut table: Table) -> Table {
        self.next_shared += 1;
        table.rel = Rel::Shared { id: self.next_shared, input: Box::new(table.rel) };
        table
    }

    pub(super) fn mark_components(&mut self, input: Table, settings: &[Setting], span: Span) -> Table {
        let Some(graph) = input.graph else { return self.failed(span) };
        let strong = match setting_word(settings, &["kind"]).as_deref() {
            None | Some("weak") => false,
            Some("strong") => true,
            Some(other) => {
                let message = format!("`kind` is weak or strong, not `{other}`");
                self.errors.error(codes::UNKNOWN_PARAMETER, span, message);
                false
            }
        };
        let name = setting_word(settings, &["with_component_id"]).unwrap_or_else(|| "ComponentId".to_owned());
        let mut names = Names::reserving(graph.nodes.columns.iter().map(|column| column.name.as_str()));
        let mut columns = graph.nodes.columns.clone();
        columns.push(ColumnSchema { name: names.unique(&name), ty: KqlType::Long });
        let inputs = vec![graph.nodes.rel.clone(), graph.edges.rel.clone()];
        let operation = Operation::GraphComponents { strong };
        let whole = Whole { inputs, operation, columns: columns.clone(), span };
        let inherited = Inherited::both(&graph.nodes, &graph.edges);
        let nodes = self.derive(Rel::Whole(Box::new(whole)), columns, inherited, span);
        let nodes = self.computed_once(nodes);
        self.graph(Graph { nodes, edges: graph.edges.clone(), directed: graph.directed }, span)
    }

    /// Tables of nodes and of edges. Named ones are there for later statements; the first is the result.
    pub(super) fn graph_to_table(&mut self, input: Table, tables: &[GraphTable], span: Span) -> Table {
        let Some(graph) = input.graph else { return self.failed(span) };
        let mut first = None;
        for wanted in tables {
            let table = self.exported(&graph, wanted);
            if let Some(name) = &wanted.name {
                self.env.declare(&name.text, Binding::Table(table.clone()));
            }
            first = first.or(Some(table));
        }
        first.unwrap_or_else(|| self.failed(span))
    }

    fn exported(&mut self, graph: &Graph, wanted: &GraphTable) -> Table {
        let span = wanted.span;
        let (table, hidden, ids): (_, _, &[(&str, usize)]) = if wanted.edges {
            (graph.edges.clone(), GRAPH_EDGE_COLUMNS, &[("with_source_id", 0), ("with_target_id", 1)])
        } else {
            (graph.nodes.clone(), GRAPH_NODE_COLUMNS, &[("with_node_id", 0)])
        };
        let hashed = ids.iter().filter_map(|(setting, at)| {
            let name = setting_word(&wanted.settings, &[setting])?;
            let key = Scalar::column(*at, KqlType::String, span);
            let kind = ScalarKind::Call { function: "hash", args: vec![key] };
            Some(Named { name, value: Scalar { kind, ty: KqlType::Long, span } })
        });
        let own = passed_on(&table.columns, span).into_iter().skip(hidden);
        let mut items: Vec<Named> = hashed.chain(own).collect();
        let mut names = Names::default();
        for item in &mut items {
            item.name = names.unique(&item.name);
        }
        self.project(table, items, span)
    }
}
