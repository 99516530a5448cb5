//! Which aggregate of DataFusion's or ours stands for a call, with its arguments converted.

use bartizan_kql::bound::{Literal, NamedAggregate, Scalar};
use bartizan_schema::KqlType;
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions_aggregate::expr_fn as native;
use datafusion::logical_expr::{AggregateUDF, Expr};

use super::bags::Merge;
use super::collect::{Collect, Collection};
use super::decimal::{Fold, FoldDecimals};
use super::distinct::{self, Distinct};
use super::extreme::{self, Extreme, Pick};
use super::grouped::call;
use super::mean::MeanTicks;
use super::percentile::{self, Percentile, Point};
use super::sets::{self, SetOf};
use super::{ELEMENTS_MAX, Output, Planned, as_is, one, or_else, text_is_never_null, typed, zero};
use crate::error::QueryError;
use crate::lower::{Context, Scope};
use crate::types::is_number;

/// KQL's accuracy level when the query states none.
const ACCURACY: usize = 1;

/// A call without its condition.
pub(super) struct Parts<'a> {
    pub context: &'a Context,
    pub args: Vec<&'a Scalar>,
    pub aggregate: &'a NamedAggregate,
    pub scope: Scope<'a>,
    /// The rows' numbers, where rows have an order.
    pub order: Option<Expr>,
}

impl Parts<'_> {
    /// `None` when there is no such aggregate of these types.
    pub(super) fn plan(self, name: &str) -> Result<Option<Planned>, QueryError> {
        let Some(out) = self.aggregate.outputs.first().map(|output| output.ty) else { return Ok(None) };
        let first = self.args.first().map(|arg| arg.ty);
        if first == Some(KqlType::Decimal) {
            match Fold::named(name) {
                Some(fold) if self.args.len() == 1 => {
                    let fold = AggregateUDF::from(FoldDecimals::new(fold));
                    return Ok(Some(one(fold.call(vec![self.value(0)?]), as_is())));
                }
                _ if matches!(name, "binary_all_and" | "binary_all_or" | "binary_all_xor") => {
                    return Ok(None);
                }
                _ => {}
            }
        }
        Ok(Some(match (name, self.args.len()) {
            ("count", 0) => one(native::count(Expr::Literal(ScalarValue::Int64(Some(1)), None)), as_is()),
            ("sum" | "avg" | "min" | "max", 1) => return self.arithmetic(name, out),
            ("stdev" | "stdevp" | "variance" | "variancep", 1) => {
                let value = self.value_as(0, KqlType::Real)?;
                let call = match name {
                    "stdev" => native::stddev(value),
                    "stdevp" => native::stddev_pop(value),
                    "variance" => native::var_sample(value),
                    _ => native::var_pop(value),
                };
                one(call, or_else(zero(KqlType::Real), KqlType::Real))
            }
            ("covariance" | "covariancep", 2) => {
                let (x, y) = (self.value_as(0, KqlType::Real)?, self.value_as(1, KqlType::Real)?);
                one(
                    if name == "covariance" { native::covar_samp(x, y) } else { native::covar_pop(x, y) },
                    as_is(),
                )
            }
            ("binary_all_and" | "binary_all_or" | "binary_all_xor", 1) => {
                let value = self.value_as(0, KqlType::Long)?;
                let call = match name {
                    "binary_all_and" => native::bit_and(value),
                    "binary_all_or" => native::bit_or(value),
                    _ => native::bit_xor(value),
                };
                one(call, typed(out))
            }
            ("dcount" | "hll", 1 | 2) => {
                let give = if name == "dcount" { distinct::Give::Count } else { distinct::Give::Sketch };
                let accuracy = self.accuracy(1)?;
                let definition = Distinct { from: distinct::From::Values(self.args[0].ty), give, accuracy };
                one(call(definition, vec![self.value(0)?]), as_is())
            }
            ("hll_merge", 1) => {
                let definition = Distinct {
                    from: distinct::From::Sketches,
                    give: distinct::Give::Sketch,
                    accuracy: ACCURACY,
                };
                one(call(definition, vec![self.value_as(0, KqlType::Dynamic)?]), as_is())
            }
            ("make_list" | "make_list_with_nulls", 1 | 2) => self.list(name)?,
            ("make_set", 1 | 2) => self.set(sets::Give::Set)?,
            ("count_distinct", 1 | 2) => self.set(sets::Give::Size)?,
            ("make_bag", 1 | 2) => {
                let definition = Merge::Bag { keys_max: self.size(1)? };
                one(call(definition, vec![self.value_as(0, KqlType::Dynamic)?]), as_is())
            }
            ("buildschema", 1) => {
                one(call(Merge::Schema, vec![self.value_as(0, KqlType::Dynamic)?]), as_is())
            }
            ("arg_max" | "arg_min" | "take_any" | "any" | "passthrough", 1..) => return self.extreme(name),
            ("percentile" | "percentiles", 2..) => return self.percentiles(1, false),
            ("percentiles_array", 2..) => return self.percentiles(1, true),
            ("percentilew" | "percentilesw", 3..) => return self.percentiles(2, false),
            ("percentilesw_array", 3..) => return self.percentiles(2, true),
            ("tdigest", 1 | 2) if self.is_ordered(0) => {
                let of = digested(self.args[0].ty);
                let definition = Percentile { of: Some(of), give: percentile::Give::Sketch };
                let values = vec![self.value_as(0, of)?, self.weight(self.args.len() > 1)?];
                one(call(definition, values), as_is())
            }
            ("tdigest_merge", 1) => {
                let definition = Percentile { of: None, give: percentile::Give::Sketch };
                one(call(definition, vec![self.value_as(0, KqlType::Dynamic)?]), as_is())
            }
            _ => return Ok(None),
        }))
    }

    fn value(&self, at: usize) -> Result<Expr, QueryError> {
        self.context.scalar(self.args[at], self.scope)
    }

    fn value_as(&self, at: usize, ty: KqlType) -> Result<Expr, QueryError> {
        self.context.scalar_as(self.args[at], ty, self.scope)
    }

    /// Whether an argument is a number or a time.
    fn is_ordered(&self, at: usize) -> bool {
        let ty = self.args[at].ty;
        is_number(ty) || is_time(ty) || ty == KqlType::Decimal
    }

    fn arithmetic(&self, name: &str, out: KqlType) -> Result<Option<Planned>, QueryError> {
        Ok(Some(match name {
            "sum" if is_number(out) || out == KqlType::TimeSpan => {
                let wide = if out == KqlType::Int { KqlType::Long } else { out };
                one(native::sum(self.value_as(0, wide)?), or_else(zero(wide), out))
            }
            "avg" if is_time(out) => one(call(MeanTicks, vec![self.value_as(0, out)?]), as_is()),
            "avg" => {
                let nan = ScalarValue::Float64(Some(f64::NAN));
                one(native::avg(self.value_as(0, KqlType::Real)?), or_else(nan, KqlType::Real))
            }
            "min" | "max" if self.args[0].ty != KqlType::Dynamic => {
                let value = self.value_as(0, out)?;
                let call = if name == "min" { native::min(value) } else { native::max(value) };
                one(call, text_is_never_null(out))
            }
            _ => return Ok(None),
        }))
    }

    fn list(&self, name: &str) -> Result<Planned, QueryError> {
        let (collection, of) = match name {
            "make_list" => (Collection::List, self.args[0].ty),
            // JSON has a null.
            _ => (Collection::ListWithNulls, KqlType::Dynamic),
        };
        let max = self.size(1)?;
        let definition = Collect { collection, of, max };
        Ok(one(call(definition, vec![self.value_as(0, of)?, self.row_number()]), as_is()))
    }

    fn set(&self, give: sets::Give) -> Result<Planned, QueryError> {
        let of = self.args[0].ty;
        let order = self.order.clone().filter(|_| give == sets::Give::Set);
        let definition = SetOf { of, give, max: self.size(1)?, ordered: order.is_some() };
        let args = std::iter::once(self.value_as(0, of)?).chain(order).collect();
        Ok(one(call(definition, args), as_is()))
    }

    /// The row's number; without an order all have the same.
    fn row_number(&self) -> Expr {
        self.order.clone().unwrap_or_else(|| Expr::Literal(ScalarValue::Int64(Some(0)), None))
    }

    fn extreme(&self, name: &str) -> Result<Option<Planned>, QueryError> {
        let pick = match name {
            "arg_max" => Pick::Greatest,
            "arg_min" => Pick::Least,
            // Of one column a value is wanted; of several, the values of one row.
            _ if self.args.len() == 1 => Pick::AnyFilled,
            _ => Pick::Any,
        };
        let ordered = matches!(pick, Pick::Greatest | Pick::Least);
        if ordered && self.args[0].ty == KqlType::Dynamic {
            return Ok(None);
        }
        let outputs = &self.aggregate.outputs;
        let mut values = vec![self.row_number()];
        // a decimal is text that does not sort as the numbers do; such text goes before it
        let sorted_by = (ordered && self.args[0].ty == KqlType::Decimal).then_some(KqlType::Guid);
        if sorted_by.is_some() {
            values.push(self.context.sort_value(self.args[0], self.scope)?);
        }
        for (at, output) in outputs.iter().enumerate().take(self.args.len()) {
            values.push(self.value_as(at, output.ty)?);
        }
        let types: Vec<KqlType> =
            sorted_by.into_iter().chain(outputs.iter().map(|output| output.ty)).collect();
        let first = types.len() - outputs.len();
        let results = (first..types.len()).map(|at| field(at, text_is_never_null(types[at]))).collect();
        Ok(Some(Planned { call: call(Extreme::new(pick, &types), values), results }))
    }

    /// Percentiles at the ranks that are behind `before` arguments; with a weight, that is the last of those.
    fn percentiles(&self, before: usize, as_list: bool) -> Result<Option<Planned>, QueryError> {
        if !self.is_ordered(0) {
            return Ok(None);
        }
        let points = self.points(before)?;
        let count = points.len();
        let give = if as_list { percentile::Give::List(points) } else { percentile::Give::Columns(points) };
        let of = digested(self.args[0].ty);
        let definition = Percentile { of: Some(of), give };
        let call = call(definition, vec![self.value_as(0, of)?, self.weight(before == 2)?]);
        let results = if as_list { vec![as_is()] } else { (0..count).map(|at| field(at, as_is())).collect() };
        Ok(Some(Planned { call, results }))
    }

    fn points(&self, from: usize) -> Result<Vec<Point>, QueryError> {
        let mut points = Vec::new();
        for rank in &self.args[from..] {
            match self.context.constant(rank)? {
                Literal::Long(value) => points.push(value as f64),
                Literal::Int(value) => points.push(f64::from(value)),
                Literal::Real(value) => points.push(value),
                Literal::Dynamic(json) => {
                    points.extend(serde_json::from_str::<Vec<f64>>(&json).unwrap_or_default());
                }
                _ => return Err(QueryError::unsupported("percentile without a constant rank", rank.span)),
            }
        }
        Ok(points.into_iter().map(Point::new).collect())
    }

    fn weight(&self, given: bool) -> Result<Expr, QueryError> {
        if given {
            return self.value_as(1, KqlType::Long);
        }
        Ok(Expr::Literal(ScalarValue::Int64(Some(1)), None))
    }

    /// The accuracy level that argument `at` states.
    fn accuracy(&self, at: usize) -> Result<usize, QueryError> {
        let Some(level) = self.args.get(at) else { return Ok(ACCURACY) };
        let stated = self.constant_count(level)?;
        let known = usize::try_from(stated).ok().filter(|level| *level <= 4);
        known.ok_or_else(|| QueryError::unsupported(format!("accuracy {stated}: 0 to 4 exist"), level.span))
    }

    /// The number of elements that argument `at` states.
    fn size(&self, at: usize) -> Result<usize, QueryError> {
        let Some(max) = self.args.get(at) else { return Ok(ELEMENTS_MAX) };
        Ok(usize::try_from(self.constant_count(max)?).unwrap_or(0).min(ELEMENTS_MAX))
    }

    fn constant_count(&self, value: &Scalar) -> Result<i64, QueryError> {
        match self.context.constant(value)? {
            Literal::Long(value) => Ok(value),
            Literal::Int(value) => Ok(i64::from(value)),
            _ => Err(QueryError::unsupported("a size that is not a constant number", value.span)),
        }
    }
}

/// One field of the struct that an aggregate gives.
fn field(at: usize, then: Output) -> Output {
    Box::new(move |picked| then(get_field(picked, extreme::field_name(at))))
}

/// The type as which values go into a digest, and come out of it.
fn digested(ty: KqlType) -> KqlType {
    match ty {
        KqlType::Int => KqlType::Long,
        KqlType::Decimal => KqlType::Real,
        ty => ty,
    }
}

fn is_time(ty: KqlType) -> bool {
    matches!(ty, KqlType::DateTime | KqlType::TimeSpan)
}
