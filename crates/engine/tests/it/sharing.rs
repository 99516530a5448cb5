//! Relations that a query has twice are computed once, and give what they would give computed twice; and so are
//! values that must not be computed twice.

use serde_json::{Value, json};

use crate::support::Fixture;

/// A query with lets, and the same with everything put in by hand: copies at different places of a text are not
/// the same relation.
const PAIRS: &[(&str, &str)] = &[
    // each use reads another column
    (
        "let s = Heartbeat | summarize n = count(), newest = max(TimeGenerated), os = take_any(OSType) by Computer;
         s | where n > 39 | join kind=inner (s | project Computer, newest) on Computer | project Computer, n, newest
         | sort by Computer asc",
        "Heartbeat | summarize n = count() by Computer | where n > 39
         | join kind=inner (Heartbeat | summarize newest = max(TimeGenerated) by Computer) on Computer
         | project Computer, n, newest | sort by Computer asc",
    ),
    // one shared relation reads another one
    (
        "let a = Heartbeat | summarize n = count() by Computer, OSType;
         let b = a | summarize total = sum(n) by OSType;
         a | lookup b on OSType | extend share = 100 * n / total
         | union (b | project Computer = 'all', OSType, n = total) | project Computer, OSType, n, share
         | sort by Computer asc, OSType asc",
        "Heartbeat | summarize n = count() by Computer, OSType
         | lookup (Heartbeat | summarize total = count() by OSType) on OSType | extend share = 100 * n / total
         | union (Heartbeat | summarize n = count() by OSType | project Computer = 'all', OSType, n)
         | project Computer, OSType, n, share | sort by Computer asc, OSType asc",
    ),
    // inside an expression
    (
        "let most = toscalar(Heartbeat | summarize n = count() by Version | summarize max(n));
         Heartbeat | summarize n = count() by Version | extend isMost = n == most, part = todouble(n) / most
         | sort by Version asc",
        "Heartbeat | summarize n = count() by Version | extend isMost = n == 150, part = todouble(n) / 150
         | sort by Version asc",
    ),
    // more than one result
    (
        "let s = Heartbeat | summarize n = count() by Computer; s | count; s | sort by Computer asc",
        "Heartbeat | summarize n = count() by Computer | count; Heartbeat | summarize n = count() by Computer
         | sort by Computer asc",
    ),
];

async fn heartbeats() -> Fixture {
    let fixture = Fixture::new(Vec::new()).await;
    let rows = (0..200).map(|n| {
        let row = json!({
            "TimeGenerated": format!("2026-03-01T{:02}:{:02}:00Z", 8 + n / 60, n % 60),
            "Computer": format!("host-{}", n % 5),
            "OSType": if n % 3 == 0 { "Windows" } else { "Linux" },
            "Version": if n % 4 == 0 { "" } else { "1.2" },
        });
        row.as_object().unwrap().clone()
    });
    fixture.append("Heartbeat", rows.collect()).await;
    fixture.store.flush().await.unwrap();
    fixture
}

#[tokio::test]
async fn what_is_computed_once_is_what_is_computed_twice() {
    let fixture = heartbeats().await;
    for (shared, apart) in PAIRS {
        let all = |output: bartizan_engine::QueryOutput| -> Vec<Vec<Vec<Value>>> {
            let rest = output.tables.iter().map(|table| table.rows_json());
            std::iter::once(output.rows_json()).chain(rest).collect()
        };
        let (mine, wanted) = (fixture.query(shared).await.unwrap(), fixture.query(apart).await.unwrap());
        assert!(!wanted.rows_json().is_empty(), "{apart}");
        assert_eq!(all(mine), all(wanted), "{shared}");
    }
}

/// Scans of files in the plan of a query's last step.
async fn scans(fixture: &Fixture, text: &str) -> usize {
    let plans = fixture.engine.plan(fixture.request(text)).await.unwrap();
    plans.iter().map(|plan| plan.to_string().matches("file_type=parquet").count()).sum()
}

#[tokio::test]
async fn only_repeated_relations_that_are_worth_it_are_computed_before() {
    let fixture = heartbeats().await;
    let twice = |relation: &str| {
        format!("let s = {relation}; s | join kind=inner (s | where n > 1 | project Computer) on Computer")
    };
    for (relation, wanted) in [
        ("Heartbeat | summarize n = count() by Computer", 0),
        ("Heartbeat | top 10 by TimeGenerated | extend n = 2", 0),
        // a scan is cheaper run twice: each use reads its own columns
        ("Heartbeat | where OSType == 'Linux' | extend n = 2", 2),
        // these rows would differ from use to use
        ("Heartbeat | where rand() < 2 | summarize n = count() by Computer", 2),
        ("Heartbeat | sample 150 | summarize n = count() by Computer", 2),
    ] {
        assert_eq!(scans(&fixture, &twice(relation)).await, wanted, "{relation}");
    }
    assert_eq!(scans(&fixture, "Heartbeat | summarize n = count() by Computer").await, 1);
    let nested = "Heartbeat | top-nested 2 of Computer by n = count(), top-nested 1 of OSType by m = count()";
    assert_eq!(
        scans(&fixture, nested).await,
        1,
        "the rows of the second level; those of the first are known"
    );
}

#[tokio::test]
async fn a_filter_sees_the_value_that_is_shown() {
    let fixture = heartbeats().await;
    let text = "Heartbeat | where Computer != '' | extend r = rand() | where r > 0.5
                | summarize wrong = countif(r <= 0.5), n = count()";
    let rows = fixture.query(text).await.unwrap().rows_json();
    assert_eq!(rows[0][0], json!(0));
    assert!(rows[0][1].as_i64().unwrap() > 0, "of 200 numbers some are above the middle");

    let text = "Heartbeat | where Computer != '' | extend r = rand() | where r > 0.5 | project r";
    for row in fixture.query(text).await.unwrap().rows_json() {
        assert!(row[0].as_f64().unwrap() > 0.5, "{row:?}");
    }

    let text = "Heartbeat | extend g = tostring(new_guid()) | where g < '8' | project g";
    for row in fixture.query(text).await.unwrap().rows_json() {
        assert!(row[0].as_str().unwrap() < "8", "{row:?}");
    }

    // what `top` has so far filters what it reads
    let text = "Heartbeat | extend r = rand() | top 3 by r asc | extend s = r | where s != r | count";
    assert_eq!(fixture.query(text).await.unwrap().rows_json(), [[json!(0)]]);
}

#[tokio::test]
async fn paths_that_do_not_depend_on_the_element_are_below_the_expansion() {
    let fixture = heartbeats().await;
    let text = "Heartbeat | extend d = parse_json(Version)
        | mv-expand e = d.list to typeof(string) | summarize count() by e, owner = tostring(d.owner.name)";
    let plan = fixture.engine.plan(fixture.request(text)).await.unwrap()[0].to_string();
    let (above, below) = plan.split_once("UnnestExec").unwrap();
    assert!(!above.contains("path(") && below.matches("path(").count() == 2, "{plan}");
    // nor is what only they read carried through it
    let expanded = below.lines().find(|line| line.contains("ProjectionExec")).unwrap();
    assert!(!expanded.contains(" as d"), "{plan}");
}
