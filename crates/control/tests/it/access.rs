//! Roles that people define, and locks.

use bartizan_testkit::in_process::{Caller, InProcess};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{outcome, owner, server};

async fn with_role(s: &InProcess, definition: &str) -> Caller {
    // Created with a role that has nothing of what is asked below.
    let (app, home) = (&s.server.app, &s.server.app.home);
    let scope = home.subscription_id();
    let made = bartizan_control::identity::service_principals::create(
        &app.records,
        home,
        "custom",
        "Monitoring Metrics Publisher",
        &scope,
    )
    .await
    .unwrap();
    let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", Uuid::new_v4());
    let body = json!({"properties": {"roleDefinitionId": definition, "principalId": made.object_id}});
    let answer = owner(s).await.put(&id, body).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text);
    let token = s.token(&made.app_id.to_string(), &made.secret).await.unwrap().json();
    s.anonymous().unwrap().with_token(token["access_token"].as_str().unwrap())
}

fn role(name: &str, scope: &str, actions: Value, not_actions: Value) -> Value {
    json!({"properties": {
        "roleName": name, "description": "", "type": "BuiltInRole", "assignableScopes": [scope],
        "permissions": [{"actions": actions, "notActions": not_actions}],
    }})
}

#[tokio::test]
async fn roles_of_ones_own_allow_what_they_say() {
    let s = server().await;
    let sub = s.server.app.home.subscription_id().to_string();
    let by = owner(&s).await;
    let path =
        |id: u128| format!("{sub}/providers/Microsoft.Authorization/roleDefinitions/{}", Uuid::from_u128(id));
    let body = role(
        "Plan reader",
        &sub,
        json!(["Microsoft.Security/*/read"]),
        json!(["Microsoft.Security/alerts/read"]),
    );
    let made = by.put(&path(1), body.clone()).await.unwrap();
    assert_eq!(
        (made.status, &made.json()["properties"]["type"]),
        (201, &json!("CustomRole")),
        "{}",
        made.text
    );
    let caller = with_role(&s, &path(1)).await;
    let plan = format!("{sub}/providers/Microsoft.Security/pricings/VirtualMachines");
    assert_eq!(caller.get(&plan).await.unwrap().status, 200);
    let free = json!({"properties": {"pricingTier": "Free"}});
    assert_eq!(outcome(caller.put(&plan, free.clone()).await.unwrap()), "403 AuthorizationFailed");
    // A change of the role holds at once.
    let wider = role("Plan writer", &sub, json!(["Microsoft.Security/pricings/*"]), json!([]));
    assert_eq!(by.put(&path(1), wider).await.unwrap().status, 201);
    assert_eq!(caller.put(&plan, free).await.unwrap().status, 200);
    let named = format!(
        "{sub}/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01&$filter=roleName eq 'Plan writer'"
    );
    let listed = by.get(&named).await.unwrap().json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
    assert_eq!(outcome(by.delete(&path(1)).await.unwrap()), "409 RoleDefinitionHasAssignments");

    for (id, wrong, expected) in [
        (2, role("Owner", &sub, json!(["*"]), json!([])), "409 RoleDefinitionWithSameNameExists"),
        (2, role("plan WRITER", &sub, json!(["*"]), json!([])), "409 RoleDefinitionWithSameNameExists"),
        (2, role("", &sub, json!(["*"]), json!([])), "400 InvalidRequestContent"),
        (2, role("x", "nowhere", json!(["*"]), json!([])), "400 InvalidRequestContent"),
        (2, role("x", &sub, json!(["read everything"]), json!([])), "400 InvalidRequestContent"),
        (2, role("x", &sub, json!([7]), json!([])), "400 InvalidRequestContent"),
        (2, role("x", &sub, json!("*"), json!([])), "400 InvalidRequestContent"),
        // Above what the caller may give: nobody has a role at the tenant.
        (2, role("x", "/", json!(["*"]), json!([])), "403 AuthorizationFailed"),
    ] {
        assert_eq!(outcome(by.put(&path(id), wrong.clone()).await.unwrap()), expected, "{wrong}");
    }
    let builtin = format!(
        "{sub}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    );
    let widened = role("Reader", &sub, json!(["*"]), json!([]));
    assert_eq!(
        outcome(by.put(&builtin, widened.clone()).await.unwrap()),
        "409 RoleDefinitionUpdateNotAllowed"
    );
    assert_eq!(outcome(by.delete(&builtin).await.unwrap()), "409 RoleDefinitionDeleteNotAllowed");
    for who in ["Contributor", "Security Admin"] {
        let caller = s.principal(who).await.unwrap();
        assert_eq!(
            outcome(caller.put(&path(3), body.clone()).await.unwrap()),
            "403 AuthorizationFailed",
            "{who}"
        );
    }
}

#[tokio::test]
async fn a_role_is_assigned_where_it_is_meant_to_be() {
    let s = server().await;
    let home = &s.server.app.home;
    let group = home.group_id().to_string();
    let by = owner(&s).await;
    let definition =
        format!("{group}/providers/Microsoft.Authorization/roleDefinitions/{}", Uuid::from_u128(5));
    let made = by.put(&definition, role("Group only", &group, json!(["*/read"]), json!([]))).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let body = json!({"properties": {"roleDefinitionId": definition, "principalId": home.owner}});
    let at = |scope: &str| {
        format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", Uuid::from_u128(6))
    };
    let above = by.put(&at(home.subscription_id().as_str()), body.clone()).await.unwrap();
    assert_eq!(outcome(above), "400 InvalidRequestContent");
    assert_eq!(by.put(&at(&group), body).await.unwrap().status, 201);
}

/// One door that changes something, per kind of change.
async fn changes(caller: &Caller, s: &InProcess) -> Vec<(&'static str, String)> {
    let group = s.server.app.home.subscription_id().join("resourceGroups/locked").unwrap();
    let machine = group.join("providers/Microsoft.HybridCompute/machines/m").unwrap();
    let tagged = json!({"location": "local", "tags": {"a": "b"}});
    vec![
        ("read", outcome(caller.get(machine.as_str()).await.unwrap())),
        ("put", outcome(caller.put(machine.as_str(), tagged.clone()).await.unwrap())),
        ("patch", outcome(caller.send(Method::PATCH, machine.as_str(), Some(&tagged)).await.unwrap())),
        ("delete", outcome(caller.delete(machine.as_str()).await.unwrap())),
        ("delete the group", outcome(caller.delete(group.as_str()).await.unwrap())),
    ]
}

#[tokio::test]
async fn locks_hold_whatever_the_role() {
    let s = server().await;
    let by = owner(&s).await;
    let group = s.server.app.home.subscription_id().join("resourceGroups/locked").unwrap();
    assert_eq!(by.put(group.as_str(), json!({"location": "local"})).await.unwrap().status, 201);
    let machine = group.join("providers/Microsoft.HybridCompute/machines/m").unwrap();
    assert_eq!(by.put(machine.as_str(), json!({"location": "local"})).await.unwrap().status, 200);
    let locked = "409 ScopeLocked".to_owned();
    for (at, level, expected) in [
        (
            &group,
            "ReadOnly",
            ["200", "409 ScopeLocked", "409 ScopeLocked", "409 ScopeLocked", "409 ScopeLocked"],
        ),
        (&group, "CanNotDelete", ["200", "200", "200", "409 ScopeLocked", "409 ScopeLocked"]),
        (&machine, "CanNotDelete", ["200", "200", "200", "409 ScopeLocked", "409 ScopeLocked"]),
    ] {
        let lock = format!("{at}/providers/Microsoft.Authorization/locks/hold?api-version=2016-09-01");
        let body = json!({"properties": {"level": level}});
        let contributor = s.principal("Contributor").await.unwrap();
        assert_eq!(outcome(contributor.put(&lock, body.clone()).await.unwrap()), "403 AuthorizationFailed");
        assert_eq!(by.put(&lock, body).await.unwrap().status, 201);
        let found: Vec<String> = changes(&by, &s).await.into_iter().map(|(_, outcome)| outcome).collect();
        assert_eq!(found, expected, "{level} at {at}");
        assert!(found.contains(&locked));
        assert_eq!(by.delete(&lock).await.unwrap().status, 200, "a lock does not lock itself");
    }
    let lock = format!("{group}/providers/Microsoft.Authorization/locks/odd?api-version=2016-09-01");
    let wrong = by.put(&lock, json!({"properties": {"level": "Frozen"}})).await.unwrap();
    assert_eq!(outcome(wrong), "400 InvalidRequestContent");
    assert_eq!(changes(&by, &s).await.last().unwrap().1, "202");
}

/// Every type, every operation, every role, at the subscription and beside it: what the answer says must be what
/// the role's actions say, and without a role nothing opens.
#[tokio::test]
async fn every_operation_asks_for_its_action() {
    let s = server().await;
    let home = &s.server.app.home;
    let sub = home.subscription_id().to_string();
    let roles = bartizan_control::access::ROLES;
    let mut callers = Vec::new();
    for role in roles {
        callers.push((role, s.principal(role.name).await.unwrap()));
    }
    let other = home.subscription_id().join("resourceGroups/other").unwrap();
    assert_eq!(owner(&s).await.put(other.as_str(), json!({"location": "local"})).await.unwrap().status, 201);
    let app = &s.server.app;
    let scoped =
        bartizan_control::identity::service_principals::create(&app.records, home, "o", "Owner", &other)
            .await
            .unwrap();
    let token = s.token(&scoped.app_id.to_string(), &scoped.secret).await.unwrap().json();
    let scoped = s.anonymous().unwrap().with_token(token["access_token"].as_str().unwrap());
    for info in bartizan_api::types::TYPES {
        let (namespace, types) = info.name.split_once('/').unwrap();
        let path = if info.name == "Microsoft.Resources/resourceGroups" {
            format!("{sub}/resourceGroups/absent")
        } else {
            let names: String = types.split('/').map(|ty| format!("/{ty}/absent")).collect();
            format!("{sub}/providers/{namespace}{names}")
        };
        // Roles name groups below subscriptions.
        let named = info.name.replace("Resources/resourceGroups", "Resources/subscriptions/resourceGroups");
        for (method, word) in [(Method::GET, "read"), (Method::DELETE, "delete"), (Method::PUT, "write")] {
            // The body is wrong on purpose: who may write hears so, and nothing is changed on the way.
            let body = (method == Method::PUT).then(|| json!({"properties": []}));
            for (role, caller) in &callers {
                let answer = caller.send(method.clone(), &path, body.as_ref()).await.unwrap();
                let may = role.allows(&format!("{named}/{word}"), false);
                assert_eq!(answer.status != 403, may, "{} {method} {path}: {}", role.name, answer.text);
                assert!(answer.status < 500, "{method} {path}: {}", answer.text);
            }
            let answer = scoped.send(method.clone(), &path, body.as_ref()).await.unwrap();
            assert_eq!(answer.status, 403, "an owner of a group, {method} {path}: {}", answer.text);
            let answer = s.anonymous().unwrap().send(method.clone(), &path, body.as_ref()).await.unwrap();
            assert_eq!(answer.status, 401, "nobody, {method} {path}");
        }
    }
}

#[tokio::test]
async fn tags_are_changed_by_themselves() {
    let s = server().await;
    let machine = s.enrol("web-1").await.unwrap().id;
    let by = owner(&s).await;
    let path = format!("{machine}/providers/Microsoft.Resources/tags/default");
    let tags = |answer: bartizan_testkit::in_process::Answer| answer.json()["properties"]["tags"].clone();
    let put = by.put(&path, json!({"properties": {"tags": {"site": "a"}}})).await.unwrap();
    assert_eq!((put.status, tags(put)), (200, json!({"site": "a"})));
    let merge = json!({"operation": "Merge", "properties": {"tags": {"Site": "b", "team": "c"}}});
    let merged = by.send(Method::PATCH, &path, Some(&merge)).await.unwrap();
    assert_eq!(tags(merged), json!({"site": "b", "team": "c"}));
    let seen = by.get(machine.as_str()).await.unwrap().json();
    assert_eq!(
        (seen["tags"]["team"].as_str(), seen["properties"]["osType"].as_str()),
        (Some("c"), Some("linux"))
    );
    // What is not a tag is not taken over.
    let more =
        json!({"operation": "Merge", "properties": {"tags": {}, "status": "Gone"}, "location": "moon"});
    assert_eq!(by.send(Method::PATCH, &path, Some(&more)).await.unwrap().status, 200);
    assert_eq!(by.get(machine.as_str()).await.unwrap().json()["location"], seen["location"]);
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (n.to_string(), json!("x"))).collect();
    let many = by.put(&path, json!({"properties": {"tags": many}})).await.unwrap();
    assert_eq!(outcome(many), "400 InvalidRequestContent");
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(tags(reader.get(&path).await.unwrap()), json!({"site": "b", "team": "c"}));
    assert_eq!(outcome(reader.delete(&path).await.unwrap()), "403 AuthorizationFailed");
    assert_eq!(by.delete(&path).await.unwrap().status, 200);
    assert_eq!(tags(by.get(&path).await.unwrap()), json!({}));
}

#[tokio::test]
async fn a_batch_is_its_parts_with_the_callers_rights() {
    let s = server().await;
    let sub = s.server.app.home.subscription_id();
    let plan = format!("{sub}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=2024-01-01");
    let body = json!({"requests": [
        {"httpMethod": "GET", "url": plan, "name": "read"},
        {"httpMethod": "PUT", "relativeUrl": plan, "content": {"properties": {"pricingTier": "Free"}}},
        {"httpMethod": "GET", "url": format!("{}{plan}", s.server.ready.url)},
        {"httpMethod": "GET", "url": "https://evil.example/subscriptions?api-version=2022-12-01"},
        {"httpMethod": "GET", "url": "/healthz"},
        {"httpMethod": "GET", "url": "/subscriptions/%2e%2e/x?api-version=2022-12-01"},
        {"httpMethod": "POST", "url": "/batch?api-version=2020-06-01", "content": {"requests": []}},
    ]});
    let path = "/batch?api-version=2020-06-01";
    let statuses = |answer: bartizan_testkit::in_process::Answer| -> Vec<u64> {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let parts = answer.json()["responses"].as_array().unwrap().clone();
        assert_eq!(parts[0]["name"], "read");
        parts.iter().map(|part| part["httpStatusCode"].as_u64().unwrap()).collect()
    };
    let by = owner(&s).await;
    assert_eq!(statuses(by.post(path, body.clone()).await.unwrap()), [200, 200, 200, 400, 400, 400, 400]);
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(statuses(reader.post(path, body.clone()).await.unwrap()), [200, 403, 200, 400, 400, 400, 400]);
    assert_eq!(s.anonymous().unwrap().post(path, body).await.unwrap().status, 401);
    let many: Vec<Value> = (0..21).map(|_| json!({"httpMethod": "GET", "url": plan})).collect();
    assert_eq!(outcome(by.post(path, json!({"requests": many})).await.unwrap()), "400 InvalidRequestContent");
}
