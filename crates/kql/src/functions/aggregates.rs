//! Aggregates of `summarize`.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("sum", &["(expr: summable): promoted"], "", "")
        .named(Naming::Prefix("sum"))
        .nulls(Nulls::Skipped),
    Function::new("sumif", &["(expr: summable, predicate: bool): promoted"], "", "")
        .named(Naming::Prefix("sumif"))
        .nulls(Nulls::Skipped),
    Function::new("count", &["(): long", "(condition: bool): long"], "", "")
        .alias(&["cnt"])
        .named(Naming::Prefix("count"))
        .nulls(Nulls::Skipped),
    Function::new("countif", &["(predicate: bool): long"], "", "")
        .named(Naming::Prefix("countif"))
        .nulls(Nulls::Skipped),
    Function::new("dcount", &["(expr: any, accuracy?: any): long"], "", "")
        .named(Naming::Prefix("dcount"))
        .nulls(Nulls::Skipped),
    Function::new("dcountif", &["(expr: any, predicate: bool, accuracy?: any): long"], "", "")
        .named(Naming::Prefix("dcountif"))
        .nulls(Nulls::Skipped),
    Function::new("tdigest", &["(expr: summable, weight?: integer): dynamic"], "", "")
        .named(Naming::Prefix("tdigest"))
        .nulls(Nulls::Skipped),
    Function::new("tdigest_merge", &["(tdigest: dynamic, more?...: dynamic): dynamic"], "", "")
        .alias(&["merge_tdigest"])
        .named(Naming::Prefix("merge_tdigests"))
        .nulls(Nulls::Skipped),
    Function::new("hll", &["(expr: any, accuracy?: integer): dynamic"], "", "")
        .named(Naming::Prefix("hll"))
        .nulls(Nulls::Skipped),
    Function::new("hll_if", &["(expr: any, predicate: bool, accuracy?: integer): dynamic"], "", "")
        .named(Naming::Prefix("hll_if"))
        .nulls(Nulls::Skipped),
    Function::new("hll_merge", &["(hll: dynamic, more?...: dynamic): dynamic"], "", "")
        .named(Naming::Prefix("hll_merge"))
        .nulls(Nulls::Skipped),
    Function::new("min", &["(expr: orderable): same"], "", "")
        .named(Naming::Prefix("min"))
        .nulls(Nulls::Skipped),
    Function::new("minif", &["(expr: orderable, predicate: bool): same"], "", "")
        .named(Naming::Prefix("minif"))
        .nulls(Nulls::Skipped),
    Function::new("max", &["(expr: orderable): same"], "", "")
        .named(Naming::Prefix("max"))
        .nulls(Nulls::Skipped),
    Function::new("maxif", &["(expr: orderable, predicate: bool): same"], "", "")
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
        "",
        "",
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
        "",
        "",
    )
    .named(Naming::Prefix("avgif"))
    .nulls(Nulls::Skipped),
    Function::new("make_list", &["(expr: any, max_size?: integer): dynamic"], "", "")
        .alias(&["makelist"])
        .named(Naming::Prefix("list"))
        .nulls(Nulls::Skipped),
    Function::new("make_list_if", &["(expr: any, predicate: bool, max_size?: integer): dynamic"], "", "")
        .named(Naming::Prefix("list"))
        .nulls(Nulls::Skipped),
    Function::new("make_list_with_nulls", &["(expr: any): dynamic"], "", "")
        .named(Naming::Prefix("list"))
        .nulls(Nulls::Skipped),
    Function::new("make_set", &["(expr: any, max_size?: integer): dynamic"], "", "")
        .alias(&["makeset"])
        .named(Naming::Prefix("set"))
        .nulls(Nulls::Skipped),
    Function::new("make_set_if", &["(expr: any, predicate: bool, max_size?: integer): dynamic"], "", "")
        .named(Naming::Prefix("set"))
        .nulls(Nulls::Skipped),
    Function::new("make_bag", &["(expr: dynamic, max_size?: integer): dynamic"], "", "")
        .alias(&["make_dictionary"])
        .named(Naming::Prefix("bag"))
        .nulls(Nulls::Skipped),
    Function::new("make_bag_if", &["(expr: dynamic, predicate: bool, max_size?: integer): dynamic"], "", "")
        .named(Naming::Prefix("bag"))
        .nulls(Nulls::Skipped),
    Function::new("buildschema", &["(expr: dynamic): dynamic"], "", "")
        .named(Naming::Prefix("schema"))
        .nulls(Nulls::Skipped),
    Function::new("passthrough", &["(expr: any): same"], "", "")
        .named(Naming::FirstArgument)
        .nulls(Nulls::Skipped),
    Function::new("percentile", &["(value: any, percentile: number): same"], "", "").nulls(Nulls::Skipped),
    Function::new("percentiles", &["(value: any, percentiles...: number): same"], "", "")
        .nulls(Nulls::Skipped),
    Function::new(
        "percentiles_array",
        &["(expr: any, percentile...: number): dynamic", "(expr: any, percentiles: dynamic): dynamic"],
        "",
        "",
    )
    .nulls(Nulls::Skipped),
    Function::new("percentilew", &["(value: any, weight: integer, percentile: number): same"], "", "")
        .nulls(Nulls::Skipped),
    Function::new("percentilesw", &["(value: any, weight: integer, percentiles...: number): same"], "", "")
        .nulls(Nulls::Skipped),
    Function::new(
        "percentilesw_array",
        &[
            "(expr: any, weight: integer, percentile...: number): dynamic",
            "(expr: any, weight: integer, percentiles: dynamic): dynamic",
        ],
        "",
        "",
    )
    .nulls(Nulls::Skipped),
    Function::new("stdev", &["(expr: summable): real"], "", "")
        .named(Naming::Prefix("stdev"))
        .nulls(Nulls::Skipped),
    Function::new("stdevif", &["(expr: summable, predicate: bool): real"], "", "")
        .named(Naming::Prefix("stdevif"))
        .nulls(Nulls::Skipped),
    Function::new("stdevp", &["(expr: summable): real"], "", "")
        .named(Naming::Prefix("stdevp"))
        .nulls(Nulls::Skipped),
    Function::new("variance", &["(expr: summable): real"], "", "")
        .named(Naming::Prefix("variance"))
        .nulls(Nulls::Skipped),
    Function::new("varianceif", &["(expr: summable, predicate: bool): real"], "", "")
        .named(Naming::Prefix("varianceif"))
        .nulls(Nulls::Skipped),
    Function::new("variancep", &["(expr: summable): real"], "", "")
        .named(Naming::Prefix("variancep"))
        .nulls(Nulls::Skipped),
    Function::new("variancepif", &["(expr: summable, predicate: bool): real"], "", "")
        .named(Naming::Prefix("variancepif"))
        .nulls(Nulls::Skipped),
    Function::new("covariance", &["(expr: summable, expr: summable): real"], "", "")
        .named(Naming::Prefix("covariance"))
        .nulls(Nulls::Skipped),
    Function::new("covarianceif", &["(expr: summable, expr: summable, predicate: bool): real"], "", "")
        .named(Naming::Prefix("covarianceif"))
        .nulls(Nulls::Skipped),
    Function::new("covariancep", &["(expr: summable, expr: summable): real"], "", "")
        .named(Naming::Prefix("covariancep"))
        .nulls(Nulls::Skipped),
    Function::new("covariancepif", &["(expr: summable, expr: summable, predicate: bool): real"], "", "")
        .named(Naming::Prefix("covariancepif"))
        .nulls(Nulls::Skipped),
    Function::new("any", &["(expr: any): same", "(expr...: any): dynamic", "(expr: any): dynamic"], "", "")
        .nulls(Nulls::Skipped),
    Function::new("take_any", &["(values...: any): same"], "", "").nulls(Nulls::Skipped),
    Function::new("take_anyif", &["(expr: any, predicate: bool): same"], "", "")
        .alias(&["anyif"])
        .named(Naming::FirstArgument)
        .nulls(Nulls::Skipped),
    Function::new("arg_min", &["(minimized: any, returned?...: any): same"], "", "").nulls(Nulls::Skipped),
    Function::new("arg_max", &["(maximized: any, returned?...: any): same"], "", "").nulls(Nulls::Skipped),
    Function::new("argmin", &["(minimized: orderable, returned?...: any): dynamic"], "", "")
        .nulls(Nulls::Skipped),
    Function::new("argmax", &["(maximized: orderable, returned?...: any): dynamic"], "", "")
        .nulls(Nulls::Skipped),
    Function::new("binary_all_or", &["(expr: summable): same"], "", "")
        .named(Naming::FirstArgument)
        .nulls(Nulls::Skipped),
    Function::new("binary_all_and", &["(expr: summable): same"], "", "")
        .named(Naming::FirstArgument)
        .nulls(Nulls::Skipped),
    Function::new("binary_all_xor", &["(expr: summable): same"], "", "")
        .named(Naming::FirstArgument)
        .nulls(Nulls::Skipped),
    Function::new("count_distinct", &["(expr: any): long"], "", "")
        .named(Naming::Prefix("count_distinct"))
        .nulls(Nulls::Skipped),
    Function::new("count_distinctif", &["(expr: any, predicate: bool): long"], "", "")
        .named(Naming::Prefix("count_distinctif"))
        .nulls(Nulls::Skipped),
];
