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
