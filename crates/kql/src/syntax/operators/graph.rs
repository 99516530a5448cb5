//! Graph operators. Arrows are not tokens of the language: `-->` is three signs that mean something only
//! here.

use crate::span::Span;
use crate::syntax::ast::{
    EdgeDirection, Expr, GraphNodes, GraphPartition, GraphPattern, GraphTable, HopRange, MakeGraph, Name,
    OperatorKind, PatternEdge, PatternNode, PatternQuery,
};
use crate::syntax::lexer::TokenKind;
use crate::syntax::parser::Parser;

impl Parser<'_> {
    pub(super) fn make_graph(&mut self) -> OperatorKind {
        let settings = self.hints();
        let source = self.postfix();
        self.expect("-");
        self.expect("-");
        let directed = self.eat(">");
        let target = self.postfix();
        let mut graph = MakeGraph {
            settings,
            source,
            directed,
            target,
            nodes: Vec::new(),
            with_node_id: None,
            partition: None,
        };
        if self.eat_word("with") {
            graph.nodes = self.list(|parser| {
                let table = parser.scalar();
                parser.expect_word("on");
                GraphNodes { table, key: parser.postfix() }
            });
        } else if self.at_word("with_node_id") && self.ahead_mark(1, "=") {
            self.skip(2);
            graph.with_node_id = self.name("a column name");
        }
        if self.at_word("partitioned") && self.ahead_mark(1, "-") && self.ahead_word(2, "by") {
            self.skip(3);
            // a name only: `by k (…)` would read as a call
            let by = match self.name("a column") {
                Some(Name { text, span }) => Expr { kind: crate::syntax::ast::ExprKind::Name(text), span },
                None => Expr::error(self.span()),
            };
            graph.partition = Some(GraphPartition { by, body: self.subquery() });
        }
        OperatorKind::MakeGraph(Box::new(graph))
    }

    /// `graph-match` and `graph-shortest-paths`, which differ in their settings.
    pub(super) fn pattern_query(
        &mut self,
        operator: &str,
        kind: impl FnOnce(Box<PatternQuery>) -> OperatorKind,
    ) -> OperatorKind {
        let settings = self.settings_of(operator);
        let patterns = self.list(Self::graph_pattern);
        let condition = self.eat_word("where").then(|| self.scalar());
        let project = if self.eat_word("project") { self.list(Self::assignment) } else { Vec::new() };
        kind(Box::new(PatternQuery { settings, patterns, condition, project }))
    }

    fn graph_pattern(&mut self) -> GraphPattern {
        let start = self.span();
        let first = self.pattern_node();
        let mut steps = Vec::new();
        while self.at_mark("-") || self.at_mark("<") {
            let edge = self.pattern_edge();
            steps.push((edge, self.pattern_node()));
        }
        GraphPattern { first, steps, span: self.span_from(start) }
    }

    fn pattern_node(&mut self) -> PatternNode {
        let start = self.span();
        self.expect("(");
        let name = if self.at_mark(")") { None } else { self.name("the name of a node") };
        self.expect(")");
        PatternNode { name, span: self.span_from(start) }
    }

    fn pattern_edge(&mut self) -> PatternEdge {
        let start = self.span();
        let backward = self.eat("<");
        self.expect("-");
        let (mut name, mut range) = (None, None);
        if self.eat("[") {
            if self.token().kind == TokenKind::Word {
                name = self.name("the name of an edge");
            }
            range = self.eat("*").then(|| self.hop_range());
            self.expect("]");
        }
        self.expect("-");
        let direction = match (backward, !backward && self.eat(">")) {
            (true, _) => EdgeDirection::Backward,
            (false, true) => EdgeDirection::Forward,
            (false, false) => EdgeDirection::Any,
        };
        PatternEdge { name, direction, range, span: self.span_from(start) }
    }

    /// `1..3` behind the star.
    fn hop_range(&mut self) -> HopRange {
        let min = self.postfix();
        self.expect("..");
        HopRange { min, max: self.postfix() }
    }

    pub(super) fn graph_to_table(&mut self) -> OperatorKind {
        let tables = self.list(|parser| {
            let start: Span = parser.span();
            let edges = parser.at_word("edges");
            if !parser.eat_word("edges") && !parser.eat_word("nodes") {
                parser.expected("`nodes` or `edges`");
            }
            let name = if parser.eat_word("as") { parser.name("a name") } else { None };
            let settings = parser.settings_of("graph-to-table");
            GraphTable { edges, name, settings, span: parser.span_from(start) }
        });
        OperatorKind::GraphToTable(tables)
    }
}
