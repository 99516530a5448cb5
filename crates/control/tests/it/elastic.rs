//! The bulk door: what shippers ask at their start, documents, and each one's own result.

use bartizan_control::identity::service_principals;
use bartizan_testkit::in_process::{Answer, InProcess, read};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{eventually, owner, rows, server};

/// `appId:password` of a new service principal, as a shipper is configured with it.
async fn key(s: &InProcess, role: &str) -> (String, String) {
    let (app, home) = (&s.server.app, &s.server.app.home);
    let made =
        service_principals::create(&app.records, home, role, role, &home.subscription_id()).await.unwrap();
    (made.app_id.to_string(), made.secret)
}

async fn bulk(s: &InProcess, key: &(String, String), lines: &[Value]) -> Answer {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    raw_bulk(s, key, body).await
}

async fn raw_bulk(s: &InProcess, key: &(String, String), body: String) -> Answer {
    let request =
        s.anonymous().unwrap().request(Method::POST, "/elastic/_bulk").basic_auth(&key.0, Some(&key.1));
    read(request.header("content-type", "application/x-ndjson").body(body)).await.unwrap()
}

#[tokio::test]
async fn a_shippers_start_is_answered() {
    let s = server().await;
    let key = key(&s, "Monitoring Metrics Publisher").await;
    let ask = |method: Method, path: &str| {
        read(s.anonymous().unwrap().request(method, path).basic_auth(&key.0, Some(&key.1)))
    };
    let about = ask(Method::GET, "/elastic/").await.unwrap();
    assert_eq!(about.headers["x-elastic-product"], "Elasticsearch");
    assert_eq!(about.json()["version"]["number"], "8.15.0");
    assert_eq!(ask(Method::GET, "/elastic/_license").await.unwrap().json()["license"]["status"], "active");
    assert_eq!(ask(Method::HEAD, "/elastic/_index_template/filebeat-8.15.0").await.unwrap().status, 200);
    assert_eq!(ask(Method::PUT, "/elastic/_ilm/policy/filebeat").await.unwrap().status, 200);
    let search = ask(Method::POST, "/elastic/logs/_search").await.unwrap();
    assert!(search.status == 400 && search.text.contains("_bulk"), "{}", search.text);
    for path in ["/elastic/", "/elastic/_license", "/elastic/_ilm/policy/x"] {
        assert_eq!(s.anonymous().unwrap().get(path).await.unwrap().status, 401, "{path}");
    }
    let wrong = (key.0.clone(), "wrong".to_owned());
    assert_eq!(bulk(&s, &wrong, &[]).await.status, 401);
    let reader = self::key(&s, "Reader").await;
    assert_eq!(bulk(&s, &reader, &[]).await.status, 403);
}

#[tokio::test]
async fn documents_go_where_they_belong() {
    let s = server().await;
    let caller = owner(&s).await;
    let table = format!("{}/tables/DoorLog_CL", s.server.app.home.workspace);
    let columns = json!([{"name": "TimeGenerated", "type": "datetime"}, {"name": "door", "type": "string"}]);
    let made = caller
        .put(&table, json!({"properties": {"schema": {"name": "DoorLog_CL", "columns": columns}}}))
        .await;
    assert_eq!(made.unwrap().status, 200);
    let key = key(&s, "Monitoring Metrics Publisher").await;
    let answer = bulk(
        &s,
        &key,
        &[
            json!({"create": {"_index": "winlogbeat-8.15.0"}}),
            json!({
                "@timestamp": "2026-01-02T03:04:05Z", "message": "An account failed to log on.\nmore",
                "winlog": {"channel": "Security", "event_id": "4625", "computer_name": "dc1", "provider_name": "p",
                           "event_data": {"TargetUserName": "admin", "TargetDomainName": "EX", "LogonType": "3"}},
            }),
            json!({"index": {"_index": "doorlog-2026.01.02"}}),
            json!({"@timestamp": "2026-01-02T03:04:06Z", "door": "north", "other": 1}),
            json!({"create": {"_index": "filebeat-8.15.0"}}),
            json!({
                "@timestamp": "2026-01-02T03:04:07Z", "message": "hello", "host": {"name": "web-1"},
                "agent": {"type": "filebeat", "version": "8.15.0"}, "log": {"file": {"path": "/var/log/x"}},
            }),
            json!({"delete": {"_index": "filebeat-8.15.0", "_id": "1"}}),
            json!({"create": {"_index": "x"}}),
            json!("no object"),
        ],
    )
    .await;
    let result = answer.json();
    let statuses: Vec<Value> = result["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_object().unwrap().values().next().unwrap()["status"].clone())
        .collect();
    assert_eq!((answer.status, &result["errors"]), (200, &json!(true)));
    assert_eq!(statuses, [201, 201, 201, 400, 400], "{}", answer.text);
    let security = "SecurityEvent | project EventID, Account, Activity, Computer, LogonType";
    assert_eq!(
        rows(&s, &caller, security).await,
        json!([[4625, "EX\\admin", "4625 - An account failed to log on.", "dc1", 3]])
    );
    assert_eq!(
        rows(&s, &caller, "DoorLog_CL | project TimeGenerated, door").await,
        json!([["2026-01-02T03:04:06Z", "north"]])
    );
    let beats =
        "BeatsLogs_CL | project Message, Computer, Agent, FilePath, Index, tostring(Document.host.name)";
    assert_eq!(
        rows(&s, &caller, beats).await,
        json!([["hello", "web-1", "filebeat 8.15.0", "/var/log/x", "filebeat-8.15.0", "web-1"]])
    );
}

#[tokio::test]
async fn the_event_set_of_the_rule_is_kept_to() {
    let s = server().await;
    let caller = owner(&s).await;
    let rule = s.server.app.home.default_rule.to_string();
    let body = json!({"location": "local", "properties": {
        "destinations": {"logAnalytics": [{"name": "ws", "workspaceResourceId": s.server.app.home.workspace}]},
        "dataSources": {"windowsEventLogs": [{"name": "security", "eventSet": "Minimal"}]},
    }});
    let put = caller.put(&rule, body).await.unwrap();
    assert_eq!(put.status, 200, "{}", put.text);
    let key = key(&s, "Monitoring Metrics Publisher").await;
    let event = |id: u32| json!({"@timestamp": "2026-01-02T03:04:05Z", "winlog": {"channel": "Security", "event_id": id}});
    let create = json!({"create": {"_index": "winlogbeat"}});
    let answer =
        bulk(&s, &key, &[create.clone(), event(4625), create.clone(), event(4634), create, event(4624)])
            .await;
    assert_eq!(answer.json()["errors"], false, "{}", answer.text);
    assert_eq!(
        rows(&s, &caller, "SecurityEvent | project EventID | sort by EventID asc").await,
        json!([[4624], [4625]])
    );
    eventually("the one left out in Operation", || async {
        let query = "Operation | where OperationKey endswith '/SecurityEvent' | project Detail";
        rows(&s, &caller, query).await.to_string().contains("1 Windows events that the rule does not collect")
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_bulk_is_refused_with_the_line() {
    let s = server().await;
    let key = key(&s, "Monitoring Metrics Publisher").await;
    for (body, words) in [
        ("nonsense\n", "line 1"),
        ("{\"create\":{}}\n", "line 1: the action has no document"),
        ("{\"create\":{}}\n{}\n\n{\"explode\":{}}\n", "line 4: `explode` is no action"),
        ("[]\n", "line 1: an action is an object"),
    ] {
        let answer = raw_bulk(&s, &key, body.to_owned()).await;
        assert!(answer.status == 400 && answer.text.contains(words), "{body}: {}", answer.text);
    }
    let answer =
        raw_bulk(&s, &key, "{\"create\":{}}\n{broken\n{\"create\":{}}\n{\"message\":\"kept\"}\n".to_owned())
            .await;
    assert_eq!(answer.json()["items"][1]["create"]["status"], 201, "{}", answer.text);
}
