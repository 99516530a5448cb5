//! Where rows lie must not matter: memory, files, or both.

use std::time::Duration;

use bartizan_engine::{EngineOptions, QueryError, SeqWindow};
use bartizan_kql::Span;
use serde_json::{Value, json};

use crate::support::{Fixture, NOW};

const QUERIES: &[&str] = &[
    "Heartbeat | summarize max(TimeGenerated) by Computer | sort by Computer asc",
    "Heartbeat | where TimeGenerated >= datetime(2026-03-01T10:00:00Z) | count",
    "Heartbeat | where Computer has 'host-3' | summarize n = count(), dcount(OSType) by Computer | sort by Computer asc",
    "Heartbeat | project Computer, OSType, Version, TimeGenerated | sort by TimeGenerated asc, Computer asc | take 7",
    "Heartbeat | where isempty(Version) | count",
    "Heartbeat | summarize arg_max(TimeGenerated, OSType, Version) by Computer | sort by Computer asc",
    "Heartbeat | where Computer in ('host-1', 'host-2') or OSType != 'Linux' | summarize count() by OSType | sort by OSType asc",
];

fn heartbeats(from: usize, to: usize) -> Vec<serde_json::Map<String, Value>> {
    (from..to)
        .map(|n| {
            let row = json!({
                "TimeGenerated": format!("2026-03-01T{:02}:{:02}:00Z", 8 + n / 60, n % 60),
                "Computer": format!("host-{}", n % 5),
                "OSType": if n % 3 == 0 { "Windows" } else { "Linux" },
                "Version": if n % 4 == 0 { "" } else { "1.2" },
            });
            row.as_object().unwrap().clone()
        })
        .collect()
}

async fn answers(fixture: &Fixture) -> Vec<Vec<Vec<Value>>> {
    let mut all = Vec::new();
    for query in QUERIES {
        all.push(fixture.query(query).await.unwrap_or_else(|error| panic!("{query}: {error}")).rows_json());
    }
    all
}

#[tokio::test]
async fn files_and_memory_give_one_answer() {
    let memory = Fixture::new(Vec::new()).await;
    memory.append("Heartbeat", heartbeats(0, 200)).await;
    let expected = answers(&memory).await;
    assert_eq!(expected[0].len(), 5);

    let mixed = Fixture::new(Vec::new()).await;
    mixed.append("Heartbeat", heartbeats(0, 70)).await;
    mixed.store.flush().await.unwrap();
    mixed.append("Heartbeat", heartbeats(70, 140)).await;
    mixed.store.flush().await.unwrap();
    mixed.append("Heartbeat", heartbeats(140, 200)).await;
    assert_eq!(answers(&mixed).await, expected);

    mixed.store.flush().await.unwrap();
    assert_eq!(answers(&mixed).await, expected);
}

#[tokio::test]
async fn a_sequence_window_sees_each_row_once() {
    let fixture = Fixture::new(Vec::new()).await;
    let mut seen = 0;
    let mut after = fixture.store.committed_seq();
    for (from, to) in [(0, 10), (10, 25), (25, 25), (25, 40)] {
        if from < to {
            fixture.append("Heartbeat", heartbeats(from, to)).await;
        }
        if from == 10 {
            fixture.store.flush().await.unwrap();
        }
        let upto = fixture.store.committed_seq();
        let mut request = fixture.request("Heartbeat | count");
        request.ingested = Some(SeqWindow { after, upto });
        let output = fixture.engine.query(request).await.unwrap();
        assert_eq!(output.rows_json()[0][0], json!(to - from));
        assert!(output.seq >= upto);
        seen += to - from;
        after = upto;
    }
    assert_eq!(seen, 40);
}

#[tokio::test]
async fn timespan_limits_base_tables() {
    let fixture = Fixture::new(Vec::new()).await;
    fixture.append("Heartbeat", heartbeats(0, 120)).await;
    let mut request =
        fixture.request("Heartbeat | summarize min(TimeGenerated), max(TimeGenerated), count()");
    let time = |text: &str| bartizan_base::Ticks::parse(text).unwrap();
    request.timespan = Some((time("2026-03-01T08:30:00Z"), time("2026-03-01T09:00:00Z")));
    let output = fixture.engine.query(request).await.unwrap();
    let expected = json!([["2026-03-01T08:30:00Z", "2026-03-01T08:59:00Z", 30]]);
    assert_eq!(json!(output.rows_json()), expected);
    assert_eq!(output.objects()[0]["count_"], json!(30));
}

#[tokio::test]
async fn limits_cut_stop_and_contain() {
    let fixture = Fixture::new(Vec::new()).await;
    let mut request = fixture.request("range x from 1 to 1000 step 1");
    request.limits.rows = 10;
    let output = fixture.engine.query(request).await.unwrap();
    assert_eq!(output.rows_json().len(), 10);
    assert_eq!(output.partial.unwrap().code, "RowLimit");

    let heavy = "range x from 1 to 100000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 100000 step 1 \
                 | extend k = 1) on k | where strlen(strcat(x, y)) == 30 | count";
    let mut request = fixture.request(heavy);
    request.limits.timeout = std::time::Duration::from_millis(300);
    assert!(matches!(fixture.engine.query(request).await, Err(QueryError::Timeout { .. })));

    let text = "Heartbeat | where row_id() == ''";
    match fixture.query(text).await {
        Err(QueryError::Unsupported { what, span }) => {
            assert_eq!(what, "row_id");
            let Span { start, end } = span;
            assert!(text[start..end].starts_with("row_id"));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(fixture.query("Heartbeat | wher x").await, Err(QueryError::Invalid(_))));
    // After all that the engine still answers.
    assert_eq!(fixture.query("print 1").await.unwrap().rows_json(), [[json!(1)]]);
}

/// Enough pairs to keep a query busy for minutes.
const ENDLESS: &str = "range x from 1 to 1000000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 1000000 \
                       step 1 | extend k = 1) on k | where strlen(strcat(x, y)) == 30 | count";

#[tokio::test]
async fn memory_is_limited_by_name() {
    let options = EngineOptions { threads: 2, query_memory_bytes: 8 << 20, ..EngineOptions::default() };
    let fixture = Fixture::with_options(Vec::new(), options).await;
    for text in [
        "range x from 1 to 2000000 step 1 | summarize l = make_list(strcat('some text ', x)) | where array_length(l) > 1 \
         | project n = 1",
        "let T = materialize(range x from 1 to 2000000 step 1 | extend s = strcat('some text ', x) | sort by s asc); \
         T | join kind=inner (T | take 1) on x | count",
    ] {
        match fixture.query(text).await {
            Err(error @ QueryError::Memory { limit_bytes }) => {
                assert_eq!(limit_bytes, 8 << 20);
                assert_eq!(error.to_string(), "Memory: the query needs more than its limit of 8 MiB");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(fixture.query("print 1").await.unwrap().rows_json(), [[json!(1)]]);
}

#[tokio::test]
async fn sorting_and_grouping_spill() {
    let options = EngineOptions { threads: 2, query_memory_bytes: 24 << 20, ..EngineOptions::default() };
    let fixture = Fixture::with_options(Vec::new(), options).await;
    let sorted = "range x from 1 to 600000 step 1 | extend s = strcat(hash_sha256(tostring(x)), x) | sort by s asc \
                  | summarize count(), min(s)";
    let output = fixture.query(sorted).await.unwrap();
    assert_eq!(output.rows_json()[0][0], json!(600_000));
    let grouped = "range x from 1 to 600000 step 1 | summarize n = count() by s = strcat(hash_sha256(tostring(x)), x) \
                   | summarize sum(n), count()";
    assert_eq!(fixture.query(grouped).await.unwrap().rows_json(), [[json!(600_000), json!(600_000)]]);
}

/// Two partitions that write what they cannot hold have, of a dozen such queries, made one or two wait for ever.
#[tokio::test]
async fn grouping_without_room_ends() {
    let options = EngineOptions { threads: 2, query_memory_bytes: 4 << 20, ..EngineOptions::default() };
    let fixture = Fixture::with_options(Vec::new(), options).await;
    for _ in 0..12 {
        let mut request = fixture.request(
            "range x from 1 to 80000 step 1 | summarize n = count() by s = strcat(hash_sha256(tostring(x)), x) \
             | summarize sum(n), count()",
        );
        request.limits.timeout = Duration::from_secs(30);
        match fixture.engine.query(request).await {
            Ok(output) => assert_eq!(output.rows_json(), [[json!(80_000), json!(80_000)]]),
            Err(QueryError::Memory { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// What a join knows of its keys is put to the rows of the other side's files before they are grouped, and changes
/// nothing: rows in memory, which are not filtered so, give the same.
#[tokio::test]
async fn rows_are_filtered_by_what_they_are_joined_to() {
    let (memory, files) = (Fixture::new(Vec::new()).await, Fixture::new(Vec::new()).await);
    for fixture in [&memory, &files] {
        fixture.append("Heartbeat", heartbeats(0, 200)).await;
    }
    files.store.flush().await.unwrap();
    let query = |kind: &str| {
        format!(
            "let few = Heartbeat | where OSType == 'Windows' and Computer != 'host-0' | summarize newest = max(TimeGenerated) by Computer, Version \
             | where newest > datetime(2026-03-01T10:00:00Z); \
             Heartbeat | where OSType == 'Linux' and Computer != 'host-4' | summarize n = count() by Version, Computer \
             | join kind={kind} few on Computer, Version"
        )
    };
    for kind in [
        "inner",
        "innerunique",
        "leftsemi",
        "leftanti",
        "leftouter",
        "rightouter",
        "rightsemi",
        "rightanti",
        "fullouter",
    ] {
        let sorted = |mut rows: Vec<Vec<Value>>| {
            rows.sort_by_key(|row| format!("{row:?}"));
            rows
        };
        let text = query(kind);
        let expected = sorted(memory.query(&text).await.unwrap().rows_json());
        assert_eq!(sorted(files.query(&text).await.unwrap().rows_json()), expected, "{kind}");
        assert!(!expected.is_empty(), "{kind}");
    }
    let plan = files.engine.plan(files.request(&query("inner"))).await.unwrap()[0].to_string();
    assert!(plan.contains("FilterExec: DynamicFilter"), "{plan}");
    // a key that is computed, and one that has the name of another column, are no columns of the files
    let renamed = "let few = Heartbeat | where Version == '' | distinct OSType = Computer; \
                   Heartbeat | summarize n = count() by OSType = Computer, Computer = OSType | join kind=inner few on OSType \
                   | summarize sum(n), dcount(Computer) by OSType | sort by OSType asc";
    let expected = memory.query(renamed).await.unwrap().rows_json();
    assert_eq!(files.query(renamed).await.unwrap().rows_json(), expected);
    assert_eq!(expected.len(), 5);
}

#[tokio::test]
async fn a_result_is_cut_at_its_size() {
    let fixture = Fixture::new(Vec::new()).await;
    let mut request = fixture.request("range x from 1 to 8000 step 1 | project c = 'constant text', x");
    request.limits.bytes = 8000;
    let output = fixture.engine.query(request).await.unwrap();
    let rows = output.rows_json();
    assert!((100..400).contains(&rows.len()), "{}", rows.len());
    assert_eq!(rows[1][0], json!("constant text"));
    assert_eq!(output.partial.unwrap().code, "SizeLimit");
}

#[tokio::test]
async fn a_dropped_query_stops() {
    let fixture = Fixture::new(Vec::new()).await;
    // More than may run at once: were dropped ones to go on, the last would wait for them.
    for _ in 0..20 {
        let query = fixture.query(ENDLESS);
        assert!(tokio::time::timeout(Duration::from_millis(30), query).await.is_err());
    }
    let started = std::time::Instant::now();
    assert_eq!(fixture.query("print 1").await.unwrap().rows_json(), [[json!(1)]]);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn too_much_is_refused_and_named() {
    let fixture = Fixture::new(Vec::new()).await;
    for text in ["range x from 1 to 1000000000000 step 1", "range x from 1.0 to 1e12 step 1 | count"] {
        match fixture.query(text).await {
            Err(QueryError::TooLarge { what }) => assert!(what.contains("16777216 rows"), "{what}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let mut request = fixture.request(ENDLESS);
    request.limits.timeout = Duration::from_millis(1500);
    let error = fixture.engine.query(request).await.unwrap_err();
    assert_eq!(error.to_string(), "the query was stopped at its time limit of 1.5 s");
}

#[tokio::test]
async fn everything_at_once_is_planned_quickly() {
    let fixture = Fixture::new(Vec::new()).await;
    fixture.append("Heartbeat", heartbeats(0, 20)).await;
    for text in [
        "union * | summarize count() by Type",
        "union withsource=T * | take 10",
        "search 'host-3' | take 5",
        "print toscalar(union * | count)",
    ] {
        let started = std::time::Instant::now();
        let output = fixture.query(text).await.unwrap();
        assert!(output.stats.rows > 0, "{text}");
        // A tenth of that on a quiet machine; minutes without pruning.
        assert!(started.elapsed() < Duration::from_secs(10), "{text}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_damaged_file_is_left_out_and_the_answer_says_so() {
    let fixture = Fixture::new(Vec::new()).await;
    for (from, to) in [(0, 50), (50, 80), (80, 120)] {
        fixture.append("Heartbeat", heartbeats(from, to)).await;
        fixture.store.flush().await.unwrap();
    }
    fixture.append("Heartbeat", heartbeats(120, 130)).await;
    let workspace = fixture.request("print 1").workspace;
    let snapshot = fixture.store.snapshot(workspace, &["Heartbeat"]).unwrap();
    let file = snapshot.tables["Heartbeat"].files.iter().nth(1).unwrap();
    let mut bytes = std::fs::read(&file.path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 8;
    std::fs::write(&file.path, &bytes).unwrap();
    drop(snapshot);
    // The second one finds the file set aside already.
    for _ in 0..2 {
        let output = fixture.query("Heartbeat | where Computer startswith 'host' | count").await.unwrap();
        assert_eq!(output.rows_json()[0][0], json!(100));
        let partial = output.partial.unwrap();
        assert_eq!(partial.code, "DataMissing");
        assert!(partial.message.contains("30 rows in 1 files of `Heartbeat`"), "{}", partial.message);
    }
    let mut elsewhere = fixture.request("Heartbeat | count");
    let time = |text: &str| bartizan_base::Ticks::parse(text).unwrap();
    elsewhere.timespan = Some((time("2026-03-01T08:00:00Z"), time("2026-03-01T08:30:00Z")));
    let output = fixture.engine.query(elsewhere).await.unwrap();
    assert_eq!(
        (output.rows_json()[0][0].clone(), output.partial),
        (json!(30), None),
        "other times are whole"
    );
}

#[tokio::test]
async fn rows_tell_when_they_were_received() {
    let fixture = Fixture::new(Vec::new()).await;
    fixture.append("Heartbeat", heartbeats(0, 30)).await;
    fixture.store.flush().await.unwrap();
    fixture.append("Heartbeat", heartbeats(30, 40)).await;
    for (text, wanted) in [
        ("Heartbeat | where isnull(ingestion_time()) | count", json!([[0]])),
        ("Heartbeat | where ingestion_time() > ago(1h) | count", json!([[40]])),
        ("Heartbeat | where ingestion_time() > now() | count", json!([[0]])),
        ("Heartbeat | extend t = ingestion_time() | where isnull(t) | count", json!([[0]])),
        ("Heartbeat | extend ingestion_time() | where isnull($IngestionTime) | count", json!([[0]])),
        ("Heartbeat | project t = ingestion_time() | summarize min(t), max(t)", json!([[NOW, NOW]])),
        ("Heartbeat | summarize max(ingestion_time())", json!([[NOW]])),
        (
            "Heartbeat | summarize n = count() by t = bin(ingestion_time(), 1d)",
            json!([["2026-03-01T00:00:00Z", 40]]),
        ),
        (
            "let T = Heartbeat | where Computer != ''; T | where ingestion_time() > ago(1h) | count",
            json!([[40]]),
        ),
        (
            "let T = materialize(Heartbeat); union T, T | where ingestion_time() > ago(1h) | count",
            json!([[80]]),
        ),
        ("let f = (T: (*)) { T | where ingestion_time() > ago(1h) }; f(Heartbeat) | count", json!([[40]])),
        ("union Heartbeat, Event | summarize count() by t = ingestion_time()", json!([[NOW, 40]])),
        (
            "Heartbeat | sort by ingestion_time() desc, Computer asc | take 1 | project ingestion_time()",
            json!([[NOW]]),
        ),
        (
            "Heartbeat | where Computer in ((Heartbeat | where ingestion_time() > ago(1h) | project Computer)) | count",
            json!([[40]]),
        ),
    ] {
        let output = fixture.query(text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(json!(output.rows_json()), wanted, "{text}");
    }
}
