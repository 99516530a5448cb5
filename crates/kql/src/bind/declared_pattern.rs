//! `declare pattern`: queries that stand for calls with constant arguments, as `app('a').Requests`.

use std::rc::Rc;
use std::sync::Arc;

use crate::bound::{Literal, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Lambda, Name, Pattern};
use crate::syntax::codes;

use super::scope::{Binding, Env};
use super::{Binder, Bound};

/// A declared pattern, and the names its queries see.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pattern: Arc<Pattern>,
    env: Rc<Env>,
}

impl Binder<'_> {
    /// Declares a pattern. One that is only announced is completed by a later statement of its name.
    pub(super) fn declare_pattern(&mut self, pattern: &Pattern) {
        let declared = Declared { pattern: Arc::new(pattern.clone()), env: Rc::clone(&self.env) };
        self.patterns.insert(pattern.name.text.clone(), declared);
    }

    /// The query that `expr` stands for, if it is a pattern's call: `p('a')`, or `p('a').b`.
    pub(super) fn pattern_call(&mut self, expr: &Expr) -> Option<Bound> {
        if self.patterns.is_empty() {
            return None;
        }
        let (call, path) = match &expr.kind {
            ExprKind::Member { base, name } => (base.unwrapped(), Some(name)),
            _ => (expr, None),
        };
        let ExprKind::Call { base: None, name, args } = &call.kind else { return None };
        let declared = self.patterns.get(&name.text)?.clone();
        let older = self.env.restrictions().count() > declared.env.restrictions().count();
        if older && self.refused_by_restriction(&name.text, name.span) {
            return Some(Bound::Table(self.failed(expr.span)));
        }
        Some(self.pattern_case(&declared, name, args, path, expr.span))
    }

    fn pattern_case(
        &mut self,
        declared: &Declared,
        name: &Name,
        args: &[Expr],
        path: Option<&Name>,
        span: Span,
    ) -> Bound {
        let Declared { pattern, env } = declared;
        let mut values = Vec::with_capacity(args.len() + 1);
        for arg in args {
            let value = self.scalar(arg);
            if !matches!(value.kind, ScalarKind::Literal(_)) {
                let message = format!("the arguments of the pattern `{}` must be constants", name.text);
                self.errors.error(codes::NOT_CONSTANT, arg.span, message);
                return Bound::Table(self.failed(span));
            }
            values.push(value);
        }
        if args.len() != pattern.parameters.len() && !pattern.cases.is_empty() {
            let message = format!(
                "the pattern `{}` takes {} arguments, {} are given",
                name.text,
                pattern.parameters.len(),
                args.len()
            );
            self.errors.error(codes::ARGUMENT_COUNT, span, message);
            return Bound::Table(self.failed(span));
        }
        let wanted = path.map(|path| Literal::String(path.text.clone()));
        let found = pattern.cases.iter().find(|case| {
            let path = case.path.as_ref().map(constant_of);
            path == wanted.clone().map(Some)
                && case.arguments.len() == values.len()
                && case.arguments.iter().zip(&values).all(|(argument, value)| {
                    matches!(&value.kind, ScalarKind::Literal(given) if constant_of(argument).as_ref() == Some(given))
                })
        });
        let Some(case) = found else {
            let shown: String = name.text.chars().take(80).collect();
            let hint = Some("a pattern stands only for the calls that its declaration lists".to_owned());
            let message = format!("the pattern `{shown}` has no query for this call");
            self.errors.error_with_hint(codes::UNKNOWN_FUNCTION, span, message, hint);
            return Bound::Table(self.failed(span));
        };
        let path_value = path.map(|path| {
            Scalar::literal(Literal::String(path.text.clone()), bartizan_schema::KqlType::String, span)
        });
        let parameters = pattern.parameters.iter().chain(&pattern.path);
        let given = parameters
            .zip(values.into_iter().chain(path_value))
            .map(|(parameter, value)| (parameter.name.text.clone(), Binding::Scalar { value, rows: None }));
        let given = given.collect();
        let lambda = Lambda { view: false, parameters: Vec::new(), body: case.body.clone(), span };
        self.inline(&name.text, &lambda, env, given, span)
    }
}

/// A literal as it is written in a pattern's case.
fn constant_of(expr: &Expr) -> Option<Literal> {
    match &expr.unwrapped().kind {
        ExprKind::Literal(value, _) => Some(value.clone()),
        _ => None,
    }
}
