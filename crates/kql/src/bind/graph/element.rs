//! What the expressions of a pattern may name: properties of its nodes and edges, and `map`, `all` and `any`
//! over the edges and nodes of a variable-length edge. Each becomes a column that a match gives.

use std::collections::HashMap;
use std::rc::Rc;

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, GraphFold, GraphOutput, Literal, Named, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::codes;

use super::{Graph, NODE_COLUMNS};
use crate::bind::{Binder, failed_scalar};

/// What a name of a pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    /// A node variable.
    Node(usize),
    /// The one edge of a step.
    Edge(usize),
    /// The edges of a step with a range.
    Path(usize),
}

/// The state of binding one pattern's expressions.
#[derive(Debug)]
pub(crate) struct PatternScope {
    pub(super) graph: Rc<Graph>,
    pub(super) variables: HashMap<String, Variable>,
    /// Columns appended to the nodes and to the edges.
    pub(super) node_items: Vec<Named>,
    pub(super) edge_items: Vec<Named>,
    /// What a match gives, column by column.
    pub(super) outputs: Vec<(GraphOutput, KqlType)>,
    /// A condition is being bound: `e.x` of a variable-length edge then means each of its edges.
    pub(super) in_condition: bool,
    /// The body of `map`, `all` or `any` is being bound, over nodes or over edges.
    inside: Option<Over>,
}

/// The elements a body is worked out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Nodes,
    Edges,
}

impl PatternScope {
    pub(super) fn new(graph: Rc<Graph>, variables: HashMap<String, Variable>) -> Self {
        Self {
            graph,
            variables,
            node_items: Vec::new(),
            edge_items: Vec::new(),
            outputs: Vec::new(),
            in_condition: false,
            inside: None,
        }
    }

    /// Whether a name is a node or an edge of the pattern.
    pub(in crate::bind) fn is_element(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// The column that gives `output`, the same one each time.
    fn output(&mut self, output: GraphOutput, ty: KqlType, span: Span) -> Scalar {
        let known = self.outputs.iter().position(|(known, _)| *known == output);
        let at = known.unwrap_or(self.outputs.len());
        if known.is_none() {
            self.outputs.push((output, ty));
        }
        Scalar::column(at, ty, span)
    }

    fn columns(&self, over: Over) -> &[ColumnSchema] {
        match over {
            Over::Nodes => &self.graph.nodes.columns,
            Over::Edges => &self.graph.edges.columns,
        }
    }

    /// The position of a value among the columns of the nodes or the edges; appended if it is not there.
    pub(super) fn column_for(&mut self, nodes: bool, value: Scalar) -> usize {
        let over = if nodes { Over::Nodes } else { Over::Edges };
        if let ScalarKind::Column(at) = value.kind {
            return at;
        }
        let own = self.columns(over).len();
        let items = if nodes { &mut self.node_items } else { &mut self.edge_items };
        items.push(Named { name: format!("\u{1}item{}", items.len()), value });
        own + items.len() - 1
    }
}

impl Binder<'_> {
    /// The value of an expression that means something special inside a pattern; None when it does not.
    pub(in crate::bind) fn pattern_value(&mut self, expr: &Expr) -> Option<Scalar> {
        let scope = self.pattern.as_ref()?;
        let span = expr.span;
        match &expr.kind {
            ExprKind::Call { base: None, name, args } => match name.text.as_str() {
                "map" => self.over_path(args, GraphFold::List, span),
                "all" => self.over_path(args, GraphFold::All, span),
                "any" => self.over_path(args, GraphFold::Any, span),
                "node_id" => Some(self.of_node(args, 0, KqlType::String, span)),
                "node_degree_in" => Some(self.of_node(args, 1, KqlType::Long, span)),
                "node_degree_out" => Some(self.of_node(args, 2, KqlType::Long, span)),
                _ => None,
            },
            ExprKind::Member { base, name } if scope.inside.is_none() => {
                let variable = self.variable(base)?;
                Some(self.property(variable, &name.text, span))
            }
            ExprKind::Name(name) if scope.inside.is_none() && !scope.in_condition => {
                let variable = *scope.variables.get(name)?;
                Some(self.whole_element(variable, span))
            }
            ExprKind::Name(name) if scope.inside.is_none() && scope.variables.contains_key(name) => {
                let message = format!("`{name}` is an element of the pattern, not a value");
                let hint = Some(format!("name one of its properties: `{name}.…`"));
                self.errors.error_with_hint(codes::NOT_SCALAR, span, message, hint);
                Some(failed_scalar(span))
            }
            _ => None,
        }
    }

    /// A node or an edge as the bag of its properties; the edges of a path as an array of such bags.
    fn whole_element(&mut self, variable: Variable, span: Span) -> Scalar {
        let Some(scope) = &mut self.pattern else { return failed_scalar(span) };
        let over = if matches!(variable, Variable::Node(_)) { Over::Nodes } else { Over::Edges };
        let columns: Vec<(usize, ColumnSchema)> = scope.columns(over).iter().cloned().enumerate().collect();
        let mut pairs = Vec::new();
        for (column, schema) in columns.into_iter().filter(|(_, schema)| !schema.name.starts_with('\u{1}')) {
            let ty = schema.ty;
            pairs.push(Scalar::literal(Literal::String(schema.name), KqlType::String, span));
            pairs.push(match variable {
                Variable::Node(variable) => scope.output(GraphOutput::Node { variable, column }, ty, span),
                Variable::Edge(step) => scope.output(GraphOutput::Edge { step, column }, ty, span),
                Variable::Path(_) => Scalar::column(column, ty, span),
            });
        }
        let kind = ScalarKind::Call { function: "bag_pack", args: pairs };
        let bag = Scalar { kind, ty: KqlType::Dynamic, span };
        let Variable::Path(step) = variable else { return bag };
        let column = scope.column_for(false, bag);
        let output = GraphOutput::Path { step, inner: false, column, fold: GraphFold::List };
        scope.output(output, KqlType::Dynamic, span)
    }

    fn variable(&self, expr: &Expr) -> Option<Variable> {
        match &expr.unwrapped().kind {
            ExprKind::Name(name) => self.pattern.as_ref()?.variables.get(name).copied(),
            _ => None,
        }
    }

    fn property(&mut self, variable: Variable, name: &str, span: Span) -> Scalar {
        let Some(scope) = &mut self.pattern else { return failed_scalar(span) };
        let over = if matches!(variable, Variable::Node(_)) { Over::Nodes } else { Over::Edges };
        let found = scope.columns(over).iter().position(|column| column.name == name);
        let Some(column) = found else {
            let columns = scope.columns(over).iter().map(|column| column.name.as_str());
            let columns = columns.filter(|name| !name.starts_with('\u{1}'));
            let hint = crate::nearest::nearest(name, columns).map(|near| format!("did you mean `{near}`?"));
            let element = if over == Over::Nodes { "nodes" } else { "edges" };
            let shown: String = name.chars().take(80).collect();
            let message = format!("the {element} of this graph have no property `{shown}`");
            self.errors.error_with_hint(codes::UNKNOWN_COLUMN, span, message, hint);
            return failed_scalar(span);
        };
        let ty = scope.columns(over)[column].ty;
        match variable {
            Variable::Node(variable) => scope.output(GraphOutput::Node { variable, column }, ty, span),
            Variable::Edge(step) => scope.output(GraphOutput::Edge { step, column }, ty, span),
            Variable::Path(step) if scope.in_condition => scope.output(
                GraphOutput::Path { step, inner: false, column, fold: GraphFold::Each },
                ty,
                span,
            ),
            Variable::Path(step) => {
                let output = GraphOutput::Path { step, inner: false, column, fold: GraphFold::List };
                scope.output(output, KqlType::Dynamic, span)
            }
        }
    }

    /// `map(e, value)`, `all(inner_nodes(e), condition)` and the like.
    fn over_path(&mut self, args: &[Expr], fold: GraphFold, span: Span) -> Option<Scalar> {
        let [target, body] = args else { return None };
        let (inner, target) = match &target.unwrapped().kind {
            ExprKind::Call { base: None, name, args } if name.text == "inner_nodes" => (true, args.first()?),
            _ => (false, target),
        };
        let step = match self.variable(target)? {
            Variable::Path(step) | Variable::Edge(step) => step,
            Variable::Node(_) => return None,
        };
        let scope = self.pattern.as_mut()?;
        let graph = Rc::clone(&scope.graph);
        let before = scope.inside.replace(if inner { Over::Nodes } else { Over::Edges });
        let table = if inner { &graph.nodes } else { &graph.edges };
        let value = self.over(table, |binder| match fold {
            GraphFold::All | GraphFold::Any => binder.predicate(body),
            GraphFold::List | GraphFold::Each => binder.scalar(body),
        });
        let scope = self.pattern.as_mut()?;
        scope.inside = before;
        let column = scope.column_for(inner, value);
        let ty = if fold == GraphFold::List { KqlType::Dynamic } else { KqlType::Bool };
        Some(scope.output(GraphOutput::Path { step, inner, column, fold }, ty, span))
    }

    /// A hidden column of nodes: `node_degree_in(n)`, or without an argument inside `map(inner_nodes(e), …)`.
    fn of_node(&mut self, args: &[Expr], column: usize, ty: KqlType, span: Span) -> Scalar {
        debug_assert!(column < NODE_COLUMNS.len());
        let named = args.first().map(|arg| self.variable(arg));
        let Some(scope) = &mut self.pattern else { return failed_scalar(span) };
        match named {
            None if scope.inside == Some(Over::Nodes) => Scalar::column(column, ty, span),
            Some(Some(Variable::Node(variable))) if scope.inside.is_none() => {
                scope.output(GraphOutput::Node { variable, column }, ty, span)
            }
            _ => {
                let message =
                    "a degree or an id is that of a node of the pattern, or stands inside `inner_nodes`";
                self.errors.error(codes::ARGUMENT_TYPE, span, message);
                failed_scalar(span)
            }
        }
    }
}
