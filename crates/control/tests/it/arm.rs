//! The ARM door: resources, conditions, paging, api-versions and errors.

use reqwest::Method;
use serde_json::json;

use bartizan_testkit::in_process::read;

use crate::{outcome, owner, server};

#[tokio::test]
async fn a_resource_lives_through_put_patch_get_delete() {
    let s = server().await;
    let caller = owner(&s).await;
    let group = s.server.app.home.group_id();
    let id = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/Pack");
    assert_eq!(outcome(caller.get(&id).await.unwrap()), "404 ResourceNotFound");
    let made = caller
        .put(&id, json!({"location": "local", "tags": {"a": "1"}, "properties": {"x": 1}}))
        .await
        .unwrap();
    assert_eq!(made.status, 200);
    let etag = made.json()["etag"].as_str().unwrap().to_owned();
    assert_eq!(made.headers["etag"], etag);
    // Another spelling is the same resource.
    let read_back = caller.get(&id.to_uppercase()).await.unwrap().json();
    assert_eq!(read_back["id"], id);
    let patched = caller.send(Method::PATCH, &id, Some(&json!({"tags": {"b": "2"}}))).await.unwrap();
    assert_eq!((patched.status, &patched.json()["tags"]), (200, &json!({"a": "1", "b": "2"})));
    assert_eq!(patched.json()["properties"]["x"], 1);
    let path = format!("{id}?api-version=2025-07-01");
    let stale = caller.request(Method::PUT, &path).header("if-match", &etag).json(&json!({"properties": {}}));
    assert_eq!(outcome(read(stale).await.unwrap()), "412 PreconditionFailed");
    let exists =
        caller.request(Method::PUT, &path).header("if-none-match", "*").json(&json!({"properties": {}}));
    assert_eq!(outcome(read(exists).await.unwrap()), "412 PreconditionFailed");
    assert_eq!(caller.send(Method::HEAD, &id, None).await.unwrap().status, 204);
    assert_eq!(caller.delete(&id).await.unwrap().status, 200);
    assert_eq!(caller.delete(&id).await.unwrap().status, 204);
}

#[tokio::test]
async fn ids_are_understood_as_clients_write_them() {
    let s = server().await;
    let caller = owner(&s).await;
    let (group, sub) = (s.server.app.home.group_id(), s.server.app.home.subscription_id());
    let pack = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/Pack");
    caller.put(&pack, json!({"location": "local", "properties": {}})).await.unwrap();
    // `az resource show` leaves the parent of what has none empty; clients for Node.js add a slash.
    let parentless = pack.replace("OperationalInsights/", "OperationalInsights//");
    for path in [parentless, format!("/{pack}")] {
        let path = format!("{path}?api-version=2025-07-01");
        let found = caller.get(&path).await.unwrap();
        assert_eq!((found.status, &found.json()["id"]), (200, &json!(pack)), "{path}: {}", found.text);
    }
    // `az resource list -g`.
    for (name, there) in [(group.name().to_uppercase(), true), ("another".to_owned(), false)] {
        let path = format!("{sub}/resources?api-version=2022-12-01&$filter=resourceGroup eq '{name}'");
        let list = caller.get(&path).await.unwrap();
        assert_eq!(list.text.contains("queryPacks/Pack"), there, "{}", list.text);
    }
    // `az role assignment delete` reads what it deleted.
    let assignment = format!(
        "{group}/providers/Microsoft.Authorization/roleAssignments/7b4f1c9e-3a52-4c8e-9f0d-2f7f6f3a9b11"
    );
    let reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7";
    let body = json!({"properties": {"roleDefinitionId": reader, "principalId": s.server.app.home.owner}});
    assert_eq!(caller.put(&assignment, body).await.unwrap().status, 201);
    let deleted = caller.delete(&assignment).await.unwrap();
    assert_eq!((deleted.status, &deleted.json()["id"]), (200, &json!(assignment)), "{}", deleted.text);
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_wrong() {
    let s = server().await;
    let caller = owner(&s).await;
    let sub = s.server.app.home.subscription_id();
    let group = s.server.app.home.group_id();
    let cases = [
        (
            format!("{sub}/providers/Microsoft.Security/pricings?api-version="),
            "400 MissingApiVersionParameter",
        ),
        (
            format!("{sub}/providers/Microsoft.Security/pricings?api-version=1999-01-01"),
            "400 InvalidApiVersionParameter",
        ),
        (
            format!("{sub}/providers/Microsoft.Security/pricings?api-version=soon"),
            "400 InvalidApiVersionParameter",
        ),
        (format!("{sub}/providers/Microsoft.Compute/virtualMachines"), "400 NoRegisteredProviderFound"),
        (format!("{group}/providers/Microsoft.HybridCompute/racks/r"), "400 NoRegisteredProviderFound"),
        ("/subscriptions/11111111-1111-1111-1111-111111111111".to_owned(), "404 SubscriptionNotFound"),
        (
            format!("{sub}/resourceGroups/none/providers/Microsoft.HybridCompute/machines/m"),
            "404 ResourceGroupNotFound",
        ),
        (
            format!("{group}/providers/Microsoft.HybridCompute/machines/none/extensions/e"),
            "404 ParentResourceNotFound",
        ),
        (format!("{sub}/nonsense/a/b/c/d"), "404 InvalidPath"),
        (format!("{sub}/providers/Microsoft.Security/alerts?$skipToken=%21"), "400 BadRequest"),
        (format!("{sub}/providers/Microsoft.Security/alerts?$filter=x"), "400 InvalidFilterInQueryString"),
    ];
    for (path, expected) in cases {
        assert_eq!(outcome(caller.get(&path).await.unwrap()), expected, "{path}");
    }
    let plan = format!("{sub}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=2024-01-01");
    for (body, expected) in [
        ("{", "400 InvalidJson"),
        ("[]", "400 InvalidRequestContent"),
        (r#"{"properties": 3}"#, "400 InvalidRequestContent"),
        (r#"{"tags": {"a": 1}}"#, "400 InvalidRequestContent"),
        (r#"{"properties": {"pricingTier": "Gold"}}"#, "400 InvalidRequestContent"),
    ] {
        let request =
            caller.request(Method::PUT, &plan).header("content-type", "application/json").body(body);
        assert_eq!(outcome(read(request).await.unwrap()), expected, "{body}");
    }
    let large = caller.request(Method::PUT, &plan).body(vec![b' '; 5 << 20]);
    assert_eq!(outcome(read(large).await.unwrap()), "413 RequestEntityTooLarge");
    let read_only = format!("{sub}/providers/Microsoft.Security/secureScores/ascScore");
    assert_eq!(outcome(caller.put(&read_only, json!({})).await.unwrap()), "400 OperationNotSupported");
    assert_eq!(outcome(caller.post(&sub.to_string(), json!({})).await.unwrap()), "405 MethodNotAllowed");
}

#[tokio::test]
async fn lists_page_by_next_link() {
    let s = server().await;
    let caller = owner(&s).await;
    let group = s.server.app.home.group_id();
    let packs = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks");
    for n in 0..5 {
        caller.put(&format!("{packs}/p{n}"), json!({"location": "local"})).await.unwrap();
    }
    let mut next = Some(format!("{packs}?api-version=2025-07-01&$top=2"));
    let mut names = Vec::new();
    let mut pages = 0;
    while let Some(path) = next.take() {
        let page = caller.get(&path).await.unwrap().json();
        names.extend(
            page["value"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        next =
            page["nextLink"].as_str().map(|link| link.strip_prefix(&s.server.ready.url).unwrap().to_owned());
        pages += 1;
    }
    assert_eq!((names.join(" ").as_str(), pages), ("p0 p1 p2 p3 p4", 3));
}

#[tokio::test]
async fn groups_subscriptions_and_providers_are_listed() {
    let s = server().await;
    let caller = owner(&s).await;
    let sub = s.server.app.home.subscription_id();
    assert_eq!(caller.get("/subscriptions").await.unwrap().json()["value"][0]["displayName"], "Bartizan");
    assert_eq!(caller.get("/tenants").await.unwrap().json()["value"].as_array().unwrap().len(), 1);
    let group = format!("{sub}/resourcegroups/edge");
    assert_eq!(outcome(caller.put(&group, json!({})).await.unwrap()), "400 LocationRequired");
    assert_eq!(caller.put(&group, json!({"location": "local"})).await.unwrap().status, 201);
    let groups = caller.get(&format!("{sub}/resourceGroups")).await.unwrap().json();
    assert_eq!(groups["value"].as_array().unwrap().len(), 2);
    let providers = caller.get(&format!("{sub}/providers")).await.unwrap().json();
    assert!(providers["value"].as_array().unwrap().iter().any(|p| p["namespace"] == "Microsoft.Security"));
    assert_eq!(caller.get(&format!("{sub}/locations")).await.unwrap().json()["value"][0]["name"], "local");
    let roles =
        caller.get(&format!("{sub}/providers/Microsoft.Authorization/roleDefinitions")).await.unwrap().json();
    assert!(roles["value"].as_array().unwrap().iter().any(|role| role["properties"]["roleName"] == "Owner"));
    let default = s.server.app.home.group_id().to_string();
    assert_eq!(outcome(caller.delete(&default).await.unwrap()), "409 Conflict");
}

#[tokio::test]
async fn a_deny_policy_blocks_and_says_so() {
    let s = server().await;
    let caller = owner(&s).await;
    let sub = s.server.app.home.subscription_id();
    let assignment = format!("{sub}/providers/Microsoft.Authorization/policyAssignments/no-packs");
    let body = json!({"properties": {
        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/6c112d4e-5bc7-47ae-a041-ea2699e1d3b8",
        "parameters": {"listOfResourceTypesNotAllowed": {"value": ["Microsoft.OperationalInsights/queryPacks"]}},
    }});
    assert_eq!(caller.put(&assignment, body.clone()).await.unwrap().status, 201);
    assert_eq!(caller.put(&assignment, body).await.unwrap().status, 201, "this type's clients take only 201");
    let pack =
        format!("{}/providers/Microsoft.OperationalInsights/queryPacks/p", s.server.app.home.group_id());
    assert_eq!(
        outcome(caller.put(&pack, json!({"location": "local"})).await.unwrap()),
        "403 RequestDisallowedByPolicy"
    );
    assert_eq!(caller.delete(&assignment).await.unwrap().status, 200);
    assert_eq!(caller.put(&pack, json!({"location": "local"})).await.unwrap().status, 200);
}

#[tokio::test]
async fn lists_tell_times_and_states_when_they_are_asked() {
    let s = server().await;
    let caller = owner(&s).await;
    let (group, sub) = (s.server.app.home.group_id(), s.server.app.home.subscription_id());
    let pack = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/Pack");
    caller.put(&pack, json!({"location": "local", "properties": {}})).await.unwrap();
    caller.put(&pack, json!({"location": "local", "properties": {"again": true}})).await.unwrap();
    for scope in [sub.to_string(), group.to_string()] {
        let path = format!("{scope}/resources?api-version=2022-12-01");
        let find = |list: serde_json::Value| {
            let all = list["value"].as_array().unwrap().clone();
            all.into_iter().find(|item| item["name"] == "Pack").unwrap()
        };
        let plain = find(caller.get(&path).await.unwrap().json());
        assert!(plain.get("createdTime").is_none() && plain.get("provisioningState").is_none());
        let all = format!("{path}&$expand=createdTime,changedTime,provisioningState");
        let told = find(caller.get(&all).await.unwrap().json());
        let time = |name: &str| told[name].as_str().unwrap().to_owned();
        assert!(time("createdTime") < time("changedTime"), "{told}");
        assert_eq!(time("provisioningState"), "Succeeded");
        let wrong = caller.get(&format!("{path}&$expand=owner")).await.unwrap();
        assert_eq!(outcome(wrong), "400 InvalidRequestContent");
    }
}
