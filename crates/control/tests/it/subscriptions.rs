//! Several subscriptions: made, renamed, cancelled, and kept apart.

use bartizan_base::{ResourceId, SystemClock};
use bartizan_testkit::in_process::{enrol_body, new_request};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;

use crate::hierarchy::{group, root_owner, subscription};
use crate::{outcome, owner, server};

const ALIASES: &str = "/providers/Microsoft.Subscription/aliases";

#[tokio::test]
async fn an_alias_makes_one_subscription_however_often_it_is_put() {
    let s = server().await;
    let by = root_owner(&s).await;
    let path = format!("{ALIASES}/sales");
    let body = json!({"properties": {"displayName": "Sales", "workload": "DevTest"}});
    let made = by.put(&path, body.clone()).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let properties = &made.json()["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    let id = properties["subscriptionId"].as_str().unwrap().to_owned();
    let again = by.put(&path, body).await.unwrap();
    assert_eq!((again.status, &again.json()["properties"]["subscriptionId"]), (200, &json!(id)));
    assert_eq!(by.get(ALIASES).await.unwrap().json()["value"].as_array().unwrap().len(), 1);

    let scope = format!("/subscriptions/{id}");
    let shown = by.get(&scope).await.unwrap().json();
    assert_eq!((&shown["displayName"], &shown["state"]), (&json!("Sales"), &json!("Enabled")));
    let act = |word: &str| format!("{scope}/providers/Microsoft.Subscription/{word}?api-version=2021-10-01");
    let renamed = by.post(&act("rename"), json!({"subscriptionName": "Sales EU"})).await.unwrap();
    assert_eq!((renamed.status, &renamed.json()["subscriptionId"]), (200, &json!(id)));
    assert_eq!(by.get(&scope).await.unwrap().json()["displayName"], "Sales EU");
    // A second name for it; taking names away leaves it there.
    let body = json!({"properties": {"subscriptionId": id}});
    assert_eq!(by.put(&format!("{ALIASES}/second"), body).await.unwrap().status, 201);
    assert_eq!(by.delete(&path).await.unwrap().status, 200);
    assert_eq!(by.delete(&path).await.unwrap().status, 204);
    assert_eq!(by.get(&scope).await.unwrap().status, 200);

    for (body, path) in [
        (json!({"properties": {"displayName": ""}}), "x"),
        (json!({"properties": {"displayName": "a;b"}}), "x"),
        (json!({"properties": {"workload": "Fun"}}), "x"),
        (json!({"properties": {"additionalProperties": {"managementGroupId": "nowhere"}}}), "x"),
        (json!({"properties": {"additionalProperties": {"subscriptionOwnerId": id}}}), "x"),
        (json!({"properties": {"subscriptionId": "11111111-1111-1111-1111-111111111111"}}), "x"),
        (json!({}), "x"),
    ] {
        let answer = by.put(&format!("{ALIASES}/{path}"), body.clone()).await.unwrap();
        assert!([400, 403].contains(&answer.status), "{body}: {}", answer.text);
    }
    // Nobody without a role above it makes one or sees its alias.
    let below = owner(&s).await;
    let body = json!({"properties": {"displayName": "Mine"}});
    assert_eq!(
        outcome(below.put(&format!("{ALIASES}/mine"), body).await.unwrap()),
        "403 AuthorizationFailed"
    );
    assert_eq!(below.get(ALIASES).await.unwrap().json()["value"], json!([]));
    assert_eq!(outcome(below.get(&format!("{ALIASES}/second")).await.unwrap()), "403 AuthorizationFailed");
    assert_eq!(
        outcome(below.post(&act("rename"), json!({"subscriptionName": "x"})).await.unwrap()),
        "403 AuthorizationFailed"
    );
    assert_eq!(outcome(below.post(&act("cancel"), json!({})).await.unwrap()), "403 AuthorizationFailed");
}

#[tokio::test]
async fn the_one_who_is_named_owns_it() {
    let s = server().await;
    let by = root_owner(&s).await;
    let body = json!({"properties": {"displayName": "Lab", "additionalProperties": {
        "subscriptionOwnerId": s.server.app.home.owner, "tags": {"site": "lab"},
    }}});
    let made = by.put(&format!("{ALIASES}/lab"), body).await.unwrap().json();
    let scope = format!("/subscriptions/{}", made["properties"]["subscriptionId"].as_str().unwrap());
    let list = format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=atExactScope()"
    );
    let found = by.get(&list).await.unwrap().json();
    assert_eq!(found["value"][0]["properties"]["principalId"], json!(s.server.app.home.owner), "{found}");
    assert_eq!(by.get(&scope).await.unwrap().json()["tags"], json!({"site": "lab"}));
}

#[tokio::test]
async fn a_cancelled_subscription_is_read_and_not_written() {
    let s = server().await;
    let by = root_owner(&s).await;
    group(&by, "g", None).await;
    let scope = subscription(&by, "short", "g").await;
    let rg = format!("{scope}/resourceGroups/rg");
    assert_eq!(by.put(&rg, json!({"location": "local"})).await.unwrap().status, 201);
    let act = |word: &str| format!("{scope}/providers/Microsoft.Subscription/{word}?api-version=2021-10-01");
    assert_eq!(by.post(&act("cancel"), json!({})).await.unwrap().status, 200);
    assert_eq!(by.get(scope.as_str()).await.unwrap().json()["state"], "Disabled");
    assert_eq!(by.get(&rg).await.unwrap().status, 200);
    let again = by.put(&rg, json!({"location": "local", "tags": {"a": "b"}})).await.unwrap();
    assert_eq!(outcome(again), "409 ReadOnlyDisabledSubscription");
    let tags = format!("{rg}/providers/Microsoft.Resources/tags/default");
    let patch = json!({"operation": "Merge", "properties": {"tags": {"a": "b"}}});
    let tagged = by.send(Method::PATCH, &tags, Some(&patch)).await.unwrap();
    assert_eq!(outcome(tagged), "409 ReadOnlyDisabledSubscription");
    assert_eq!(by.post(&act("enable"), json!({})).await.unwrap().status, 200);
    assert_eq!(by.put(&rg, json!({"location": "local"})).await.unwrap().status, 200);
    // The first one has the workspace.
    let first = s.server.app.home.subscription_id();
    let cancel = format!("{first}/providers/Microsoft.Subscription/cancel?api-version=2021-10-01");
    assert_eq!(outcome(by.post(&cancel, json!({})).await.unwrap()), "409 SubscriptionNotCancellable");
    let odd = format!("{first}/providers/Microsoft.Subscription/explode?api-version=2021-10-01");
    assert_eq!(outcome(by.post(&odd, json!({})).await.unwrap()), "404 InvalidAction");
}

#[tokio::test]
async fn machines_join_any_subscription_that_their_credential_reaches() {
    let s = server().await;
    let by = root_owner(&s).await;
    group(&by, "g", None).await;
    let scope = subscription(&by, "branch", "g").await;
    let rg = ResourceId::parse(&format!("{scope}/resourceGroups/site")).unwrap();
    assert_eq!(by.put(rg.as_str(), json!({"location": "local"})).await.unwrap().status, 201);
    let enrol =
        async |caller: &bartizan_testkit::in_process::Caller, name: &str, subscription: &str, group: &str| {
            let (_, csr) = new_request().unwrap();
            let mut body = enrol_body(name, &csr);
            body["subscriptionId"] = subscription.into();
            body["resourceGroup"] = group.into();
            caller.post("/agent/v1/enrol", body).await.unwrap()
        };
    let onboarder = s.principal_at("Azure Connected Machine Onboarding", &rg).await.unwrap();
    let made = enrol(&onboarder, "m1", scope.name(), "site").await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(made.json()["machineId"], format!("{rg}/providers/Microsoft.HybridCompute/machines/m1"));
    let home = s.server.app.home.subscription.to_string();
    assert_eq!(outcome(enrol(&onboarder, "m2", &home, "bartizan").await), "403 AuthorizationFailed");
    assert_eq!(outcome(enrol(&by, "m2", scope.name(), "nowhere").await), "404 ResourceGroupNotFound");
    // An onboarding token is for the group that it was made for.
    let app = &s.server.app;
    let owner = app.home.owner.to_string();
    let (token, _) =
        bartizan_control::portal::new_token(&app.records, &app.home, &owner, &rg, &Default::default())
            .await
            .unwrap();
    let bearer = s.anonymous().unwrap().with_token(&token);
    assert_eq!(outcome(enrol(&bearer, "m3", &home, "site").await), "403 AuthorizationFailed");
    assert_eq!(enrol(&bearer, "m3", scope.name(), "site").await.status, 200);
    let act = format!("{scope}/providers/Microsoft.Subscription/cancel?api-version=2021-10-01");
    assert_eq!(by.post(&act, json!({})).await.unwrap().status, 200);
    assert_eq!(outcome(enrol(&bearer, "m4", scope.name(), "site").await), "409 ReadOnlyDisabledSubscription");
}

#[tokio::test]
async fn a_data_folder_of_an_earlier_version_gets_its_root_group() {
    let s = server().await;
    let (records, home) = (&s.server.app.records, &s.server.app.home);
    let actor = bartizan_records::Actor::system("test");
    assert!(records.delete(&home.root_group(), &actor, None).await.unwrap());
    let data = s.dir.path().join("data");
    let reopened =
        bartizan_testkit::bartizan_server::open_records(&data, Arc::new(SystemClock)).await.unwrap();
    let (again, first) = bartizan_control::boot::ensure_home(&reopened).await.unwrap();
    assert!(!first && again.root_group() == home.root_group());
    assert!(records.get(&home.root_group()).await.unwrap().is_some());
    let held = records.list_all(&home.root_group(), "Microsoft.Authorization/roleAssignments").await.unwrap();
    assert_eq!(held.len(), 1);
}
