//! A dropped query ends its work, whatever operator it is in.

use std::time::Duration;

use crate::support::Fixture;

/// Queries that would run for minutes, each inside another operator.
const BUSY: &[(&str, &str)] = &[
    (
        "join",
        "range x from 1 to 1000000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 1000000 step 1 | extend \
         k = 1) on k | where strlen(strcat(x, y)) == 30 | count",
    ),
    (
        "sort",
        "range x from 1 to 4000000 step 1 | mv-expand y = range(1, 1000) | sort by tostring(y) asc, x desc",
    ),
    (
        "summarize",
        "range x from 1 to 4000000 step 1 | mv-expand y = range(1, 1000) | summarize count() by strcat(x % 1000, y) \
         | count",
    ),
    ("mv-expand", "range x from 1 to 4000000 step 1 | mv-expand y = range(1, 1500) | count"),
    (
        "mv-apply",
        "range x from 1 to 4000000 step 1 | extend d = range(1, 1000) | mv-apply y = d to typeof(long) on (summarize \
         sum(y)) | count",
    ),
    (
        "a pipeline per group",
        "range x from 1 to 1000 step 1 | partition by x { range y from 1 to 10000000 step 1 | where tostring(y) has tostring(toscalar(x)) | count } | count",
    ),
];

#[tokio::test]
async fn dropped_work_ends() {
    let fixture = Fixture::new(Vec::new()).await;
    for (name, text) in BUSY {
        let query = fixture.query(text);
        // long enough to be planned and in the middle of it
        let ended = tokio::time::timeout(Duration::from_millis(400), query).await;
        assert!(ended.is_err(), "{name} was not busy: {ended:?}");
        // on a quiet machine this takes milliseconds; the bound is for a crowded one
        let idle = tokio::time::timeout(Duration::from_secs(5), fixture.engine.idle()).await;
        assert!(idle.is_ok(), "{name} goes on: {} running", fixture.engine.running());
    }
}
