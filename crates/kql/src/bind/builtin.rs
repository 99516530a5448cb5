//! Functions that the binder takes apart, because they depend on names, options or the number of columns.

use bartizan_schema::KqlType;

use crate::bound::{Literal, PathSegment, Scalar, ScalarKind};
use crate::functions;
use crate::span::Span;
use crate::syntax::ast::Expr;
use crate::syntax::codes;

use super::naming::{item_name, result_name};
use super::{Binder, Bound, failed_scalar};

/// `set` options that `bin_auto()` reads.
const BIN_SIZE: &str = "query_bin_auto_size";
const BIN_AT: &str = "query_bin_auto_at";

impl Binder<'_> {
    /// `set name = value`: keeps the options that change what an expression means, and says so of others.
    pub(super) fn option(&mut self, name: &str, value: Option<&Expr>, span: Span) {
        if let (BIN_SIZE | BIN_AT, Some(value)) = (name, value) {
            let value = self.scalar(value);
            self.options.insert(name.to_owned(), value);
            return;
        }
        let shown: String = name.chars().take(80).collect();
        let message = format!("the option `{shown}` has no effect on this server");
        let hint = Some(format!("options that have one: {BIN_SIZE}, {BIN_AT}"));
        self.errors.warning(codes::UNSUPPORTED, span, message, hint);
    }

    /// `bin_auto(value)` is `bin_at(value, size, at)` with the options of the query.
    pub(super) fn bin_auto(&mut self, args: &[Expr], span: Span) -> Scalar {
        let [value] = args else {
            self.errors.error(codes::ARGUMENT_COUNT, span, "`bin_auto` takes one value");
            return failed_scalar(span);
        };
        let value = self.scalar(value);
        self.check_declared("bin_auto", std::slice::from_ref(&value), span);
        let mut args = vec![value];
        args.extend(self.options.get(BIN_SIZE).cloned());
        let function = match (args.len(), self.options.get(BIN_AT)) {
            (1, _) => "bin_auto",
            (_, None) => "bin",
            (_, Some(at)) => {
                args.push(at.clone());
                "bin_at"
            }
        };
        let types: Vec<KqlType> = args.iter().map(|arg| arg.ty).collect();
        let ty = functions::lookup(function).map_or(types[0], |declared| declared.result_type(&types));
        // as every bin: an int does not stay one
        let ty = if ty == KqlType::Int { KqlType::Long } else { ty };
        Scalar { kind: ScalarKind::Call { function, args }, ty, span }
    }

    /// `bag_pack_columns(a, b)` is `bag_pack` under the columns' own names.
    pub(super) fn bag_pack_columns(&mut self, args: &[Expr], span: Span) -> Scalar {
        if args.is_empty() {
            self.errors.error(codes::ARGUMENT_COUNT, span, "`bag_pack_columns` takes at least 1 column");
        }
        let mut pairs = Vec::with_capacity(args.len() * 2);
        for (at, arg) in args.iter().enumerate() {
            let name = result_name(arg).unwrap_or_else(|| format!("Column{}", at + 1));
            pairs.push(Scalar::literal(Literal::String(name), KqlType::String, span));
            pairs.push(self.scalar(arg));
        }
        let kind = ScalarKind::Call { function: "bag_pack", args: pairs };
        Scalar { kind, ty: KqlType::Dynamic, span }
    }

    /// `column_names_of(T)`: known without running anything.
    pub(super) fn column_names_of(&mut self, args: &[Expr], span: Span) -> Scalar {
        let [table] = args else {
            self.errors.error(codes::ARGUMENT_COUNT, span, "`column_names_of` takes one table");
            return failed_scalar(span);
        };
        match self.apart(|binder| binder.any(table)) {
            Bound::Table(table) => {
                let names: Vec<String> = table.columns.iter().map(|column| json_text(&column.name)).collect();
                let names = Literal::Dynamic(format!("[{}]", names.join(",")));
                Scalar::literal(names, KqlType::Dynamic, span)
            }
            Bound::Scalar(_) => {
                self.errors.error(codes::NOT_TABULAR, span, "`column_names_of` takes a table, not a value");
                failed_scalar(span)
            }
        }
    }

    /// Holds the arguments of a function that is taken apart to its declaration.
    pub(super) fn check_declared(&mut self, function: &str, args: &[Scalar], span: Span) {
        if let Some(declared) = functions::lookup(function) {
            self.check_arguments(declared, function, args, span);
        }
    }

    /// `array_sort_asc(a, b)` spreads over columns `a_sorted` and `b_sorted`; a single array is one such column.
    pub(super) fn sorted_columns(
        &mut self,
        function: &str,
        args: &[Expr],
        span: Span,
    ) -> Vec<(String, Scalar)> {
        let Some(declared) = functions::lookup(function) else { return Vec::new() };
        let bound: Vec<Scalar> = args.iter().map(|arg| self.scalar(arg)).collect();
        self.check_declared(function, &bound, span);
        let arrays = bound.iter().take_while(|arg| arg.ty != KqlType::Bool).count();
        if arrays == 0 {
            return Vec::new();
        }
        let kind = ScalarKind::Call { function: declared.function.name, args: bound };
        let call = Scalar { kind, ty: KqlType::Dynamic, span };
        let columns = args.iter().take(arrays).enumerate().map(|(at, arg)| {
            let name = format!("{}_sorted", item_name(arg).unwrap_or_else(|| format!("array{at}")));
            if arrays == 1 {
                return (name, call.clone());
            }
            let segments = vec![PathSegment::Index(at as i64)];
            let kind = ScalarKind::Path { value: Box::new(call.clone()), segments };
            (name, Scalar { kind, ty: KqlType::Dynamic, span })
        });
        columns.collect()
    }
}

/// A name as JSON has it.
fn json_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
