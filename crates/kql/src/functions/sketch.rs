//! Approximate sketches made by the `hll` and `tdigest` aggregates.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "percentile_tdigest",
        &[
            "(tdigest: dynamic, percentile1: real): dynamic",
            "(tdigest: dynamic, percentile1: real, type: type): typed",
        ],
        "a percentile of a t-digest",
        "print percentile_tdigest(dynamic(null), 50)",
    )
    .named(Naming::Prefix("percentile_tdigest")),
    Function::new(
        "percentiles_array_tdigest",
        &[
            "(tdigest: dynamic, percentile...: real): dynamic",
            "(tdigest: dynamic, percentiles: dynamic): dynamic",
        ],
        "percentiles of a t-digest as an array",
        "print percentiles_array_tdigest(dynamic(null), dynamic([50]))",
    )
    .named(Naming::Prefix("percentile_tdigest")),
    Function::new(
        "percentrank_tdigest",
        &["(digest: dynamic, value: any): real"],
        "the share of values of a t-digest below a value",
        "print percentrank_tdigest(dynamic(null), 1)",
    ),
    Function::new(
        "rank_tdigest",
        &["(digest: dynamic, value: any): real"],
        "about how many values of a t-digest lie below a value",
        "print rank_tdigest(dynamic(null), 1)",
    ),
    Function::new(
        "tdigest_isvalid",
        &["(digest: dynamic, value: any): bool"],
        "whether a value is a t-digest; null is none",
        "print tdigest_isvalid(dynamic(null), 1)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "hll_isvalid",
        &["(hll: dynamic, value: any): bool"],
        "whether a value is a HyperLogLog sketch; null is none",
        "print hll_isvalid(dynamic(null), 1)",
    )
    .nulls(Nulls::Handled),
    Function::new(
        "tdigest_merge",
        &["(tdigest: dynamic, more?...: dynamic): dynamic"],
        "one t-digest from several",
        "print tdigest_merge(dynamic(null), dynamic(null))",
    )
    .alias(&["merge_tdigest"])
    .named(Naming::Fixed("tdigests_merge_result")),
    Function::new(
        "hll_merge",
        &["(hll: dynamic, more?...: dynamic): dynamic"],
        "one HyperLogLog sketch from several",
        "print hll_merge(dynamic(null), dynamic(null))",
    )
    .named(Naming::Fixed("hll_merged_result")),
    Function::new(
        "dcount_hll",
        &["(hll: dynamic): long"],
        "the distinct count of a HyperLogLog sketch",
        "print dcount_hll(dynamic(null))",
    )
    .named(Naming::Prefix("dcount_hll")),
];
