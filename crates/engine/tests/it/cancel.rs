//! A dropped query ends its work, whatever operator it is in.

use std::time::Duration;

use crate::support::Fixture;

/// Queries that would run for minutes or hours, each inside another operator, and the memory it accounts for when it
/// is at work: 0 for operators that let rows through.
const BUSY: &[(&str, usize, &str)] = &[
    (
        "join",
        1 << 20,
        "range x from 1 to 1000000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 1000000 step 1 | extend \
         k = 1) on k | where strlen(strcat(x, y)) == 30 | count",
    ),
    (
        "sort",
        1 << 20,
        "range x from 1 to 4000000 step 1 | mv-expand y = range(1, 1000) | sort by tostring(y) asc, x desc",
    ),
    (
        "summarize",
        1 << 20,
        "range x from 1 to 4000000 step 1 | mv-expand y = range(1, 1000) | summarize count() by strcat(x % 1000, y) \
         | count",
    ),
    ("mv-expand", 0, "range x from 1 to 4000000 step 1 | mv-expand y = range(1, 1500) | count"),
    (
        "mv-apply",
        0,
        "range x from 1 to 4000000 step 1 | extend d = range(1, 1000) | mv-apply y = d to typeof(long) on (summarize \
         sum(y)) | count",
    ),
    (
        "scan",
        1 << 20,
        "range x from 1 to 4000000 step 1 | scan declare (t: string = '') with (step s: true => t = hash_sha256(strcat(s.t, \
         strrep(tostring(x), 1000)));) | count",
    ),
    (
        "graph-match",
        1 << 10,
        "range x from 1 to 60 step 1 | mv-expand y = range(1, 60) to typeof(long) | union (print x = 500, y = 501) | \
         make-graph x --> y with_node_id=n | graph-match (a)-[e*1..12]->(b) where a.n == 1 and b.n == 501 project a = 1",
    ),
    (
        "make-series",
        1 << 20,
        "range k from 1 to 4000 step 1 | make-series n = count() on k from 1 to 1000000 step 1 by g = strcat('g', k) | where \
         array_length(n) == 0 | count",
    ),
    (
        "a pipeline per group",
        0,
        "range x from 1 to 1000 step 1 | partition by x { range y from 1 to 10000000 step 1 | where tostring(y) has tostring(toscalar(x)) | count } | count",
    ),
];

/// For a test that hangs; what is proven is that the work ends at all, hours before it would be done.
const HUNG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn dropped_work_ends() {
    let fixture = Fixture::new(Vec::new()).await;
    let only = std::env::var("BARTIZAN_ONLY").unwrap_or_default();
    for (name, bytes, text) in BUSY.iter().filter(|(name, ..)| name.contains(&only)) {
        let mut query = Box::pin(fixture.query(text));
        // until it is at work, which its memory tells, and a little longer for those that hold none
        let at_work = async {
            while fixture.engine.memory_bytes() < *bytes || fixture.engine.running() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        tokio::select! {
            ended = &mut query => panic!("{name} was not busy: {:?}", ended.map(|output| output.stats)),
            at_work = tokio::time::timeout(HUNG, at_work) => assert!(at_work.is_ok(), "{name} does not begin"),
        }
        drop(query);
        let idle = tokio::time::timeout(HUNG, fixture.engine.idle()).await;
        assert!(idle.is_ok(), "{name} goes on: {} running", fixture.engine.running());
        // streams that stopped beside the query's own task let go a moment later
        let empty = async {
            while fixture.engine.memory_bytes() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let empty = tokio::time::timeout(HUNG, empty).await;
        assert!(empty.is_ok(), "{name} still holds {} bytes", fixture.engine.memory_bytes());
    }
}
