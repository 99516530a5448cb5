//! `reduce`: groups texts by the pattern they share.

use bartizan_schema::KqlType;

use crate::bound::{ColumnSchema, Named, Operation, Reduce, Rel, Scalar, Whole};
use crate::span::Span;
use crate::syntax::ast::{Expr, Setting};
use crate::syntax::codes;

use super::scope::Table;
use super::{Binder, Inherited, passed_on};

/// The part of the rows that makes a term frequent when the query does not say.
const THRESHOLD: f64 = 0.1;

impl Binder<'_> {
    pub(super) fn reduce(&mut self, input: Table, settings: &[Setting], by: &Expr, span: Span) -> Table {
        let value = self.over(&input, |binder| binder.scalar(by));
        if !matches!(value.ty, KqlType::String | KqlType::Dynamic) && !super::is_null(&value) {
            let hint = Some("use tostring()".to_owned());
            let message = format!("`reduce` groups values of type string, this is {}", value.ty);
            self.errors.error_with_hint(codes::ARGUMENT_TYPE, by.span, message, hint);
        }
        let mut reduce = Reduce {
            value: super::scalar::converted(value, KqlType::String),
            threshold: THRESHOLD,
            separators: String::new(),
            keep_rows: false,
        };
        for setting in settings {
            let value = self.setting_text(setting);
            match (setting.name.text.as_str(), value) {
                ("kind", Some(kind)) if kind == "source" => reduce.keep_rows = true,
                ("threshold", Some(number)) => match number.parse::<f64>() {
                    Ok(part) if (0.0..=1.0).contains(&part) => reduce.threshold = part,
                    _ => {
                        let message = "the threshold of `reduce` is a number from 0 to 1";
                        self.errors.error(codes::UNKNOWN_PARAMETER, setting.name.span, message);
                    }
                },
                ("characters", Some(characters)) => reduce.separators = characters,
                (hint, _) if hint.starts_with("hint.") => {}
                (name, _) => {
                    let message = format!("`reduce` has no such `{name}`");
                    let hint = Some("kind=source, threshold=0.1, characters='-'".to_owned());
                    self.errors.error_with_hint(codes::UNKNOWN_PARAMETER, setting.name.span, message, hint);
                }
            }
        }
        let mut columns = if reduce.keep_rows { input.columns.clone() } else { Vec::new() };
        let mut names = super::naming::Names::reserving(columns.iter().map(|column| column.name.as_str()));
        let added =
            [("Pattern", KqlType::String), ("Count", KqlType::Long), ("Representative", KqlType::String)];
        columns.extend(added.map(|(name, ty)| ColumnSchema { name: names.unique(name), ty }));
        let inherited = Inherited { open: input.open && reduce.keep_rows, ..Inherited::from(&input) };
        let mut items = passed_on(&input.columns, span);
        let texts = Scalar::column(items.len(), KqlType::String, span);
        items.push(Named { name: self.hidden_name(0), value: std::mem::replace(&mut reduce.value, texts) });
        let input = self.project(input, items, span);
        let operation = Operation::Reduce(reduce);
        let whole = Whole { inputs: vec![input.rel], operation, columns: columns.clone(), span };
        self.derive(Rel::Whole(Box::new(whole)), columns, inherited, span)
    }
}
