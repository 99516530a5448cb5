//! Pipelines that are run once for each group of rows: the bodies of `mv-apply` and `partition`.
//!
//! Such a body is bound over a leaf that stands for the rows of one group. Then it is rewritten to run over
//! the rows of all groups at once: hidden columns that tell the groups apart ride along at the end of every
//! relation. `where` and `extend` pass them on, `summarize` adds them to its keys, `take` counts within
//! them, functions over rows in order start anew where they change. What cannot be rewritten (a union with
//! other rows, a sub-query over the group) is run group by group, see [`EachGroup`].

use bartizan_schema::KqlType;

use crate::bound::{
    ColumnSchema, EachGroup, Join, JoinKind, JoinOutput, JoinSide, Literal, MvExpand, Named, NamedAggregate,
    Operation, Parse, Rel, SAME_VALUE, Scalar, ScalarKind, SortKey, Whole,
};
use crate::span::Span;
use crate::visit;

use super::absent;

/// The rows that a body is run over.
pub(super) struct Groups {
    /// All rows: the columns a body sees, then the hidden ones.
    pub rows: Rel,
    /// The leaf in the body that stands for the rows of a group.
    pub source: u32,
    /// Columns that a body sees.
    pub visible: usize,
    /// Hidden columns that tell the groups apart; the first ones behind the visible.
    pub keys: usize,
    pub span: Span,
}

impl Groups {
    /// The leaf for the rows of one group.
    pub(super) fn leaf(source: u32, columns: Vec<ColumnSchema>) -> Rel {
        Rel::Shared { id: source, input: Box::new(Rel::Rows { columns, rows: Vec::new() }) }
    }

    /// The body over all groups: its own columns, then the hidden ones.
    pub(super) fn apply(&self, body: Rel) -> Rel {
        match self.rewrite(&body) {
            Some(rel) => rel,
            None => self.each(body),
        }
    }

    fn hidden(&self) -> Vec<ColumnSchema> {
        self.rows.columns().split_off(self.visible)
    }

    /// The positions of the hidden columns that tell groups apart, behind `visible` columns.
    fn key_positions(&self, visible: usize) -> std::ops::Range<usize> {
        visible..visible + self.keys
    }

    fn each(&self, body: Rel) -> Rel {
        let hidden = self.hidden();
        let mut columns = body.columns();
        columns.extend(hidden.iter().cloned());
        let sorted = self.grouped(self.rows.clone(), self.visible, Vec::new());
        let each = EachGroup { body, source: self.source, carried: hidden.len(), keys: self.keys };
        let operation = Operation::EachGroup(Box::new(each));
        Rel::Whole(Box::new(Whole { inputs: vec![sorted], operation, columns, span: self.span }))
    }

    /// Rows of a group side by side; within it by `keys`, or in the order they had.
    fn grouped(&self, input: Rel, visible: usize, keys: Vec<SortKey>) -> Rel {
        let hidden = self.hidden();
        let by_group = self.key_positions(visible).zip(&hidden).map(|(at, column)| SortKey {
            value: Scalar::column(at, column.ty, self.span),
            descending: false,
            nulls_first: true,
        });
        Rel::Sort { keys: by_group.chain(keys).collect(), input: Box::new(input) }
    }

    /// The hidden columns as they are behind `visible` columns.
    fn passed_on(&self, visible: usize) -> impl Iterator<Item = Named> {
        let span = self.span;
        let hidden = self.hidden().into_iter().enumerate();
        hidden.map(move |(at, column)| Named {
            value: Scalar::column(visible + at, column.ty, span),
            name: column.name,
        })
    }

    /// The same relation over all groups, or `None` where that has no relational form.
    fn rewrite(&self, rel: &Rel) -> Option<Rel> {
        if visit::scalars(rel).into_iter().any(|scalar| self.reads_group(scalar)) {
            return None;
        }
        Some(match rel {
            Rel::Shared { id, .. } if *id == self.source => self.rows.clone(),
            // used once per group, so there is nothing to share
            Rel::Shared { input, .. } => self.rewrite(input)?,
            Rel::Filter { input, predicate } => {
                Rel::Filter { predicate: predicate.clone(), input: Box::new(self.rewrite(input)?) }
            }
            Rel::Project { input, items } => self.project(input, items)?,
            Rel::Summarize { input, keys, aggregates } => self.summarize(input, keys, aggregates)?,
            Rel::Sort { input, keys } => {
                let visible = input.columns().len();
                self.grouped(self.rewrite(input)?, visible, keys.clone())
            }
            Rel::Take { input, count } | Rel::Sample { input, count } => {
                let keys = self.key_positions(input.columns().len()).collect();
                Rel::TakeWithin { input: Box::new(self.rewrite(input)?), keys, count: count.clone() }
            }
            Rel::TakeWithin { input, keys, count } => {
                let group = self.key_positions(input.columns().len());
                let keys = keys.iter().copied().chain(group).collect();
                Rel::TakeWithin { input: Box::new(self.rewrite(input)?), keys, count: count.clone() }
            }
            Rel::Serialize { input } => Rel::Serialize { input: Box::new(self.rewrite(input)?) },
            Rel::Join(join) => self.join(join)?,
            Rel::Union { inputs, columns } => {
                let inputs = inputs.iter().map(|input| self.rewrite(input)).collect::<Option<Vec<_>>>()?;
                Rel::Union { inputs, columns: self.with_hidden(columns) }
            }
            Rel::MvExpand(expand) => Rel::MvExpand(Box::new(MvExpand {
                input: self.rewrite(&expand.input)?,
                columns: self.with_hidden(&expand.columns),
                items: expand.items.clone(),
                item_index: expand.item_index.clone(),
                bag_as_array: expand.bag_as_array,
                row_limit: expand.row_limit,
            })),
            Rel::Parse(parse) => Rel::Parse(Box::new(Parse {
                input: self.rewrite(&parse.input)?,
                columns: self.with_hidden(&parse.columns),
                ..Parse::clone(parse)
            })),
            Rel::Unsupported { what, columns, span } => {
                Rel::Unsupported { what: what.clone(), columns: self.with_hidden(columns), span: *span }
            }
            // other rows, the same for every group; or operators that read a group as a whole
            Rel::Table { .. } | Rel::Rows { .. } | Rel::Print { .. } | Rel::Range { .. } | Rel::Whole(_) => {
                return None;
            }
        })
    }

    fn with_hidden(&self, columns: &[ColumnSchema]) -> Vec<ColumnSchema> {
        columns.iter().cloned().chain(self.hidden()).collect()
    }

    /// Whether a sub-query of the expression is over the rows of the group.
    fn reads_group(&self, scalar: &Scalar) -> bool {
        let mut found = false;
        visit::sub_relations(scalar, &mut |inner| found |= self.is_over_group(inner));
        found
    }

    fn is_over_group(&self, rel: &Rel) -> bool {
        let mut found = false;
        visit::relations(rel, &mut |rel| {
            found |= matches!(rel, Rel::Shared { id, .. } if *id == self.source);
        });
        found
    }

    fn project(&self, input: &Rel, items: &[Named]) -> Option<Rel> {
        let visible = input.columns().len();
        let mut rows = self.rewrite(input)?;
        let mut items = items.to_vec();
        if items.iter().any(|item| looks_at_rows(&item.value)) {
            rows = self.grouped(rows, visible, Vec::new());
            let keys: Vec<Scalar> = self.passed_on(visible).take(self.keys).map(|key| key.value).collect();
            items.iter_mut().for_each(|item| start_anew(&mut item.value, &keys));
        }
        items.extend(self.passed_on(visible));
        Some(Rel::Project { input: Box::new(rows), items })
    }

    /// Groups by the hidden keys too. The other hidden columns are the same in all rows of a group.
    fn summarize(&self, input: &Rel, keys: &[Named], aggregates: &[NamedAggregate]) -> Option<Rel> {
        let visible = input.columns().len();
        let rows = Box::new(self.rewrite(input)?);
        let mut hidden = self.passed_on(visible);
        let group: Vec<Named> = hidden.by_ref().take(self.keys).collect();
        let carried: Vec<Named> = hidden.collect();
        let outputs: usize = aggregates.iter().map(|aggregate| aggregate.outputs.len()).sum();
        let (own, grouped) = (keys.len(), group.len());
        let keys: Vec<Named> = keys.iter().cloned().chain(group).collect();
        let carried = carried.into_iter().map(|item| NamedAggregate {
            function: SAME_VALUE,
            outputs: vec![ColumnSchema { name: item.name, ty: item.value.ty }],
            args: vec![item.value],
            span: self.span,
        });
        let aggregates = aggregates.iter().cloned().chain(carried).collect();
        let rel = Rel::Summarize { input: rows, keys, aggregates };
        // keys, group, outputs, carried: the group goes behind the outputs
        let columns = rel.columns();
        let order = (0..own)
            .chain(own + grouped..own + grouped + outputs)
            .chain(own..own + grouped)
            .chain(own + grouped + outputs..columns.len());
        let items = order.map(|at| Named {
            name: columns[at].name.clone(),
            value: Scalar::column(at, columns[at].ty, self.span),
        });
        Some(Rel::Project { items: items.collect(), input: Box::new(rel) })
    }

    /// A join of the group with rows that are the same for every group.
    fn join(&self, join: &Join) -> Option<Rel> {
        let (in_left, in_right) = (self.is_over_group(&join.left), self.is_over_group(&join.right));
        let keeps_left = matches!(
            join.kind,
            JoinKind::Inner | JoinKind::LeftOuter | JoinKind::LeftSemi | JoinKind::LeftAnti
        );
        let keeps_right = matches!(
            join.kind,
            JoinKind::Inner
                | JoinKind::InnerUnique
                | JoinKind::RightOuter
                | JoinKind::RightSemi
                | JoinKind::RightAnti
        );
        let mut join = join.clone();
        let (side, visible) = match (in_left, in_right) {
            (true, false) if keeps_left => (JoinSide::Left, join.left.columns().len()),
            (true, false) if join.kind == JoinKind::InnerUnique => {
                let visible = join.left.columns().len();
                let keys = join.on.iter().map(|(key, _)| super::operators::plain_column(key));
                let keys = keys.collect::<Option<Vec<_>>>()?;
                let count = Scalar::literal(Literal::Long(1), KqlType::Long, join.span);
                let left = std::mem::replace(&mut join.left, Rel::Print { items: Vec::new() });
                join.left = Rel::TakeWithin { input: Box::new(left), keys, count };
                join.kind = JoinKind::Inner;
                (JoinSide::Left, visible)
            }
            (false, true) if keeps_right => (JoinSide::Right, join.right.columns().len()),
            _ => return None,
        };
        match side {
            JoinSide::Left => join.left = self.rewrite(&join.left)?,
            JoinSide::Right => join.right = self.rewrite(&join.right)?,
        }
        let hidden = self.hidden().into_iter().enumerate();
        join.outputs.extend(hidden.map(|(at, column)| JoinOutput {
            column,
            from: side,
            index: visible + at,
        }));
        Some(Rel::Join(Box::new(join)))
    }
}

/// Functions that look at other rows, and how many arguments stand before their `restart`.
const OVER_ROWS: &[(&str, usize)] = &[
    ("row_number", 1),
    ("row_cumsum", 1),
    ("row_rank_dense", 1),
    ("row_rank_min", 1),
    ("row_window_session", 3),
    ("prev", 3),
    ("next", 3),
];

fn looks_at_rows(scalar: &Scalar) -> bool {
    match &scalar.kind {
        ScalarKind::Call { function, args } => {
            OVER_ROWS.iter().any(|(name, _)| name == function) || args.iter().any(looks_at_rows)
        }
        ScalarKind::Path { value, .. } | ScalarKind::InRelation { value, .. } => looks_at_rows(value),
        ScalarKind::Literal(_) | ScalarKind::Column(_) | ScalarKind::ToScalar(_) => false,
    }
}

/// Makes functions over rows start anew where a key differs from the row before.
fn start_anew(scalar: &mut Scalar, keys: &[Scalar]) {
    let (ty, span) = (scalar.ty, scalar.span);
    let (function, args) = match &mut scalar.kind {
        ScalarKind::Call { function, args } => (*function, args),
        ScalarKind::Path { value, .. } | ScalarKind::InRelation { value, .. } => {
            return start_anew(value, keys);
        }
        ScalarKind::Literal(_) | ScalarKind::Column(_) | ScalarKind::ToScalar(_) => return,
    };
    args.iter_mut().for_each(|arg| start_anew(arg, keys));
    let Some((_, before)) = OVER_ROWS.iter().find(|(name, _)| *name == function) else { return };
    if matches!(function, "prev" | "next") {
        // a row of another group counts as none
        let offset = args.get(1).cloned().unwrap_or(Scalar::literal(Literal::Long(1), KqlType::Long, span));
        let none = args.get(2).cloned().unwrap_or_else(|| absent(ty, span));
        let same = keys.iter().map(|key| {
            let other = call(function, vec![key.clone(), offset.clone()], key.ty);
            is_same(other, key.clone())
        });
        let same = super::scalar::balanced("and", same.collect(), span);
        let found = std::mem::replace(scalar, none.clone());
        *scalar = call("iff", vec![same, found, super::scalar::converted(none, ty)], ty);
        return;
    }
    if args.is_empty() {
        args.push(Scalar::literal(Literal::Long(1), KqlType::Long, span));
    }
    let mut changed: Vec<Scalar> = keys
        .iter()
        .map(|key| {
            let before = call("prev", vec![key.clone()], key.ty);
            call("not", vec![is_same(before, key.clone())], KqlType::Bool)
        })
        .collect();
    changed.extend(args.drain(*before..));
    args.push(super::scalar::balanced("or", changed, span));
}

/// Whether two keys are equal, null being equal to null.
fn is_same(a: Scalar, b: Scalar) -> Scalar {
    let both_null = [a.clone(), b.clone()].map(|value| call("isnull", vec![value], KqlType::Bool));
    let both_null = super::scalar::balanced("and", both_null.to_vec(), b.span);
    let span = b.span;
    let equal = call("==", vec![a, b], KqlType::Bool);
    super::scalar::balanced("or", vec![equal, both_null], span)
}

fn call(function: &'static str, args: Vec<Scalar>, ty: KqlType) -> Scalar {
    let span = args.first().map_or(Span::default(), |arg| arg.span);
    Scalar { kind: ScalarKind::Call { function, args }, ty, span }
}
