//! Rows in, columns out.

use arrow::array::Array;
use bartizan_base::{Clock, ErrorKind, ResourceId};
use bartizan_store::{AppendTarget, StoreError, layout};
use bytes::Bytes;
use serde_json::json;

use crate::fixture::{Fixture, START, TABLE, cell};

#[tokio::test]
async fn every_type_from_its_json_forms() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    // (column, JSON value, stored text; `-` is null, `!` in front: counted as rejected)
    let cases = [
        ("N", json!(42), "42"),
        ("N", json!("42"), "42"),
        ("N", json!(42.5), "!-"),
        ("N", json!([1]), "!-"),
        ("N", json!(null), "-"),
        ("Small", json!(2_147_483_648_i64), "!-"),
        ("Flag", json!("True"), "true"),
        ("Flag", json!(0), "false"),
        ("Flag", json!("yes"), "!-"),
        ("Ratio", json!(1), "1.0"),
        ("Ratio", json!("2.5"), "2.5"),
        ("At", json!("0001-01-01T00:00:00.0000001Z"), "1"),
        ("At", json!("01/02/2026"), "!-"),
        ("Took", json!("00:00:00.0000002"), "2"),
        ("Key", json!("6F9619FF-8B86-D011-B42D-00C04FC964FF"), "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        ("Key", json!("no guid"), "!-"),
        ("Facts", json!({"a": [1, {"b": "ü"}]}), r#"{"a":[1,{"b":"ü"}]}"#),
        ("Facts", json!("{\"a\":1}"), r#"{"a":1}"#),
        ("Facts", json!("{not json}"), r#""{not json}""#),
        ("Facts", json!("plain"), r#""plain""#),
        ("Facts", json!(7), "7"),
        ("Facts", json!(null), "-"),
        ("Exact", json!("12.50"), "12.50"),
        ("Exact", json!("1,5"), "!-"),
        ("Text", json!("a\nb\"ü\u{1F600}"), "a\nb\"ü\u{1F600}"),
        ("Text", json!(7), "7"),
        ("Text", json!(true), "true"),
        ("Text", json!({"k": [1, 2]}), r#"{"k":[1,2]}"#),
        ("Text", json!(null), ""),
    ];
    let rows: Vec<_> = cases.iter().map(|(column, value, _)| json!({*column: value})).collect();
    let ack = fixture.append(&store, &json!(rows).to_string()).await.unwrap();
    assert_eq!(ack.rows, cases.len() as u64);
    assert_eq!(ack.unknown_fields, 0);
    let rejected = cases.iter().filter(|(_, _, stored)| stored.starts_with('!')).count();
    assert_eq!(ack.rejected_cells, rejected as u64);
    let batch = &fixture.batches(&store, TABLE)[0];
    for (row, (column, value, stored)) in cases.iter().enumerate() {
        assert_eq!(cell(batch, column, row), stored.trim_start_matches('!'), "{column} from {value}");
    }
    let schema = batch.schema();
    assert_eq!(schema, layout::arrow_schema(&store.table(fixture.workspace, TABLE).unwrap()));
}

#[tokio::test]
async fn the_server_stamps_what_the_sender_may_not_say() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let resource = "/subscriptions/00000000-0000-0000-0000-00000000000c/resourceGroups/g/providers/N/t/host1";
    let target = AppendTarget {
        resource_id: Some(ResourceId::parse(resource).unwrap()),
        force: [("Computer".to_owned(), "host1".to_owned())].into(),
        ..fixture.target(TABLE)
    };
    let body = json!([
        {"N": 1, "Computer": "liar", "TenantId": "liar", "Type": "liar", "_ResourceId": "liar", "_BilledSize": 0,
         "TimeGenerated": "2026-02-28T00:00:00Z", "Text": "four"},
        {"N": 2, "TimeGenerated": "not a time", "Surprise": {"x": [1]}},
        {"N": 3},
    ]);
    let ack = store.append_json(target, Bytes::from(body.to_string())).await.unwrap();
    assert_eq!((ack.rows, ack.unknown_fields, ack.rejected_cells), (3, 1, 1));
    let batch = &fixture.batches(&store, TABLE)[0];
    let now = fixture.clock.now().0.to_string();
    for row in 0..3 {
        for (column, value) in [
            ("TenantId", "00000000-0000-0000-0000-00000000000b"),
            ("Type", TABLE),
            ("_ResourceId", resource),
            ("_SubscriptionId", "00000000-0000-0000-0000-00000000000c"),
            ("_IsBillable", "true"),
            ("_TimeReceived", &now),
            ("Computer", "host1"),
            ("__seq", "1"),
        ] {
            assert_eq!(cell(batch, column, row), value, "{column}");
        }
    }
    let day_before = bartizan_base::Ticks::parse("2026-02-28").unwrap().0.to_string();
    assert_eq!(cell(batch, "TimeGenerated", 0), day_before);
    assert_eq!(cell(batch, "TimeGenerated", 1), now, "a bad time is the time of arrival");
    assert_eq!(cell(batch, "TimeGenerated", 2), now, "no time is the time of arrival");
    assert_eq!(START, fixture.clock.now().to_string());
}

#[tokio::test]
async fn a_body_that_is_not_rows_is_refused_whole() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let deep = format!("[{{\"Facts\":{}{}}}]", "[".repeat(200_000), "]".repeat(200_000));
    // (body, least and greatest byte position that helps the sender)
    let cases: [(&[u8], usize, usize); 10] = [
        (b"nonsense", 0, 3),
        (br#"[{"N":1},{"N":tru}]"#, 14, 18),
        (br#"[{"N":1},{"N":2}"#, 15, 16),
        (br#"[{"N":1},7]"#, 8, 10),
        (b"{\"N\":1}\n{\"N\":2\n", 14, 16),
        (b"{\"N\":1}\n{\"N\":2}x\n", 15, 16),
        (br#"[{"Text":"a\qb"}]"#, 9, 13),
        (b"[{\"Text\":\"\xff\"}]", 10, 10),
        (br#"[{"N":1}] []"#, 10, 11),
        (deep.as_bytes(), 10, 100),
    ];
    for (body, from, to) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let error = store.append_json(fixture.target(TABLE), Bytes::copy_from_slice(body)).await.unwrap_err();
        let StoreError::Malformed { position, ref reason } = error else { panic!("{shown}: {error}") };
        assert!((from..=to).contains(&position), "{shown}: {reason} at {position}");
        assert!(!reason.is_empty() && !reason.contains('\n'), "{shown}: {reason}");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(fixture.numbers(&store, TABLE), Vec::<i64>::new());
    assert_eq!(store.committed_seq(), 0);
}

#[tokio::test]
async fn bodies_of_no_rows_odd_spacing_and_repeated_fields() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    for (body, rows) in
        [("", 0), ("[]", 0), (" \r\n", 0), ("\n{\"N\":1}\r\n\n {\"N\":2} ", 2), (" [ {\"N\":3} ] \n", 1)]
    {
        assert_eq!(fixture.append(&store, body).await.unwrap().rows, rows, "{body:?}");
    }
    let ack = fixture.append(&store, r#"{"N":4,"N":5}"#).await.unwrap();
    assert_eq!(ack.rejected_cells, 1, "a second value for a field is not stored");
    assert_eq!(fixture.numbers(&store, TABLE), [1, 2, 3, 4]);
}

#[tokio::test]
async fn limits_and_unknown_tables_have_their_kinds() {
    let mut fixture = Fixture::new().await;
    fixture.options.body_bytes_max = 10_000;
    fixture.options.buffer_bytes_max = 60_000;
    let store = fixture.open().await;
    let append = |table: &str, body: String| store.append_json(fixture.target(table), Bytes::from(body));
    let error = append("Nowhere_CL", "[]".to_owned()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = append(TABLE, " ".repeat(10_001)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let body = format!(r#"{{"Text":"{}"}}"#, "x".repeat(9000));
    let mut stored = 0;
    let error = loop {
        match append(TABLE, body.clone()).await {
            Ok(ack) => stored += ack.rows,
            Err(error) => break error,
        }
        assert!(stored < 20, "the buffer has a bound");
    };
    assert_eq!(error.kind(), ErrorKind::TooMany);
    assert!(stored > 1);
    store.flush().await.unwrap();
    append(TABLE, body.clone()).await.unwrap();
}

#[tokio::test]
async fn rows_are_numbered_announced_and_visible_when_acknowledged() {
    let fixture = Fixture::new().await;
    let store = fixture.open().await;
    let mut news = store.subscribe();
    let appends = (0..50).map(|n| {
        let (store, target) = (store.clone(), fixture.target(TABLE));
        async move {
            let ack =
                store.append_rows(target, vec![json!({"N": n}).as_object().unwrap().clone()]).await.unwrap();
            assert!(store.committed_seq() >= ack.seq);
            ack.seq
        }
    });
    let mut seqs: Vec<u64> = Vec::new();
    let mut tasks: tokio::task::JoinSet<u64> = appends.collect();
    while let Some(seq) = tasks.join_next().await {
        seqs.push(seq.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=50).collect::<Vec<u64>>());
    for seq in 1..=50 {
        let told = news.recv().await.unwrap();
        assert_eq!((told.seq, told.rows, told.table.as_ref()), (seq, 1, TABLE));
    }
    assert_eq!(fixture.numbers(&store, TABLE), (0..50).collect::<Vec<i64>>());
    let seq_column: i64 = fixture
        .batches(&store, TABLE)
        .iter()
        .map(|batch| batch.column_by_name("__seq").unwrap().len() as i64)
        .sum();
    assert_eq!(seq_column, 50);
}
