//! `value.a.b[0]` with constant steps, over a whole column: one pass finds the end of the path without
//! copying what is on the way.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bartizan_schema::KqlType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use sonic_rs::PointerNode;

use super::nesting;
use crate::types::arrow_type;

/// A step of a path, apart from those that are counted from the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

#[derive(Debug)]
pub(crate) struct Path {
    steps: Vec<Step>,
    nodes: Vec<PointerNode>,
    signature: Signature,
}

impl Path {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let nodes = steps
            .iter()
            .map(|step| match step {
                Step::Key(key) => PointerNode::Key(key.clone().into()),
                Step::Index(at) => PointerNode::Index(*at),
            })
            .collect();
        let signature = Signature::exact(vec![arrow_type(KqlType::Dynamic)], Volatility::Immutable);
        Self { steps, nodes, signature }
    }

    /// Missing values, and JSON's null, are null.
    fn walk(&self, values: &StringViewArray) -> StringViewArray {
        let mut found = StringViewBuilder::with_capacity(values.len());
        for value in values {
            let value = value.and_then(|json| nesting::get(json, &self.nodes));
            found
                .append_option(value.as_ref().map(|value| value.as_raw_str()).filter(|json| *json != "null"));
        }
        found.finish()
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps
    }
}

impl Eq for Path {}

impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.steps.hash(state);
    }
}

impl ScalarUDFImpl for Path {
    fn name(&self) -> &str {
        "path"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let value = args.first().map(|arg| arg.schema_name().to_string()).unwrap_or_default();
        Ok(format!("path({value},{:?})", self.steps))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(KqlType::Dynamic))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.into_iter().next() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(None)));
        };
        let scalar = matches!(value, ColumnarValue::Scalar(_));
        let array = cast(&value.into_array(if scalar { 1 } else { args.number_rows })?, &DataType::Utf8View)?;
        let found: ArrayRef = Arc::new(self.walk(array.as_string_view()));
        Ok(match scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?),
            false => ColumnarValue::Array(found),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_at_values_or_at_nothing() {
        let path = |steps: &[Step], json: Option<&str>| {
            let found = Path::new(steps.to_vec()).walk(&StringViewArray::from_iter([json]));
            found.iter().next().flatten().map(str::to_owned)
        };
        let (a, first) = (Step::Key("a".to_owned()), Step::Index(0));
        let json = Some(r#"{"x": {"a": 9}, "a": [{"a": "t"}, null]}"#);
        assert_eq!(path(&[a.clone(), first.clone(), a.clone()], json).as_deref(), Some("\"t\""));
        assert_eq!(path(&[a.clone(), Step::Index(1)], json), None, "JSON's null");
        assert_eq!(path(&[a.clone(), a.clone()], json), None, "an array has no keys");
        assert_eq!(path(std::slice::from_ref(&first), json), None, "a bag has no places");
        assert_eq!(path(std::slice::from_ref(&a), Some("not json")), None);
        let deep = format!("{{\"a\": 1, \"x\": {}", "[".repeat(1_000_000));
        assert_eq!(path(std::slice::from_ref(&a), Some(&deep)), None, "too deep to be read");
        assert_eq!(path(&[a], None), None);
    }
}
