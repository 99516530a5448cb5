//! Statements: `let` values, functions with parameters, query parameters, and the query itself.

use std::rc::Rc;
use std::sync::Arc;

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Lambda, LetValue, Parameter, ParameterType, Script, Statement};
use crate::syntax::{Errors, codes};

use super::scope::{Binding, Env, RowScope, Table};
use super::{Binder, Bound, CALLS_MAX, failed_scalar};

impl Binder<'_> {
    /// Binds a whole query: declares its names, then binds the last expression.
    pub(super) fn query(&mut self, script: &Script) -> Option<Table> {
        let Some(Statement::Expr(last)) = self.declarations(script) else {
            let end = script.statements.iter().map(statement_end).max().unwrap_or(0);
            let hint = Some("end with an expression, like the name of a table".to_owned());
            self.errors.error_with_hint(
                codes::NO_QUERY,
                Span::new(end, end),
                "this declares names, but asks nothing",
                hint,
            );
            return None;
        };
        Some(self.statement(last))
    }

    /// Declares the names of a script and gives back the statement whose value it has.
    pub(super) fn declarations<'s>(&mut self, script: &'s Script) -> Option<&'s Statement> {
        let mut last: Option<&Statement> = None;
        for statement in &script.statements {
            match statement {
                Statement::Let { name, value: LetValue::Function(lambda) } => {
                    let binding = Binding::Function { lambda: Arc::clone(lambda), env: Rc::clone(&self.env) };
                    self.env.declare(&name.text, binding);
                    self.probe_lambda(&name.text, lambda);
                }
                Statement::Let { name, value: LetValue::Expr(value) } => {
                    let binding = self.let_value(value);
                    self.env.declare(&name.text, binding);
                }
                Statement::Parameters(parameters) => self.query_parameters(parameters),
                Statement::Set { name, value } => self.option(&name.text, value.as_ref(), name.span),
                Statement::Alias { name, database } => {
                    self.aliases.insert(name.text.clone(), database.clone());
                }
                Statement::Restrict { entities, .. } => self.restrict(entities),
                Statement::Pattern(pattern) => self.declare_pattern(pattern),
                Statement::Error(_) => {}
                Statement::Expr(_) => {
                    if let Some(Statement::Expr(earlier)) = last {
                        self.earlier_statement(earlier);
                    }
                    last = Some(statement);
                }
            }
        }
        last
    }

    fn let_value(&mut self, value: &Expr) -> Binding {
        match self.any(value) {
            Bound::Scalar(value) => self.scalar_binding(value),
            Bound::Table(table) => Binding::Table(table),
        }
    }

    /// A scalar binding that remembers which rows it reads.
    fn scalar_binding(&self, value: Scalar) -> Binding {
        let rows = reads_columns(&value).then(|| self.row().id);
        Binding::Scalar { value, rows }
    }

    /// `declare query_parameters`: the caller's value, or the default.
    fn query_parameters(&mut self, parameters: &[Parameter]) {
        for parameter in parameters {
            let given = self.parameters.get(&parameter.name.text);
            let value = match (given, &parameter.default) {
                (Some(given), _) => self.given_parameter(parameter, given),
                (None, Some(default)) => convert(self.scalar(default), &parameter.ty),
                (None, None) if self.allow_unset => self.unset_parameter(parameter),
                (None, None) => {
                    let message =
                        format!("query parameter `{}` has no value and no default", parameter.name.text);
                    self.errors.error(codes::ARGUMENT_COUNT, parameter.name.span, message);
                    failed_scalar(parameter.name.span)
                }
            };
            self.env.declare(&parameter.name.text, Binding::Scalar { value, rows: None });
        }
    }

    /// Null of the parameter's type: an empty text for a string.
    fn unset_parameter(&mut self, parameter: &Parameter) -> Scalar {
        let span = parameter.name.span;
        let ParameterType::Scalar(ty) = parameter.ty else {
            self.errors.error(codes::ARGUMENT_TYPE, span, "a query parameter is a value, not a table");
            return failed_scalar(span);
        };
        self.unset.push(ColumnSchema { name: parameter.name.text.clone(), ty });
        let null = if ty == KqlType::String { Literal::String(String::new()) } else { Literal::Null };
        Scalar::literal(null, ty, span)
    }

    /// A caller's value: a literal as the language writes it, or plain text for a string.
    fn given_parameter(&mut self, parameter: &Parameter, given: &str) -> Scalar {
        let span = parameter.name.span;
        let ParameterType::Scalar(ty) = parameter.ty else {
            self.errors.error(codes::ARGUMENT_TYPE, span, "a query parameter is a value, not a table");
            return failed_scalar(span);
        };
        let mut found = Errors::default();
        let script = crate::syntax::parse(given, &mut found);
        let written = match script.statements.as_slice() {
            [Statement::Expr(expr)] if !found.any() => constant(expr),
            _ => None,
        };
        let number = |ty| matches!(ty, KqlType::Int | KqlType::Long | KqlType::Real | KqlType::Decimal);
        match written {
            Some((value, from)) if from == ty || (number(from) && number(ty)) => {
                super::scalar::converted(Scalar::literal(value, from, span), ty)
            }
            _ if ty == KqlType::String => Scalar::literal(Literal::String(given.to_owned()), ty, span),
            _ => {
                let message = format!("the value given for `{}` is no {ty}", parameter.name.text);
                let hint =
                    Some("write it as a literal of the language, like `datetime(2026-01-31)`".to_owned());
                self.errors.error_with_hint(codes::ARGUMENT_TYPE, span, message, hint);
                failed_scalar(span)
            }
        }
    }

    /// Puts a function in at a call.
    pub(super) fn call_lambda(
        &mut self,
        name: &str,
        lambda: &Lambda,
        env: &Rc<Env>,
        args: &[Expr],
        span: Span,
    ) -> Bound {
        let given = self.lambda_arguments(name, lambda, args, None, span);
        self.inline(name, lambda, env, given, span)
    }

    /// Puts a function in at `invoke`, with the rows so far as its first argument.
    pub(super) fn invoke_lambda(
        &mut self,
        name: &str,
        lambda: &Lambda,
        env: &Rc<Env>,
        input: Table,
        args: &[Expr],
        span: Span,
    ) -> Bound {
        let given = self.lambda_arguments(name, lambda, args, Some(input), span);
        self.inline(name, lambda, env, given, span)
    }

    pub(super) fn inline(
        &mut self,
        name: &str,
        lambda: &Lambda,
        env: &Rc<Env>,
        given: Vec<(String, Binding)>,
        span: Span,
    ) -> Bound {
        let identity = std::ptr::from_ref(lambda);
        if self.is_recursive(name, identity, span) {
            return Bound::Table(self.failed(span));
        }
        let inner = Env::inside(env);
        for (name, binding) in given {
            inner.declare(&name, binding);
        }
        let outer = std::mem::replace(&mut self.env, inner);
        self.calls.push(identity);
        let scope = RowScope::hidden(self.row().id);
        let aggregates = self.aggregates.take();
        let numbered = std::mem::take(&mut self.numbered);
        let is_saved = self.saved.get(name).is_some_and(|saved| std::ptr::eq(saved.as_ref(), lambda));
        let around = self.errors.saved();
        let inside = match &around {
            None if is_saved => Some((name.to_owned(), span)),
            _ => around.clone(),
        };
        self.errors.inside_saved(inside);
        // places inside a saved function are not places of the query
        let probe = if is_saved { self.probe.take() } else { None };
        let result = self.within(scope, |binder| match binder.declarations(&lambda.body) {
            Some(Statement::Expr(value)) => binder.any(value),
            _ => {
                let message = format!("function `{name}` has no result");
                binder.errors.error(codes::NO_QUERY, span, message);
                Bound::Table(binder.failed(span))
            }
        });
        self.aggregates = aggregates;
        self.errors.inside_saved(around);
        self.numbered = numbered;
        self.probe = probe.or(self.probe.take());
        self.calls.pop();
        self.env = outer;
        result
    }

    /// Whether a function cannot be put in once more, which is reported.
    fn is_recursive(&mut self, name: &str, identity: *const Lambda, span: Span) -> bool {
        let recursive = self.calls.contains(&identity);
        if !recursive && self.calls.len() < CALLS_MAX && self.charge(1, span) {
            return false;
        }
        let message = if recursive {
            format!("function `{name}` calls itself")
        } else {
            format!("more than {CALLS_MAX} function calls one inside the other")
        };
        self.errors.error(codes::RECURSION, span, message);
        true
    }

    /// The value of a parameter that is not given. It may call functions, and not the one it is for.
    fn default_argument(&mut self, function: &str, lambda: &Lambda, default: &Expr, span: Span) -> Scalar {
        let identity = std::ptr::from_ref(lambda);
        if self.is_recursive(function, identity, span) {
            return failed_scalar(span);
        }
        self.calls.push(identity);
        let value = self.apart(|binder| binder.scalar(default));
        self.calls.pop();
        value
    }

    fn lambda_arguments(
        &mut self,
        function: &str,
        lambda: &Lambda,
        args: &[Expr],
        first: Option<Table>,
        span: Span,
    ) -> Vec<(String, Binding)> {
        let parameters = &lambda.parameters;
        let mut given: Vec<Option<Binding>> = vec![None; parameters.len()];
        let mut next = 0;
        if let (Some(table), Some(slot)) = (first, given.first_mut()) {
            *slot = Some(Binding::Table(table));
            next = 1;
        }
        for arg in args {
            let (at, value) = match &arg.kind {
                ExprKind::Assign { names, value, .. } if names.len() == 1 => (
                    parameters.iter().position(|parameter| parameter.name.text == names[0].text),
                    value.as_ref(),
                ),
                _ => {
                    let at = given.iter().enumerate().position(|(at, slot)| at >= next && slot.is_none());
                    next = at.map_or(next, |at| at + 1);
                    (at, arg)
                }
            };
            match at {
                Some(at) => given[at] = Some(self.lambda_argument(&parameters[at], value)),
                None => {
                    let message = format!("function `{function}` takes no such argument");
                    self.errors.error(codes::ARGUMENT_COUNT, arg.span, message);
                }
            }
        }
        let mut bindings = Vec::with_capacity(parameters.len());
        for (parameter, slot) in parameters.iter().zip(given) {
            let binding = match (slot, &parameter.default) {
                (Some(binding), _) => binding,
                (None, Some(default)) => {
                    let value = self.default_argument(function, lambda, default, span);
                    Binding::Scalar { value: convert(value, &parameter.ty), rows: None }
                }
                (None, None) => {
                    let message =
                        format!("function `{function}` needs the argument `{}`", parameter.name.text);
                    self.errors.error(codes::ARGUMENT_COUNT, span, message);
                    continue;
                }
            };
            bindings.push((parameter.name.text.clone(), binding));
        }
        bindings
    }

    fn lambda_argument(&mut self, parameter: &Parameter, arg: &Expr) -> Binding {
        match &parameter.ty {
            ParameterType::Tabular { columns, open } => {
                let table = self.table(arg);
                self.check_columns(
                    &table,
                    columns.iter().map(|column| (column.name.text.as_str(), column.ty)),
                    *open,
                    arg.span,
                );
                Binding::Table(table)
            }
            ty @ ParameterType::Scalar(_) => {
                let value = self.scalar(arg);
                self.scalar_binding(convert(value, ty))
            }
        }
    }

    fn check_columns<'c>(
        &mut self,
        table: &Table,
        wanted: impl Iterator<Item = (&'c str, KqlType)>,
        _open: bool,
        span: Span,
    ) {
        for (name, _) in wanted {
            let found =
                table.open || table.columns.iter().any(|ColumnSchema { name: column, .. }| column == name);
            let aliased = table.time_alias && matches!(name, "Timestamp" | "TimeGenerated");
            if !found && !aliased {
                let message =
                    format!("the table given here has no column `{name}`, which the function needs");
                self.errors.error(codes::UNKNOWN_COLUMN, span, message);
            }
        }
    }
}

/// A literal, with a sign if it has one.
fn constant(expr: &Expr) -> Option<(Literal, KqlType)> {
    match &expr.unwrapped().kind {
        ExprKind::Literal(value, ty) => Some((value.clone(), *ty)),
        ExprKind::Negate(inner) => match constant(inner)? {
            (Literal::Long(value), ty) => Some((Literal::Long(value.checked_neg()?), ty)),
            (Literal::Real(value), ty) => Some((Literal::Real(-value), ty)),
            _ => None,
        },
        ExprKind::Plus(inner) => constant(inner),
        _ => None,
    }
}

/// The value as its parameter's type.
fn convert(value: Scalar, ty: &ParameterType) -> Scalar {
    match ty {
        ParameterType::Scalar(ty) => super::scalar::converted(value, *ty),
        ParameterType::Tabular { .. } => value,
    }
}

/// Whether a value depends on the row it is worked out for.
pub(super) fn reads_columns(value: &Scalar) -> bool {
    match &value.kind {
        ScalarKind::Literal(_) | ScalarKind::ToScalar(_) => false,
        ScalarKind::Column(_) => true,
        ScalarKind::Call { function, args } => {
            matches!(*function, "row_number" | "ingestion_time") || args.iter().any(reads_columns)
        }
        ScalarKind::Path { value, .. } | ScalarKind::InRelation { value, .. } => reads_columns(value),
    }
}

fn statement_end(statement: &Statement) -> usize {
    match statement {
        Statement::Let { name, value: LetValue::Expr(value) } => value.span.end.max(name.span.end),
        Statement::Let { value: LetValue::Function(lambda), .. } => lambda.span.end,
        Statement::Parameters(parameters) => parameters.last().map_or(0, |parameter| parameter.name.span.end),
        Statement::Expr(value) => value.span.end,
        Statement::Set { name, value } => value.as_ref().map_or(name.span.end, |value| value.span.end),
        Statement::Alias { database, .. } => database.span.end,
        Statement::Pattern(pattern) => pattern.span.end,
        Statement::Restrict { span, .. } | Statement::Error(span) => span.end,
    }
}
