//! Approximate sketches made by the `hll` and `tdigest` aggregates.

use super::{Function, Naming};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "percentile_tdigest",
        &[
            "(tdigest: dynamic, percentile1: real): dynamic",
            "(tdigest: dynamic, percentile1: real, type: type): typed",
        ],
        "",
        "",
    )
    .named(Naming::Prefix("percentile_tdigest")),
    Function::new(
        "percentiles_array_tdigest",
        &[
            "(tdigest: dynamic, percentile...: real): dynamic",
            "(tdigest: dynamic, percentiles: dynamic): dynamic",
        ],
        "",
        "",
    )
    .named(Naming::Prefix("percentile_tdigest")),
    Function::new("percentrank_tdigest", &["(digest: dynamic, value: any): real"], "", ""),
    Function::new("rank_tdigest", &["(digest: dynamic, value: any): real"], "", ""),
    Function::new("tdigest_isvalid", &["(digest: dynamic, value: any): bool"], "", ""),
    Function::new("hll_isvalid", &["(hll: dynamic, value: any): bool"], "", ""),
    Function::new("tdigest_merge", &["(tdigest: dynamic, more?...: dynamic): dynamic"], "", "")
        .alias(&["merge_tdigest"])
        .named(Naming::Fixed("tdigests_merge_result")),
    Function::new("hll_merge", &["(hll: dynamic, more?...: dynamic): dynamic"], "", "")
        .named(Naming::Fixed("hll_merged_result")),
    Function::new("dcount_hll", &["(hll: dynamic): long"], "", "").named(Naming::Prefix("dcount_hll")),
    Function::new("__hll_normalize", &["(hll...: dynamic): dynamic"], "", "").named(Naming::FirstArgument),
];
