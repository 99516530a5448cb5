//! `mv-expand`, `mv-apply` and the `parse` family: operators that add or replace columns by pattern.

use bartizan_schema::KqlType;

use crate::bound::{
    ColumnSchema, Literal, MvExpand, MvExpandItem, Parse, ParseMode, ParsePart as BoundPart, Rel, ScalarKind,
};
use crate::span::Span;
use crate::syntax::ast::{ExpandItem, Expr, ExprKind, ParsePart, Setting};
use crate::syntax::codes;

use super::naming::{Names, item_name, maybe_column};
use super::operators::plain_column;
use super::scope::Table;
use super::union::setting_word;
use super::{Binder, Inherited};

/// Rows the older `mvexpand` makes of one row at most. `mv-expand` has no practical limit.
const LEGACY_ROW_LIMIT: u64 = 128;

/// The expanded values and the columns they end up in.
pub(super) struct Expansion {
    pub(super) columns: Vec<ColumnSchema>,
    pub(super) items: Vec<MvExpandItem>,
    pub(super) item_index: Option<String>,
    /// Input columns that are expanded by themselves, without a name for the outcome.
    pub(super) unnamed: Vec<usize>,
}

impl Binder<'_> {
    pub(super) fn mv_expand(
        &mut self,
        input: Table,
        settings: &[Setting],
        items: &[ExpandItem],
        limit: Option<&Expr>,
        legacy: bool,
        span: Span,
    ) -> Table {
        let bag_as_array = setting_word(settings, &["bagexpansion", "kind", "bag_expansion"])
            .is_some_and(|kind| kind == "array");
        let item_index = setting_word(settings, &["with_itemindex"]);
        let row_limit = match limit {
            Some(limit) => self.constant_long(limit),
            None => legacy.then_some(LEGACY_ROW_LIMIT),
        };
        let expansion = self.expansion(&input, items, item_index);
        let inherited = Inherited::from(&input);
        let columns = expansion.columns.clone();
        let node = MvExpand {
            input: input.rel,
            items: expansion.items,
            item_index: expansion.item_index,
            bag_as_array,
            row_limit,
            columns: expansion.columns,
        };
        self.derive(Rel::MvExpand(Box::new(node)), columns, inherited, span)
    }

    pub(super) fn constant_long(&mut self, value: &Expr) -> Option<u64> {
        let bound = self.apart(|binder| binder.scalar(value));
        match bound.kind {
            ScalarKind::Literal(Literal::Long(count)) => u64::try_from(count).ok(),
            _ => {
                self.errors.error(codes::NOT_CONSTANT, value.span, "the limit must be a constant number");
                None
            }
        }
    }

    /// Binds what is expanded.
    pub(super) fn expansion(
        &mut self,
        input: &Table,
        items: &[ExpandItem],
        item_index: Option<String>,
    ) -> Expansion {
        let mut columns = input.columns.clone();
        let mut out = Vec::new();
        let mut unnamed = Vec::new();
        for item in items {
            let (name, value) = match &item.value.kind {
                ExprKind::Assign { names, value, .. } => {
                    (names.first().map(|name| name.text.clone()), value.as_ref())
                }
                _ => (None, &item.value),
            };
            let bound = self.over(input, |binder| binder.scalar(value));
            if bound.ty != KqlType::Dynamic {
                let hint = Some("parse it first: parse_json(…) or split(…)".to_owned());
                let message = format!("only dynamic values can be expanded, this is {}", bound.ty);
                self.errors.error_with_hint(codes::ARGUMENT_TYPE, value.span, message, hint);
            }
            let ty = item.ty.unwrap_or(KqlType::Dynamic);
            let own = || {
                item_name(value).filter(|name| {
                    maybe_column(value).is_none() || input.columns.iter().any(|column| column.name == *name)
                })
            };
            let name = name.or_else(own);
            let name = name.unwrap_or_else(|| self.numbered_name(|_| false));
            let column = ColumnSchema { name, ty };
            let existing = input.columns.iter().position(|known| known.name == column.name);
            let plain = plain_column(&bound).filter(|at| input.columns[*at].name == column.name);
            if !matches!(item.value.kind, ExprKind::Assign { .. }) {
                unnamed.extend(plain);
            }
            let output = match existing.or(plain) {
                Some(at) => {
                    columns[at] = column;
                    at
                }
                None => {
                    columns.push(column);
                    columns.len() - 1
                }
            };
            out.push(MvExpandItem { value: bound, output });
        }
        let item_index = item_index.map(|name| {
            let mut names = Names::reserving(columns.iter().map(|column| column.name.as_str()));
            names.unique(&name)
        });
        if let Some(name) = &item_index {
            columns.push(ColumnSchema { name: name.clone(), ty: KqlType::Long });
        }
        Expansion { columns, items: out, item_index, unnamed }
    }

    pub(super) fn parse_operator(
        &mut self,
        input: Table,
        settings: &[Setting],
        source: &Expr,
        pattern: &[ParsePart],
        drop_unmatched: bool,
        span: Span,
    ) -> Table {
        let mode = match setting_word(settings, &["kind"]).as_deref() {
            None | Some("simple") => ParseMode::Simple,
            Some("relaxed") => ParseMode::Relaxed,
            Some("regex") => ParseMode::Regex,
            Some(other) => {
                let message =
                    format!("`{}` is not a kind of parse", other.chars().take(40).collect::<String>());
                self.errors.error_with_hint(
                    codes::UNKNOWN_PARAMETER,
                    span,
                    message,
                    Some("simple, relaxed or regex".to_owned()),
                );
                ParseMode::Simple
            }
        };
        let flags = setting_word(settings, &["flags"]).unwrap_or_default();
        let source = self.over(&input, |binder| binder.scalar(source));
        let source = super::scalar::converted(source, KqlType::String);
        let mut columns = input.columns.clone();
        let pattern = pattern
            .iter()
            .map(|part| match part {
                ParsePart::Star => BoundPart::Star,
                ParsePart::Text(text) => BoundPart::Text(text.clone()),
                ParsePart::Column { name, ty } => {
                    let ty = ty.unwrap_or(KqlType::String);
                    BoundPart::Column { output: place(&mut columns, &name.text, ty) }
                }
            })
            .collect();
        let inherited = Inherited::from(&input);
        let node = Parse {
            input: input.rel,
            mode,
            flags,
            source,
            pattern,
            drop_unmatched,
            columns: columns.clone(),
        };
        self.derive(Rel::Parse(Box::new(node)), columns, inherited, span)
    }
}

/// Puts a column in place of the one with its name, or at the end.
pub(super) fn place(columns: &mut Vec<ColumnSchema>, name: &str, ty: KqlType) -> usize {
    let column = ColumnSchema { name: name.to_owned(), ty };
    match columns.iter().position(|known| known.name == name) {
        Some(at) => {
            columns[at] = column;
            at
        }
        None => {
            columns.push(column);
            columns.len() - 1
        }
    }
}
