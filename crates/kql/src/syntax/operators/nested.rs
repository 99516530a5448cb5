//! Operators that hold operators: `mv-apply`, `partition`, `fork`, `facet`, `macro-expand`, and `scan` with
//! its steps.

use crate::syntax::ast::{
    Expr, ExprKind, ForkBranch, Operator, OperatorKind, PartitionBody, Scan, ScanOutput, ScanStep,
};
use crate::syntax::lexer::TokenKind;
use crate::syntax::parser::Parser;

impl Parser<'_> {
    pub(super) fn mv_apply(&mut self) -> OperatorKind {
        let settings = self.settings_of("mv-apply");
        let items = self.expand_items();
        let limit = self.row_limit();
        let identified = self.at_word("id") && self.ahead(1).kind != TokenKind::Punct;
        if identified {
            self.bump();
        }
        let id = identified.then(|| self.scalar());
        self.expect_word("on");
        OperatorKind::MvApply { settings, items, limit, id, body: self.subquery() }
    }

    /// `( op | op )`, or the same in braces: operators over the implied rows.
    pub(super) fn subquery(&mut self) -> Vec<Operator> {
        let close = if self.at_mark("{") { "}" } else { ")" };
        let mut ops = Vec::new();
        if !self.expect(if close == "}" { "{" } else { "(" }) {
            return ops;
        }
        self.eat("|");
        if !self.at_mark(close) {
            ops.push(self.operator());
            self.operators(&mut ops);
        }
        self.expect(close);
        ops
    }

    pub(super) fn partition(&mut self) -> OperatorKind {
        let settings = self.hints();
        self.expect_word("by");
        // a name only: `by k (…)` would read as a call
        let by = match self.name("a column") {
            Some(name) => Expr { kind: ExprKind::Name(name.text), span: name.span },
            None => Expr::error(self.span()),
        };
        let body = if self.at_mark("{") {
            self.bump();
            let script = self.script(Some("}"));
            self.expect("}");
            PartitionBody::Query(script)
        } else {
            PartitionBody::Operators(self.subquery())
        };
        OperatorKind::Partition { settings, by, body }
    }

    pub(super) fn fork(&mut self) -> OperatorKind {
        let mut branches = Vec::new();
        loop {
            let start = self.span();
            let named = self.token().kind == TokenKind::Word && self.ahead_mark(1, "=");
            let name = if named { self.name("a name") } else { None };
            if named {
                self.expect("=");
            }
            let body = self.subquery();
            branches.push(ForkBranch { name, body, span: self.span_from(start) });
            self.eat(",");
            let more = self.at_mark("(")
                || self.at_mark("{")
                || (self.token().kind == TokenKind::Word && self.ahead_mark(1, "="));
            if !more {
                return OperatorKind::Fork(branches);
            }
        }
    }

    pub(super) fn facet(&mut self) -> OperatorKind {
        self.expect_word("by");
        let by = self.list(Self::scalar);
        let body = if self.eat_word("with") { self.subquery() } else { Vec::new() };
        OperatorKind::Facet { by, body }
    }

    pub(super) fn macro_expand(&mut self) -> OperatorKind {
        let settings = self.settings_of("macro-expand");
        let group = self.scalar();
        let name = if self.eat_word("as") { self.name("a name") } else { None };
        self.expect("(");
        let body = self.deeper(|parser| parser.script(Some(")")), |_| Default::default());
        self.expect(")");
        OperatorKind::MacroExpand { settings, group, name, body }
    }

    /// `scan with_match_id=m order by t partition by k declare (n: long = 0) with (step …; …)`.
    pub(super) fn scan(&mut self) -> OperatorKind {
        let settings = self.settings_of("scan");
        let mut scan = Scan {
            settings,
            order_by: Vec::new(),
            partition_by: Vec::new(),
            declare: Vec::new(),
            steps: Vec::new(),
        };
        if self.at_word("order") && self.ahead_word(1, "by") {
            self.at += 2;
            scan.order_by = self.list(Self::sort_key);
        }
        if self.at_word("partition") && self.ahead_word(1, "by") {
            self.at += 2;
            scan.partition_by = self.list(Self::scalar);
        }
        if self.eat_word("declare") {
            scan.declare = self.parameters();
        }
        self.expect_word("with");
        self.expect("(");
        while !self.at_end() && !self.at_mark(")") {
            match self.scan_step() {
                Some(step) => scan.steps.push(step),
                None => self.recover(),
            }
            if !self.eat(";") {
                break;
            }
        }
        self.expect(")");
        OperatorKind::Scan(Box::new(scan))
    }

    fn scan_step(&mut self) -> Option<ScanStep> {
        let start = self.span();
        if !self.expect_word("step") {
            return None;
        }
        let name = self.name("the step's name")?;
        let optional = self.eat_word("optional");
        let output = if self.at_word("output") && self.ahead_mark(1, "=") {
            self.at += 2;
            self.scan_output()?
        } else {
            ScanOutput::All
        };
        if !self.expect(":") {
            return None;
        }
        let condition = self.scalar();
        let assignments = if self.eat("=>") { self.list(Self::assignment) } else { Vec::new() };
        Some(ScanStep { name, optional, output, condition, assignments, span: self.span_from(start) })
    }

    fn scan_output(&mut self) -> Option<ScanOutput> {
        let output = match self.current() {
            "all" => ScanOutput::All,
            "last" => ScanOutput::Last,
            "none" => ScanOutput::None,
            _ => {
                self.expected("`all`, `last` or `none`");
                return None;
            }
        };
        self.bump();
        Some(output)
    }
}
