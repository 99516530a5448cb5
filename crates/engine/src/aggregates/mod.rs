//! Aggregates. Those that mean the same in SQL are DataFusion's own; the rest are here, written over many
//! groups at a time (see [`grouped`]).
//!
//! All ignore nulls. On no rows at all, counts and sums are 0, lists are `[]`, bags `{}`, `avg` is NaN,
//! `stdev` and `variance` 0, sketches empty, others null.

mod bags;
mod collect;
mod decimal;
mod distinct;
mod elements;
mod extreme;
mod grouped;
mod interner;
mod mean;
mod members;
mod percentile;
mod plan;
mod sets;
#[cfg(test)]
mod split;
mod table;

use bartizan_kql::bound::{NamedAggregate, SAME_VALUE, Scalar};
use bartizan_schema::KqlType;
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, ExprFunctionExt, cast};

use crate::error::QueryError;
use crate::lower::{Context, Scope, column};
use crate::types::arrow_type;

/// How an output column is made of the aggregate's result.
pub(crate) type Output = Box<dyn Fn(Expr) -> Result<Expr, QueryError>>;

/// An aggregate call and the columns its result gives.
pub(crate) struct Planned {
    pub call: Expr,
    pub results: Vec<Output>,
}

/// Elements a list or set keeps when the query states no limit, and the most it may state.
const ELEMENTS_MAX: usize = 1 << 20;

/// Every aggregate this engine runs, by canonical name; the `…if` forms are there under their own names.
pub(crate) const SUPPORTED: &[&str] = &[
    "count",
    "countif",
    "sum",
    "sumif",
    "avg",
    "avgif",
    "min",
    "minif",
    "max",
    "maxif",
    "dcount",
    "dcountif",
    "hll",
    "hll_if",
    "hll_merge",
    "count_distinct",
    "count_distinctif",
    "stdev",
    "stdevif",
    "stdevp",
    "stdevpif",
    "variance",
    "varianceif",
    "variancep",
    "variancepif",
    "covariance",
    "covarianceif",
    "covariancep",
    "covariancepif",
    "make_list",
    "make_list_if",
    "make_list_with_nulls",
    "make_set",
    "make_set_if",
    "make_bag",
    "make_bag_if",
    "buildschema",
    "arg_max",
    "arg_min",
    "argmax",
    "argmin",
    "take_any",
    "take_anyif",
    "any",
    "anyif",
    "passthrough",
    "percentile",
    "percentiles",
    "percentilew",
    "percentilesw",
    "percentiles_array",
    "percentilesw_array",
    "tdigest",
    "tdigest_merge",
    "binary_all_and",
    "binary_all_or",
    "binary_all_xor",
];

/// Whether the result depends on the order of rows.
pub(crate) fn keeps_order(function: &str) -> bool {
    matches!(
        base(function).0,
        "make_list"
            | "make_list_with_nulls"
            | "make_set"
            | "take_any"
            | "any"
            | "passthrough"
            | "arg_max"
            | "arg_min"
    )
}

/// The unconditional name, and the position of the condition among the arguments.
fn base(function: &str) -> (&str, Option<usize>) {
    match function {
        "countif" => return ("count", Some(0)),
        "covarianceif" => return ("covariance", Some(2)),
        "covariancepif" => return ("covariancep", Some(2)),
        _ => {}
    }
    match function.strip_suffix("_if").or_else(|| function.strip_suffix("if")) {
        Some(base) => (base, Some(1)),
        None => (function, None),
    }
}

impl Context {
    pub(crate) fn aggregate(
        &self,
        aggregate: &NamedAggregate,
        scope: Scope<'_>,
        order: Option<&str>,
    ) -> Result<Planned, QueryError> {
        let refuse = || QueryError::unsupported(aggregate.function, aggregate.span);
        if let (SAME_VALUE, [value], [output]) =
            (aggregate.function, &aggregate.args[..], &aggregate.outputs[..])
        {
            // any of them would do, and this one needs no order
            let value = datafusion::functions_aggregate::expr_fn::max(self.scalar(value, scope)?);
            return Ok(one(value, text_is_never_null(output.ty)));
        }
        if !SUPPORTED.contains(&aggregate.function) {
            return Err(refuse());
        }
        let (name, condition_at) = match (aggregate.function, aggregate.args.len()) {
            // `count(condition)` is `countif(condition)`.
            ("count", 1) => ("count", Some(0)),
            (function, _) => base(function),
        };
        let mut args: Vec<&Scalar> = aggregate.args.iter().collect();
        let mut condition = None;
        if let Some(at) = condition_at {
            if at >= args.len() {
                return Err(refuse());
            }
            condition = Some(self.predicate(args.remove(at), scope)?);
        }
        let order = order.map(column);
        let planned =
            plan::Parts { context: self, args, aggregate, scope, order }.plan(name)?.ok_or_else(refuse)?;
        match condition {
            Some(condition) => {
                Ok(Planned { call: planned.call.filter(condition).build()?, results: planned.results })
            }
            None => Ok(planned),
        }
    }
}

fn one(call: Expr, result: Output) -> Planned {
    Planned { call, results: vec![result] }
}

fn as_is() -> Output {
    Box::new(Ok)
}

/// The result as `ty`.
fn typed(ty: KqlType) -> Output {
    Box::new(move |result| Ok(cast(result, arrow_type(ty))))
}

/// The result, or `default` when there was nothing to aggregate; as `ty`.
fn or_else(default: ScalarValue, ty: KqlType) -> Output {
    Box::new(move |result| {
        let filled = coalesce(vec![result, Expr::Literal(default.clone(), None)]);
        Ok(cast(filled, arrow_type(ty)))
    })
}

fn text_is_never_null(ty: KqlType) -> Output {
    match ty {
        KqlType::String => or_else(ScalarValue::Utf8View(Some(String::new())), ty),
        _ => as_is(),
    }
}

fn zero(ty: KqlType) -> ScalarValue {
    match ty {
        KqlType::Real => ScalarValue::Float64(Some(0.0)),
        _ => ScalarValue::Int64(Some(0)),
    }
}
