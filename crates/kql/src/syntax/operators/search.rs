//! Operators over several tables: `union`, `search`, `find`.

use crate::syntax::ast::{Expr, FindColumn, FindOutput, OperatorKind};
use crate::syntax::parser::Parser;

impl Parser<'_> {
    pub(super) fn union(&mut self) -> OperatorKind {
        let settings = self.settings_of("union");
        let inputs = self.with_patterns(|parser| parser.list(Self::scalar));
        OperatorKind::Union { settings, inputs }
    }

    pub(super) fn search(&mut self) -> OperatorKind {
        let settings = self.settings_of("search");
        let tables = self.table_list();
        let outer = std::mem::replace(&mut self.search_terms, true);
        let predicate = self.scalar();
        self.search_terms = outer;
        OperatorKind::Search { settings, tables, predicate }
    }

    pub(super) fn find(&mut self) -> OperatorKind {
        let mut settings = self.settings_of("find");
        let tables = self.table_list();
        settings.extend(self.settings_of("find"));
        self.eat_word("where");
        let outer = std::mem::replace(&mut self.search_terms, true);
        let predicate = self.scalar();
        self.search_terms = outer;
        OperatorKind::Find { settings, tables, predicate, output: self.find_output() }
    }

    /// `in (A, B*, (C | take 1))`, if it stands here.
    fn table_list(&mut self) -> Vec<Expr> {
        if !(self.at_word("in") && self.ahead_mark(1, "(")) {
            return Vec::new();
        }
        self.skip(2);
        let tables = self.with_patterns(|parser| parser.list(Self::scalar));
        self.expect(")");
        tables
    }

    fn find_output(&mut self) -> FindOutput {
        if !self.at_word("project") {
            return FindOutput::Smart;
        }
        let hyphenated = self.ahead_mark(1, "-");
        let what = if hyphenated { self.text_of(self.ahead(2)) } else { "" };
        self.skip(if hyphenated { 3 } else { 1 });
        match what {
            "smart" => FindOutput::Smart,
            "away" => {
                let (columns, pack) = self.find_columns();
                FindOutput::ProjectAway { columns, pack }
            }
            "" => {
                let (columns, pack) = self.find_columns();
                FindOutput::Project { columns, pack }
            }
            _ => {
                self.expected("`project`, `project-smart` or `project-away`");
                FindOutput::Smart
            }
        }
    }

    /// `a, b: long, pack(*)`.
    fn find_columns(&mut self) -> (Vec<FindColumn>, bool) {
        let mut pack = false;
        let columns = self.list(|parser| {
            if parser.at_word("pack") && parser.ahead_mark(1, "(") {
                parser.skip(2);
                parser.expect("*");
                parser.expect(")");
                pack = true;
                return None;
            }
            if parser.eat("*") {
                return None;
            }
            let name = parser.name("a column name")?;
            let ty = if parser.eat(":") { parser.type_name() } else { None };
            Some(FindColumn { name, ty })
        });
        (columns.into_iter().flatten().collect(), pack)
    }
}
