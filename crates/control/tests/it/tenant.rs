//! The tenant's geo-location: chosen once, and taken back by the owner of the server only.

use bartizan_control::tenant;
use bartizan_records::Actor;
use serde_json::json;

use crate::{eventually, outcome, rows, server};

#[tokio::test]
async fn a_geo_location_is_chosen_once_and_taken_back_at_the_server_only() {
    let s = server().await;
    let home = &s.server.app.home;
    let by = s.principal_at("Owner", &home.root_group()).await.unwrap();
    let path = tenant::settings_id(home).to_string();
    let begin = by.get(&path).await.unwrap();
    assert_eq!(
        begin.json()["properties"],
        json!({"geoLocation": null, "pseudonymizedExport": false}),
        "{}",
        begin.text
    );
    for (wrong, word) in [
        (json!({"geoLocation": 7}), "geoLocation"),
        (json!({"geoLocation": "a<b"}), "geoLocation"),
        (json!({"geoLocation": "x".repeat(61)}), "1 to 60"),
        (json!({"pseudonymizedExport": true}), "export rules"),
        (json!({"continent": "Europe"}), "continent"),
    ] {
        let answer = by.put(&path, json!({"properties": wrong})).await.unwrap();
        assert!(answer.status == 400 && answer.text.contains(word), "{}", answer.text);
    }
    let choose = |place: &str| json!({"properties": {"geoLocation": place}});
    let chosen = by.put(&path, choose("Switzerland North")).await.unwrap();
    assert_eq!(chosen.status, 200, "{}", chosen.text);
    assert_eq!(by.put(&path, choose("switzerland north")).await.unwrap().status, 200, "the same again");
    let refused = by.put(&path, choose("Europe")).await.unwrap();
    assert!(refused.text.contains("bartizan tenant reset-geo-location"), "the way out: {}", refused.text);
    assert_eq!(outcome(refused), "409 GeoLocationImmutable");
    // Neither leaving it out nor deleting undoes it.
    assert_eq!(by.put(&path, json!({"properties": {}})).await.unwrap().status, 200);
    let deleted = by.delete(&path).await.unwrap();
    assert!(deleted.status >= 400, "{}", deleted.text);
    assert_eq!(by.get(&path).await.unwrap().json()["properties"]["geoLocation"], "Switzerland North");

    // Somebody who has the subscription alone does not choose for the tenant.
    let below = s.principal("Owner").await.unwrap();
    assert_eq!(outcome(below.put(&path, choose("Europe")).await.unwrap()), "403 AuthorizationFailed");

    let actor = Actor::system("bartizan tenant");
    let records = &s.server.app.records;
    let was = tenant::reset_geo_location(records, home, &actor).await.unwrap();
    assert_eq!(was.as_deref(), Some("Switzerland North"));
    assert_eq!(tenant::reset_geo_location(records, home, &actor).await.unwrap(), None);
    assert_eq!(by.put(&path, choose("Europe")).await.unwrap().status, 200);
    assert_eq!(by.get(&path).await.unwrap().json()["properties"]["geoLocation"], "Europe");
    eventually("the writes in AzureActivity", || async {
        let query = "AzureActivity | where OperationNameValue has 'tenantSettings' and Caller == 'bartizan tenant' | count";
        rows(&s, &by, query).await == json!([[1]])
    })
    .await;
}
