//! Tabular operators. One long dispatch from the operator's name to the function that reads the rest of it.

use crate::span::Span;
use crate::syntax::ast::{
    ExpandItem, Expr, ExprKind, Name, Operator, OperatorKind, ParsePart, Setting, SettingValue, SortKey,
    TopNestedLevel,
};
use crate::syntax::codes;
use crate::syntax::lexer::TokenKind;
use crate::syntax::literal::string_value;
use crate::syntax::parser::Parser;

/// Operators that may begin a query, because they make rows themselves.
const SOURCE_OPERATORS: &[&str] = &["print", "range", "union", "search", "find", "evaluate"];

/// Every operator by name; the tail is known by name only and read as balanced text.
pub(super) const OPERATORS: &[&str] = &[
    "where",
    "filter",
    "extend",
    "project",
    "project-away",
    "project-keep",
    "project-rename",
    "project-reorder",
    "summarize",
    "join",
    "lookup",
    "union",
    "sort",
    "order",
    "top",
    "take",
    "limit",
    "count",
    "distinct",
    "parse",
    "parse-where",
    "parse-kv",
    "mv-expand",
    "mvexpand",
    "mv-apply",
    "mvapply",
    "render",
    "print",
    "range",
    "serialize",
    "sample",
    "sample-distinct",
    "as",
    "invoke",
    "getschema",
    "consume",
    "search",
    "find",
    "evaluate",
    "make-series",
    "top-nested",
    "top-hitters",
    "partition",
    "reduce",
    "scan",
    "fork",
    "facet",
    "assert-schema",
    "make-graph",
    "graph-match",
    "graph-shortest-paths",
    "graph-to-table",
    "graph-mark-components",
    "graph-where-nodes",
    "graph-where-edges",
    "macro-expand",
    "execute-and-cache",
    "externaldata",
    "project-by-names",
];

/// Settings are `name=value` right behind the operator's name. The list keeps `summarize x=count()` apart
/// from `join kind=inner`.
const SETTINGS: &[&str] = &[
    "kind",
    "flags",
    "isfuzzy",
    "withsource",
    "with_source",
    "bagexpansion",
    "with_itemindex",
    "bag_expansion",
    "decodeblocks",
    "expandoutput",
    "id",
    "best_effort",
    "cycles",
    "threshold",
    "with_match_id",
    "with_step_name",
];

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
        if self.token().kind != TokenKind::Word || !SOURCE_OPERATORS.contains(&word) {
            return false;
        }
        match word {
            "range" => self.ahead(1).kind == TokenKind::Word && self.ahead_word(2, "from"),
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
            && OPERATORS
                .iter()
                .any(|known| known.starts_with(&format!("{name}-{}", self.text_of(self.ahead(1)))))
        {
            name = format!("{name}-{}", self.text_of(self.ahead(1)));
            self.at += 2;
        }
        Some((name, self.span_from(start)))
    }

    /// One operator, with recovery behind it.
    fn operator(&mut self) -> Operator {
        let start = self.span();
        let Some((name, name_span)) = self.operator_name() else {
            self.expected("an operator");
            self.recover();
            return Operator { kind: OperatorKind::Known, name: String::new(), span: self.span_from(start) };
        };
        let before = self.errors.error_count();
        let kind = self.deeper(|parser| parser.operator_body(&name, name_span), |_| OperatorKind::Known);
        if self.errors.error_count() > before {
            self.recover();
        }
        Operator { kind, name, span: self.span_from(start) }
    }

    fn operator_body(&mut self, name: &str, name_span: Span) -> OperatorKind {
        match name {
            "where" | "filter" => {
                self.settings();
                OperatorKind::Where(self.scalar())
            }
            "extend" => OperatorKind::Extend(self.list(Self::assignment)),
            "project" => OperatorKind::Project(self.optional_list()),
            "project-away" => OperatorKind::ProjectAway(self.with_patterns(Self::optional_list)),
            "project-keep" => OperatorKind::ProjectKeep(self.with_patterns(Self::optional_list)),
            "project-rename" => OperatorKind::ProjectRename(self.optional_list()),
            "project-reorder" => OperatorKind::ProjectReorder(self.with_patterns(Self::reorder_items)),
            "summarize" => self.summarize(),
            "join" => self.join(false),
            "lookup" => self.join(true),
            "union" => self.union(),
            "sort" | "order" => {
                self.settings();
                self.expect_word("by");
                OperatorKind::Sort(self.list(Self::sort_key))
            }
            "top" => self.top(),
            "take" | "limit" => OperatorKind::Take(self.scalar()),
            "count" => {
                let name = if self.eat_word("as") { self.name("a column name") } else { None };
                OperatorKind::Count(name)
            }
            "distinct" => {
                self.settings();
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
            "serialize" => OperatorKind::Serialize(self.optional_list()),
            "sample" => OperatorKind::Sample(self.scalar()),
            "sample-distinct" => {
                let count = self.scalar();
                self.expect_word("of");
                OperatorKind::SampleDistinct { count, of: self.scalar() }
            }
            "as" => {
                self.settings();
                match self.name("a name") {
                    Some(name) => OperatorKind::As(name),
                    None => OperatorKind::Known,
                }
            }
            "invoke" => OperatorKind::Invoke(self.scalar()),
            "getschema" => OperatorKind::GetSchema,
            "consume" => {
                self.settings();
                OperatorKind::Consume
            }
            "search" => self.search(),
            "evaluate" => self.evaluate(),
            "make-series" => self.make_series(),
            "top-nested" => OperatorKind::TopNested(self.top_nested()),
            "top-hitters" => {
                self.scalar();
                self.expect_word("of");
                let of = self.scalar();
                OperatorKind::TopHitters { of, by: self.eat_word("by").then(|| self.scalar()) }
            }
            "partition" => self.partition(),
            "reduce" => {
                self.skip_balanced();
                OperatorKind::Reduce
            }
            known if OPERATORS.contains(&known) => {
                self.skip_balanced();
                OperatorKind::Known
            }
            unknown => {
                self.unknown_operator(unknown, name_span);
                OperatorKind::Known
            }
        }
    }

    fn unknown_operator(&mut self, name: &str, span: Span) {
        let hint = crate::nearest::nearest(name, OPERATORS.iter().copied())
            .map(|near| format!("did you mean `{near}`?"));
        let shown: String = name.chars().take(40).collect();
        self.errors.error_with_hint(
            codes::UNKNOWN_OPERATOR,
            span,
            format!("`{shown}` is not an operator"),
            hint,
        );
        self.recover();
    }

    /// Reads over an operator that is known by name only, counting brackets.
    fn skip_balanced(&mut self) {
        let mut open: Vec<&str> = Vec::new();
        while !self.at_end() {
            if self.token().kind == TokenKind::Punct {
                match self.current() {
                    "(" => open.push(")"),
                    "[" => open.push("]"),
                    "{" => open.push("}"),
                    mark @ (")" | "]" | "}") => match open.pop() {
                        None => return,
                        Some(close) if close == mark => {}
                        Some(close) => return self.expected(&format!("`{close}`")),
                    },
                    "|" | ";" if open.is_empty() => return,
                    _ => {}
                }
            }
            self.bump();
        }
        if let Some(close) = open.pop() {
            self.expected(&format!("`{close}`"));
        }
    }

    fn expect_word(&mut self, word: &str) -> bool {
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

    /// `kind=inner hint.strategy = shuffle …`.
    fn settings(&mut self) -> Vec<Setting> {
        let mut settings = Vec::new();
        loop {
            let start = self.span();
            let word = self.current();
            if self.token().kind != TokenKind::Word {
                return settings;
            }
            let hinted = word == "hint" && self.ahead_mark(1, ".") && self.ahead_mark(3, "=");
            let plain = SETTINGS.contains(&word) && self.ahead_mark(1, "=");
            if !hinted && !plain {
                return settings;
            }
            let text = if hinted {
                let text = format!("hint.{}", self.text_of(self.ahead(2)));
                self.at += 4;
                text
            } else {
                self.at += 2;
                word.to_owned()
            };
            let name = Name { text, span: self.span_from(start) };
            let value = self.setting_value();
            settings.push(Setting { name, value });
        }
    }

    fn setting_value(&mut self) -> SettingValue {
        let plain = self.token().kind == TokenKind::Word;
        if !plain {
            return SettingValue::Expr(self.primary_value());
        }
        let start = self.span();
        let text = self.current().to_owned();
        self.bump();
        SettingValue::Word(Name { text, span: start })
    }

    fn primary_value(&mut self) -> Expr {
        if self.at_mark("[") {
            return match self.name("a name") {
                Some(name) => Expr { kind: ExprKind::Name(name.text), span: name.span },
                None => Expr::error(self.span()),
            };
        }
        // a literal, a name in quotes or a call; never an operator chain that could swallow what follows
        match self.token().kind {
            TokenKind::End | TokenKind::Punct => self.missing("a value"),
            _ => self.primary(),
        }
    }

    fn reorder_items(&mut self) -> Vec<(Expr, Option<Name>)> {
        self.list(|parser| {
            let item = parser.assignment();
            let start = parser.span();
            let mut order = None;
            for word in ["asc", "desc"] {
                if parser.eat_word(word) {
                    order = Some(Name { text: word.to_owned(), span: start });
                }
            }
            if parser.at_word("granny") && parser.ahead_mark(1, "-") {
                let text = format!("granny-{}", parser.text_of(parser.ahead(2)));
                parser.at += 3;
                order = Some(Name { text, span: parser.span_from(start) });
            }
            (item, order)
        })
    }

    fn summarize(&mut self) -> OperatorKind {
        self.settings();
        let empty =
            self.at_word("by") || self.at_end() || ["|", ";", ")", "}"].iter().any(|mark| self.at_mark(mark));
        let aggregates = if empty { Vec::new() } else { self.list(Self::assignment) };
        let by = if self.eat_word("by") { self.list(Self::assignment) } else { Vec::new() };
        OperatorKind::Summarize { aggregates, by }
    }

    fn join(&mut self, lookup: bool) -> OperatorKind {
        let settings = self.settings();
        let right = Box::new(self.scalar());
        let on = if self.eat_word("on") {
            self.list(Self::scalar)
        } else if self.eat_word("where") {
            vec![self.scalar()]
        } else {
            Vec::new()
        };
        OperatorKind::Join { lookup, settings, right, on }
    }

    fn union(&mut self) -> OperatorKind {
        let settings = self.settings();
        let inputs = self.with_patterns(|parser| parser.list(Self::scalar));
        OperatorKind::Union { settings, inputs }
    }

    fn sort_key(&mut self) -> SortKey {
        let value = self.assignment();
        let ascending = self.eat_word("asc");
        if !ascending {
            self.eat_word("desc");
        }
        let nulls_first = if self.eat_word("nulls") {
            let first = self.at_word("first");
            let known = self.eat_word("first") || self.eat_word("last");
            if !known {
                self.expected("`first` or `last`");
            }
            Some(first)
        } else {
            None
        };
        SortKey { value, ascending, nulls_first }
    }

    fn top(&mut self) -> OperatorKind {
        self.settings();
        let count = self.scalar();
        self.expect_word("by");
        OperatorKind::Top { count, by: self.list(Self::sort_key) }
    }

    fn parse_operator(&mut self, filter: bool) -> OperatorKind {
        let settings = self.settings();
        let source = self.scalar();
        self.expect_word("with");
        let mut pattern = Vec::new();
        loop {
            let token = self.token();
            match token.kind {
                TokenKind::String => {
                    pattern.push(ParsePart::Text(string_value(self.current())));
                    self.bump();
                }
                TokenKind::Punct if self.at_mark("*") => {
                    pattern.push(ParsePart::Star);
                    self.bump();
                }
                TokenKind::Word | TokenKind::Punct if token.kind == TokenKind::Word || self.at_mark("[") => {
                    // without a name nothing was taken, and the pattern ends here
                    match self.parse_column() {
                        Some(column) => pattern.push(column),
                        None => break,
                    }
                }
                _ => break,
            }
        }
        if pattern.is_empty() {
            self.expected("a pattern");
        }
        OperatorKind::Parse { settings, source, pattern, filter }
    }

    fn parse_column(&mut self) -> Option<ParsePart> {
        let name = self.name("a column name")?;
        let ty = if self.eat(":") { self.type_name() } else { None };
        Some(ParsePart::Column { name, ty })
    }

    fn parse_kv(&mut self) -> OperatorKind {
        let source = self.scalar();
        self.expect_word("as");
        let columns = self.columns();
        self.skip_with();
        OperatorKind::ParseKv { source, columns }
    }

    /// `with (…)`, read over.
    fn skip_with(&mut self) {
        if self.eat_word("with") && self.expect("(") {
            self.recover();
            self.expect(")");
        }
    }

    fn expand_items(&mut self) -> Vec<ExpandItem> {
        self.list(|parser| {
            let value = parser.assignment();
            let ty = if parser.at_word("to") && parser.ahead_word(1, "typeof") {
                parser.at += 2;
                parser.expect("(");
                let ty = parser.type_name();
                parser.expect(")");
                ty
            } else {
                None
            };
            ExpandItem { value, ty }
        })
    }

    fn row_limit(&mut self) -> Option<Expr> {
        self.eat_word("limit").then(|| self.scalar())
    }

    fn mv_expand(&mut self, legacy: bool) -> OperatorKind {
        let settings = self.settings();
        let items = self.expand_items();
        OperatorKind::MvExpand { settings, items, limit: self.row_limit(), legacy }
    }

    fn mv_apply(&mut self) -> OperatorKind {
        let settings = self.settings();
        let items = self.expand_items();
        let limit = self.row_limit();
        if self.at_word("id") && self.ahead(1).kind != TokenKind::Punct {
            self.at += 1;
            self.scalar();
        }
        self.expect_word("on");
        OperatorKind::MvApply { settings, items, limit, body: self.subquery() }
    }

    /// `( op | op )`: operators over the implied rows.
    fn subquery(&mut self) -> Vec<Operator> {
        let mut ops = Vec::new();
        self.expect("(");
        self.eat("|");
        if !self.at_mark(")") {
            ops.push(self.operator());
            self.operators(&mut ops);
        }
        self.expect(")");
        ops
    }

    fn partition(&mut self) -> OperatorKind {
        self.settings();
        self.expect_word("by");
        self.name("a column");
        if self.at_mark("(") {
            return OperatorKind::Partition { body: Some(self.subquery()) };
        }
        self.skip_balanced();
        OperatorKind::Partition { body: None }
    }

    fn render(&mut self) -> OperatorKind {
        let visualization = self.name("a chart kind").map(|name| name.text).unwrap_or_default();
        let mut properties = Vec::new();
        let bracketed = self.eat_word("with");
        if bracketed {
            self.expect("(");
        }
        while self.token().kind == TokenKind::Word && self.ahead_mark(1, "=") {
            let key = self.current().to_owned();
            self.at += 2;
            let start = self.span();
            let value = match self.token().kind {
                TokenKind::String => string_value(self.current()),
                _ => String::new(),
            };
            self.scalar();
            while bracketed && self.at_mark(",") && !self.ahead_mark(2, "=") {
                self.bump();
                self.scalar();
            }
            let span = self.span_from(start);
            let value = if value.is_empty() { self.text[span.start..span.end].to_owned() } else { value };
            properties.push((key, value));
            if !self.eat(",") && bracketed {
                break;
            }
        }
        if bracketed {
            self.expect(")");
        }
        OperatorKind::Render { visualization, properties }
    }

    fn range(&mut self) -> OperatorKind {
        let Some(name) = self.name("a column name") else { return OperatorKind::Known };
        self.expect_word("from");
        let start = self.scalar();
        self.expect_word("to");
        let stop = self.scalar();
        self.expect_word("step");
        OperatorKind::Range { name, start, stop, step: self.scalar() }
    }

    fn search(&mut self) -> OperatorKind {
        let settings = self.settings();
        let mut tables = Vec::new();
        if self.at_word("in") && self.ahead_mark(1, "(") {
            self.at += 2;
            tables = self.with_patterns(|parser| parser.list(Self::scalar));
            self.expect(")");
        }
        OperatorKind::Search { settings, tables, predicate: self.scalar() }
    }

    fn evaluate(&mut self) -> OperatorKind {
        self.settings();
        let call = self.scalar();
        let schema = if self.eat(":") {
            self.expect("(");
            let open = self.eat("*");
            if open {
                self.eat(",");
            }
            let mut columns = Vec::new();
            while !self.at_end() && !self.at_mark(")") {
                match self.column_decl() {
                    Some(column) => columns.push(column),
                    None => self.recover(),
                }
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")");
            Some((open, columns))
        } else {
            None
        };
        OperatorKind::Evaluate { call, schema }
    }

    fn make_series(&mut self) -> OperatorKind {
        self.settings();
        let aggregates = self.list(|parser| {
            let item = parser.assignment();
            if parser.at_word("default") && parser.ahead_mark(1, "=") {
                parser.at += 2;
                parser.scalar();
            }
            item
        });
        self.expect_word("on");
        let axis = Box::new(self.axis());
        if self.eat_word("in") {
            self.skip_range();
        }
        for word in ["from", "to", "step"] {
            if self.eat_word(word) {
                self.scalar();
            }
        }
        let by = if self.eat_word("by") { self.list(Self::assignment) } else { Vec::new() };
        OperatorKind::MakeSeries { aggregates, axis, by }
    }

    /// The axis of a series. A following `in range(…)` is not a list operator here.
    fn axis(&mut self) -> Expr {
        let start = self.span();
        if self.token().kind != TokenKind::Word || !self.ahead_mark(1, "=") {
            return self.additive();
        }
        let names = self.name("a column name").into_iter().collect();
        self.bump();
        let value = Box::new(self.additive());
        Expr { kind: ExprKind::Assign { names, tuple: false, value }, span: self.span_from(start) }
    }

    /// `range(start, stop, step)`, the older form of the series axis.
    fn skip_range(&mut self) {
        self.scalar();
    }

    fn top_nested(&mut self) -> Vec<TopNestedLevel> {
        let mut levels = Vec::new();
        loop {
            if !self.at_word("of") {
                self.scalar();
            }
            self.expect_word("of");
            let of = self.assignment();
            if self.eat_word("with") && self.expect_word("others") {
                self.expect("=");
                self.scalar();
            }
            self.expect_word("by");
            let by = self.assignment();
            if !self.eat_word("asc") {
                self.eat_word("desc");
            }
            levels.push(TopNestedLevel { of, by });
            let more = self.at_mark(",") && self.ahead_word(1, "top") && self.ahead_mark(2, "-");
            if !more {
                return levels;
            }
            self.at += 4;
        }
    }
}
