//! Statements, `let` functions, parameter lists and column declarations.

use std::sync::Arc;

use bartizan_schema::KqlType;

use crate::span::Span;
use crate::syntax::ast::{
    ColumnDecl, Expr, Lambda, LetValue, Parameter, ParameterType, Pattern, PatternCase, Script, Statement,
};
use crate::syntax::codes;
use crate::syntax::lexer::TokenKind;
use crate::syntax::parser::Parser;

impl Parser<'_> {
    /// Statements up to `close` (a function body's brace) or the end.
    pub(super) fn script(&mut self, close: Option<&str>) -> Script {
        let mut script = Script::default();
        loop {
            if self.at_mark(";") {
                // one ends a statement, and another one has none to end
                self.expected("a statement");
                while self.eat(";") {}
            }
            if self.at_end() || close.is_some_and(|mark| self.at_mark(mark)) {
                return script;
            }
            let before = self.at;
            let statement = self.statement();
            script.statements.push(statement);
            if self.at_end() || close.is_some_and(|mark| self.at_mark(mark)) {
                return script;
            }
            if !self.eat(";") {
                self.expected("`;`, `|` or the end of the query");
                self.recover();
                self.eat(";");
                if self.at == before {
                    self.bump();
                }
            }
        }
    }

    fn statement(&mut self) -> Statement {
        let start = self.span();
        if self.at_word("let") && (self.ahead(1).kind == TokenKind::Word || self.ahead_mark(1, "[")) {
            return self.let_statement();
        }
        if self.at_word("declare") && self.ahead_word(1, "query_parameters") {
            self.at += 2;
            return Statement::Parameters(self.parameters());
        }
        let next = self.ahead(1).kind == TokenKind::Word;
        let directive = match self.current() {
            "set" if next => Some(Self::set_statement as fn(&mut Self) -> Option<Statement>),
            "alias" if self.ahead_word(1, "database") => Some(Self::alias_statement as _),
            "restrict" if self.ahead_word(1, "access") => Some(Self::restrict_statement as _),
            "declare" if self.ahead_word(1, "pattern") => Some(Self::pattern_statement as _),
            _ => None,
        };
        if let Some(directive) = directive.filter(|_| self.token().kind == TokenKind::Word) {
            return directive(self).unwrap_or_else(|| {
                self.recover();
                Statement::Error(self.span_from(start))
            });
        }
        Statement::Expr(self.expression())
    }

    fn let_statement(&mut self) -> Statement {
        self.bump();
        self.refuse_reserved(|word| !matches!(word, "true" | "false"));
        let Some(name) = self.new_value_name("a name") else {
            self.recover();
            return Statement::Error(self.span());
        };
        self.expect("=");
        let view = self.at_word("view") && self.ahead_mark(1, "(");
        if view {
            self.bump();
        }
        let value = if view || self.at_lambda() {
            LetValue::Function(Arc::new(self.lambda(view)))
        } else {
            LetValue::Expr(self.expression())
        };
        Statement::Let { name, value }
    }

    /// `set name` and `set name = value`.
    fn set_statement(&mut self) -> Option<Statement> {
        self.bump();
        let name = self.name("the name of an option")?;
        let value = self.eat("=").then(|| self.scalar());
        Some(Statement::Set { name, value })
    }

    /// `alias database name = cluster('x').database('y')`.
    fn alias_statement(&mut self) -> Option<Statement> {
        self.at += 2;
        let name = self.name("a name")?;
        self.expect("=");
        Some(Statement::Alias { name, database: self.scalar() })
    }

    /// `restrict access to (T, database('x').*)`.
    fn restrict_statement(&mut self) -> Option<Statement> {
        let start = self.span();
        self.at += 2;
        if !self.expect_word("to") || !self.expect("(") {
            return None;
        }
        let entities = self.with_patterns(|parser| parser.list(Self::scalar));
        self.expect(")");
        Some(Statement::Restrict { entities, span: self.span_from(start) })
    }

    /// `declare pattern app = (id: string)[scope: string] { ('a').['b'] = { T }; }`, or the name alone.
    fn pattern_statement(&mut self) -> Option<Statement> {
        let start = self.span();
        self.at += 2;
        let name = self.name("the pattern's name")?;
        let mut pattern =
            Pattern { name, parameters: Vec::new(), path: None, cases: Vec::new(), span: start };
        if self.eat("=") {
            pattern.parameters = self.parameters();
            if self.eat("[") {
                pattern.path = self.parameter();
                self.expect("]");
            }
            self.expect("{");
            while !self.at_end() && !self.at_mark("}") {
                pattern.cases.push(self.pattern_case()?);
                self.eat(";");
            }
            self.expect("}");
        }
        pattern.span = self.span_from(start);
        Some(Statement::Pattern(pattern))
    }

    fn pattern_case(&mut self) -> Option<PatternCase> {
        self.expect("(").then_some(())?;
        let arguments = self.list(Self::scalar);
        self.expect(")");
        let path = self.eat(".").then(|| {
            self.expect("[");
            let path = self.scalar();
            self.expect("]");
            path
        });
        self.expect("=");
        self.expect("{").then_some(())?;
        let body = self.deeper(|parser| parser.script(Some("}")), |_| Script::default());
        self.expect("}");
        Some(PatternCase { arguments, path, body })
    }

    /// `() {`, `(x: type …` and `(T: (…`: a parenthesis that opens a parameter list.
    fn at_lambda(&self) -> bool {
        if !self.at_mark("(") {
            return false;
        }
        if self.ahead_mark(1, ")") {
            return self.ahead_mark(2, "{");
        }
        self.ahead(1).kind == TokenKind::Word && self.ahead_mark(2, ":")
            || self.bracketed(1).is_some_and(|length| self.ahead_mark(1 + length, ":"))
    }

    fn lambda(&mut self, view: bool) -> Lambda {
        let start = self.span();
        self.deeper(
            |parser| {
                let parameters = parser.parameters();
                parser.expect("{");
                let body = parser.script(Some("}"));
                parser.expect("}");
                Lambda { view, parameters, body, span: parser.span_from(start) }
            },
            |span| Lambda { view, parameters: Vec::new(), body: Script::default(), span },
        )
    }

    /// `(x: long = 1, T: (a: string, *))`, with the parentheses.
    pub(super) fn parameters(&mut self) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        self.expect("(");
        while !self.at_end() && !self.at_mark(")") {
            match self.parameter() {
                Some(parameter) => parameters.push(parameter),
                None => self.recover(),
            }
            if !self.eat(",") {
                break;
            }
            if self.at_mark(")") {
                self.expected("a parameter name");
            }
        }
        self.expect(")");
        parameters
    }

    fn parameter(&mut self) -> Option<Parameter> {
        let name = self.new_name("a parameter name")?;
        if !self.expect(":") {
            return None;
        }
        let ty = if self.eat("(") {
            let mut columns = Vec::new();
            let mut open = false;
            while !self.at_end() && !self.at_mark(")") {
                if self.eat("*") {
                    open = true;
                } else {
                    columns.push(self.column_decl()?);
                }
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")");
            ParameterType::Tabular { columns, open }
        } else {
            ParameterType::Scalar(self.type_name()?)
        };
        let default = self.eat("=").then(|| self.scalar());
        Some(Parameter { name, ty, default })
    }

    /// A type's name.
    pub(super) fn type_name(&mut self) -> Option<KqlType> {
        let span = self.span();
        if self.token().kind != TokenKind::Word {
            self.expected("a type");
            return None;
        }
        let text = self.current();
        self.bump();
        match text.parse() {
            Ok(ty) => Some(ty),
            Err(_) => {
                let hint = "the types are bool, int, long, real, decimal, string, datetime, timespan, guid and dynamic";
                let message = format!("`{}` is not a type", text.chars().take(40).collect::<String>());
                self.errors.error_with_hint(codes::UNKNOWN_TYPE, span, message, Some(hint.to_owned()));
                None
            }
        }
    }

    pub(super) fn column_decl(&mut self) -> Option<ColumnDecl> {
        let name = self.new_name("a column name")?;
        self.expect(":");
        Some(ColumnDecl { name, ty: self.type_name()? })
    }

    /// `(a: string, b: long)`, with the parentheses.
    pub(super) fn columns(&mut self) -> Vec<ColumnDecl> {
        let mut columns = Vec::new();
        self.expect("(");
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
        columns
    }

    /// An error node for the token here, which is reported and left in place.
    pub(super) fn missing(&mut self, what: &str) -> Expr {
        self.expected(what);
        let at = self.span().start;
        Expr::error(Span::new(at, at))
    }
}
