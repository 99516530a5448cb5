//! Writers that meet: no update is lost, and conditions are kept.

use bartizan_records::Actor;
use bartizan_testkit::in_process::{Answer, Caller, read};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{outcome, owner, server};

const WRITERS: usize = 100;
const VERSION: &str = "api-version=2025-07-01";

async fn with(caller: &Caller, method: Method, id: &str, header: (&str, &str), body: Value) -> Answer {
    let request = caller.request(method, &format!("{id}?{VERSION}")).header(header.0, header.1);
    read(request.json(&body)).await.unwrap()
}

#[tokio::test]
async fn a_hundred_writers_lose_no_update() {
    let s = server().await;
    let caller = owner(&s).await;
    let group = s.server.app.home.group_id();
    let id = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/race");
    assert_eq!(caller.put(&id, json!({"location": "local", "properties": {}})).await.unwrap().status, 200);
    // Each adds a field of its own; the server changes the resource beside them.
    let (resource, records) = (id.parse().unwrap(), &s.server.app.records);
    let (by, at) = (&caller, &id);
    let writers = (0..WRITERS).map(|n| async move {
        let patch = json!({"properties": {format!("w{n}"): n}});
        by.send(Method::PATCH, at, Some(&patch)).await.unwrap().status
    });
    let beside = async {
        for n in 0..20 {
            let edit = |body: &mut Value| {
                body["properties"][format!("s{n}")] = n.into();
                true
            };
            records.modify(&resource, &Actor::system("test"), true, edit).await.unwrap();
        }
    };
    let (statuses, ()) = tokio::join!(join_all(writers), beside);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let after = caller.get(&id).await.unwrap().json();
    let properties = after["properties"].as_object().unwrap();
    for n in 0..WRITERS {
        assert_eq!(properties[&format!("w{n}")], n, "the update of writer {n}");
    }
    assert!((0..20).all(|n| properties[&format!("s{n}")] == n), "{properties:?}");
    assert_eq!(properties.len(), WRITERS + 20);
    // With the same etag, one wins and the others hear of it.
    let etag = after["etag"].as_str().unwrap().to_owned();
    let etag = etag.as_str();
    let writers = (0..WRITERS).map(|n| async move {
        outcome(with(by, Method::PUT, at, ("if-match", etag), json!({"properties": {"winner": n}})).await)
    });
    let mut outcomes = join_all(writers).await;
    outcomes.sort();
    assert_eq!(outcomes[0], "200");
    assert!(outcomes[1..].iter().all(|outcome| outcome == "412 PreconditionFailed"), "{outcomes:?}");
    // One of many makes it, and the others hear that it is there.
    let new = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/new");
    let new = new.as_str();
    let makers = (0..20).map(|n| async move {
        outcome(with(by, Method::PUT, new, ("if-none-match", "*"), json!({"properties": {"n": n}})).await)
    });
    let mut outcomes = join_all(makers).await;
    outcomes.sort();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "200").count(), 1, "{outcomes:?}");
}

#[tokio::test]
async fn every_type_that_can_be_written_keeps_conditions() {
    let s = server().await;
    let by = owner(&s).await;
    let (sub, group) = (s.server.app.home.subscription_id(), s.server.app.home.group_id());
    let workspace = &s.server.app.home.workspace;
    let machine = format!("{group}/providers/Microsoft.HybridCompute/machines/m");
    let cases = [
        (format!("{sub}/resourceGroups/conditions"), json!({"location": "local"})),
        (machine.clone(), json!({"location": "local", "properties": {}})),
        (
            format!("{machine}/extensions/e"),
            json!({"location": "local", "properties": {"publisher": "p", "type": "t"}}),
        ),
        (
            format!("{sub}/providers/Microsoft.Security/pricings/VirtualMachines"),
            json!({"properties": {"pricingTier": "Free"}}),
        ),
        (
            format!("{sub}/providers/Microsoft.Authorization/locks/l"),
            json!({"properties": {"level": "CanNotDelete"}}),
        ),
        (
            format!("{workspace}/providers/Microsoft.SecurityInsights/incidents/i"),
            json!({"properties": {"title": "t", "severity": "Low", "status": "New"}}),
        ),
    ];
    for (id, body) in cases {
        let namespace = id.rsplit("/providers/").next().unwrap_or_default().to_ascii_lowercase();
        let version = match namespace.split('/').next().unwrap_or_default() {
            "microsoft.hybridcompute" => "2024-07-10",
            "microsoft.security" | "microsoft.securityinsights" => "2024-01-01",
            "microsoft.authorization" => "2020-05-01",
            _ => "2022-12-01",
        };
        let path = format!("{id}?api-version={version}");
        let send = async |method: Method, header: (&str, &str), body: Option<&Value>| -> Answer {
            let request = by.request(method, &path).header(header.0, header.1);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            read(request).await.unwrap()
        };
        let none = send(Method::PUT, ("if-match", "\"none\""), Some(&body)).await;
        assert_eq!(outcome(none), "412 PreconditionFailed", "{id}: nothing is there to match");
        let made = send(Method::PUT, ("if-none-match", "*"), Some(&body)).await;
        assert!([200, 201].contains(&made.status), "{id}: {}", made.text);
        let etag = made.headers["etag"].to_str().unwrap().to_owned();
        let again = send(Method::PUT, ("if-none-match", "*"), Some(&body)).await;
        assert_eq!(outcome(again), "412 PreconditionFailed", "{id}");
        let known = send(Method::GET, ("if-none-match", &etag), None).await;
        assert_eq!((known.status, known.text.as_str()), (304, ""), "{id}");
        assert_eq!(send(Method::GET, ("if-none-match", "\"other\""), None).await.status, 200, "{id}");
        let stale = send(Method::PUT, ("if-match", "\"stale\""), Some(&body)).await;
        assert_eq!(outcome(stale), "412 PreconditionFailed", "{id}");
        let right = send(Method::PUT, ("if-match", &etag), Some(&body)).await;
        assert!([200, 201].contains(&right.status), "{id}: {}", right.text);
        let both = by.request(Method::PUT, &path).header("if-match", "*").header("if-none-match", "*");
        assert_eq!(outcome(read(both.json(&body)).await.unwrap()), "400 BadRequest", "{id}");
    }
}

#[tokio::test]
async fn what_the_server_owns_cannot_be_written() {
    let s = server().await;
    let by = owner(&s).await;
    let (sub, group) = (s.server.app.home.subscription_id(), s.server.app.home.group_id());
    let pack = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/p");
    let machine = format!("{group}/providers/Microsoft.HybridCompute/machines/m");
    let rule = s.server.app.home.default_rule.to_string();
    let forged = json!({
        "id": "/forged", "name": "forged", "type": "Forged/type", "systemData": {"createdBy": "forged"},
        "managementGroup": "forged",
        "location": "local", "properties": {
            "provisioningState": "Forged", "status": "Connected", "vmId": "forged", "customerId": "forged",
            "immutableId": "forged", "protectedSettings": {"secret": "forged"},
            "destinations": {}, "dataFlows": [],
        },
    });
    let before = by.get(&rule).await.unwrap().json();
    for id in
        [&pack, &machine, &rule, &format!("{sub}/resourceGroups/g"), &s.server.app.home.workspace.to_string()]
    {
        let put = by.put(id, forged.clone()).await.unwrap();
        assert!(put.status < 300, "{id}: {}", put.text);
        let patched = by.send(Method::PATCH, id, Some(&forged)).await.unwrap();
        assert!(patched.status < 300, "{id}: {}", patched.text);
        let shown = by.get(id).await.unwrap().json();
        assert!(shown["id"].as_str().unwrap().eq_ignore_ascii_case(id));
        assert_ne!(shown["name"], "forged", "{id}");
        assert!(shown["systemData"].is_null() && shown["managementGroup"].is_null(), "{id}: {shown}");
        assert_ne!(shown["properties"]["provisioningState"], "Forged", "{id}");
        assert!(shown["properties"]["protectedSettings"].is_null(), "{id}: a secret is never shown");
    }
    let machine = by.get(&machine).await.unwrap().json();
    assert_eq!(machine["properties"]["status"], "AwaitingConnection");
    assert!(machine["properties"]["vmId"].is_null());
    let after = by.get(&rule).await.unwrap().json();
    assert_eq!(after["properties"]["immutableId"], before["properties"]["immutableId"]);
    let workspace = by.get(s.server.app.home.workspace.as_str()).await.unwrap().json();
    assert_eq!(workspace["properties"]["customerId"], json!(s.server.app.home.customer));
}

#[tokio::test]
async fn ten_megabytes_are_too_many_and_odd_paths_lead_nowhere() {
    let s = server().await;
    let by = owner(&s).await;
    let (sub, group) = (s.server.app.home.subscription_id(), s.server.app.home.group_id());
    let pack = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/p");
    let large = json!({"properties": {"text": "x".repeat(10 << 20)}});
    let answer = by.put(&pack, large).await.unwrap();
    assert!(answer.text.contains("4194304"), "{}", answer.text);
    assert_eq!(outcome(answer), "413 RequestEntityTooLarge");
    assert_eq!(by.get(&pack).await.unwrap().status, 404);
    let slash = format!("{sub}/resourceGroups/");
    for (path, expected) in [
        (group.to_string().replace("/resourceGroups/", "/resourceGroups%2f"), "400 InvalidResourceId"),
        (group.to_string().replace("/resourceGroups/", "%2FresourceGroups/"), "400 InvalidResourceId"),
        (format!("{slash}a%5c..%5cb"), "400 InvalidResourceId"),
        (format!("{slash}a%00"), "400 InvalidResourceId"),
    ] {
        assert_eq!(outcome(by.get(&path).await.unwrap()), expected, "{path}");
    }
}
