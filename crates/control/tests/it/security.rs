//! Attacks that must stay failed.

use bartizan_records::{Actor, Condition, Write};
use serde_json::json;

use crate::{outcome, owner, server};

#[tokio::test]
async fn plans_are_free_until_set() {
    let s = server().await;
    let caller = owner(&s).await;
    let plans = format!("{}/providers/Microsoft.Security/pricings", s.server.app.home.subscription_id());
    let servers = format!("{plans}/VirtualMachines");
    assert_eq!(caller.get(&servers).await.unwrap().json()["properties"]["pricingTier"], "Free");
    let before = caller.get(&plans).await.unwrap().json()["value"].as_array().unwrap().len();
    let on = json!({"properties": {"pricingTier": "Standard", "extensions": [{"name": "MdeDesignatedSubscription", "isEnabled": "True"}]}});
    let answer = caller.put(&servers, on).await.unwrap();
    assert_eq!((answer.status, &answer.json()["properties"]["subPlan"]), (200, &json!("P2")));
    let after = caller.get(&plans).await.unwrap().json()["value"].as_array().unwrap().len();
    assert_eq!(before, after, "a plan that is set hides its default");
    for wrong in [
        json!({"pricingTier": "Standard", "subPlan": "P9"}),
        json!({"pricingTier": "Standard", "enforce": true}),
        json!({"pricingTier": "Standard", "extensions": [{"name": "x", "isEnabled": true}]}),
    ] {
        let answer = caller.put(&servers, json!({"properties": wrong})).await.unwrap();
        assert_eq!(outcome(answer), "400 InvalidRequestContent", "{wrong}");
    }
    let unknown = caller
        .put(&format!("{plans}/Toasters"), json!({"properties": {"pricingTier": "Free"}}))
        .await
        .unwrap();
    assert_eq!(outcome(unknown), "400 InvalidRequestContent");
}

#[tokio::test]
async fn incidents_are_assigned_commented_and_closed() {
    let s = server().await;
    let responder = s.principal("Microsoft Sentinel Responder").await.unwrap();
    let insights = format!("{}/providers/Microsoft.SecurityInsights", s.server.app.home.workspace);
    let incident = format!("{insights}/incidents/73e01a99-5cd7-4139-a149-9f2736ff2ab5");
    let body = |status: &str| json!({"title": "t", "severity": "High", "status": status});
    for (wrong, path) in [
        (json!({"severity": "High", "status": "New"}), "properties.title"),
        (json!({"title": "t", "severity": "Awful", "status": "New"}), "properties.severity"),
        (json!({"title": "t", "severity": "High", "status": "Open"}), "properties.status"),
        (body("Closed"), "properties.classification"),
        (
            json!({"title": "t", "severity": "High", "status": "Closed", "classification": "TruePositive", "classificationReason": "InaccurateData"}),
            "properties.classificationReason",
        ),
        (json!({"title": "t", "severity": "High", "status": "New", "owner": "me"}), "properties.owner"),
    ] {
        let answer = responder.put(&incident, json!({"properties": wrong})).await.unwrap();
        assert_eq!(
            (answer.status, answer.json()["error"]["target"].as_str()),
            (400, Some(path)),
            "{}",
            answer.text
        );
    }
    let made = responder.put(&incident, json!({"properties": body("New")})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(made["properties"]["incidentNumber"], 1);
    let mut changed = body("Active");
    changed["owner"] = json!({"assignedTo": "owner", "objectId": s.server.app.home.owner});
    // The number is the server's, whatever the client writes.
    changed["incidentNumber"] = json!(99);
    let update = json!({"etag": made["etag"], "properties": changed});
    let active = responder.put(&incident, update.clone()).await.unwrap();
    assert_eq!((active.status, &active.json()["properties"]["incidentNumber"]), (200, &json!(1)));
    assert_eq!(outcome(responder.put(&incident, update).await.unwrap()), "412 PreconditionFailed");

    let comment = format!("{incident}/comments/4bb36b7b-26ff-4d1c-9cbe-0d8ab3da0014");
    assert_eq!(
        responder.put(&comment, json!({"properties": {"message": "looking"}})).await.unwrap().status,
        201
    );
    assert_eq!(
        outcome(responder.put(&comment, json!({"properties": {"message": ""}})).await.unwrap()),
        "400 InvalidRequestContent"
    );
    let seen = responder.get(&incident).await.unwrap().json();
    assert_eq!(seen["properties"]["additionalData"]["commentsCount"], 1);
    assert_eq!(
        responder.get(&format!("{incident}/comments")).await.unwrap().json()["value"][0]["properties"]["author"]
            ["name"],
        "Microsoft Sentinel Responder"
    );

    let mut closed = body("Closed");
    closed["classification"] = json!("TruePositive");
    closed["classificationReason"] = json!("SuspiciousActivity");
    assert_eq!(responder.put(&incident, json!({"properties": closed})).await.unwrap().status, 200);
    let list = |filter: &str| {
        let path = format!(
            "{insights}/incidents?api-version=2024-09-01&$filter={filter}&$orderby=properties/createdTimeUtc desc"
        );
        let responder = responder.clone();
        async move { responder.get(&path).await.unwrap() }
    };
    assert_eq!(list("properties/status eq 'Closed'").await.json()["value"].as_array().unwrap().len(), 1);
    assert_eq!(list("properties/status eq 'New'").await.json()["value"].as_array().unwrap().len(), 0);
    assert_eq!(outcome(responder.delete(&incident).await.unwrap()), "403 AuthorizationFailed");
}

#[tokio::test]
async fn an_incident_shows_its_alerts_and_entities() {
    let s = server().await;
    let app = &s.server.app;
    let caller = owner(&s).await;
    let insights = format!("{}/providers/Microsoft.SecurityInsights", app.home.workspace);
    let put = |path: String, body: serde_json::Value| {
        let write = Write {
            id: path.parse().unwrap(),
            body,
            condition: Condition::None,
            actor: Actor::system("test"),
            audit: false,
        };
        app.records.put(write)
    };
    let alert = format!("{insights}/entities/a1");
    put(
        alert.clone(),
        json!({"kind": "SecurityAlert", "properties": {"additionalData": {"Entities": [
            {"Type": "host", "HostName": "web-1"}, {"Type": "ip", "Address": "192.0.2.7"},
        ]}}}),
    )
    .await
    .unwrap();
    let incident = format!("{insights}/incidents/i1");
    put(incident.clone(), json!({"properties": {"title": "t"}})).await.unwrap();
    put(format!("{incident}/relations/a1"), json!({"properties": {"relatedResourceId": alert}}))
        .await
        .unwrap();
    // A relation shows alerts, and not whatever else it is pointed to.
    put(format!("{incident}/relations/a2"), json!({"properties": {"relatedResourceId": app.home.workspace}}))
        .await
        .unwrap();
    let alerts = caller.post(&format!("{incident}/alerts"), json!({})).await.unwrap().json();
    assert_eq!(alerts["value"][0]["kind"], "SecurityAlert");
    assert_eq!(alerts["value"].as_array().unwrap().len(), 1);
    let entities = caller.post(&format!("{incident}/entities"), json!({})).await.unwrap().json();
    assert_eq!(entities["entities"][0]["kind"], "Host");
    assert_eq!(entities["entities"][1]["properties"]["address"], "192.0.2.7");
    assert_eq!(
        entities["metaData"],
        json!([{"entityKind": "Host", "count": 1}, {"entityKind": "Ip", "count": 1}])
    );
    assert_eq!(
        outcome(caller.post(&format!("{insights}/incidents/none/alerts"), json!({})).await.unwrap()),
        "404 ResourceNotFound"
    );
    assert_eq!(
        outcome(caller.post(&format!("{incident}/explode"), json!({})).await.unwrap()),
        "404 InvalidAction"
    );
}

#[tokio::test]
async fn alerts_are_listed_and_dismissed() {
    let s = server().await;
    let app = &s.server.app;
    let caller = owner(&s).await;
    let security = format!("{}/providers/Microsoft.Security", app.home.subscription_id());
    let id = format!("{security}/locations/local/alerts/a1");
    let write = Write {
        id: id.parse().unwrap(),
        body: json!({"properties": {"status": "Active"}}),
        condition: Condition::None,
        actor: Actor::system("test"),
        audit: false,
    };
    app.records.put(write).await.unwrap();
    assert_eq!(caller.get(&format!("{security}/alerts")).await.unwrap().json()["value"][0]["name"], "a1");
    assert_eq!(caller.post(&format!("{id}/dismiss"), json!({})).await.unwrap().status, 204);
    assert_eq!(caller.get(&id).await.unwrap().json()["properties"]["status"], "Dismissed");
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(
        outcome(reader.post(&format!("{id}/activate"), json!({})).await.unwrap()),
        "403 AuthorizationFailed"
    );
}

#[tokio::test]
async fn a_rule_that_cannot_run_is_refused_with_the_place() {
    let s = server().await;
    let caller = owner(&s).await;
    let rule = format!(
        "{}/providers/Microsoft.SecurityInsights/alertRules/5b0b2d9a-0f6c-4bd1-a7d5-4d1f32fd0001",
        s.server.app.home.workspace
    );
    let mut body = json!({"kind": "Scheduled", "properties": {
        "displayName": "r", "enabled": true, "severity": "Low", "query": "Syslog | where Nope == 1",
        "queryFrequency": "PT5M", "queryPeriod": "PT5M", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
    }});
    let answer = caller.put(&rule, body.clone()).await.unwrap();
    assert_eq!(outcome(answer.clone()), "400 InvalidQuery");
    assert_eq!(answer.json()["error"]["details"][0]["start"], 15);
    body["properties"]["query"] = json!("Syslog | where Facility == 'auth'");
    body["properties"]["queryPeriod"] = json!("PT1M");
    assert_eq!(
        caller.put(&rule, body.clone()).await.unwrap().json()["error"]["target"],
        "properties.queryPeriod"
    );
    body["properties"]["queryPeriod"] = json!("PT5M");
    assert_eq!(caller.put(&rule, body).await.unwrap().status, 201);
}
