//! Purging rows by predicate: exactly those that match go, from files, memory, and the log.

use std::fs;

use bartizan_store::{Filter, Operator, Store};
use serde_json::{Value, json};

use crate::fixture::{Fixture, OTHER, TABLE};

fn filter(column: &str, operator: Operator, value: Value) -> Filter {
    Filter { column: column.to_owned(), key: None, operator, value }
}

/// Forty rows: thirty in three files, ten in memory.
async fn forty() -> (Fixture, Store) {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    for part in 0..4 {
        let rows: Vec<Value> = (part * 10..part * 10 + 10)
            .map(|n| {
                json!({
                    "N": n, "Text": format!("Person{}", n % 4), "Ratio": n as f64 / 2.0, "Flag": n % 2 == 0,
                    "At": format!("2026-02-{:02}T00:00:00Z", n % 20 + 1), "Small": if n == 7 { Value::Null } else { json!(n) },
                    "Key": format!("00000000-0000-0000-0000-0000000000{n:02}"), "Facts": {"who": format!("u{}", n % 5)},
                })
            })
            .collect();
        fixture.append(&store, &json!(rows).to_string()).await.unwrap();
        store.append_json(fixture.target(OTHER), json!(rows).to_string().into()).await.unwrap();
        if part < 3 {
            store.flush().await.unwrap();
        }
    }
    (fixture, store)
}

#[tokio::test]
async fn each_operator_removes_what_it_says() {
    type Matches = fn(i64) -> bool;
    let cases: Vec<(Vec<Filter>, Matches)> = vec![
        (vec![filter("Text", Operator::Equal, json!("Person1"))], |n| n % 4 == 1),
        (vec![filter("Text", Operator::Equal, json!("person1"))], |_| false),
        (vec![filter("Text", Operator::EqualText, json!("person1"))], |n| n % 4 == 1),
        (vec![filter("Text", Operator::InText, json!(["PERSON1", "person2"]))], |n| {
            [1, 2].contains(&(n % 4))
        }),
        (vec![filter("N", Operator::In, json!([3, "4", 99]))], |n| n == 3 || n == 4),
        (vec![filter("N", Operator::Between, json!([5, 8]))], |n| (5..=8).contains(&n)),
        (vec![filter("Small", Operator::Less, json!(10))], |n| n < 10 && n != 7),
        (vec![filter("Ratio", Operator::GreaterOrEqual, json!(15.5))], |n| n >= 31),
        (vec![filter("At", Operator::Greater, json!("2026-02-19T12:00:00Z"))], |n| n % 20 == 19),
        (vec![filter("Flag", Operator::Equal, json!(true))], |n| n % 2 == 0),
        (vec![filter("Key", Operator::Equal, json!("00000000-0000-0000-0000-000000000012"))], |n| n == 12),
        (vec![filter("Computer", Operator::Equal, json!(""))], |_| true),
        (vec![filter("_TimeReceived", Operator::Greater, json!("2027-01-01T00:00:00Z"))], |_| false),
        (
            vec![Filter { key: Some("who".to_owned()), ..filter("Facts", Operator::EqualText, json!("U3")) }],
            |n| n % 5 == 3,
        ),
        (
            vec![
                filter("Text", Operator::Equal, json!("Person0")),
                filter("N", Operator::LessOrEqual, json!(20)),
            ],
            |n| n % 4 == 0 && n <= 20,
        ),
    ];
    for (filters, matches) in cases {
        let (fixture, store) = forty().await;
        let case = format!("{filters:?}");
        let purge = store.purge(fixture.workspace, "everything_cl", filters).await.unwrap();
        assert_eq!(purge.ended, None);
        fixture.append(&store, r#"{"N":5000,"Text":"Person1","Flag":true,"Small":1}"#).await.unwrap();
        store.run_purges().await.unwrap();
        let expected: Vec<i64> = (0..40).filter(|n| !matches(*n)).chain([5000]).collect();
        assert_eq!(fixture.numbers(&store, TABLE), expected, "{case}");
        assert_eq!(fixture.numbers(&store, OTHER).len(), 40, "{case}: other tables are untouched");
        let done = store.purges().await.unwrap();
        assert_eq!(
            (done.len(), done[0].id, done[0].rows),
            (1, purge.id, 41 - expected.len() as u64),
            "{case}"
        );
        assert!(done[0].ended.is_some());
        drop(store);
        let store = fixture.open().await;
        assert_eq!(fixture.numbers(&store, TABLE), expected, "{case}: nothing comes back from the log");
    }
}

#[tokio::test]
async fn no_byte_of_a_purged_row_stays_in_the_store() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    for (n, name) in [(1, "Wilhelmina Quatermass"), (2, "somebody else"), (3, "Wilhelmina Quatermass")] {
        fixture
            .append(&store, &json!({"N": n, "Text": name, "Facts": {"of": name}}).to_string())
            .await
            .unwrap();
        if n < 3 {
            store.flush().await.unwrap();
        }
    }
    let holds = || {
        let mut folders = vec![fixture.options.dir.clone()];
        let mut found = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if fs::read(&path).unwrap().windows(10).any(|part| part == b"Wilhelmina") {
                    found += 1;
                }
            }
        }
        found
    };
    assert!(holds() > 0, "the search can find the name at all");
    store
        .purge(
            fixture.workspace,
            TABLE,
            vec![filter("Text", Operator::Equal, json!("Wilhelmina Quatermass"))],
        )
        .await
        .unwrap();
    store.run_purges().await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [2]);
    assert_eq!(holds(), 0);
}

#[tokio::test]
async fn a_purge_survives_a_restart() {
    let (fixture, store) = forty().await;
    store.purge(fixture.workspace, TABLE, vec![filter("N", Operator::Less, json!(35))]).await.unwrap();
    drop(store);
    let store = fixture.open().await;
    assert_eq!(fixture.numbers(&store, TABLE).len(), 40);
    store.run_purges().await.unwrap();
    assert_eq!(fixture.numbers(&store, TABLE), [35, 36, 37, 38, 39]);
}

#[tokio::test]
async fn filters_that_do_not_fit_are_refused() {
    let (fixture, store) = forty().await;
    let refused = [
        (vec![], "1 to 32 filters"),
        (vec![filter("Nothing", Operator::Equal, json!(1))], "no column `Nothing`"),
        (vec![filter("N", Operator::Equal, json!("many"))], "not of the column's type"),
        (vec![filter("N", Operator::EqualText, json!("1"))], "not text"),
        (vec![filter("N", Operator::In, json!(1))], "list of values"),
        (vec![filter("N", Operator::Between, json!([1]))], "1 values"),
        (vec![filter("N", Operator::Equal, json!(null))], "no value"),
        (
            vec![Filter { key: Some("k".to_owned()), ..filter("N", Operator::Equal, json!(1)) }],
            "no dynamic column",
        ),
    ];
    for (filters, reason) in refused {
        let error = store.purge(fixture.workspace, TABLE, filters).await.unwrap_err();
        assert_eq!(error.kind(), bartizan_base::ErrorKind::Invalid);
        assert!(error.to_string().contains(reason), "{error}");
    }
    let error = store
        .purge(fixture.workspace, "None_CL", vec![filter("N", Operator::Equal, json!(1))])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), bartizan_base::ErrorKind::NotFound);
}
