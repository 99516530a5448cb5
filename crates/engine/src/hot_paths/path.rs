//! One path: constant steps into a dynamic column, or into a column's parsed text.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use bartizan_kql::bound::{ColumnSchema, PathSegment, Scalar, ScalarKind};
use bartizan_schema::KqlType;
use bartizan_store::layout::{arrow_field, arrow_type};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, ScalarUDF};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use serde_json::{Value, json};

use crate::functions::dynamic::path::{Path, Step};
use crate::functions::registry;
use crate::lower::{apply, column};

/// How the names of these columns begin. No table's column does.
const PREFIX: &str = "__path:";
/// Steps and length of what is worth remembering; names are in files and in what is kept over a restart.
const STEPS_MAX: usize = 8;
const NAME_BYTES_MAX: usize = 256;
const PARSE: &str = "parse_json";

/// `Column.a.b[0]` or `parse_json(Column).a`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HotPath {
    column: String,
    ty: KqlType,
    /// Whether the column's text is parsed first.
    parsed: bool,
    steps: Vec<Step>,
}

impl HotPath {
    /// The path that an expression over a table's `columns` is.
    pub(crate) fn of(scalar: &Scalar, columns: &[ColumnSchema]) -> Option<Self> {
        let ScalarKind::Path { value, segments } = &scalar.kind else { return None };
        let (at, parsed) = match &value.kind {
            ScalarKind::Column(at) => (*at, false),
            ScalarKind::Call { function: PARSE, args } => match args.as_slice() {
                [Scalar { kind: ScalarKind::Column(at), .. }] => (*at, true),
                _ => return None,
            },
            _ => return None,
        };
        let steps = segments.iter().map(|segment| match segment {
            PathSegment::Key(key) => Some(Step::Key(key.clone())),
            PathSegment::Index(at) => usize::try_from(*at).ok().map(Step::Index),
            PathSegment::Dynamic(_) => None,
        });
        let ColumnSchema { name, ty } = columns.get(at)?;
        Self { column: name.clone(), ty: *ty, parsed, steps: steps.collect::<Option<_>>()? }.checked()
    }

    fn checked(self) -> Option<Self> {
        let ty = self.ty == KqlType::Dynamic || (self.parsed && self.ty == KqlType::String);
        let short =
            !self.steps.is_empty() && self.steps.len() <= STEPS_MAX && self.name().len() <= NAME_BYTES_MAX;
        (ty && short && !self.column.starts_with("__")).then_some(self)
    }

    /// The name of its column, which says all of it.
    pub(crate) fn name(&self) -> String {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::Key(key) => json!(key),
                Step::Index(at) => json!(at),
            })
            .collect();
        format!("{PREFIX}{}", json!([self.column, self.ty.name(), self.parsed, steps]))
    }

    /// The path that a column's name says.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (column, ty, parsed, steps): (String, String, bool, Vec<Value>) =
            serde_json::from_str(name.strip_prefix(PREFIX)?).ok()?;
        let steps = steps.iter().map(|step| match step {
            Value::String(key) => Some(Step::Key(key.clone())),
            step => usize::try_from(step.as_u64()?).ok().map(Step::Index),
        });
        Self { column, ty: ty.parse().ok()?, parsed, steps: steps.collect::<Option<_>>()? }.checked()
    }

    /// The column that it leads into.
    pub(crate) fn column(&self) -> &str {
        &self.column
    }

    /// Its own column.
    pub(crate) fn field(&self) -> Field {
        arrow_field(&self.name(), KqlType::Dynamic)
    }

    /// Whether a table or batch has the column that it leads into.
    pub(crate) fn fits(&self, schema: &Schema) -> bool {
        schema.field_with_name(&self.column).is_ok_and(|field| field.data_type() == &arrow_type(self.ty))
    }

    /// The expression that finds its values, as queries are lowered.
    fn expr(&self) -> Expr {
        let mut value = column(&self.column);
        if self.parsed
            && let Some(parse) = registry::kernel(PARSE)
        {
            value = apply(parse, vec![self.ty], KqlType::Dynamic, vec![value]);
        }
        ScalarUDF::new_from_impl(Path::new(self.steps.clone())).call(vec![value])
    }

    /// The same over rows of `schema`.
    pub(crate) fn physical(&self, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
        let names = DFSchema::try_from(schema.clone())?;
        create_physical_expr(
            &self.expr(),
            &names,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )
    }

    /// Its value in each row.
    pub(crate) fn values(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let at = batch.schema_ref().index_of(&self.column)?;
        // The other columns are none of its business, and a table may have hundreds.
        let only = batch.project(&[at])?;
        self.physical(only.schema_ref())?.evaluate(&only)?.into_array(only.num_rows())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use arrow::array::{AsArray, StringViewArray};

    pub(crate) fn path(key: &str) -> HotPath {
        let steps = vec![Step::Key(key.to_owned())];
        HotPath { column: "Props".to_owned(), ty: KqlType::Dynamic, parsed: false, steps }
    }

    #[test]
    fn names_say_all_of_a_path() {
        let mut odd = path("a.\"b\" ü");
        odd.steps.push(Step::Index(3));
        for known in [path("a"), odd, HotPath { ty: KqlType::String, parsed: true, ..path("a") }] {
            assert_eq!(HotPath::parse(&known.name()), Some(known));
        }
        for wrong in [
            "__path:",
            "__path:[1]",
            "x",
            "__path:[\"C\",\"long\",false,[\"a\"]]",
            "__path:[\"C\",\"dynamic\",false,[]]",
        ] {
            assert_eq!(HotPath::parse(wrong), None, "{wrong}");
        }
        assert_eq!(HotPath::parse(&path(&"x".repeat(300)).name()), None, "too long");
    }

    #[test]
    fn values_are_those_of_the_path() {
        let schema = Arc::new(Schema::new(vec![arrow_field("Props", KqlType::Dynamic)]));
        let json = StringViewArray::from_iter([Some(r#"{"a": {"b": 1}}"#), Some("{}"), None, Some("torn {")]);
        let batch = RecordBatch::try_new(schema, vec![Arc::new(json)]).unwrap();
        let values = path("a").values(&batch).unwrap();
        let found: Vec<_> = values.as_string_view().iter().collect();
        assert_eq!(found, [Some(r#"{"b": 1}"#), None, None, None]);
    }
}
