//! `Usage`: what an hour's rows were, by table and machine, once.

use std::sync::Arc;

use bartizan_base::time::TICKS_PER_SECOND;
use bartizan_base::{ManualClock, Ticks, Timespan};
use bartizan_control::write_usage;
use bartizan_store::AppendTarget;
use bartizan_testkit::in_process::InProcess;
use serde_json::json;

use crate::{owner, rows};

const HOUR: Timespan = Timespan(3600 * TICKS_PER_SECOND);

#[tokio::test]
async fn an_hour_is_metered_once_by_table_and_machine_with_the_days_allowance() {
    let clock = Arc::new(ManualClock::new(Ticks::parse("2026-03-01T22:30:00Z").unwrap()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let app = Arc::clone(&s.server.app);
    write_usage(&app).await.unwrap();
    for (table, machine, count) in [
        ("Syslog", "a", 3),
        ("Syslog", "b", 1),
        ("SecurityEvent", "a", 2),
        ("Heartbeat", "a", 1),
        ("SentinelAudit", "", 1),
    ] {
        let row = if machine.is_empty() {
            json!({"Description": "a rule was changed"})
        } else {
            json!({"Computer": machine})
        };
        let body = json!(vec![row; count]).to_string();
        let target = AppendTarget::new(app.home.customer, app.home.tenant, table);
        app.store.append_json(target, body.into()).await.unwrap();
    }
    write_usage(&app).await.unwrap();
    let caller = owner(&s).await;
    assert_eq!(rows(&s, &caller, "Usage | count").await, json!([[0]]), "the hour is not over");

    clock.advance(HOUR);
    write_usage(&app).await.unwrap();
    write_usage(&app).await.unwrap();
    let caller = owner(&s).await;
    let metered = "Usage | where DataType in ('Syslog', 'SecurityEvent', 'Heartbeat', 'SentinelAudit') \
                   | project DataType, Computer, TotalBatches, IsBillable, StartTime, EndTime \
                   | sort by DataType asc, Computer asc";
    let (start, end) = ("2026-03-01T22:00:00Z", "2026-03-01T23:00:00Z");
    let expected = json!([
        ["Heartbeat", "a", 1, false, start, end],
        ["SecurityEvent", "a", 2, true, start, end],
        ["SentinelAudit", "", 1, false, start, end],
        ["Syslog", "a", 3, true, start, end],
        ["Syslog", "b", 1, true, start, end],
    ]);
    assert_eq!(rows(&s, &caller, metered).await, expected);
    let sizes = "let metered = toscalar(Usage | where DataType == 'Syslog' | summarize sum(Quantity)); \
                 Syslog | summarize stored = sum(_BilledSize) / 1e6 | project abs(stored - metered) < 1e-9 and stored > 0";
    assert_eq!(rows(&s, &caller, sizes).await, json!([[true]]), "MBytes are millions of the bytes billed");

    let plan =
        format!("{}/providers/Microsoft.Security/pricings/VirtualMachines", app.home.subscription_id());
    let on = json!({"properties": {"pricingTier": "Standard", "subPlan": "P2"}});
    assert_eq!(caller.put(&plan, on).await.unwrap().status, 200);
    s.enrol("a").await.unwrap();
    clock.advance(HOUR);
    write_usage(&app).await.unwrap();
    write_usage(&app).await.unwrap();
    let caller = owner(&s).await;
    let benefit = "Operation | where OperationCategory == 'Benefits' | project OperationKey, Detail";
    let told = json!([["Benefit type used: DefenderForServers", "Benefit amount used: 0.000 GB"]]);
    assert_eq!(rows(&s, &caller, benefit).await, told, "one row for the day that is over");
}
