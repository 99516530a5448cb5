//! Functions over rows in order (`prev`, `row_number` …): where they may stand.
//!
//! Their input must be serialised: an operator that fixes the order (`sort`, `serialize`, `range` …) comes
//! before them, and none that loses it in between.

use bartizan_schema::KqlType;

use crate::bound::{Named, PathSegment, Rel, Scalar, ScalarKind};
use crate::functions::is_windowed;
use crate::span::Span;
use crate::syntax::codes;

use super::scope::Table;
use super::{Binder, passed_on};

/// A name that no query can write.
const HIDDEN: &str = "$condition";

/// Whether the rows of a relation have an order that means something.
pub(super) fn is_serialized(mut rel: &Rel) -> bool {
    loop {
        rel = match rel {
            Rel::Sort { .. } | Rel::Serialize { .. } | Rel::Range { .. } | Rel::Rows { .. } => return true,
            Rel::Print { .. } | Rel::Whole(_) | Rel::Unsupported { .. } => return true,
            Rel::Table { .. } | Rel::Summarize { .. } | Rel::Join(_) | Rel::Union { .. } => return false,
            Rel::Sample { .. } => return false,
            Rel::Filter { input, .. }
            | Rel::Project { input, .. }
            | Rel::Take { input, .. }
            | Rel::TakeWithin { input, .. }
            | Rel::Shared { input, .. } => input,
            Rel::MvExpand(expand) => &expand.input,
            Rel::Parse(parse) => &parse.input,
        }
    }
}

impl Binder<'_> {
    /// Reports a function over ordered rows where the rows have no order.
    pub(super) fn check_windowed(&mut self, function: &str, span: Span) {
        if is_windowed(function) && !self.row().serialized {
            let message = format!("`{function}` looks at other rows, and these have no order");
            let hint = Some("put `sort by …` or `serialize` before it".to_owned());
            self.errors.error_with_hint(codes::NOT_SERIALIZED, span, message, hint);
        }
    }

    /// `where` with a condition that looks at other rows: those that are dropped too, so the condition is
    /// worked out as a column first.
    pub(super) fn filter(&mut self, input: Table, predicate: Scalar, span: Span) -> Table {
        if !looks_at_rows(&predicate) {
            return self.through(input, span, |input| Rel::Filter { input, predicate });
        }
        let columns = input.columns.clone();
        let mut items = passed_on(&columns, span);
        items.push(Named { name: HIDDEN.to_owned(), value: predicate });
        let table = self.project(input, items, span);
        let predicate = Scalar::column(columns.len(), KqlType::Bool, span);
        let table = self.through(table, span, |input| Rel::Filter { input, predicate });
        self.project(table, passed_on(&columns, span), span)
    }
}

fn looks_at_rows(scalar: &Scalar) -> bool {
    match &scalar.kind {
        ScalarKind::Call { function, args } => is_windowed(function) || args.iter().any(looks_at_rows),
        ScalarKind::Path { value, segments } => {
            looks_at_rows(value)
                || segments
                    .iter()
                    .any(|segment| matches!(segment, PathSegment::Dynamic(key) if looks_at_rows(key)))
        }
        ScalarKind::InRelation { value, .. } => looks_at_rows(value),
        ScalarKind::Literal(_) | ScalarKind::Column(_) | ScalarKind::ToScalar(_) => false,
    }
}
