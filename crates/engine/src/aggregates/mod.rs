//! Aggregates. Those that mean the same in SQL are DataFusion's own; the rest are here.
//!
//! All ignore nulls. On no rows at all, counts and sums are 0, lists are `[]`, `avg` is NaN, others null.

mod collect;
mod extreme;
mod mean;
mod percentile;

use bartizan_kql::bound::{Literal, NamedAggregate, Scalar};
use bartizan_schema::KqlType;
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::{coalesce, get_field};
use datafusion::functions_aggregate::expr_fn as native;
use datafusion::logical_expr::{AggregateUDF, Expr, ExprFunctionExt, cast};

use crate::error::QueryError;
use crate::lower::{Context, Scope, column};
use crate::types::{arrow_type, is_number};

use collect::{Collect, Collection};
use extreme::{Extreme, Pick};
use mean::MeanTicks;
use percentile::Percentile;

/// How an output column is made of the aggregate's result.
pub(crate) type Output = Box<dyn Fn(Expr) -> Result<Expr, QueryError>>;

/// An aggregate call and the columns its result gives.
pub(crate) struct Planned {
    pub call: Expr,
    pub results: Vec<Output>,
}

/// Elements a list or set keeps when the query states no limit.
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
    "make_list",
    "make_list_if",
    "make_list_with_nulls",
    "make_set",
    "make_set_if",
    "make_bag",
    "make_bag_if",
    "arg_max",
    "arg_min",
    "take_any",
    "take_anyif",
    "any",
    "anyif",
    "percentile",
    "percentiles",
    "percentilew",
    "percentilesw",
    "percentiles_array",
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
            | "make_bag"
            | "take_any"
            | "any"
            | "arg_max"
            | "arg_min"
    )
}

/// The unconditional name, and the position of the condition among the arguments.
fn base(function: &str) -> (&str, Option<usize>) {
    if function == "countif" {
        return ("count", Some(0));
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
        if !SUPPORTED.contains(&aggregate.function)
            || aggregate.args.iter().any(|arg| arg.ty == KqlType::Decimal)
        {
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
        let out = aggregate.outputs.first().map(|output| output.ty).ok_or_else(refuse)?;
        let order = match order {
            Some(name) => column(name),
            None => Expr::Literal(ScalarValue::Int64(Some(0)), None),
        };
        let planned = self.plan_aggregate(name, &args, out, aggregate, scope, order)?.ok_or_else(refuse)?;
        match condition {
            Some(condition) => {
                Ok(Planned { call: planned.call.filter(condition).build()?, results: planned.results })
            }
            None => Ok(planned),
        }
    }

    fn plan_aggregate(
        &self,
        name: &str,
        args: &[&Scalar],
        out: KqlType,
        aggregate: &NamedAggregate,
        scope: Scope<'_>,
        order: Expr,
    ) -> Result<Option<Planned>, QueryError> {
        let value = |at: usize| self.scalar(args[at], scope);
        let value_as = |at: usize, ty: KqlType| self.scalar_as(args[at], ty, scope);
        let is_time = |ty: KqlType| matches!(ty, KqlType::DateTime | KqlType::TimeSpan);
        Ok(Some(match (name, args.len()) {
            ("count", 0) => one(native::count(Expr::Literal(ScalarValue::Int64(Some(1)), None)), as_is()),
            ("sum", 1) if is_number(out) || out == KqlType::TimeSpan => {
                let wide = if out == KqlType::Int { KqlType::Long } else { out };
                one(native::sum(value_as(0, wide)?), or_else(zero(wide), out))
            }
            ("avg", 1) if is_time(out) => one(udaf(MeanTicks::new()).call(vec![value_as(0, out)?]), as_is()),
            ("avg", 1) => {
                let nan = ScalarValue::Float64(Some(f64::NAN));
                one(native::avg(value_as(0, KqlType::Real)?), or_else(nan, KqlType::Real))
            }
            ("min" | "max", 1) if args[0].ty != KqlType::Dynamic => {
                let value = value_as(0, out)?;
                let call = if name == "min" { native::min(value) } else { native::max(value) };
                one(call, text_is_never_null(out))
            }
            ("dcount" | "count_distinct", 1..) => one(native::count_distinct(value(0)?), as_is()),
            ("stdev" | "stdevp" | "variance" | "variancep", 1) => {
                let value = value_as(0, KqlType::Real)?;
                let call = match name {
                    "stdev" => native::stddev(value),
                    "stdevp" => native::stddev_pop(value),
                    "variance" => native::var_sample(value),
                    _ => native::var_pop(value),
                };
                one(call, or_else(ScalarValue::Float64(Some(0.0)), KqlType::Real))
            }
            ("binary_all_and" | "binary_all_or" | "binary_all_xor", 1) => {
                let value = value_as(0, KqlType::Long)?;
                let call = match name {
                    "binary_all_and" => native::bit_and(value),
                    "binary_all_or" => native::bit_or(value),
                    _ => native::bit_xor(value),
                };
                one(call, as_is())
            }
            ("make_list" | "make_list_with_nulls" | "make_set" | "make_bag", 1 | 2) => {
                let max = match args.get(1) {
                    Some(max) => usize::try_from(self.constant_count(max)?).unwrap_or(0),
                    None => ELEMENTS_MAX,
                };
                let collection = match name {
                    "make_list" => Collection::List,
                    "make_list_with_nulls" => Collection::ListWithNulls,
                    "make_set" => Collection::Set,
                    _ => Collection::Bag,
                };
                let collect = Collect::new(collection, max.min(ELEMENTS_MAX));
                one(udaf(collect).call(vec![value_as(0, KqlType::Dynamic)?, order]), as_is())
            }
            ("arg_max" | "arg_min" | "take_any" | "any", 1..) => {
                let pick = match name {
                    "arg_max" => Pick::Greatest,
                    "arg_min" => Pick::Least,
                    _ => Pick::Any,
                };
                if pick != Pick::Any && args[0].ty == KqlType::Dynamic {
                    return Ok(None);
                }
                let mut values = vec![order];
                for (arg, output) in args.iter().zip(&aggregate.outputs) {
                    values.push(self.scalar_as(arg, output.ty, scope)?);
                }
                let types: Vec<KqlType> = aggregate.outputs.iter().map(|output| output.ty).collect();
                let results = types
                    .iter()
                    .enumerate()
                    .map(|(at, ty)| {
                        let ty = *ty;
                        let result: Output = Box::new(move |picked| {
                            let field = get_field(picked, extreme::field_name(at));
                            text_is_never_null(ty)(field)
                        });
                        result
                    })
                    .collect();
                Planned { call: udaf(Extreme::new(pick, &types)).call(values), results }
            }
            ("percentile" | "percentiles" | "percentiles_array", 2..) => {
                self.percentiles(args[0], None, &args[1..], name, out, aggregate, scope)?
            }
            ("percentilew" | "percentilesw", 3..) => {
                self.percentiles(args[0], Some(args[1]), &args[2..], name, out, aggregate, scope)?
            }
            _ => return Ok(None),
        }))
    }

    #[expect(clippy::too_many_arguments, reason = "one call site; the parts are an aggregate's own")]
    fn percentiles(
        &self,
        value: &Scalar,
        weight: Option<&Scalar>,
        ranks: &[&Scalar],
        name: &str,
        out: KqlType,
        aggregate: &NamedAggregate,
        scope: Scope<'_>,
    ) -> Result<Planned, QueryError> {
        let mut points = Vec::new();
        for rank in ranks {
            match self.constant(rank)? {
                Literal::Long(value) => points.push(value as f64),
                Literal::Int(value) => points.push(f64::from(value)),
                Literal::Real(value) => points.push(value),
                Literal::Dynamic(json) => {
                    points.extend(serde_json::from_str::<Vec<f64>>(&json).unwrap_or_default());
                }
                _ => return Err(QueryError::unsupported("percentile without a constant rank", rank.span)),
            }
        }
        let ty = if name == "percentiles_array" { value.ty } else { out };
        if !is_number(ty) && !matches!(ty, KqlType::DateTime | KqlType::TimeSpan) {
            return Err(QueryError::unsupported(aggregate.function, aggregate.span));
        }
        let weight = match weight {
            Some(weight) => self.scalar_as(weight, KqlType::Long, scope)?,
            None => Expr::Literal(ScalarValue::Int64(Some(1)), None),
        };
        let as_list = name == "percentiles_array";
        let call = udaf(Percentile::new(points.clone(), ty, as_list))
            .call(vec![self.scalar_as(value, ty, scope)?, weight]);
        if as_list {
            return Ok(Planned { call, results: vec![as_is()] });
        }
        let results = (0..points.len())
            .map(|at| {
                let result: Output = Box::new(move |picked| Ok(get_field(picked, extreme::field_name(at))));
                result
            })
            .collect();
        Ok(Planned { call, results })
    }

    fn constant_count(&self, value: &Scalar) -> Result<i64, QueryError> {
        match self.constant(value)? {
            Literal::Long(value) => Ok(value),
            Literal::Int(value) => Ok(i64::from(value)),
            _ => Err(QueryError::unsupported("a size that is not a constant number", value.span)),
        }
    }
}

fn udaf(function: impl Into<AggregateUDF>) -> AggregateUDF {
    function.into()
}

fn one(call: Expr, result: Output) -> Planned {
    Planned { call, results: vec![result] }
}

fn as_is() -> Output {
    Box::new(Ok)
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
