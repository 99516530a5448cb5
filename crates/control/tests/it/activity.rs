//! Every write becomes a row of `AzureActivity`, once.

use serde_json::json;

use crate::{eventually, owner, rows, server};

#[tokio::test]
async fn every_write_is_one_row_of_azure_activity() {
    let s = server().await;
    let caller = owner(&s).await;
    let group = format!("{}/resourceGroups/edge", s.server.app.home.subscription_id());
    caller.put(&group, json!({"location": "local"})).await.unwrap();
    caller.delete(&group).await.unwrap();
    let query = "AzureActivity | where ResourceId endswith 'edge' | order by TimeGenerated asc \
                 | project OperationNameValue, Caller, CallerIpAddress";
    let expected = json!([
        ["MICROSOFT.RESOURCES/RESOURCEGROUPS/WRITE", "Owner", "127.0.0.1"],
        ["MICROSOFT.RESOURCES/RESOURCEGROUPS/DELETE", "Owner", "127.0.0.1"],
    ]);
    eventually("the rows", || async { rows(&s, &caller, query).await == expected }).await;
    // Machines' own reports are no administrative acts.
    let machine = s.enrol("web-1").await.unwrap();
    let evidence = json!({"time": "2026-01-01T00:00:00Z", "topics": {}});
    machine.caller.post("/agent/v1/evidence", evidence).await.unwrap();
    let count = "AzureActivity | where ResourceId endswith 'web-1' and OperationNameValue endswith 'MACHINES/WRITE' | count";
    eventually("the enrolment", || async { rows(&s, &caller, count).await == json!([[1]]) }).await;
}

#[tokio::test]
async fn no_body_can_silence_the_log() {
    let s = server().await;
    let caller = owner(&s).await;
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let machine = |name: &str| {
        format!("{}/providers/Microsoft.HybridCompute/machines/{name}", s.server.app.home.group_id())
    };
    let body = json!({"location": "local", "properties": {"a": deep(80)}});
    let refused = caller.put(&machine("deep"), body.clone()).await.unwrap();
    assert_eq!(crate::outcome(refused), "400 InvalidRequestContent");
    // One that is there all the same, from before or by another way.
    let write = bartizan_records::Write {
        id: machine("deep").parse().unwrap(),
        body,
        condition: bartizan_records::Condition::None,
        actor: bartizan_records::Actor::system("test"),
        audit: true,
    };
    s.server.app.records.put(write).await.unwrap();
    caller.put(&machine("plain"), json!({"location": "local"})).await.unwrap();
    let query = "AzureActivity | where ResourceId endswith 'machines/deep' or ResourceId endswith 'machines/plain' | count";
    eventually("both rows", || async { rows(&s, &caller, query).await == json!([[2]]) }).await;
}
