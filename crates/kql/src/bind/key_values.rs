//! `parse-kv`: one bag of the pairs found in a text, then a column per wanted key.

use bartizan_schema::KqlType;

use crate::bound::{KEY_VALUES, Literal, Named, PathSegment, Scalar, ScalarKind};
use crate::span::Span;
use crate::syntax::ast::{ColumnDecl, Expr, ExprKind, Setting, SettingValue};
use crate::syntax::codes;

use super::expand::place;
use super::scope::Table;
use super::{Binder, passed_on};

/// What `with (…)` says about the text.
#[derive(Default)]
struct Shape {
    pair_delimiter: Option<String>,
    kv_delimiter: Option<String>,
    quotes: Vec<String>,
    escapes: String,
    greedy: bool,
    regex: Option<String>,
}

impl Binder<'_> {
    pub(super) fn parse_kv(
        &mut self,
        input: Table,
        source: &Expr,
        declared: &[ColumnDecl],
        settings: &[Setting],
        span: Span,
    ) -> Table {
        let text = self.over(&input, |binder| binder.scalar(source));
        let text = super::scalar::converted(text, KqlType::String);
        let shape = self.shape(settings);
        let wanted = self.declared_columns(declared);
        // with one delimiter alone the text is read as with none: anything but letters and digits separates
        let constant = |text: String| Scalar::literal(Literal::String(text), KqlType::String, span);
        let optional = |text: Option<String>| constant(text.unwrap_or_default());
        let mut args = vec![
            text,
            optional(shape.regex),
            optional(shape.pair_delimiter),
            optional(shape.kv_delimiter),
            // quotes are one or two characters each; the line break cannot be one of them
            constant(shape.quotes.join("\n")),
            constant(shape.escapes),
            Scalar::literal(Literal::Bool(shape.greedy), KqlType::Bool, span),
        ];
        args.extend(wanted.iter().map(|column| constant(column.name.clone())));
        let kind = ScalarKind::Call { function: KEY_VALUES, args };
        let bag = Scalar { kind, ty: KqlType::Dynamic, span };
        let mut items = passed_on(&input.columns, span);
        items.push(Named { name: self.hidden_name(0), value: bag });
        let mut columns = input.columns.clone();
        let bag_at = columns.len();
        let packed = self.project(input, items, span);
        let mut sources: Vec<Option<usize>> = vec![None; columns.len()];
        for (at, column) in wanted.iter().enumerate() {
            let output = place(&mut columns, &column.name, column.ty);
            sources.resize(columns.len(), None);
            sources[output] = Some(at);
        }
        let items = columns.iter().zip(sources).enumerate().map(|(at, (column, source))| {
            let value = match source {
                None => Scalar::column(at, column.ty, span),
                Some(_) => {
                    let bag = Box::new(Scalar::column(bag_at, KqlType::Dynamic, span));
                    let segments = vec![PathSegment::Key(column.name.clone())];
                    let kind = ScalarKind::Path { value: bag, segments };
                    super::scalar::converted(Scalar { kind, ty: KqlType::Dynamic, span }, column.ty)
                }
            };
            Named { name: column.name.clone(), value }
        });
        let items = items.collect();
        self.project(packed, items, span)
    }

    fn shape(&mut self, settings: &[Setting]) -> Shape {
        let mut shape = Shape::default();
        for setting in settings {
            let value = self.setting_text(setting);
            match setting.name.text.as_str() {
                "pair_delimiter" => shape.pair_delimiter = value,
                "kv_delimiter" => shape.kv_delimiter = value,
                "regex" => shape.regex = value,
                "greedy" => shape.greedy = value.as_deref() == Some("true"),
                "quote" => match value {
                    Some(quote) if matches!(quote.chars().count(), 1 | 2) => shape.quotes.push(quote),
                    _ => self.bad_setting(setting, "one character, or an opening and a closing one"),
                },
                "escape" => match value {
                    Some(escape) if escape.chars().count() == 1 => shape.escapes.push_str(&escape),
                    _ => self.bad_setting(setting, "one character"),
                },
                _ => {
                    let hint = "pair_delimiter, kv_delimiter, quote, escape, greedy or regex";
                    let message = format!("`parse-kv` has no property `{}`", setting.name.text);
                    let hint = Some(hint.to_owned());
                    self.errors.error_with_hint(codes::UNKNOWN_PARAMETER, setting.name.span, message, hint);
                }
            }
        }
        shape
    }

    fn bad_setting(&mut self, setting: &Setting, wanted: &str) {
        let message = format!("`{}` of `parse-kv` must be {wanted}", setting.name.text);
        self.errors.error(codes::UNKNOWN_PARAMETER, setting.name.span, message);
    }

    /// A property's value as text, if it is constant.
    pub(super) fn setting_text(&mut self, setting: &Setting) -> Option<String> {
        match &setting.value {
            SettingValue::Word(word) => match self.env.find(&word.text) {
                Some(super::scope::Binding::Scalar { value, .. }) => constant_text(&value),
                _ => Some(word.text.clone()),
            },
            SettingValue::Expr(Expr { kind: ExprKind::Name(name), .. }) => Some(name.clone()),
            SettingValue::Expr(expr) => {
                let value = self.apart(|binder| binder.scalar(expr));
                constant_text(&value)
            }
        }
    }
}

fn constant_text(value: &Scalar) -> Option<String> {
    match &value.kind {
        ScalarKind::Literal(Literal::String(text)) => Some(text.clone()),
        ScalarKind::Literal(Literal::Bool(value)) => Some(value.to_string()),
        ScalarKind::Literal(Literal::Long(value)) => Some(value.to_string()),
        ScalarKind::Literal(Literal::Real(value)) => Some(value.to_string()),
        _ => None,
    }
}
