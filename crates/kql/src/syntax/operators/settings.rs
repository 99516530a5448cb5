//! Settings: `name=value` right behind an operator's name, and property lists behind `with`.

use crate::operators::{self, Setting as Declared};
use crate::syntax::ast::{Expr, ExprKind, Name, Setting, SettingValue};
use crate::syntax::lexer::TokenKind;
use crate::syntax::parser::Parser;

impl Parser<'_> {
    /// Hints only: every operator takes them, none of them changes a result.
    pub(super) fn hints(&mut self) -> Vec<Setting> {
        self.settings(&[])
    }

    /// The settings that `operator` is declared with.
    pub(super) fn settings_of(&mut self, operator: &str) -> Vec<Setting> {
        self.settings(operators::lookup(operator).map_or(&[], |operator| operator.settings))
    }

    /// `kind=inner hint.strategy = shuffle …`. Only the `known` names are settings: a list of columns may
    /// begin with `x = …` as well.
    fn settings(&mut self, known: &[Declared]) -> Vec<Setting> {
        let mut settings = Vec::new();
        loop {
            let start = self.span();
            let word = self.current();
            if self.token().kind != TokenKind::Word {
                return settings;
            }
            let hinted = word == "hint" && self.ahead_mark(1, ".") && self.ahead_mark(3, "=");
            let plain = known.iter().any(|setting| setting.name == word) && self.ahead_mark(1, "=");
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

    /// `with (a = 1, b = 'x')`, if it stands here.
    pub(in crate::syntax) fn with_properties(&mut self) -> Vec<Setting> {
        let mut properties = Vec::new();
        if !self.eat_word("with") || !self.expect("(") {
            return properties;
        }
        while !self.at_end() && !self.at_mark(")") {
            properties.extend(self.property());
            if !self.eat(",") {
                break;
            }
            if self.at_mark(")") {
                self.expected("the name of a property");
            }
        }
        self.expect(")");
        properties
    }

    /// `name = value` of a property list.
    pub(super) fn property(&mut self) -> Option<Setting> {
        let name = self.name("the name of a property")?;
        self.expect("=");
        Some(Setting { name, value: self.setting_value() })
    }

    fn setting_value(&mut self) -> SettingValue {
        // `kind=inner (T)` is no call
        let plain = self.token().kind == TokenKind::Word && !self.at_word("dynamic");
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
            TokenKind::Punct if self.at_mark("-") => self.signed(),
            TokenKind::End | TokenKind::Punct => self.missing("a value"),
            _ => self.primary(),
        }
    }
}
