//! Tables, retention, purges, and what the log store has to tell.

use reqwest::Method;
use serde_json::json;

use crate::{eventually, outcome, owner, rows, server};

#[tokio::test]
async fn retention_is_a_tables_own_or_its_workspaces() {
    let s = server().await;
    let caller = owner(&s).await;
    let workspace = s.server.app.home.workspace.to_string();
    let table = format!("{workspace}/tables/Syslog");
    let days = |answer: serde_json::Value| {
        let properties = &answer["properties"];
        (properties["retentionInDays"].clone(), properties["totalRetentionInDays"].clone())
    };
    assert_eq!(days(caller.get(&table).await.unwrap().json()), (json!(90), json!(90)));
    let patch = json!({"properties": {"retentionInDays": 30, "totalRetentionInDays": 365}});
    let patched = caller.send(Method::PATCH, &table, Some(&patch)).await.unwrap();
    assert_eq!((patched.status, days(patched.json())), (200, (json!(30), json!(365))), "{}", patched.text);
    assert_eq!(days(caller.get(&table).await.unwrap().json()), (json!(30), json!(365)));
    let other = format!("{workspace}/tables/Heartbeat");
    let wider = json!({"properties": {"retentionInDays": 200}});
    assert_eq!(caller.send(Method::PATCH, &workspace, Some(&wider)).await.unwrap().status, 200);
    assert_eq!(days(caller.get(&other).await.unwrap().json()), (json!(200), json!(200)));
    let own = json!({"properties": {"retentionInDays": -1, "totalRetentionInDays": -1}});
    assert_eq!(days(caller.put(&table, own).await.unwrap().json()), (json!(200), json!(200)));
    for (body, expected) in [
        (json!({"properties": {"retentionInDays": 0}}), "400 InvalidRequestContent"),
        (json!({"properties": {"retentionInDays": "long"}}), "400 InvalidRequestContent"),
        (
            json!({"properties": {"retentionInDays": 30, "totalRetentionInDays": 10}}),
            "400 InvalidRequestContent",
        ),
        (
            json!({"properties": {"schema": {"columns": [{"name": "Mine", "type": "string"}]}}}),
            "400 InvalidRequestContent",
        ),
    ] {
        let found = caller.put(&other, body.clone()).await.unwrap();
        let found = outcome(found).split(' ').next().unwrap_or_default().to_owned();
        assert_eq!(Some(found.as_str()), expected.split(' ').next(), "{body}");
    }
    assert_eq!(caller.delete(&other).await.unwrap().status, 409, "a standard table stays");
}

#[tokio::test]
async fn a_custom_table_is_made_widened_and_deleted() {
    let s = server().await;
    let caller = owner(&s).await;
    let table = format!("{}/tables/Doors_CL", s.server.app.home.workspace);
    let columns = |names: &[&str]| {
        let columns: Vec<_> = names.iter().map(|name| json!({"name": name, "type": "string"})).collect();
        json!({"properties": {"schema": {"name": "Doors_CL", "columns": columns}}})
    };
    assert_eq!(caller.put(&table, columns(&["TimeGenerated"])).await.unwrap().status, 400);
    assert_eq!(caller.put(&table, columns(&["Door", "Who"])).await.unwrap().status, 200);
    assert_eq!(caller.put(&table, columns(&["Door", "Who", "Why"])).await.unwrap().status, 200);
    let shown = caller.get(&table).await.unwrap().json();
    let names: Vec<_> = shown["properties"]["schema"]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].clone())
        .collect();
    assert!(names.contains(&json!("Why")), "{names:?}");
    let list = caller.get(&format!("{}/tables", s.server.app.home.workspace)).await.unwrap().json();
    let count =
        |name: &str| list["value"].as_array().unwrap().iter().filter(|table| table["name"] == name).count();
    assert_eq!((count("Doors_CL"), count("Syslog")), (1, 1));
    assert_eq!(caller.delete(&table).await.unwrap().status, 200);
    assert_eq!(outcome(caller.get(&table).await.unwrap()), "404 ResourceNotFound");
    let path = format!("/v1/workspaces/{}/query", s.server.app.home.customer);
    assert_eq!(caller.post(&path, json!({"query": "Doors_CL | count"})).await.unwrap().status, 400);
}

#[tokio::test]
async fn a_purge_is_accepted_audited_and_done() {
    let s = server().await;
    let caller = owner(&s).await;
    let (app, workspace) = (&s.server.app, s.server.app.home.workspace.to_string());
    let target = bartizan_store::AppendTarget::new(app.home.customer, app.home.tenant, "Syslog");
    let lines =
        (0..20).map(|n| json!({"Computer": format!("host{}", n % 4), "SyslogMessage": format!("line {n}")}));
    let body = json!(lines.collect::<Vec<_>>()).to_string();
    app.store.append_json(target, body.into()).await.unwrap();
    let path = format!("{workspace}/purge");
    let ask =
        json!({"table": "Syslog", "filters": [{"column": "Computer", "operator": "==", "value": "host2"}]});
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(reader.post(&path, ask.clone()).await.unwrap().status, 403);
    let answer = caller.post(&path, ask).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text);
    let id = answer.json()["operationId"].as_str().unwrap().to_owned();
    let status = format!("{workspace}/operations/{id}");
    assert!(answer.headers["x-ms-status-location"].to_str().unwrap().contains(&status));
    app.store.run_purges().await.unwrap();
    // The store's own upkeep may have been first, and be still at it.
    eventually("the purge", || async {
        let found = caller.get(&status).await.unwrap();
        assert_eq!(found.status, 200, "{}", found.text);
        found.json()["status"] == "completed"
    })
    .await;
    let left = rows(&s, &caller, "Syslog | summarize count() by Computer | sort by Computer asc").await;
    assert_eq!(left, json!([["host0", 5], ["host1", 5], ["host3", 5]]));
    let audit = "AzureActivity | where OperationNameValue endswith 'PURGE/ACTION' | where Properties has 'host2' | count";
    eventually("the audit", || async { rows(&s, &caller, audit).await == json!([[1]]) }).await;
    for (body, status) in [
        (json!({"table": "Nowhere", "filters": [{"column": "A", "operator": "==", "value": 1}]}), 404),
        (json!({"table": "Syslog", "filters": []}), 400),
        (
            json!({"table": "Syslog", "filters": [{"column": "Computer", "operator": "like", "value": "x"}]}),
            400,
        ),
        (json!({"filters": []}), 400),
    ] {
        assert_eq!(caller.post(&path, body.clone()).await.unwrap().status, status, "{body}");
    }
    assert_eq!(
        outcome(caller.get(&format!("{workspace}/operations/purge-none")).await.unwrap()),
        "404 ResourceNotFound"
    );
}

#[tokio::test]
async fn values_that_do_not_fit_are_told_of_and_their_rows_kept() {
    let s = server().await;
    let caller = owner(&s).await;
    let app = &s.server.app;
    let target = bartizan_store::AppendTarget::new(app.home.customer, app.home.tenant, "Syslog");
    let body = r#"[{"SyslogMessage":"kept","EventTime":"0000-01-01T00:00:00Z","Nope":1}]"#;
    let ack = app.store.append_json(target, body.into()).await.unwrap();
    assert_eq!((ack.rows, ack.rejected_cells, ack.unknown_fields), (1, 1, 1));
    assert_eq!(rows(&s, &caller, "Syslog | where isnull(EventTime) | count").await, json!([[1]]));
    let told = app.store.take_rejected();
    let syslog: Vec<_> = told.iter().filter(|told| told.table == "Syslog").collect();
    assert_eq!((syslog.len(), syslog[0].cells, syslog[0].fields), (1, 1, 1));
    app.store.keep_rejected(told);
    let health = s.anonymous().unwrap().get("/healthz").await.unwrap().json();
    assert_eq!((&health["storage"]["status"], &health["storage"]["damagedFiles"]), (&json!("ok"), &json!(0)));
}
