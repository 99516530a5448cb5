//! `summarize`: aggregates and group keys.
//!
//! An aggregate may stand inside a larger expression (`sum(a) / count()`). Then the aggregates alone are
//! worked out first, under hidden names, and a projection on top works out the expressions.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Named, NamedAggregate, Rel, Scalar, ScalarKind};
use crate::functions::{self, ArgumentKind, Naming};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::syntax::codes;

use super::lets::reads_columns;
use super::naming::{Names, matches_wildcard, result_name};
use super::operators::plain_column;
use super::scope::{RowScope, Table};
use super::{Binder, Inherited, failed_scalar};

/// Collects the aggregates met while their enclosing expressions are bound.
#[derive(Default)]
pub(crate) struct Sink {
    /// Columns before the first aggregate.
    keys: usize,
    found: Vec<NamedAggregate>,
    /// Output columns so far.
    outputs: usize,
    /// The rows that the aggregates' arguments see.
    rows: RowScope,
    /// Columns that are group keys as they are: `arg_max(t, *)` leaves them out.
    plain_keys: Vec<usize>,
}

/// An output of `summarize` that is not a key.
struct Output {
    name: Option<String>,
    explicit: bool,
    value: Scalar,
    span: Span,
}

impl Binder<'_> {
    pub(super) fn summarize(&mut self, input: Table, aggregates: &[Expr], by: &[Expr], span: Span) -> Table {
        let keys = self.over(&input, |binder| binder.keys(by));
        self.over(&input, |binder| {
            for key in &keys {
                binder.refuse_dynamic_key(&key.value, "a group key");
            }
        });
        self.grouped(input, aggregates, keys, span)
    }

    /// `summarize` for an operator whose keys may be dynamic: such values group by their JSON text.
    pub(super) fn summarize_any(
        &mut self,
        input: Table,
        aggregates: &[Expr],
        by: &[Expr],
        span: Span,
    ) -> Table {
        let keys = self.over(&input, |binder| binder.keys(by));
        self.grouped(input, aggregates, keys, span)
    }

    fn grouped(&mut self, input: Table, aggregates: &[Expr], keys: Vec<Named>, span: Span) -> Table {
        let (outputs, mut found) = self.aggregate_items(&input, &keys, aggregates);
        let mut names = Names::reserving(keys.iter().map(|key| key.name.as_str()));
        let mut declared = std::collections::HashSet::new();
        let mut named = Vec::new();
        for output in outputs {
            if output.explicit && !declared.insert(output.name.clone()) {
                self.duplicate(output.name.as_deref().unwrap_or_default(), output.span);
                continue;
            }
            let name = match output.name {
                Some(name) => name,
                None => self.numbered_name(|_| false),
            };
            named.push(Named { name: names.unique(&name), value: output.value });
        }
        let inherited = Inherited::from(&input);
        let direct = rename_outputs(&mut found, &named, keys.len());
        let mut columns: Vec<ColumnSchema> =
            keys.iter().map(|key| ColumnSchema { name: key.name.clone(), ty: key.value.ty }).collect();
        columns.extend(found.iter().flat_map(|aggregate| aggregate.outputs.iter().cloned()));
        let mut items: Vec<Named> = super::passed_on(&columns[..keys.len()], span);
        let rel = Rel::Summarize { input: Box::new(input.rel), keys, aggregates: found };
        let table = self.derive(rel, columns, inherited, span);
        if direct {
            return table;
        }
        items.extend(named);
        self.project(table, items, span)
    }

    fn aggregate_items(
        &mut self,
        input: &Table,
        keys: &[Named],
        items: &[Expr],
    ) -> (Vec<Output>, Vec<NamedAggregate>) {
        self.next_rows += 1;
        let sink = Sink {
            keys: keys.len(),
            rows: RowScope::of(self.next_rows, input),
            plain_keys: keys.iter().filter_map(|key| plain_column(&key.value)).collect(),
            ..Sink::default()
        };
        let outer = self.aggregates.replace(sink);
        self.next_rows += 1;
        // around an aggregate there are no columns, only other aggregates and constants
        let scope = RowScope::hidden(self.next_rows);
        let outputs =
            self.within(scope, |binder| items.iter().flat_map(|item| binder.aggregate_item(item)).collect());
        let found = self.aggregates.take().map(|sink| sink.found).unwrap_or_default();
        self.aggregates = outer;
        (outputs, found)
    }

    /// The aggregates of one expression that is nothing but an aggregate.
    pub(super) fn lone_aggregates(
        &mut self,
        input: &Table,
        keys: &[Named],
        item: &Expr,
    ) -> Vec<NamedAggregate> {
        self.aggregate_items(input, keys, std::slice::from_ref(item)).1
    }

    fn aggregate_item(&mut self, item: &Expr) -> Vec<Output> {
        let (names, value): (&[Name], &Expr) = match &item.kind {
            ExprKind::Assign { names, value, .. } => (names, value),
            _ => (&[], item),
        };
        let mut outputs = match &value.unwrapped().kind {
            ExprKind::Call { base: None, name, args }
                if functions::lookup_aggregate(&name.text).is_some()
                    && self.env.find(&name.text).is_none() =>
            {
                self.aggregate(name, args, value.span)
            }
            ExprKind::Name(name) => {
                let message = format!(
                    "`{}` is neither an aggregate nor behind `by`",
                    name.chars().take(80).collect::<String>()
                );
                let hint = Some(format!("use take_any({name}), or group by it"));
                self.errors.error_with_hint(codes::AGGREGATE_PLACE, value.span, message, hint);
                vec![(None, failed_scalar(value.span))]
            }
            _ => {
                let name = result_name(value);
                vec![(name, self.scalar(value))]
            }
        };
        // an aggregate without outputs was told what it lacks
        if names.len() > outputs.len() && !outputs.is_empty() {
            self.errors.error(codes::UNEXPECTED, item.span, "there are more names than values here");
        }
        let named = outputs.drain(..).enumerate().map(|(at, (own, value))| match names.get(at) {
            Some(name) => Output { name: Some(name.text.clone()), explicit: true, value, span: name.span },
            None => Output { name: own, explicit: false, value, span: item.span },
        });
        named.collect()
    }

    /// An aggregate inside another expression: its first output.
    pub(super) fn nested_aggregate(&mut self, name: &Name, args: &[Expr], span: Span) -> Scalar {
        let outputs = self.aggregate(name, args, span);
        outputs.into_iter().next().map_or_else(|| failed_scalar(span), |(_, value)| value)
    }

    /// Binds one aggregate; its outputs with the names they have by themselves.
    fn aggregate(&mut self, name: &Name, args: &[Expr], span: Span) -> Vec<(Option<String>, Scalar)> {
        let Some(mut sink) = self.aggregates.take() else { return Vec::new() };
        let rows = std::mem::take(&mut sink.rows);
        self.rows.push(rows);
        let made = self.aggregate_in_rows(name, args, span, &sink.plain_keys);
        sink.rows = self.rows.pop().unwrap_or_default();
        let mut outputs = Vec::new();
        for (aggregate, names) in made {
            for (name, column) in names.into_iter().zip(&aggregate.outputs) {
                outputs.push((name, Scalar::column(sink.keys + sink.outputs, column.ty, span)));
                sink.outputs += 1;
            }
            sink.found.push(aggregate);
        }
        self.aggregates = Some(sink);
        outputs
    }

    fn aggregate_in_rows(
        &mut self,
        name: &Name,
        args: &[Expr],
        span: Span,
        keys: &[usize],
    ) -> Vec<(NamedAggregate, Vec<Option<String>>)> {
        match name.text.as_str() {
            "arg_max" | "arg_min" | "argmax" | "argmin" => self.extremum(name, args, span, keys),
            "take_any" | "any" => self.take_any(name, args, span, keys),
            "percentile" | "percentiles" => self.percentiles(name, args, 1, span),
            "percentilew" | "percentilesw" => self.percentiles(name, args, 2, span),
            _ => self.plain_aggregate(name, args, span),
        }
    }

    fn plain_aggregate(
        &mut self,
        name: &Name,
        args: &[Expr],
        span: Span,
    ) -> Vec<(NamedAggregate, Vec<Option<String>>)> {
        let Some(declared) = functions::lookup_aggregate(&name.text) else { return Vec::new() };
        let naming = older_prefix(&name.text).map_or(declared.function.naming, Naming::Prefix);
        let own_name = match naming {
            Naming::Prefix(prefix) => {
                Some(format!("{prefix}_{}", args.first().and_then(argument_name).unwrap_or_default()))
            }
            Naming::FirstArgument | Naming::OnlyArgument => args.first().and_then(argument_name),
            Naming::Fixed(fixed) => Some(fixed.to_owned()),
            Naming::Numbered if declared.function.name.starts_with("percentile") => {
                Some(format!("percentiles_{}", args.first().and_then(argument_name).unwrap_or_default()))
            }
            Naming::Numbered => None,
        };
        let bound: Vec<Scalar> = args.iter().map(|arg| self.scalar(unnamed(arg))).collect();
        let types: Vec<KqlType> = bound.iter().map(|arg| arg.ty).collect();
        match declared.signature_for(bound.len()) {
            None => {
                let hint = Some(format!("{}{}", name.text, declared.function.signatures[0]));
                let message = format!("`{}` does not take {} arguments", name.text, bound.len());
                self.errors.error_with_hint(codes::ARGUMENT_COUNT, span, message, hint);
            }
            Some(signature) => {
                let ranks = match declared.function.name {
                    "percentiles_array" => 1,
                    "percentilesw_array" => 2,
                    _ => bound.len(),
                };
                bound.iter().skip(ranks).for_each(|rank| self.check_rank(&name.text, rank));
                // the last one may be repeated
                let parameters = signature
                    .parameters
                    .iter()
                    .chain(std::iter::repeat_n(signature.parameters.last(), bound.len()).flatten());
                for (arg, parameter) in bound.iter().zip(parameters) {
                    let average = declared.function.name.starts_with("avg")
                        && parameter.kind != ArgumentKind::Exactly(KqlType::Bool);
                    let kind = if average { ArgumentKind::Summable } else { parameter.kind };
                    if matches!(parameter.name, "max_size" | "accuracy") {
                        self.check_fixed(&name.text, parameter.name, arg);
                    }
                    self.check_aggregated(&name.text, arg, kind);
                }
            }
        }
        let ty = declared.result_type(&types);
        let outputs = vec![ColumnSchema { name: own_name.clone().unwrap_or_default(), ty }];
        let function = if declared.function.name == "count" && !bound.is_empty() {
            "countif"
        } else {
            declared.function.name
        };
        vec![(NamedAggregate { function, args: bound, outputs, span }, vec![own_name])]
    }

    /// A percentage is the same for all rows.
    fn check_rank(&mut self, function: &str, rank: &Scalar) {
        if reads_columns(rank) {
            let message =
                format!("`{function}` takes constant percentages, this one differs from row to row");
            self.errors.error(codes::NOT_CONSTANT, rank.span, message);
        }
    }

    /// A size or an accuracy is the same for all rows.
    fn check_fixed(&mut self, function: &str, parameter: &str, arg: &Scalar) {
        if reads_columns(arg) {
            let message = format!(
                "`{parameter}` of `{function}` must be a constant number, this one differs from row to row"
            );
            self.errors.error(codes::NOT_CONSTANT, arg.span, message);
        }
    }

    fn check_aggregated(&mut self, function: &str, arg: &Scalar, kind: ArgumentKind) {
        let dynamic =
            arg.ty == KqlType::Dynamic && matches!(kind, ArgumentKind::Summable | ArgumentKind::Orderable);
        let fits = !dynamic && kind.accepts(arg.ty);
        if super::is_null(arg) || fits || self.is_inferred(arg) {
            return;
        }
        let hint = dynamic.then(|| "cast it first, for instance with tolong(…) or tostring(…)".to_owned());
        let message = format!("`{function}` needs {}, this is {}", kind.describe(), arg.ty);
        self.errors.error_with_hint(codes::ARGUMENT_TYPE, arg.span, message, hint);
    }

    /// `arg_max(t, a, *)`. The older `argmax` differs in its names only: `max_t`, `max_t_a`.
    fn extremum(
        &mut self,
        name: &Name,
        args: &[Expr],
        span: Span,
        keys: &[usize],
    ) -> Vec<(NamedAggregate, Vec<Option<String>>)> {
        let largest = name.text.ends_with("max");
        let older = !name.text.contains('_');
        let prefix = if largest { "max" } else { "min" };
        let Some((first, rest)) = args.split_first() else {
            self.errors.error(codes::ARGUMENT_COUNT, span, format!("`{}` needs an argument", name.text));
            return Vec::new();
        };
        let by = self.scalar(unnamed(first));
        self.check_aggregated(&name.text, &by, ArgumentKind::Orderable);
        let by_name = match argument_name(first) {
            Some(own) if older => format!("{prefix}_{own}"),
            Some(own) => own,
            None => format!("{prefix}_"),
        };
        let returned_prefix = format!("{prefix}_{}", argument_name(first).unwrap_or_default());
        let by_column = plain_column(&by);
        let mut names = vec![Some(by_name.clone())];
        let mut bound = vec![by];
        for (own, value) in self.returned(rest, keys, by_column) {
            names.push(Some(match own {
                Some(own) if older => format!("{by_name}_{own}"),
                Some(own) => own,
                None => format!("{returned_prefix}_arg{}", names.len()),
            }));
            bound.push(value);
        }
        let function = if largest { "arg_max" } else { "arg_min" };
        let outputs = outputs_of(&names, &bound);
        vec![(NamedAggregate { function, args: bound, outputs, span }, names)]
    }

    fn take_any(
        &mut self,
        name: &Name,
        args: &[Expr],
        span: Span,
        keys: &[usize],
    ) -> Vec<(NamedAggregate, Vec<Option<String>>)> {
        let older = name.text == "any";
        let mut names = Vec::new();
        let mut bound = Vec::new();
        for (own, value) in self.returned(args, keys, None) {
            names.push(match own {
                Some(own) if older => Some(format!("any_{own}")),
                None if older && args.len() == 1 => Some("any_".to_owned()),
                None => Some(format!("any_arg{}", names.len())),
                own => own,
            });
            bound.push(value);
        }
        if bound.is_empty() {
            self.errors.error(codes::ARGUMENT_COUNT, span, format!("`{}` needs an argument", name.text));
        }
        let outputs = outputs_of(&names, &bound);
        vec![(NamedAggregate { function: "take_any", args: bound, outputs, span }, names)]
    }

    /// The returned values of `arg_max` and `take_any`, `*` spread out.
    fn returned(
        &mut self,
        args: &[Expr],
        keys: &[usize],
        by: Option<usize>,
    ) -> Vec<(Option<String>, Scalar)> {
        let mut out = Vec::new();
        for arg in args {
            match &arg.kind {
                ExprKind::Wildcard(pattern) => {
                    let columns = self.row().columns.iter().enumerate();
                    let columns = columns.filter(|(at, column)| {
                        matches_wildcard(pattern, &column.name) && !keys.contains(at) && by != Some(*at)
                    });
                    out.extend(columns.map(|(at, column)| {
                        (Some(column.name.clone()), Scalar::column(at, column.ty, arg.span))
                    }));
                }
                ExprKind::Assign { names, value, .. } => {
                    let name = names.first().map(|name| name.text.clone());
                    out.push((name, self.scalar(value)));
                }
                _ => out.push((result_name(arg), self.scalar(arg))),
            }
        }
        out
    }

    /// `percentiles(b, 5, 95)` has a column per rank.
    fn percentiles(
        &mut self,
        name: &Name,
        args: &[Expr],
        before: usize,
        span: Span,
    ) -> Vec<(NamedAggregate, Vec<Option<String>>)> {
        if args.len() <= before {
            let message = format!("`{}` needs more arguments", name.text);
            self.errors.error(codes::ARGUMENT_COUNT, span, message);
            return Vec::new();
        }
        let of = argument_name(&args[0]).unwrap_or_default();
        let values: Vec<Scalar> = args[..before].iter().map(|arg| self.scalar(unnamed(arg))).collect();
        if let [_, weight] = values.as_slice() {
            self.check_aggregated(&name.text, weight, ArgumentKind::Integer);
        }
        let function = if before == 1 { "percentile" } else { "percentilew" };
        let ty = percentile_type(values[0].ty);
        let mut bound_args = values;
        let mut names = Vec::new();
        for rank in &args[before..] {
            let bound = self.scalar(rank);
            self.check_aggregated(&name.text, &bound, ArgumentKind::Number);
            self.check_rank(&name.text, &bound);
            names.push(Some(format!("percentile_{of}_{}", rank_text(&bound))));
            bound_args.push(bound);
        }
        let output = |name: &Option<String>| ColumnSchema { name: name.clone().unwrap_or_default(), ty };
        let outputs = names.iter().map(output).collect();
        vec![(NamedAggregate { function, args: bound_args, outputs, span }, names)]
    }
}

/// The value of `make_set(a, MaxSize=8)`'s second argument: names of arguments mean nothing.
fn unnamed(arg: &Expr) -> &Expr {
    match &arg.kind {
        ExprKind::Assign { value, .. } => value,
        _ => arg,
    }
}

/// What percentiles of values of a type are.
fn percentile_type(ty: KqlType) -> KqlType {
    match ty {
        KqlType::Int => KqlType::Long,
        KqlType::Decimal => KqlType::Real,
        ty => ty,
    }
}

/// The name of an aggregate's argument: as it is written (`max(x = a)` is `max_x`), or its own.
fn argument_name(arg: &Expr) -> Option<String> {
    match &arg.kind {
        ExprKind::Assign { names, .. } => names.first().map(|name| name.text.clone()),
        _ => result_name(arg),
    }
}

/// `99.9` is written `99_9` in a column's name.
fn rank_text(rank: &Scalar) -> String {
    use crate::bound::Literal;
    match &rank.kind {
        ScalarKind::Literal(Literal::Long(value)) => value.to_string(),
        ScalarKind::Literal(Literal::Real(value)) => value.to_string().replace('.', "_"),
        _ => String::new(),
    }
}

fn outputs_of(names: &[Option<String>], values: &[Scalar]) -> Vec<ColumnSchema> {
    let named = names.iter().zip(values);
    named.map(|(name, value)| ColumnSchema { name: name.clone().unwrap_or_default(), ty: value.ty }).collect()
}

/// Gives the aggregates their final names. When every item is one aggregate's output, in order, nothing
/// more is needed and the result is `true`; otherwise they get hidden names for the projection on top.
fn rename_outputs(found: &mut [NamedAggregate], named: &[Named], keys: usize) -> bool {
    let count: usize = found.iter().map(|aggregate| aggregate.outputs.len()).sum();
    let direct = named.len() == count
        && named.iter().enumerate().all(|(at, item)| plain_column(&item.value) == Some(keys + at));
    let outputs = found.iter_mut().flat_map(|aggregate| aggregate.outputs.iter_mut());
    for (at, output) in outputs.enumerate() {
        output.name = if direct { named[at].name.clone() } else { format!("$aggregate{at}") };
    }
    direct
}

/// Older spellings of aggregates that give their columns names of their own.
fn older_prefix(name: &str) -> Option<&'static str> {
    match name {
        "cnt" => Some("cnt"),
        "make_dictionary" => Some("dictionary"),
        "anyif" => Some("anyif"),
        _ => None,
    }
}
