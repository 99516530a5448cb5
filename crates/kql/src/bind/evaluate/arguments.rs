//! The arguments of a plugin: put to its parameters, then bound as columns, constants or tables.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Named, Scalar, ScalarKind};
use crate::functions::{ArgumentKind, Plugin};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::codes;

use super::super::lets::reads_columns;
use super::super::naming::{Names, result_name};
use super::super::scalar::converted;
use super::super::scope::Table;
use super::super::{Binder, is_null};
use super::Invocation;

/// Expressions by the parameter they are given for.
pub(super) struct Arguments<'a> {
    plugin: &'static Plugin,
    slots: Vec<(&'static str, &'a Expr)>,
    /// Those for the repeated parameter, in order.
    pub(super) rest: Vec<&'a Expr>,
    span: Span,
}

impl<'a> Arguments<'a> {
    /// The expression given for a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&'a Expr> {
        self.slots.iter().find(|(slot, _)| slot.eq_ignore_ascii_case(name)).map(|(_, expr)| *expr)
    }
}

/// The columns of the input that a plugin works with, each projected once.
pub(super) struct Picked {
    pub(super) input: Table,
    items: Vec<Named>,
    names: Names,
}

impl Picked {
    pub(super) fn of(input: Table) -> Self {
        Self { input, items: Vec::new(), names: Names::default() }
    }

    /// Adds a column; the reference to it is what the plugin gets as its argument.
    pub(super) fn add(&mut self, value: Scalar, name: &str) -> Scalar {
        let (ty, span) = (value.ty, value.span);
        self.items.push(Named { name: self.names.unique(name), value });
        Scalar::column(self.items.len() - 1, ty, span)
    }
}

impl Binder<'_> {
    /// Puts the arguments of a call to the plugin's parameters.
    pub(super) fn arranged<'a>(&mut self, call: &Invocation<'a>) -> Option<Arguments<'a>> {
        let parameters: Vec<_> = call.plugin.parameters().collect();
        let repeats = parameters.iter().any(|parameter| parameter.repeated);
        let mut places = parameters.iter().filter(|parameter| !parameter.repeated);
        let mut arguments =
            Arguments { plugin: call.plugin, slots: Vec::new(), rest: Vec::new(), span: call.span };
        // a parameter that stands behind the repeated one is given by name or in the last place
        let last = parameters.last().filter(|last| repeats && !last.repeated);
        for (at, arg) in call.args.iter().enumerate() {
            let named = match &arg.kind {
                ExprKind::Assign { names, value, .. } if names.len() == 1 => parameters
                    .iter()
                    .find(|parameter| parameter.name.eq_ignore_ascii_case(&names[0].text))
                    .map(|parameter| (parameter.name, value.as_ref())),
                _ => None,
            };
            if let Some((name, value)) = named {
                arguments.slots.push((name, value));
                continue;
            }
            let mut next = places.clone();
            let free = next.find(|parameter| {
                arguments.get(parameter.name).is_none() && Some(parameter.name) != last.map(|last| last.name)
            });
            match free {
                Some(parameter) => {
                    places = next;
                    arguments.slots.push((parameter.name, arg));
                }
                None => match last {
                    Some(last) if at + 1 == call.args.len() && self.is_for(last.kind, arg) => {
                        arguments.slots.push((last.name, arg));
                    }
                    _ if repeats => arguments.rest.push(arg),
                    _ => {
                        self.argument_count(&arguments, call.args.len());
                        return None;
                    }
                },
            }
        }
        let missing = parameters
            .iter()
            .find(|parameter| !parameter.optional && arguments.get(parameter.name).is_none());
        if missing.is_some() {
            self.argument_count(&arguments, call.args.len());
            return None;
        }
        Some(arguments)
    }

    /// Whether the last argument is meant for the parameter behind the repeated one.
    fn is_for(&self, kind: &str, arg: &Expr) -> bool {
        match (&arg.unwrapped().kind, kind) {
            (ExprKind::Literal(Literal::Bool(_), _), "bool") => true,
            (ExprKind::Pipe { .. } | ExprKind::Datatable { .. }, "table") => true,
            (ExprKind::Name(name), "table") => {
                matches!(self.env.find(name), Some(super::super::scope::Binding::Table(_)))
            }
            _ => false,
        }
    }

    fn argument_count(&mut self, arguments: &Arguments<'_>, given: usize) {
        let plugin = arguments.plugin;
        let message = format!("`evaluate {}` cannot take the {given} arguments given here", plugin.name);
        let hint = Some(format!("{}{}", plugin.name, plugin.signature));
        self.errors.error_with_hint(codes::ARGUMENT_COUNT, arguments.span, message, hint);
    }

    /// Reports an argument of the wrong kind.
    pub(super) fn wrong_argument(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        is: &str,
        must: &str,
        span: Span,
    ) {
        let message =
            format!("argument `{name}` of `evaluate {}` is {is}, it must be {must}", arguments.plugin.name);
        self.errors.error(codes::ARGUMENT_TYPE, span, message);
    }

    /// A required argument that is a column of `input`, or an expression over its columns.
    pub(super) fn plugin_column(
        &mut self,
        input: &Table,
        arguments: &Arguments<'_>,
        name: &str,
    ) -> Option<(Scalar, String)> {
        let expr = arguments.get(name)?;
        self.column_argument(input, arguments, name, expr)
    }

    /// The value and the name of a column argument.
    pub(super) fn column_argument(
        &mut self,
        input: &Table,
        arguments: &Arguments<'_>,
        name: &str,
        expr: &Expr,
    ) -> Option<(Scalar, String)> {
        let (own, expr) = match &expr.kind {
            ExprKind::Assign { names, value, .. } => {
                (names.first().map(|name| name.text.clone()), value.as_ref())
            }
            _ => (result_name(expr), expr),
        };
        let before = self.errors.error_count();
        let value = self.over(input, |binder| binder.scalar(expr));
        if self.errors.error_count() > before {
            return None;
        }
        if !(reads_columns(&value) || input.open && is_null(&value)) {
            self.wrong_argument(arguments, name, "a constant", "a column", expr.span);
            return None;
        }
        Some((value, own.unwrap_or_else(|| name.to_owned())))
    }

    /// A constant of the given kind, or the default where it is left out.
    pub(super) fn plugin_constant(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        kind: ArgumentKind,
        default: Option<Scalar>,
    ) -> Option<Scalar> {
        match arguments.get(name) {
            Some(expr) => self.constant_argument(arguments, name, expr, kind),
            None => default,
        }
    }

    /// A constant argument.
    pub(super) fn constant_argument(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        expr: &Expr,
        kind: ArgumentKind,
    ) -> Option<Scalar> {
        let before = self.errors.error_count();
        let value = self.apart(|binder| binder.scalar(expr));
        if self.errors.error_count() > before {
            return None;
        }
        if !kind.accepts(value.ty) {
            self.wrong_argument(arguments, name, value.ty.name(), kind.describe(), expr.span);
            return None;
        }
        Some(match kind {
            ArgumentKind::Exactly(ty) => converted(value, ty),
            _ => value,
        })
    }

    /// A constant that has to be written out, because columns depend on it.
    pub(super) fn literal_argument(
        &mut self,
        arguments: &Arguments<'_>,
        name: &str,
        ty: KqlType,
    ) -> Option<Option<Literal>> {
        let Some(value) = self.plugin_constant(arguments, name, ArgumentKind::Exactly(ty), None) else {
            return arguments.get(name).is_none().then_some(None);
        };
        match value.kind {
            ScalarKind::Literal(literal) => Some(Some(literal)),
            _ => {
                let message = format!("argument `{name}` must be written as a constant");
                self.errors.error(codes::NOT_CONSTANT, value.span, message);
                None
            }
        }
    }

    /// The table of a lookup, and the column of it that holds the keys.
    pub(super) fn lookup_table(&mut self, arguments: &Arguments<'_>) -> Option<(Table, Scalar)> {
        let table = self.table(arguments.get("lookup")?);
        let (key, _) = self.plugin_column(&table, arguments, "key")?;
        match key.kind {
            ScalarKind::Column(_) => Some((table, key)),
            _ => {
                let must = "a column of the lookup table";
                self.wrong_argument(arguments, "key", "an expression", must, key.span);
                None
            }
        }
    }

    /// A projection to the picked columns.
    pub(super) fn picked(&mut self, picked: Picked, span: Span) -> Table {
        self.project(picked.input, picked.items, span)
    }

    /// The dimensions of a call: columns that slice its result, under their own names.
    pub(super) fn dimensions(
        &mut self,
        arguments: &Arguments<'_>,
        exprs: &[&Expr],
        picked: &mut Picked,
    ) -> Option<(Vec<Scalar>, Vec<ColumnSchema>)> {
        let (mut values, mut columns) = (Vec::new(), Vec::new());
        for expr in exprs {
            let (value, name) = self.column_argument(&picked.input.clone(), arguments, "dimensions", expr)?;
            self.refuse_dynamic_key(&value, "a group key");
            columns.push(ColumnSchema { name: name.clone(), ty: value.ty });
            values.push(picked.add(value, &name));
        }
        Some((values, columns))
    }
}

/// A constant of the binder's own making.
pub(super) fn constant(value: Literal, ty: KqlType) -> Scalar {
    Scalar::literal(value, ty, Span::default())
}
