//! Aggregates of `summarize`.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "sum",
        &["(expr: summable): promoted"],
        "the sum",
        "range x from 1 to 3 step 1 | summarize sum(x)",
    )
    .named(Naming::Prefix("sum"))
    .nulls(Nulls::Skipped),
    Function::new(
        "sumif",
        &["(expr: summable, predicate: bool): promoted"],
        "the sum where a condition holds",
        "range x from 1 to 3 step 1 | summarize sumif(x, x > 1)",
    )
    .named(Naming::Prefix("sumif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "count",
        &["(): long", "(condition: bool): long"],
        "counts rows",
        "range x from 1 to 3 step 1 | summarize count()",
    )
    .alias(&["cnt"])
    .named(Naming::Prefix("count"))
    .nulls(Nulls::Skipped),
    Function::new(
        "countif",
        &["(predicate: bool): long"],
        "counts rows for which a condition holds",
        "range x from 1 to 3 step 1 | summarize countif(x > 1)",
    )
    .named(Naming::Prefix("countif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "dcount",
        &["(expr: any, accuracy?: any): long"],
        "about how many distinct values there are",
        "range x from 1 to 3 step 1 | summarize dcount(x)",
    )
    .named(Naming::Prefix("dcount"))
    .nulls(Nulls::Skipped),
    Function::new(
        "dcountif",
        &["(expr: any, predicate: bool, accuracy?: any): long"],
        "about how many distinct values there are where a condition holds",
        "range x from 1 to 3 step 1 | summarize dcountif(x, x > 1)",
    )
    .named(Naming::Prefix("dcountif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "tdigest",
        &["(expr: summable, weight?: integer): dynamic"],
        "a sketch for percentiles",
        "range x from 1 to 3 step 1 | summarize tdigest(x)",
    )
    .named(Naming::Prefix("tdigest"))
    .nulls(Nulls::Skipped),
    Function::new(
        "tdigest_merge",
        &["(tdigest: dynamic, more?...: dynamic): dynamic"],
        "one t-digest from those of all rows",
        "print d = dynamic(null) | summarize tdigest_merge(d)",
    )
    .alias(&["merge_tdigest"])
    .named(Naming::Prefix("merge_tdigests"))
    .nulls(Nulls::Skipped),
    Function::new(
        "hll",
        &["(expr: any, accuracy?: integer): dynamic"],
        "a sketch for distinct counts",
        "range x from 1 to 3 step 1 | summarize hll(x)",
    )
    .named(Naming::Prefix("hll"))
    .nulls(Nulls::Skipped),
    Function::new(
        "hll_if",
        &["(expr: any, predicate: bool, accuracy?: integer): dynamic"],
        "a sketch for distinct counts where a condition holds",
        "range x from 1 to 3 step 1 | summarize hll_if(x, x > 1)",
    )
    .named(Naming::Prefix("hll_if"))
    .nulls(Nulls::Skipped),
    Function::new(
        "hll_merge",
        &["(hll: dynamic, more?...: dynamic): dynamic"],
        "one HyperLogLog sketch from those of all rows",
        "print d = dynamic(null) | summarize hll_merge(d)",
    )
    .named(Naming::Prefix("hll_merge"))
    .nulls(Nulls::Skipped),
    Function::new(
        "min",
        &["(expr: orderable): same"],
        "the smallest value",
        "range x from 1 to 3 step 1 | summarize min(x)",
    )
    .named(Naming::Prefix("min"))
    .nulls(Nulls::Skipped),
    Function::new(
        "minif",
        &["(expr: orderable, predicate: bool): same"],
        "the smallest value where a condition holds",
        "range x from 1 to 3 step 1 | summarize minif(x, x > 1)",
    )
    .named(Naming::Prefix("minif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "max",
        &["(expr: orderable): same"],
        "the largest value",
        "range x from 1 to 3 step 1 | summarize max(x)",
    )
    .named(Naming::Prefix("max"))
    .nulls(Nulls::Skipped),
    Function::new(
        "maxif",
        &["(expr: orderable, predicate: bool): same"],
        "the largest value where a condition holds",
        "range x from 1 to 3 step 1 | summarize maxif(x, x > 1)",
    )
    .named(Naming::Prefix("maxif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "avg",
        &[
            "(expr: integer): real",
            "(expr: real): real",
            "(expr: decimal): decimal",
            "(expr: timespan): timespan",
            "(expr: datetime): datetime",
        ],
        "the mean; NaN without rows",
        "range x from 1 to 3 step 1 | summarize avg(x)",
    )
    .named(Naming::Prefix("avg"))
    .nulls(Nulls::Skipped),
    Function::new(
        "avgif",
        &[
            "(expr: integer, predicate: bool): real",
            "(expr: real, predicate: bool): real",
            "(expr: decimal, predicate: bool): decimal",
            "(expr: timespan, predicate: bool): timespan",
            "(expr: datetime, predicate: bool): datetime",
        ],
        "the mean where a condition holds",
        "range x from 1 to 3 step 1 | summarize avgif(x, x > 1)",
    )
    .named(Naming::Prefix("avgif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "make_list",
        &["(expr: any, max_size?: integer): dynamic"],
        "all values as an array, up to a size",
        "range x from 1 to 3 step 1 | summarize make_list(x)",
    )
    .alias(&["makelist"])
    .named(Naming::Prefix("list"))
    .nulls(Nulls::Skipped),
    Function::new(
        "make_list_if",
        &["(expr: any, predicate: bool, max_size?: integer): dynamic"],
        "all values where a condition holds as an array",
        "range x from 1 to 3 step 1 | summarize make_list_if(x, x > 1)",
    )
    .named(Naming::Prefix("list"))
    .nulls(Nulls::Skipped),
    Function::new(
        "make_list_with_nulls",
        &["(expr: any): dynamic"],
        "all values as an array, nulls too",
        "range x from 1 to 3 step 1 | summarize make_list_with_nulls(x)",
    )
    .named(Naming::Prefix("list"))
    .nulls(Nulls::Skipped),
    Function::new(
        "make_set",
        &["(expr: any, max_size?: integer): dynamic"],
        "distinct values as an array, in no order, up to a size; of arrays, their elements",
        "range x from 1 to 3 step 1 | summarize make_set(x)",
    )
    .alias(&["makeset"])
    .named(Naming::Prefix("set"))
    .nulls(Nulls::Skipped),
    Function::new(
        "make_set_if",
        &["(expr: any, predicate: bool, max_size?: integer): dynamic"],
        "distinct values where a condition holds as an array",
        "range x from 1 to 3 step 1 | summarize make_set_if(x, x > 1)",
    )
    .named(Naming::Prefix("set"))
    .nulls(Nulls::Skipped),
    Function::new(
        "make_bag",
        &["(expr: dynamic, max_size?: integer): dynamic"],
        "bags of all rows made one, a key keeping one of its values",
        r#"print d = dynamic({"a": 1}) | summarize make_bag(d)"#,
    )
    .alias(&["make_dictionary"])
    .named(Naming::Prefix("bag"))
    .nulls(Nulls::Skipped),
    Function::new(
        "make_bag_if",
        &["(expr: dynamic, predicate: bool, max_size?: integer): dynamic"],
        "bags of rows for which a condition holds made one",
        r#"print d = dynamic({"a": 1}) | summarize make_bag_if(d, true)"#,
    )
    .named(Naming::Prefix("bag"))
    .nulls(Nulls::Skipped),
    Function::new(
        "buildschema",
        &["(expr: dynamic): dynamic"],
        "the smallest schema that fits all values",
        r#"print d = dynamic({"a": 1}) | summarize buildschema(d)"#,
    )
    .named(Naming::Prefix("schema"))
    .nulls(Nulls::Skipped),
    Function::new(
        "passthrough",
        &["(expr: any): same"],
        "one value, for series",
        "range x from 1 to 3 step 1 | summarize passthrough(x)",
    )
    .named(Naming::FirstArgument)
    .nulls(Nulls::Skipped),
    Function::new(
        "percentile",
        &["(value: any, percentile: number): same"],
        "the value at a percentile: exact, by nearest rank, for up to 1,024 different values, close beyond",
        "range x from 1 to 3 step 1 | summarize percentile(x, 50)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "percentiles",
        &["(value: any, percentiles...: number): same"],
        "the values at several percentiles, a column each",
        "range x from 1 to 3 step 1 | summarize percentiles(x, 5, 95)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "percentiles_array",
        &["(expr: any, percentile...: number): dynamic", "(expr: any, percentiles: dynamic): dynamic"],
        "the values at several percentiles as an array",
        "range x from 1 to 3 step 1 | summarize percentiles_array(x, 5, 95)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "percentilew",
        &["(value: any, weight: integer, percentile: number): same"],
        "the value at a percentile of weighted values",
        "range x from 1 to 3 step 1 | summarize percentilew(x, x, 50)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "percentilesw",
        &["(value: any, weight: integer, percentiles...: number): same"],
        "the values at several percentiles of weighted values",
        "range x from 1 to 3 step 1 | summarize percentilesw(x, x, 5, 95)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "percentilesw_array",
        &[
            "(expr: any, weight: integer, percentile...: number): dynamic",
            "(expr: any, weight: integer, percentiles: dynamic): dynamic",
        ],
        "the values at several percentiles of weighted values as an array",
        "range x from 1 to 3 step 1 | summarize percentilesw_array(x, x, 5, 95)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "stdev",
        &["(expr: summable): real"],
        "the standard deviation of a sample",
        "range x from 1 to 3 step 1 | summarize stdev(x)",
    )
    .named(Naming::Prefix("stdev"))
    .nulls(Nulls::Skipped),
    Function::new(
        "stdevif",
        &["(expr: summable, predicate: bool): real"],
        "the standard deviation of a sample where a condition holds",
        "range x from 1 to 3 step 1 | summarize stdevif(x, x > 1)",
    )
    .named(Naming::Prefix("stdevif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "stdevp",
        &["(expr: summable): real"],
        "the standard deviation of a population",
        "range x from 1 to 3 step 1 | summarize stdevp(x)",
    )
    .named(Naming::Prefix("stdevp"))
    .nulls(Nulls::Skipped),
    Function::new(
        "variance",
        &["(expr: summable): real"],
        "the variance of a sample",
        "range x from 1 to 3 step 1 | summarize variance(x)",
    )
    .named(Naming::Prefix("variance"))
    .nulls(Nulls::Skipped),
    Function::new(
        "varianceif",
        &["(expr: summable, predicate: bool): real"],
        "the variance of a sample where a condition holds",
        "range x from 1 to 3 step 1 | summarize varianceif(x, x > 1)",
    )
    .named(Naming::Prefix("varianceif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "variancep",
        &["(expr: summable): real"],
        "the variance of a population",
        "range x from 1 to 3 step 1 | summarize variancep(x)",
    )
    .named(Naming::Prefix("variancep"))
    .nulls(Nulls::Skipped),
    Function::new(
        "variancepif",
        &["(expr: summable, predicate: bool): real"],
        "the variance of a population where a condition holds",
        "range x from 1 to 3 step 1 | summarize variancepif(x, x > 1)",
    )
    .named(Naming::Prefix("variancepif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "covariance",
        &["(expr: summable, expr: summable): real"],
        "the covariance of a sample",
        "range x from 1 to 3 step 1 | summarize covariance(x, x)",
    )
    .named(Naming::Prefix("covariance"))
    .nulls(Nulls::Skipped),
    Function::new(
        "covarianceif",
        &["(expr: summable, expr: summable, predicate: bool): real"],
        "the covariance of a sample where a condition holds",
        "range x from 1 to 3 step 1 | summarize covarianceif(x, x, x > 1)",
    )
    .named(Naming::Prefix("covarianceif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "covariancep",
        &["(expr: summable, expr: summable): real"],
        "the covariance of a population",
        "range x from 1 to 3 step 1 | summarize covariancep(x, x)",
    )
    .named(Naming::Prefix("covariancep"))
    .nulls(Nulls::Skipped),
    Function::new(
        "covariancepif",
        &["(expr: summable, expr: summable, predicate: bool): real"],
        "the covariance of a population where a condition holds",
        "range x from 1 to 3 step 1 | summarize covariancepif(x, x, x > 1)",
    )
    .named(Naming::Prefix("covariancepif"))
    .nulls(Nulls::Skipped),
    Function::new(
        "any",
        &["(expr: any): same", "(expr...: any): dynamic", "(expr: any): dynamic"],
        "the older name of `take_any`, with its own column names",
        "range x from 1 to 3 step 1 | summarize any(x)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "take_any",
        &["(values...: any): same"],
        "the values of any one row; of a single column a value that is not empty, if there is one",
        "range x from 1 to 3 step 1 | summarize take_any(x)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "take_anyif",
        &["(expr: any, predicate: bool): same"],
        "the value of any one row for which a condition holds",
        "range x from 1 to 3 step 1 | summarize take_anyif(x, x > 1)",
    )
    .alias(&["anyif"])
    .named(Naming::FirstArgument)
    .nulls(Nulls::Skipped),
    Function::new(
        "arg_min",
        &["(minimized: any, returned?...: any): same"],
        "other values of the row with the smallest value",
        "range x from 1 to 3 step 1 | summarize arg_min(x, *)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "arg_max",
        &["(maximized: any, returned?...: any): same"],
        "other values of the row with the largest value",
        "range x from 1 to 3 step 1 | summarize arg_max(x, *)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "argmin",
        &["(minimized: orderable, returned?...: any): dynamic"],
        "the older name of `arg_min`, with its own column names",
        "range x from 1 to 3 step 1 | summarize argmin(x, *)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "argmax",
        &["(maximized: orderable, returned?...: any): dynamic"],
        "the older name of `arg_max`, with its own column names",
        "range x from 1 to 3 step 1 | summarize argmax(x, *)",
    )
    .nulls(Nulls::Skipped),
    Function::new(
        "binary_all_or",
        &["(expr: summable): same"],
        "bitwise or of all values",
        "range x from 1 to 3 step 1 | summarize binary_all_or(x)",
    )
    .named(Naming::FirstArgument)
    .nulls(Nulls::Skipped),
    Function::new(
        "binary_all_and",
        &["(expr: summable): same"],
        "bitwise and of all values",
        "range x from 1 to 3 step 1 | summarize binary_all_and(x)",
    )
    .named(Naming::FirstArgument)
    .nulls(Nulls::Skipped),
    Function::new(
        "binary_all_xor",
        &["(expr: summable): same"],
        "bitwise exclusive or of all values",
        "range x from 1 to 3 step 1 | summarize binary_all_xor(x)",
    )
    .named(Naming::FirstArgument)
    .nulls(Nulls::Skipped),
    Function::new(
        "count_distinct",
        &["(expr: any): long"],
        "exactly how many distinct values there are",
        "range x from 1 to 3 step 1 | summarize count_distinct(x)",
    )
    .named(Naming::Prefix("count_distinct"))
    .nulls(Nulls::Skipped),
    Function::new(
        "count_distinctif",
        &["(expr: any, predicate: bool): long"],
        "exactly how many distinct values there are where a condition holds",
        "range x from 1 to 3 step 1 | summarize count_distinctif(x, x > 1)",
    )
    .named(Naming::Prefix("count_distinctif"))
    .nulls(Nulls::Skipped),
];
