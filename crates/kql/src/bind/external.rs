//! `externaldata`: rows of files outside the store. Which places may be read is the engine's to say.

use bartizan_schema::KqlType;

use crate::bound::{External, Operation, Rel, Whole};
use crate::span::Span;
use crate::syntax::ast::{ColumnDecl, Expr, Setting};
use crate::syntax::codes;

use super::lets::reads_columns;
use super::scope::Table;
use super::{Binder, Inherited};

impl Binder<'_> {
    pub(super) fn external_data(
        &mut self,
        columns: &[ColumnDecl],
        uris: &[Expr],
        properties: &[Setting],
        span: Span,
    ) -> Table {
        let columns = self.declared_columns(columns);
        let mut external = External {
            uris: Vec::new(),
            format: None,
            ignore_first_record: false,
            ignore_last_record: false,
            zip_pattern: None,
        };
        for uri in uris {
            let before = self.errors.error_count();
            let place = self.apart(|binder| binder.scalar(uri));
            if place.ty == KqlType::String && !reads_columns(&place) {
                external.uris.push(place);
            } else if self.errors.error_count() == before {
                let message = "the place of external data must be constant text";
                self.errors.error(codes::NOT_CONSTANT, uri.span, message);
            }
        }
        let mut unsupported = None;
        for property in properties {
            let value = self.setting_text(property);
            match property.name.text.to_ascii_lowercase().as_str() {
                "format" => external.format = value,
                "ignorefirstrecord" => external.ignore_first_record = value.as_deref() == Some("true"),
                "ignorelastrecord" => external.ignore_last_record = value.as_deref() == Some("true"),
                "zippattern" => external.zip_pattern = value,
                other => unsupported = Some(other.to_owned()),
            }
        }
        if let Some(property) = unsupported {
            // whatever it asks for, rows read without it might be wrong
            return self.unsupported(&format!("externaldata with {property}"), columns, false, span);
        }
        let inherited = Inherited { open: false, time_alias: false, cost: 0, depth: 0 };
        let operation = Operation::External(external);
        let whole = Whole { inputs: Vec::new(), operation, columns: columns.clone(), span };
        self.derive(Rel::Whole(Box::new(whole)), columns, inherited, span)
    }
}
