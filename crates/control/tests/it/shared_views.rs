//! Views of the inventory and targets of coverage: kept by the server for everybody.

use serde_json::json;

use crate::{outcome, owner, server};

#[tokio::test]
async fn views_are_shared_by_everybody_who_sees_the_subscription() {
    let s = server().await;
    let by = owner(&s).await;
    let all = format!("{}/providers/Bartizan.Security/inventoryViews", s.server.app.home.subscription_id());
    assert_eq!(by.get(&all).await.unwrap().json()["value"], json!([]));
    let view = json!({"properties": {"displayName": " Blind spots ", "filters": "monitoring=Not+monitored"}});
    assert_eq!(outcome(by.put(&format!("{all}/blind"), view.clone()).await.unwrap()), "201");
    let reader = s.principal("Security Reader").await.unwrap();
    let seen = reader.get(&all).await.unwrap().json();
    assert_eq!(
        seen["value"][0]["properties"],
        json!({"displayName": "Blind spots", "filters": "monitoring=Not+monitored"})
    );
    assert_eq!(
        outcome(reader.put(&format!("{all}/mine"), view.clone()).await.unwrap()),
        "403 AuthorizationFailed"
    );
    assert_eq!(outcome(reader.delete(&format!("{all}/blind")).await.unwrap()), "403 AuthorizationFailed");
    let admin = s.principal("Security Admin").await.unwrap();
    assert_eq!(outcome(admin.put(&format!("{all}/blind"), view).await.unwrap()), "200");
    for (wrong, word) in [
        (json!({"displayName": "", "filters": ""}), "1 to 80"),
        (json!({"displayName": "x".repeat(81), "filters": ""}), "1 to 80"),
        (json!({"displayName": "x"}), "filters"),
        (json!({"displayName": "x", "filters": "y".repeat(2_001)}), "2000"),
        (json!({"displayName": "x", "filters": "", "colour": "red"}), "colour"),
    ] {
        let answer = by.put(&format!("{all}/wrong"), json!({"properties": wrong})).await.unwrap();
        assert!(answer.status == 400 && answer.text.contains(word), "{}", answer.text);
    }
    for number in 1..100 {
        let view = json!({"properties": {"displayName": format!("view {number}"), "filters": ""}});
        assert_eq!(by.put(&format!("{all}/view-{number}"), view).await.unwrap().status, 201);
    }
    let one_more = json!({"properties": {"displayName": "one more", "filters": ""}});
    let answer = by.put(&format!("{all}/one-more"), one_more).await.unwrap();
    assert_eq!((answer.status, answer.text.contains("at most 100 views")), (409, true), "{}", answer.text);
    assert_eq!(outcome(admin.delete(&format!("{all}/blind")).await.unwrap()), "200");
}

#[tokio::test]
async fn targets_begin_with_all_of_production_and_are_whole_percents() {
    let s = server().await;
    let by = owner(&s).await;
    let path = format!(
        "{}/providers/Bartizan.Security/coverageTargets/default",
        s.server.app.home.subscription_id()
    );
    let begin = by.get(&path).await.unwrap().json();
    let expected =
        json!({"tag": "environment", "targets": {"prod": 100, "production": 100}, "otherwise": 80});
    assert_eq!(begin["properties"], expected);
    let set = json!({"properties": {"targets": {"Test": 50, "prod": 90}}});
    let answer = by.put(&path, set).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let expected = json!({"tag": "environment", "targets": {"test": 50, "prod": 90, "production": 100}, "otherwise": 80});
    assert_eq!(by.get(&path).await.unwrap().json()["properties"], expected);
    for (wrong, word) in [
        (json!({"targets": {"test": 101}}), "properties.targets.test"),
        (json!({"targets": {"test": 0.5}}), "whole number"),
        (json!({"targets": [1]}), "by the tag's value"),
        (json!({"otherwise": -1}), "properties.otherwise"),
        (json!({"tag": ""}), "properties.tag"),
        (json!({"goal": 1}), "goal"),
    ] {
        let answer = by.put(&path, json!({"properties": wrong})).await.unwrap();
        assert!(answer.status == 400 && answer.text.contains(word), "{}", answer.text);
    }
    let other = path.replace("/default", "/other");
    assert_eq!(outcome(by.put(&other, json!({"properties": {}})).await.unwrap()), "400 BadRequest");
    let reader = s.principal("Security Reader").await.unwrap();
    assert_eq!(reader.get(&path).await.unwrap().status, 200);
    assert_eq!(
        outcome(reader.put(&path, json!({"properties": {}})).await.unwrap()),
        "403 AuthorizationFailed"
    );
}
