//! Function calls: the language's own functions, `let` functions, and saved functions of the catalog.

use std::rc::Rc;
use std::sync::Arc;

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Literal, Rel, Scalar, ScalarKind};
use crate::functions::{self, ArgumentKind, Declared};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Lambda, Name};
use crate::syntax::{codes, parse_function};

use super::scalar::converted;
use super::scope::{Binding, Env, Table};
use super::several::{column_of_several, several_columns};
use super::types::common;
use super::{Binder, Bound, failed_scalar};

/// The standard column with the time at which a row was accepted.
const RECEIVED: &str = "_TimeReceived";

impl Binder<'_> {
    pub(super) fn call(&mut self, base: Option<&Expr>, name: &Name, args: &[Expr], span: Span) -> Bound {
        if base.is_some() {
            let message = "queries over other clusters and workspaces are not supported";
            self.errors.error(codes::UNSUPPORTED, span, message);
            return Bound::Table(self.failed(span));
        }
        match self.env.find(&name.text) {
            Some(Binding::Function { lambda, env }) => {
                return self.call_lambda(&name.text, &lambda, &env, args, span);
            }
            // `let T = …; T()` is accepted for a table without parameters
            Some(Binding::Table(table)) if args.is_empty() => return Bound::Table(table),
            _ => {}
        }
        match name.text.as_str() {
            "toscalar" => return Bound::Scalar(self.scalar_of_table(args, span)),
            "materialize" | "materialized_view" | "view" => {
                return Bound::Table(self.materialize(args, span));
            }
            "table" => return Bound::Table(self.table_by_text(args, span)),
            "column_ifexists" | "columnifexists" => return Bound::Scalar(self.column_if_exists(args, span)),
            "iscolumnexists" => return Bound::Scalar(self.is_column(args, span)),
            "column_names_of" => return Bound::Scalar(self.column_names_of(args, span)),
            "pack_all" => return Bound::Scalar(self.pack_all(args, span)),
            "bin_auto" => return Bound::Scalar(self.bin_auto(args, span)),
            "bag_pack_columns" => return Bound::Scalar(self.bag_pack_columns(args, span)),
            "typeof" => return Bound::Scalar(failed_scalar(span)),
            "graph" => return Bound::Table(self.unsupported("graph()", Vec::new(), true, span)),
            _ => {}
        }
        if self.aggregates.is_some() && functions::lookup_aggregate(&name.text).is_some() {
            return Bound::Scalar(self.nested_aggregate(name, args, span));
        }
        if let Some(declared) = functions::lookup(&name.text) {
            return Bound::Scalar(self.builtin(declared, &name.text, args, span));
        }
        if let Some((lambda, env)) = self.saved_function(&name.text, span) {
            return self.call_lambda(&name.text, &lambda, &env, args, span);
        }
        if let Some(table) = self.watchlist(name, args, span) {
            return Bound::Table(table);
        }
        if functions::lookup_aggregate(&name.text).is_some() {
            let message = format!("`{}` is an aggregate: it belongs into `summarize`", name.text);
            self.errors.error(codes::AGGREGATE_PLACE, name.span, message);
        } else {
            if self.fuzzy {
                self.passed_over(&format!("function `{}`", name.text), name.span);
                return Bound::Table(self.nothing(&name.text, span));
            }
            if !self.refused_by_restriction(&name.text, name.span) {
                self.unknown_function(name);
            }
        }
        for arg in args {
            match &arg.kind {
                ExprKind::Assign { value, .. } => self.any(value),
                _ => self.any(arg),
            };
        }
        Bound::Table(self.failed(span))
    }

    /// `_GetWatchlist('alias')`: the rows of a list, the keys of its items as columns. A list that is not there, or
    /// whose name is no constant, is empty, and more columns may exist than are known.
    fn watchlist(&mut self, name: &Name, args: &[Expr], span: Span) -> Option<Table> {
        if !matches!(name.text.as_str(), "_GetWatchlist" | "_GetWatchlistAlias")
            || !self.env.allows(&name.text)
        {
            return None;
        }
        let bound: Vec<Scalar> = args.iter().flat_map(|arg| self.argument(arg)).collect();
        let alias = bound.first().and_then(|alias| match &alias.kind {
            ScalarKind::Literal(Literal::String(alias)) => Some(alias.as_str()),
            _ => None,
        });
        self.reads_watchlists = true;
        if let Some(list) = alias.and_then(|alias| self.catalog.watchlist(alias)) {
            let cost = list.rows.len() * list.columns.len();
            let rel = Rel::Rows { columns: list.columns.clone(), rows: list.rows.clone() };
            let inherited = super::Inherited { open: false, time_alias: false, cost, depth: 0 };
            return Some(self.derive(rel, list.columns.clone(), inherited, span));
        }
        let columns = [
            ("_DTItemId", KqlType::String),
            ("LastUpdatedTimeUTC", KqlType::DateTime),
            ("SearchKey", KqlType::String),
            ("WatchlistItem", KqlType::Dynamic),
        ];
        let columns = columns.map(|(name, ty)| ColumnSchema { name: name.to_owned(), ty }).to_vec();
        // a watchlist that nobody has made is empty, as in the service
        let rel = Rel::Rows { columns: columns.clone(), rows: Vec::new() };
        let inherited = super::Inherited { open: true, time_alias: false, cost: 0, depth: 0 };
        Some(self.derive(rel, columns, inherited, span))
    }

    fn unknown_function(&mut self, name: &Name) {
        let mut known: Vec<String> = functions::scalar_names().map(str::to_owned).collect();
        known.extend(self.env.names());
        let hint = crate::nearest::nearest(&name.text, known.iter().map(String::as_str));
        let hint = hint.map(|near| format!("did you mean `{near}`?"));
        let shown: String = name.text.chars().take(80).collect();
        self.errors.error_with_hint(
            codes::UNKNOWN_FUNCTION,
            name.span,
            format!("there is no function `{shown}`"),
            hint,
        );
    }

    /// A function of the catalog, parsed anew at each use.
    pub(super) fn saved_function(&mut self, name: &str, span: Span) -> Option<(Arc<Lambda>, Rc<Env>)> {
        if let Some(lambda) = self.saved.get(name).filter(|_| self.env.allows(name)) {
            return Some((Arc::clone(lambda), Rc::new(Env::default())));
        }
        let symbol = self.catalog.function(name).filter(|_| self.env.allows(name))?;
        match parse_function(&symbol.parameters, &symbol.body) {
            Ok((parameters, body)) => {
                let lambda = Arc::new(Lambda { view: false, parameters, body, span });
                self.saved.insert(name.to_owned(), Arc::clone(&lambda));
                Some((lambda, Rc::new(Env::default())))
            }
            Err(findings) => {
                let first = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
                let message = format!("the saved function `{name}` has an error: {first}");
                self.errors.error(codes::UNKNOWN_FUNCTION, span, message);
                None
            }
        }
    }

    fn builtin(&mut self, declared: &'static Declared, written: &str, args: &[Expr], span: Span) -> Scalar {
        let mut bound: Vec<Scalar> = args.iter().flat_map(|arg| self.argument(arg)).collect();
        self.check_arguments(declared, written, &bound, span);
        self.check_windowed(declared.function.name, span);
        let types: Vec<KqlType> = bound.iter().map(|arg| arg.ty).collect();
        let function = declared.function.name;
        let mut ty = declared.result_type(&types);
        match function {
            "iff" | "case" => {
                let from = if function == "iff" { 1 } else { 0 };
                ty = self.choice(&mut bound, |at, count| at >= from && (at % 2 == 1 || at + 1 == count));
            }
            // text and dynamic together stay dynamic here, unlike in `iff`
            "coalesce" if types.contains(&KqlType::Dynamic) && types.contains(&KqlType::String) => {
                ty = KqlType::Dynamic;
                bound = bound.into_iter().map(|value| converted(value, ty)).collect();
            }
            "coalesce" | "max_of" | "min_of" => ty = self.choice(&mut bound, |_, _| true),
            // a column like any other, so that nothing on the way to it drops it
            "ingestion_time" => {
                if let Some(at) = self.row().position(RECEIVED) {
                    return Scalar::column(at, ty, span);
                }
                let message =
                    "the operators before it leave no time of arrival here, so `ingestion_time()` is null";
                let hint = Some(format!(
                    "keep `{RECEIVED}`, or take `ingestion_time()` before `project` and `summarize`"
                ));
                self.errors.warning(codes::UNKNOWN_COLUMN, span, message, hint);
            }
            "extract" | "extract_json" | "percentile_tdigest" if args.last().is_some_and(is_type) => {
                ty = args.last().and_then(type_named).unwrap_or(ty);
            }
            _ => {}
        }
        // the older `replace(regex, rewrite, text)` has its arguments in another order
        if written == "replace" && bound.len() == 3 {
            bound.rotate_right(1);
            return Scalar { kind: ScalarKind::Call { function: "replace_regex", args: bound }, ty, span };
        }
        if function == "bag_pack" && bound.len() % 2 == 1 {
            self.errors.error(
                codes::ARGUMENT_COUNT,
                span,
                format!("`{written}` takes pairs of a name and a value"),
            );
        }
        let call = Scalar { kind: ScalarKind::Call { function, args: bound }, ty, span };
        match several_columns(function) {
            // the first of its columns stands for it where one value is needed
            Some(columns) => column_of_several(call, 0, columns[0].1),
            None => call,
        }
    }

    /// One argument; `*` stands for every column.
    fn argument(&mut self, arg: &Expr) -> Vec<Scalar> {
        match &arg.kind {
            ExprKind::Wildcard(pattern) => {
                let row = self.row();
                let matching = row.columns.iter().enumerate();
                let matching =
                    matching.filter(|(_, column)| super::naming::matches_wildcard(pattern, &column.name));
                matching.map(|(at, column)| Scalar::column(at, column.ty, arg.span)).collect()
            }
            // the language's own functions take no names; one that is written is passed over
            ExprKind::Assign { value, .. } => vec![self.scalar(value)],
            _ => vec![self.scalar(arg)],
        }
    }

    pub(super) fn check_arguments(
        &mut self,
        declared: &Declared,
        written: &str,
        args: &[Scalar],
        span: Span,
    ) {
        if declared.signatures.is_empty() {
            return;
        }
        let Some(signature) = declared.signature_for(args.len()) else {
            let (fewest, most) = declared.signatures[0].arity();
            let wanted = match most {
                Some(most) if most == fewest => format!("{fewest}"),
                Some(most) => format!("{fewest} to {most}"),
                None => format!("at least {fewest}"),
            };
            let message = format!("`{written}` takes {wanted} arguments, {} are given", args.len());
            let hint = Some(format!("{written}{}", declared.function.signatures[0]));
            self.errors.error_with_hint(codes::ARGUMENT_COUNT, span, message, hint);
            return;
        };
        let types: Vec<KqlType> = args.iter().map(|arg| arg.ty).collect();
        if declared.signatures.iter().any(|other| other.takes(args.len()) && other.accepts(&types)) {
            return;
        }
        for (at, arg) in args.iter().enumerate() {
            let Some(parameter) = signature.parameters.get(at).or(signature.parameters.last()) else {
                return;
            };
            if !parameter.kind.accepts(arg.ty) {
                let wanted = parameter.kind.describe();
                let message = format!(
                    "argument `{}` of `{written}` is {}, it must be {wanted}",
                    parameter.name, arg.ty
                );
                let hint = match parameter.kind {
                    ArgumentKind::Exactly(ty) => {
                        Some(format!("convert it: {}(…)", super::types::conversion(ty)))
                    }
                    _ => None,
                };
                self.errors.error_with_hint(codes::ARGUMENT_TYPE, arg.span, message, hint);
            }
        }
    }

    /// Brings the values a function chooses from to one type.
    fn choice(&mut self, args: &mut [Scalar], chosen: impl Fn(usize, usize) -> bool) -> KqlType {
        let count = args.len();
        let types: Vec<KqlType> =
            args.iter().enumerate().filter(|(at, _)| chosen(*at, count)).map(|(_, arg)| arg.ty).collect();
        let ty = common(&types);
        for (at, arg) in args.iter_mut().enumerate() {
            if chosen(at, count) {
                let value = std::mem::replace(arg, failed_scalar(arg.span));
                *arg = converted(value, ty);
            } else if arg.ty != KqlType::Bool && arg.ty != KqlType::Dynamic {
                let message = format!("a condition must be bool, this is {}", arg.ty);
                self.errors.error(codes::NOT_BOOL, arg.span, message);
            }
        }
        ty
    }

    fn scalar_of_table(&mut self, args: &[Expr], span: Span) -> Scalar {
        let [arg] = args else {
            self.errors.error(codes::ARGUMENT_COUNT, span, "`toscalar` takes one tabular expression");
            return failed_scalar(span);
        };
        match self.apart(|binder| binder.any(arg)) {
            Bound::Scalar(value) => value,
            Bound::Table(table) => {
                self.hold(table.cost, span);
                let ty = table.columns.first().map_or(KqlType::Dynamic, |column| column.ty);
                // shared by all uses of the name it may get
                self.next_shared += 1;
                let rel = Rel::Shared { id: self.next_shared, input: Box::new(table.rel) };
                Scalar { kind: ScalarKind::ToScalar(Box::new(rel)), ty, span }
            }
        }
    }

    fn materialize(&mut self, args: &[Expr], span: Span) -> Table {
        let [arg, ..] = args else {
            self.errors.error(codes::ARGUMENT_COUNT, span, "`materialize` takes one tabular expression");
            return self.failed(span);
        };
        let mut table = self.table(arg);
        self.next_shared += 1;
        table.rel = Rel::Shared { id: self.next_shared, input: Box::new(table.rel) };
        table
    }

    fn table_by_text(&mut self, args: &[Expr], span: Span) -> Table {
        let name = args.first().map(|arg| self.scalar(arg));
        match name.map(|name| name.kind) {
            Some(ScalarKind::Literal(Literal::String(name))) => self.named_table(&name, span),
            _ => {
                self.errors.error(
                    codes::NOT_CONSTANT,
                    span,
                    "`table` takes the name of a table as constant text",
                );
                self.failed(span)
            }
        }
    }

    fn column_if_exists(&mut self, args: &[Expr], span: Span) -> Scalar {
        let [name, otherwise] = args else {
            let message = "`column_ifexists` takes the name of a column and a value to use without it";
            self.errors.error(codes::ARGUMENT_COUNT, span, message);
            return failed_scalar(span);
        };
        let name = self.scalar(name);
        let otherwise = self.scalar(otherwise);
        let ScalarKind::Literal(Literal::String(name)) = &name.kind else {
            if !super::is_null(&name) {
                let message = format!(
                    "argument `column_name` of `column_ifexists` must be a constant string, this is {}",
                    name.ty
                );
                self.errors.error(codes::NOT_CONSTANT, name.span, message);
            }
            return otherwise;
        };
        match self.row().position(name) {
            // the result has the type of the value to use without it, whether the column exists or not
            Some(at) => converted(Scalar::column(at, self.row().columns[at].ty, span), otherwise.ty),
            None => otherwise,
        }
    }

    fn is_column(&mut self, args: &[Expr], span: Span) -> Scalar {
        let args: Vec<Scalar> = args.iter().map(|arg| self.scalar(arg)).collect();
        self.check_declared("iscolumnexists", &args, span);
        let found = match args.first().map(|name| &name.kind) {
            Some(ScalarKind::Literal(Literal::String(name))) => self.row().position(name).is_some(),
            _ => false,
        };
        Scalar::literal(Literal::Bool(found), KqlType::Bool, span)
    }

    /// `pack_all()` becomes `bag_pack` over every column; `pack_all(true)` stays, with the columns as
    /// further arguments, because it leaves out null and empty values at run time.
    fn pack_all(&mut self, args: &[Expr], span: Span) -> Scalar {
        let mut args: Vec<Scalar> = args.iter().map(|arg| self.scalar(arg)).collect();
        self.check_declared("pack_all", &args, span);
        args.truncate(1);
        let ignore = args.pop();
        let columns: Vec<(String, Scalar)> = self
            .row()
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (column.name.clone(), Scalar::column(at, column.ty, span)))
            .collect();
        self.hold(columns.len() * 2, span);
        let pairs = columns
            .into_iter()
            .flat_map(|(name, value)| [Scalar::literal(Literal::String(name), KqlType::String, span), value]);
        let keeps_all =
            matches!(ignore, None | Some(Scalar { kind: ScalarKind::Literal(Literal::Bool(false)), .. }));
        let (function, args) = match ignore {
            Some(ignore) if !keeps_all => ("pack_all", std::iter::once(ignore).chain(pairs).collect()),
            _ => ("bag_pack", pairs.collect()),
        };
        Scalar { kind: ScalarKind::Call { function, args }, ty: KqlType::Dynamic, span }
    }
}

fn is_type(arg: &Expr) -> bool {
    matches!(arg.unwrapped().kind, ExprKind::TypeOf { .. })
}

fn type_named(arg: &Expr) -> Option<KqlType> {
    match &arg.unwrapped().kind {
        ExprKind::TypeOf { types, .. } => types.first().copied(),
        _ => None,
    }
}
