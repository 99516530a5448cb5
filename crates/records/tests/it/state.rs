//! Named values, many at once.

use serde_json::json;

use crate::fixture;

#[tokio::test]
async fn many_values_are_set_and_read_as_one_by_one() {
    let f = fixture().await;
    let key = |number: usize| format!("desired/'{number}\"");
    f.records.put_state(&key(2), json!("old")).await.unwrap();
    let values: Vec<_> = (0..300).map(|number| (key(number), json!({"n": number}))).collect();
    f.records.put_states(&values).await.unwrap();
    let asked: Vec<String> = [2, 299, 300].map(key).to_vec();
    let mut found: Vec<_> = f.records.get_states(&asked).await.unwrap().into_iter().collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, [values[2].clone(), values[299].clone()]);
    assert_eq!(f.records.get_state(&key(7)).await.unwrap(), Some(json!({"n": 7})));
    assert!(f.records.get_states(&[]).await.unwrap().is_empty());
}
