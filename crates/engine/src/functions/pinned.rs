//! A value that stays where it is worked out.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Gives its argument back. It calls itself volatile, so that the optimizer neither copies it into the
/// expressions above nor moves filters on it below.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Pinned {
    signature: Signature,
}

static PINNED: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(Pinned { signature: Signature::any(1, Volatility::Volatile) }.into()));

/// `value`, worked out once for each row however often it is used above.
pub(crate) fn pinned(value: Expr) -> Expr {
    PINNED.call(vec![value])
}

impl ScalarUDFImpl for Pinned {
    fn name(&self) -> &str {
        "pinned"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        Ok(args[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&args.arg_fields[0]))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args[0].clone())
    }
}
