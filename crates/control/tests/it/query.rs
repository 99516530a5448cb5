//! The query API as its clients use it.

use bartizan_testkit::in_process::read;
use reqwest::Method;
use serde_json::json;

use crate::{eventually, outcome, owner, rows, server};

#[tokio::test]
async fn a_query_answers_as_log_analytics_does() {
    let s = server().await;
    let caller = owner(&s).await;
    let path = format!("/v1/workspaces/{}/query", s.server.app.home.customer);
    let request = caller
        .request(Method::POST, &path)
        .header("prefer", "wait=30,include-statistics=true,include-render=true")
        .json(&json!({"query": "print a = 1, b = 'x'", "timespan": "PT86400.0S", "workspaces": null}));
    let answer = read(request).await.unwrap().json();
    assert_eq!(
        answer["tables"],
        json!([{
            "name": "PrimaryResult",
            "columns": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}],
            "rows": [[1, "x"]],
        }])
    );
    assert!(answer["statistics"]["query"]["executionTime"].is_number());
    assert!(answer["render"].is_object());
    let plain = caller.get(&format!("{path}?query=print%201&timespan=P1D")).await.unwrap().json();
    assert!(plain.get("statistics").is_none() && plain.get("render").is_none(), "{plain}");
}

#[tokio::test]
async fn a_wrong_query_says_where() {
    let s = server().await;
    let caller = owner(&s).await;
    let path = format!("/v1/workspaces/{}/query", s.server.app.home.customer);
    let answer = caller.post(&path, json!({"query": "Heartbeat\n| where Nope == 1"})).await.unwrap();
    assert_eq!(outcome(answer.clone()), "400 BadArgumentError");
    let inner = &answer.json()["error"]["innererror"]["innererror"];
    assert_eq!(
        (&inner["line"], &inner["pos"], &inner["token"]),
        (&json!(2), &json!(9), &json!("Nope")),
        "{inner}"
    );
    for (body, expected) in [
        (json!({"query": "print 1", "timespan": "yesterday"}), "400 InvalidRequestContent"),
        (json!({"query": "print 1", "workspaces": ["other"]}), "404 WorkspaceNotFoundError"),
        (json!({"nothing": 1}), "400 InvalidRequestContent"),
    ] {
        assert_eq!(outcome(caller.post(&path, body.clone()).await.unwrap()), expected, "{body}");
    }
    let elsewhere = "/v1/workspaces/11111111-1111-1111-1111-111111111111/query";
    assert_eq!(
        outcome(caller.post(elsewhere, json!({"query": "print 1"})).await.unwrap()),
        "404 WorkspaceNotFoundError"
    );
}

#[tokio::test]
async fn a_batch_answers_each_query_for_itself() {
    let s = server().await;
    let caller = owner(&s).await;
    let workspace = s.server.app.home.customer;
    let request = |id: &str, query: &str| json!({"id": id, "workspace": workspace, "method": "POST", "path": "/query", "headers": {}, "body": {"query": query}});
    let body = json!({"requests": [request("1", "print 1"), request("2", "Nope | take 1")]});
    let answer = caller.post("/v1/$batch", body).await.unwrap().json();
    assert_eq!(answer["responses"][0]["status"], 200);
    assert_eq!(answer["responses"][1]["status"], 400);
    assert_eq!(answer["responses"][1]["body"]["error"]["code"], "BadArgumentError");
}

#[tokio::test]
async fn metadata_and_tables_name_the_columns() {
    let s = server().await;
    let caller = owner(&s).await;
    let home = &s.server.app.home;
    let metadata = caller.get(&format!("/v1/workspaces/{}/metadata", home.customer)).await.unwrap().json();
    assert!(metadata["tables"].as_array().unwrap().iter().any(|table| table["name"] == "Heartbeat"));
    let tables = format!("{}/tables", home.workspace);
    let syslog = caller.get(&format!("{tables}/Syslog")).await.unwrap().json();
    assert_eq!(syslog["properties"]["schema"]["tableType"], "Microsoft");
    let custom = json!({"properties": {"schema": {"name": "App_CL", "columns": [
        {"name": "TimeGenerated", "type": "dateTime"}, {"name": "m", "type": "string"},
    ]}}});
    assert_eq!(caller.put(&format!("{tables}/App_CL"), custom.clone()).await.unwrap().status, 200);
    assert_eq!(
        outcome(caller.put(&format!("{tables}/App"), custom).await.unwrap()),
        "400 InvalidRequestContent"
    );
    let wrong = json!({"properties": {"schema": {"columns": [{"name": "a", "type": "colour"}]}}});
    assert_eq!(
        outcome(caller.put(&format!("{tables}/B_CL"), wrong).await.unwrap()),
        "400 InvalidRequestContent"
    );
}

#[tokio::test]
async fn a_saved_function_is_called_by_queries_until_it_is_deleted() {
    let s = server().await;
    let caller = owner(&s).await;
    let saved = format!("{}/savedSearches", s.server.app.home.workspace);
    let function = |alias: &str, parameters: &str, query: &str| {
        json!({"properties": {
            "category": "Mine", "displayName": "Twice", "query": query,
            "functionAlias": alias, "functionParameters": parameters,
        }})
    };
    let id = format!("{saved}/twice");
    let made = caller.put(&id, function("Twice", "n:long = 4", "print twice = 2 * n")).await.unwrap();
    assert_eq!((made.status, &made.json()["properties"]["version"]), (200, &json!(2)), "{}", made.text);
    assert_eq!(rows(&s, &caller, "Twice(21)").await, json!([[42]]));
    assert_eq!(rows(&s, &caller, "Twice()").await, json!([[8]]));
    let metadata = format!("/v1/workspaces/{}/metadata", s.server.app.home.customer);
    let metadata = caller.get(&metadata).await.unwrap().json();
    assert_eq!(metadata["functions"][0]["name"], "Twice");

    for (name, body) in [
        ("again", function("Twice", "", "print 1")),
        ("digit", function("2x", "", "print 1")),
        ("table", function("Heartbeat", "", "print 1")),
        ("body", function("Broken", "", "print (1")),
        ("parameters", function("Untyped", "n:colour", "print 1")),
        ("empty", json!({"properties": {"category": "Mine", "displayName": "x", "query": " "}})),
    ] {
        let refused = outcome(caller.put(&format!("{saved}/{name}"), body).await.unwrap());
        assert_eq!(refused, "400 InvalidRequestContent", "{name}");
    }

    assert_eq!(caller.delete(&id).await.unwrap().status, 200);
    let query = format!("/v1/workspaces/{}/query", s.server.app.home.customer);
    eventually("the function is forgotten", async || {
        caller.post(&query, json!({"query": "Twice(1)"})).await.unwrap().status == 400
    })
    .await;
}
