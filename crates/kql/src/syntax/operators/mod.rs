//! Tabular operators. One long dispatch from the operator's name to the function that reads the rest of it;
//! the longer ones live in the modules beside it.

mod columns;
mod graph;
mod nested;
mod search;
mod series;
mod settings;

use crate::operators;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Operator, OperatorKind};
use crate::syntax::codes;
use crate::syntax::lexer::TokenKind;
use crate::syntax::parser::Parser;

impl Parser<'_> {
    /// `source | operator | …`.
    pub(super) fn pipeline(&mut self) -> Expr {
        let patterns = std::mem::replace(&mut self.patterns, false);
        let expr = self.pipeline_without_patterns();
        self.patterns = patterns;
        expr
    }

    fn pipeline_without_patterns(&mut self) -> Expr {
        let start = self.span();
        let mut ops = Vec::new();
        let source = if self.at_source_operator() {
            ops.push(self.operator());
            None
        } else {
            let expr = self.scalar();
            if !self.at_mark("|") {
                return expr;
            }
            Some(Box::new(expr))
        };
        self.operators(&mut ops);
        Expr { kind: ExprKind::Pipe { source, ops }, span: self.span_from(start) }
    }

    fn operators(&mut self, ops: &mut Vec<Operator>) {
        while self.eat("|") {
            ops.push(self.operator());
        }
    }

    fn at_source_operator(&self) -> bool {
        let word = self.current();
        if self.token().kind != TokenKind::Word
            || !(word == "macro" || operators::lookup(word).is_some_and(|operator| operator.source))
        {
            return false;
        }
        match word {
            "range" => {
                let bracketed = self.ahead_mark(1, "[") && self.ahead_mark(3, "]");
                self.ahead(1).kind == TokenKind::Word && self.ahead_word(2, "from")
                    || bracketed && self.ahead_word(4, "from")
            }
            "macro" => self.ahead_mark(1, "-") && self.ahead_word(2, "expand"),
            // `evaluate`, `find` and the rest are also good column names
            "evaluate" => self.ahead(1).kind == TokenKind::Word && self.ahead_mark(2, "("),
            _ => {
                let next = self.ahead(1);
                match next.kind {
                    TokenKind::End => false,
                    TokenKind::Punct => matches!(self.text_of(next), "(" | "*" | "[" | "-"),
                    TokenKind::Word => !self.text_of(next).starts_with('!') && !self.ahead_is_infix(1),
                    _ => true,
                }
            }
        }
    }

    /// Whether the word there joins two operands (`search has 'x'` compares a column called `search`).
    fn ahead_is_infix(&self, count: usize) -> bool {
        matches!(
            self.text_of(self.ahead(count)),
            "and"
                | "or"
                | "has"
                | "contains"
                | "startswith"
                | "endswith"
                | "between"
                | "matches"
                | "has_any"
                | "has_all"
        ) || (self.ahead_word(count, "in")
            && self.ahead_mark(count + 1, "(")
            && self.current() != "search"
            && self.current() != "find")
    }

    /// The operator's name: words joined by hyphens without blanks.
    fn operator_name(&mut self) -> Option<(String, Span)> {
        if self.token().kind != TokenKind::Word {
            return None;
        }
        let start = self.span();
        let mut name = self.current().to_owned();
        self.bump();
        while self.at_mark("-")
            && self.ahead(1).kind == TokenKind::Word
            && self.touches(0)
            && self.span_from(start).end == self.span().start
            && operators::names().any(|known| {
                let rest = known.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('-'));
                rest.is_some_and(|rest| rest.starts_with(self.text_of(self.ahead(1))))
            })
        {
            name = format!("{name}-{}", self.text_of(self.ahead(1)));
            self.skip(2);
        }
        Some((name, self.span_from(start)))
    }

    /// One operator, with recovery behind it.
    pub(super) fn operator(&mut self) -> Operator {
        let start = self.span();
        let nowhere = Span::new(start.start, start.start);
        let Some((name, name_span)) = self.operator_name() else {
            self.expected("an operator");
            self.recover();
            let span = self.span_from(start);
            return Operator { kind: OperatorKind::Error, name: String::new(), name_span: nowhere, span };
        };
        let before = self.errors.error_count();
        let kind = self.deeper(|parser| parser.operator_body(&name, name_span), |_| OperatorKind::Error);
        if self.errors.error_count() > before {
            self.recover();
        }
        Operator { kind, name, name_span, span: self.span_from(start) }
    }

    fn operator_body(&mut self, name: &str, name_span: Span) -> OperatorKind {
        match name {
            "where" | "filter" => {
                self.hints();
                OperatorKind::Where(self.assignment())
            }
            "extend" => OperatorKind::Extend(self.list(Self::assignment)),
            "project" => OperatorKind::Project(self.optional_list()),
            "project-away" => OperatorKind::ProjectAway(self.with_patterns(Self::optional_list)),
            "project-keep" => OperatorKind::ProjectKeep(self.with_patterns(Self::optional_list)),
            "project-rename" => OperatorKind::ProjectRename(self.optional_list()),
            "project-reorder" => OperatorKind::ProjectReorder(self.with_patterns(Self::reorder_items)),
            "project-by-names" => OperatorKind::ProjectByNames(self.with_patterns(Self::optional_list)),
            "summarize" => self.summarize(),
            "join" => self.join(false),
            "lookup" => self.join(true),
            "union" => self.union(),
            "sort" | "order" => {
                self.hints();
                self.expect_word("by");
                OperatorKind::Sort(self.list(Self::sort_key))
            }
            "top" => self.top(),
            "take" | "limit" => {
                self.hints();
                OperatorKind::Take(self.scalar())
            }
            "count" => {
                self.hints();
                let name = if self.eat_word("as") { self.name("a column name") } else { None };
                OperatorKind::Count(name)
            }
            "distinct" => {
                self.hints();
                OperatorKind::Distinct(self.list(Self::assignment))
            }
            "parse" => self.parse_operator(false),
            "parse-where" => self.parse_operator(true),
            "parse-kv" => self.parse_kv(),
            "mv-expand" => self.mv_expand(false),
            "mvexpand" => self.mv_expand(true),
            "mv-apply" | "mvapply" => self.mv_apply(),
            "render" => self.render(),
            "print" => OperatorKind::Print(self.list(Self::assignment)),
            "range" => self.range(),
            "serialize" => {
                self.hints();
                OperatorKind::Serialize(self.optional_list())
            }
            "sample" => OperatorKind::Sample(self.scalar()),
            "sample-distinct" => {
                let count = self.scalar();
                self.expect_word("of");
                OperatorKind::SampleDistinct { count, of: self.assignment() }
            }
            "as" => {
                let settings = self.hints();
                match self.new_value_name("a name") {
                    Some(name) => OperatorKind::As { settings, name },
                    None => OperatorKind::Error,
                }
            }
            "invoke" => OperatorKind::Invoke(self.scalar()),
            "getschema" => OperatorKind::GetSchema(self.settings_of("getschema")),
            "consume" => OperatorKind::Consume(self.settings_of("consume")),
            "search" => self.search(),
            "find" => self.find(),
            "evaluate" => self.evaluate(),
            "make-series" => self.make_series(),
            "top-nested" => OperatorKind::TopNested(self.top_nested()),
            "top-hitters" => self.top_hitters(),
            "partition" => self.partition(),
            "reduce" => self.reduce(),
            "scan" => self.scan(),
            "fork" => self.fork(),
            "facet" => self.facet(),
            "macro-expand" => self.macro_expand(),
            "assert-schema" => OperatorKind::AssertSchema(self.columns()),
            "execute-and-cache" | "execute_and_cache" => OperatorKind::ExecuteAndCache,
            "make-graph" => self.make_graph(),
            "graph-match" => self.pattern_query("graph-match", OperatorKind::GraphMatch),
            "graph-shortest-paths" => {
                self.pattern_query("graph-shortest-paths", OperatorKind::GraphShortestPaths)
            }
            "graph-to-table" => self.graph_to_table(),
            "graph-mark-components" => {
                OperatorKind::GraphMarkComponents(self.settings_of("graph-mark-components"))
            }
            "graph-where-nodes" => OperatorKind::GraphWhereNodes(self.scalar()),
            "graph-where-edges" => OperatorKind::GraphWhereEdges(self.scalar()),
            unknown => {
                self.unknown_operator(unknown, name_span);
                OperatorKind::Error
            }
        }
    }

    fn unknown_operator(&mut self, name: &str, span: Span) {
        let hint =
            crate::nearest::nearest(name, operators::names()).map(|near| format!("did you mean `{near}`?"));
        let shown: String = name.chars().take(40).collect();
        self.errors.error_with_hint(
            codes::UNKNOWN_OPERATOR,
            span,
            format!("`{shown}` is not an operator"),
            hint,
        );
        self.recover();
    }

    pub(super) fn expect_word(&mut self, word: &str) -> bool {
        let found = self.eat_word(word);
        if !found {
            self.expected(&format!("`{word}`"));
        }
        found
    }

    fn optional_list(&mut self) -> Vec<Expr> {
        let empty = self.at_end() || ["|", ";", ")", "}"].iter().any(|mark| self.at_mark(mark));
        if empty { Vec::new() } else { self.list(Self::assignment) }
    }
}
