//! `join` and `lookup`.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Join, JoinKind, JoinOutput, JoinSide, Rel, Scalar};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Name, Setting, SettingValue};
use crate::syntax::codes;

use super::naming::Names;
use super::operators::plain_column;
use super::scope::Table;
use super::types::is_number;
use super::{Binder, Inherited};

/// Kinds by name, older spellings included.
const KINDS: &[(&str, JoinKind)] = &[
    ("innerunique", JoinKind::InnerUnique),
    ("inner", JoinKind::Inner),
    ("leftouter", JoinKind::LeftOuter),
    ("rightouter", JoinKind::RightOuter),
    ("fullouter", JoinKind::FullOuter),
    ("leftsemi", JoinKind::LeftSemi),
    ("rightsemi", JoinKind::RightSemi),
    ("leftanti", JoinKind::LeftAnti),
    ("leftantisemi", JoinKind::LeftAnti),
    ("anti", JoinKind::LeftAnti),
    ("rightanti", JoinKind::RightAnti),
    ("rightantisemi", JoinKind::RightAnti),
];

impl Binder<'_> {
    pub(super) fn join(
        &mut self,
        left: Table,
        lookup: bool,
        settings: &[Setting],
        right: &Expr,
        on: &[Expr],
        span: Span,
    ) -> Table {
        let right = self.table(right);
        let (left, right) = self.with_join_keys(left, right, on, span);
        let kind = self.join_kind(lookup, settings);
        if on.is_empty() {
            let message = "a join needs `on` and the columns to compare";
            self.errors.error(codes::JOIN_KEY, span, message);
        }
        let mut keys = Vec::new();
        for condition in on {
            self.join_condition(&left, &right, condition, &mut keys);
        }
        let outputs = join_outputs(&left, &right, kind, lookup.then_some(keys.as_slice()));
        let columns: Vec<ColumnSchema> = outputs.iter().map(|output| output.column.clone()).collect();
        let inherited = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => {
                Inherited { open: left.open, ..Inherited::both(&left, &right) }
            }
            JoinKind::RightSemi | JoinKind::RightAnti => {
                Inherited { open: right.open, ..Inherited::both(&left, &right) }
            }
            _ => Inherited::both(&left, &right),
        };
        let join = Join { left: left.rel, right: right.rel, kind, on: keys, outputs, span };
        self.derive(Rel::Join(Box::new(join)), columns, inherited, span)
    }

    fn join_kind(&mut self, lookup: bool, settings: &[Setting]) -> JoinKind {
        let default = if lookup { JoinKind::LeftOuter } else { JoinKind::InnerUnique };
        let Some(setting) = settings.iter().find(|setting| setting.name.text == "kind") else {
            return default;
        };
        let word = match &setting.value {
            SettingValue::Word(word) => word.text.as_str(),
            SettingValue::Expr(_) => "",
        };
        let found = KINDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind);
        match found {
            Some(kind) if !lookup || matches!(kind, JoinKind::LeftOuter | JoinKind::Inner) => kind,
            _ => {
                let hint = if lookup {
                    Some("`lookup` is `leftouter` or `inner`".to_owned())
                } else {
                    let near = crate::nearest::nearest(word, KINDS.iter().map(|(name, _)| *name));
                    Some(near.map_or("one of inner, innerunique, leftouter, rightouter, fullouter, leftsemi, rightsemi, leftanti, rightanti".to_owned(), |near| format!("did you mean `{near}`?")))
                };
                let message =
                    format!("`{}` is not a kind of join", word.chars().take(40).collect::<String>());
                self.errors.error_with_hint(codes::JOIN_KIND, setting.name.span, message, hint);
                default
            }
        }
    }

    /// `a`, `$left.a == $right.b`, or several of those joined by `and`.
    fn join_condition(
        &mut self,
        left: &Table,
        right: &Table,
        condition: &Expr,
        keys: &mut Vec<(Scalar, Scalar)>,
    ) {
        let condition = condition.unwrapped();
        match &condition.kind {
            ExprKind::Logic { op: "and", terms } => {
                for term in terms {
                    self.join_condition(left, right, term, keys);
                }
            }
            ExprKind::Binary { op: "==", left: a, right: b } => {
                let sides = match (side(a), side(b)) {
                    (Some((JoinSide::Left, a)), Some((JoinSide::Right, b))) => Some((a, b)),
                    // the service wants `$left` first; which way round it is meant is plain all the same
                    (Some((JoinSide::Right, a)), Some((JoinSide::Left, b))) => Some((b, a)),
                    _ => None,
                };
                let Some((a, b)) = sides else { return self.bad_condition(condition.span) };
                let a = self.join_column(left, a);
                let b = self.join_column(right, b);
                self.push_key(a, b, left.open || right.open, condition.span, keys);
            }
            ExprKind::Name(name) => {
                let name = Name { text: name.clone(), span: condition.span };
                let a = self.join_column(left, &name);
                let b = self.join_column(right, &name);
                self.push_key(a, b, left.open || right.open, condition.span, keys);
            }
            ExprKind::Error => {}
            _ => self.bad_condition(condition.span),
        }
    }

    fn bad_condition(&mut self, span: Span) {
        let hint = Some("name a column that both sides have, or write $left.a == $right.b".to_owned());
        self.errors.error_with_hint(codes::JOIN_KEY, span, "this is not a join condition", hint);
    }

    fn join_column(&mut self, table: &Table, name: &Name) -> Option<Scalar> {
        self.over(table, |binder| match binder.row().position(&name.text) {
            Some(at) => Some(Scalar::column(at, binder.row().columns[at].ty, name.span)),
            None => {
                if !binder.row().open {
                    binder.unknown_column(&name.text, name.span);
                }
                None
            }
        })
    }

    fn push_key(
        &mut self,
        left: Option<Scalar>,
        right: Option<Scalar>,
        open: bool,
        span: Span,
        keys: &mut Vec<(Scalar, Scalar)>,
    ) {
        let (Some(left), Some(right)) = (left, right) else { return };
        // a column that only the run shows may have any type
        let unknown = open && (left.ty == KqlType::Dynamic || right.ty == KqlType::Dynamic);
        if !unknown && left.ty != right.ty && !(is_number(left.ty) && is_number(right.ty)) {
            let message = format!("the join compares {} with {}", left.ty, right.ty);
            let hint = Some("extend one side with a converted column first".to_owned());
            self.errors.error_with_hint(codes::JOIN_KEY, span, message, hint);
        }
        keys.push((left, right));
    }
}

/// The names a join condition wants on either side.
pub(super) fn sides_of(condition: &Expr, left: &mut Vec<String>, right: &mut Vec<String>) {
    match &condition.unwrapped().kind {
        ExprKind::Logic { op: "and", terms } => {
            for term in terms {
                sides_of(term, left, right);
            }
        }
        ExprKind::Binary { op: "==", left: a, right: b } => {
            for (side, name) in [side(a), side(b)].into_iter().flatten() {
                match side {
                    JoinSide::Left => left.push(name.text.clone()),
                    JoinSide::Right => right.push(name.text.clone()),
                }
            }
        }
        ExprKind::Name(name) => {
            left.push(name.clone());
            right.push(name.clone());
        }
        _ => {}
    }
}

/// `$left.a` or `$right.a`.
fn side(expr: &Expr) -> Option<(JoinSide, &Name)> {
    let ExprKind::Member { base, name } = &expr.unwrapped().kind else { return None };
    match &base.kind {
        ExprKind::Name(side) if side == "$left" => Some((JoinSide::Left, name)),
        ExprKind::Name(side) if side == "$right" => Some((JoinSide::Right, name)),
        _ => None,
    }
}

/// Output columns: the left ones, then the right ones under free names. Semi and anti joins have one side
/// only; `lookup` leaves out the right keys. A new name must be free on both sides:
/// `V(b, b1) | join V on b` has b, b1, b2, b11.
fn join_outputs(
    left: &Table,
    right: &Table,
    kind: JoinKind,
    lookup_keys: Option<&[(Scalar, Scalar)]>,
) -> Vec<JoinOutput> {
    let one_side = |table: &Table, from: JoinSide| {
        let columns = table.columns.iter().cloned().enumerate();
        columns.map(|(index, column)| JoinOutput { column, from, index }).collect::<Vec<_>>()
    };
    match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti => return one_side(left, JoinSide::Left),
        JoinKind::RightSemi | JoinKind::RightAnti => return one_side(right, JoinSide::Right),
        _ => {}
    }
    let mut outputs = one_side(left, JoinSide::Left);
    let dropped: Vec<usize> =
        lookup_keys.unwrap_or_default().iter().filter_map(|(_, key)| plain_column(key)).collect();
    let kept = || right.columns.iter().enumerate().filter(|(at, _)| !dropped.contains(at));
    let left_names: std::collections::HashSet<&str> =
        left.columns.iter().map(|column| column.name.as_str()).collect();
    let all = left
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .chain(kept().map(|(_, column)| column.name.as_str()));
    let mut names = Names::reserving(all);
    for (index, column) in kept() {
        let mut column = column.clone();
        if left_names.contains(column.name.as_str()) {
            column.name = names.unique(&column.name);
        }
        outputs.push(JoinOutput { column, from: JoinSide::Right, index });
    }
    outputs
}
