//! `top-nested` and `top-hitters`: the values with the largest aggregates, level by level.
//!
//! Each level groups the rows whose values the levels above have kept, and keeps its own best ones within
//! each group of theirs. `with others` adds, per group, one row for the values that were not kept; the
//! levels below have no values in that row, except those with an `others` of their own, whose aggregate
//! is then over the same remaining rows.

use bartizan_base::{Ticks, Timespan};
use bartizan_schema::KqlType;

use crate::bound::{
    ColumnSchema, Join, JoinKind, JoinOutput, JoinSide, Literal, Named, Rel, Scalar, ScalarKind, SortKey,
};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Name, TopNestedLevel};

use crate::syntax::codes;

use super::naming::{Names, result_name};
use super::scope::Table;
use super::{Binder, Inherited, absent, passed_on};

/// Levels of one `top-nested`. Each looks at the rows that all levels above have kept, so that a level more makes the
/// plan twice as large.
const LEVELS_MAX: usize = 6;

/// One level, bound.
struct Level {
    /// The hidden column that holds its value in the rows, and in every table made of them.
    of: ColumnSchema,
    /// The hidden column of its aggregate.
    by: ColumnSchema,
    /// What the two are called in the result.
    names: (String, String),
    count: Option<Scalar>,
    others: Option<Scalar>,
    aggregate: Expr,
    ascending: bool,
}

impl Binder<'_> {
    pub(super) fn top_nested(&mut self, input: Table, levels: &[TopNestedLevel], span: Span) -> Table {
        let before = self.errors.error_count();
        if levels.len() > LEVELS_MAX {
            let message = format!("`top-nested` has {} levels, at most {LEVELS_MAX} are taken", levels.len());
            let hint = Some("summarize by the last ones instead, behind it or before".to_owned());
            self.errors.error_with_hint(codes::TOO_LARGE, span, message, hint);
            return self.failed(span);
        }
        let (rows, mut bound) = self.levels(input, levels, span);
        // what follows from a mistake is none of its own
        if self.errors.error_count() > before {
            return self.failed(span);
        }
        let mut best: Option<Table> = None;
        let mut parts: Vec<Table> = Vec::new();
        for at in 0..bound.len() {
            let (above, level) = (&bound[..at], &bound[at]);
            let within = match &best {
                Some(best) => self.matching(rows.clone(), best.clone(), above, JoinKind::LeftSemi, span),
                None => rows.clone(),
            };
            let aggregates = [named(&level.by.name, level.aggregate.clone())];
            let keys = bound[..=at].iter().map(|level| name(&level.of.name, span)).collect::<Vec<_>>();
            let measured = self.summarize(within.clone(), &aggregates, &keys, span);
            let by = measured.columns.last().map_or(KqlType::Long, |column| column.ty);
            bound[at].by.ty = by;
            let (above, level) = (&bound[..at], &bound[at]);
            let kept = self.best(measured, level, at, span);
            let kept = match best.take() {
                Some(best) => {
                    if let Some(others) = self.others(&within, &kept, &bound, at, Some(&best), span) {
                        parts.push(others);
                    }
                    self.matching(kept, best, above, JoinKind::Inner, span)
                }
                None => {
                    parts.extend(self.others(&within, &kept, &bound, at, None, span));
                    kept
                }
            };
            best = Some(kept);
        }
        // others of upper levels lack the aggregates' types of lower ones until here
        let Some(best) = best else { return self.failed(span) };
        let mut tables = vec![self.shaped(best, &bound, span)];
        tables.extend(parts.into_iter().map(|part| self.shaped(part, &bound, span)).collect::<Vec<_>>());
        let tables = tables.into_iter().map(|table| (String::new(), table)).collect();
        let all = self.combine(tables, None, false, span);
        self.named_levels(all, &bound, span)
    }

    /// The rows with each level's value as a hidden column.
    fn levels(&mut self, input: Table, levels: &[TopNestedLevel], span: Span) -> (Table, Vec<Level>) {
        let mut names = Names::default();
        let mut items = passed_on(&input.columns, span);
        let mut bound = Vec::with_capacity(levels.len());
        for level in levels {
            let (written, of) = assigned(&level.of);
            let value = self.over(&input, |binder| binder.scalar(of));
            let own = written.or_else(|| result_name(of)).unwrap_or_else(|| "Column1".to_owned());
            let own = names.unique(&own);
            let (written, aggregate) = assigned(&level.by);
            let by = names.unique(&written.unwrap_or_else(|| format!("aggregated_{own}")));
            let others = level.others.as_ref().map(|others| {
                let others = self.apart(|binder| binder.scalar(others));
                super::scalar::converted(others, value.ty)
            });
            let column = ColumnSchema { name: self.hidden_name(0), ty: value.ty };
            items.push(Named { name: column.name.clone(), value });
            bound.push(Level {
                of: column,
                by: ColumnSchema { name: self.hidden_name(1), ty: KqlType::Long },
                names: (own, by),
                count: level.count.as_ref().map(|count| self.constant_count(count)),
                others,
                aggregate: aggregate.clone(),
                ascending: level.ascending,
            });
        }
        let rows = self.project(input, items, span);
        (rows, bound)
    }

    /// The `count` rows of each group above with the best aggregates; all without a count.
    fn best(&mut self, measured: Table, level: &Level, at: usize, span: Span) -> Table {
        let Some(count) = level.count.clone() else { return measured };
        let key = SortKey {
            value: Scalar::column(at + 1, level.by.ty, span),
            descending: !level.ascending,
            nulls_first: false,
        };
        let sorted = self.through(measured, span, |input| Rel::Sort { input, keys: vec![key] });
        self.through(sorted, span, |input| Rel::TakeWithin { input, keys: (0..at).collect(), count })
    }

    /// A row per group above for what the level did not keep.
    fn others(
        &mut self,
        within: &Table,
        kept: &Table,
        levels: &[Level],
        at: usize,
        above: Option<&Table>,
        span: Span,
    ) -> Option<Table> {
        let level = &levels[at];
        level.count.as_ref()?;
        let others = level.others.clone()?;
        let rest = self.matching(within.clone(), kept.clone(), &levels[..=at], JoinKind::LeftAnti, span);
        let number = self.hidden_name(0);
        let count = call("count", Vec::new(), span);
        let below = levels.iter().skip(at).filter(|level| level.others.is_some());
        let mut aggregates: Vec<Expr> =
            below.clone().map(|level| named(&level.by.name, level.aggregate.clone())).collect();
        aggregates.push(named(&number, count));
        let keys = levels[..at].iter().map(|level| name(&level.of.name, span)).collect::<Vec<_>>();
        let measured = self.summarize(rest, &aggregates, &keys, span);
        // without groups above there is a row even when nothing remains
        let some = Scalar::column(measured.columns.len() - 1, KqlType::Long, span);
        let zero = Scalar::literal(Literal::Long(0), KqlType::Long, span);
        let kind = ScalarKind::Call { function: ">", args: vec![some, zero] };
        let predicate = Scalar { kind, ty: KqlType::Bool, span };
        let measured = self.through(measured, span, |input| Rel::Filter { input, predicate });
        let measured = match above {
            Some(above) => self.matching(measured, above.clone(), &levels[..at], JoinKind::Inner, span),
            None => measured,
        };
        let mut items = passed_on(&measured.columns, span);
        items.push(Named { name: level.of.name.clone(), value: others });
        for level in below.skip(1) {
            let value = level.others.clone().unwrap_or_else(|| absent(level.of.ty, span));
            items.push(Named { name: level.of.name.clone(), value });
        }
        Some(self.project(measured, items, span))
    }

    /// Joins two tables by the values of some levels, null being equal to null. An inner join adds the
    /// aggregates of those levels to the left columns.
    fn matching(&mut self, left: Table, right: Table, levels: &[Level], kind: JoinKind, span: Span) -> Table {
        let mut on = Vec::new();
        for level in levels {
            let (Some(a), Some(b)) = (column_of(&left, &level.of, span), column_of(&right, &level.of, span))
            else {
                continue;
            };
            on.extend(null_safe(a, b));
        }
        let side = |table: &Table, from: JoinSide| {
            let columns = table.columns.iter().cloned().enumerate();
            columns.map(|(index, column)| JoinOutput { column, from, index }).collect::<Vec<_>>()
        };
        let mut outputs = side(&left, JoinSide::Left);
        if kind == JoinKind::Inner {
            let aggregates = side(&right, JoinSide::Right).into_iter();
            outputs.extend(
                aggregates.filter(|output| levels.iter().any(|level| level.by.name == output.column.name)),
            );
        }
        let columns = outputs.iter().map(|output| output.column.clone()).collect();
        let inherited = Inherited::both(&left, &right);
        let join = Join { left: left.rel, right: right.rel, kind, on, outputs, span };
        self.derive(Rel::Join(Box::new(join)), columns, inherited, span)
    }

    /// All levels' columns in order; those a table lacks are absent.
    fn shaped(&mut self, table: Table, levels: &[Level], span: Span) -> Table {
        let items = levels.iter().flat_map(|level| [&level.of, &level.by]).map(|column| Named {
            name: column.name.clone(),
            value: column_of(&table, column, span).unwrap_or_else(|| absent(column.ty, span)),
        });
        let items = items.collect();
        self.project(table, items, span)
    }

    /// Ordered by the aggregates, upper levels first, and under the names of the result.
    fn named_levels(&mut self, table: Table, levels: &[Level], span: Span) -> Table {
        let aggregates = (0..levels.len()).map(|level| level * 2 + 1);
        let values = (0..levels.len()).map(|level| level * 2);
        let keys = aggregates.chain(values).map(|at| SortKey {
            value: Scalar::column(at, table.columns[at].ty, span),
            descending: false,
            nulls_first: false,
        });
        let keys = keys.collect();
        let sorted = self.through(table, span, |input| Rel::Sort { input, keys });
        let names = levels.iter().flat_map(|level| [&level.names.0, &level.names.1]);
        let items = names.zip(passed_on(&sorted.columns, span));
        let items = items.map(|(name, item)| Named { name: name.clone(), ..item }).collect();
        self.project(sorted, items, span)
    }

    /// The `count` values that occur most often, or with the largest sums. The service estimates; this counts.
    pub(super) fn top_hitters(
        &mut self,
        input: Table,
        count: &Expr,
        of: &Expr,
        by: Option<&Expr>,
        span: Span,
    ) -> Table {
        let count = self.constant_count(count);
        let (written, value) = assigned(of);
        let of_name = written.or_else(|| result_name(value)).unwrap_or_else(|| "Column1".to_owned());
        let measured = match by {
            Some(by) => {
                let (written, value) = assigned(by);
                let own = written.or_else(|| result_name(value)).unwrap_or_default();
                let sum = call("sum", vec![value.clone()], span);
                named(&format!("approximate_sum_{own}"), sum)
            }
            None => named(&format!("approximate_count_{of_name}"), call("count", Vec::new(), span)),
        };
        let grouped = self.summarize_any(input, &[measured], &[named(&of_name, value.clone())], span);
        let measure = grouped.columns.get(1).map_or(KqlType::Long, |column| column.ty);
        let key = SortKey { value: Scalar::column(1, measure, span), descending: true, nulls_first: false };
        let sorted = self.through(grouped, span, |input| Rel::Sort { input, keys: vec![key] });
        self.through(sorted, span, |input| Rel::Take { input, count })
    }
}

/// `name = value`, or the value alone.
fn assigned(expr: &Expr) -> (Option<String>, &Expr) {
    match &expr.kind {
        ExprKind::Assign { names, value, .. } => (names.first().map(|name| name.text.clone()), value),
        _ => (None, expr),
    }
}

fn named(name: &str, value: Expr) -> Expr {
    let span = value.span;
    let names = vec![Name { text: name.to_owned(), span }];
    Expr { kind: ExprKind::Assign { names, tuple: false, value: Box::new(value) }, span }
}

fn name(name: &str, span: Span) -> Expr {
    Expr { kind: ExprKind::Name(name.to_owned()), span }
}

fn call(function: &str, args: Vec<Expr>, span: Span) -> Expr {
    let name = Name { text: function.to_owned(), span };
    Expr { kind: ExprKind::Call { base: None, name, args }, span }
}

fn column_of(table: &Table, wanted: &ColumnSchema, span: Span) -> Option<Scalar> {
    let at = table.columns.iter().position(|column| column.name == wanted.name)?;
    Some(Scalar::column(at, table.columns[at].ty, span))
}

/// Join keys that match null with null: the value with null replaced, and whether it was null.
fn null_safe(a: Scalar, b: Scalar) -> Vec<(Scalar, Scalar)> {
    let Some(filler) = filler(a.ty) else { return vec![(a, b)] };
    let function = |function, args: Vec<Scalar>, ty| {
        let span = args.first().map_or(Span::default(), |arg| arg.span);
        Scalar { kind: ScalarKind::Call { function, args }, ty, span }
    };
    let filled = |value: &Scalar| {
        let filler = Scalar::literal(filler.clone(), value.ty, value.span);
        function("coalesce", vec![value.clone(), filler], value.ty)
    };
    let missing = |value: &Scalar| function("isnull", vec![value.clone()], KqlType::Bool);
    vec![(filled(&a), filled(&b)), (missing(&a), missing(&b))]
}

/// Some value of the type, where it has null.
fn filler(ty: KqlType) -> Option<Literal> {
    Some(match ty {
        KqlType::String => return None,
        KqlType::Bool => Literal::Bool(false),
        KqlType::Int => Literal::Int(0),
        KqlType::Long => Literal::Long(0),
        KqlType::Real => Literal::Real(0.0),
        KqlType::Decimal => Literal::Decimal("0".to_owned()),
        KqlType::DateTime => Literal::DateTime(Ticks(0)),
        KqlType::TimeSpan => Literal::TimeSpan(Timespan(0)),
        KqlType::Guid => Literal::Guid("00000000-0000-0000-0000-000000000000".to_owned()),
        KqlType::Dynamic => Literal::Dynamic("0".to_owned()),
    })
}
