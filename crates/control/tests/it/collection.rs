//! Data collection rules: streams, transformations and where rows end up.

use bartizan_testkit::in_process::{Answer, Caller, InProcess};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, rows, server};

fn rule_path(s: &InProcess, name: &str) -> String {
    format!("{}/providers/Microsoft.Insights/dataCollectionRules/{name}", s.server.app.home.group_id())
}

/// A rule that takes `Custom-Door` with three columns and has one flow.
fn door_rule(s: &InProcess, flow: Value) -> Value {
    let mut whole = json!({"streams": ["Custom-Door"], "destinations": ["ws"]});
    for (name, value) in flow.as_object().unwrap() {
        whole[name] = value.clone();
    }
    json!({"location": "local", "properties": {
        "streamDeclarations": {"Custom-Door": {"columns": [
            {"name": "when", "type": "datetime"}, {"name": "door", "type": "string"}, {"name": "n", "type": "int"},
            {"name": "extra", "type": "dynamic"},
        ]}},
        "destinations": {"logAnalytics": [{"name": "ws", "workspaceResourceId": s.server.app.home.workspace}]},
        "dataFlows": [whole],
    }})
}

async fn put(s: &InProcess, caller: &Caller, flow: Value) -> Answer {
    caller.put(&rule_path(s, "door"), door_rule(s, flow)).await.unwrap()
}

async fn send(caller: &Caller, rule: &Answer, stream: &str, body: Value) -> Answer {
    let id = rule.json()["properties"]["immutableId"].as_str().unwrap().to_owned();
    let path = format!("/dataCollectionRules/{id}/streams/{stream}?api-version=2023-01-01");
    caller.post(&path, body).await.unwrap()
}

const TRANSFORM: &str = "source | where n > 0 | extend Kind = tostring(extra.kind) \
    | project TimeGenerated = when, Door = toupper(door), Double = n * 2, Kind, Extra = extra";

#[tokio::test]
async fn a_transformation_makes_its_table_and_fills_it() {
    let s = server().await;
    let caller = owner(&s).await;
    let flow = json!({"transformKql": TRANSFORM, "outputStream": "Custom-Doors_CL"});
    let rule = put(&s, &caller, flow.clone()).await;
    assert_eq!(rule.status, 201, "{}", rule.text);
    let again = put(&s, &caller, flow).await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(again.json()["properties"]["immutableId"], rule.json()["properties"]["immutableId"]);
    assert_eq!(rule.json()["properties"]["endpoints"]["logsIngestion"], s.server.app.public_url);

    let body = json!([
        {"when": "2026-01-01T00:00:00Z", "door": "north", "n": 2, "extra": {"kind": "card", "list": [1, "a"]}},
        {"when": "2026-01-01T00:00:01Z", "door": "south", "n": 0},
        {"when": "yesterday", "door": "east", "n": 1, "nobody": "declared me"},
    ]);
    let sent = send(&caller, &rule, "Custom-Door", body).await;
    assert_eq!(sent.status, 204, "{}", sent.text);
    let found = rows(
        &s,
        &caller,
        "Doors_CL | project Door, Double, Kind, tostring(Extra.list[1]) | sort by Door asc",
    )
    .await;
    assert_eq!(found, json!([["EAST", 2, "", ""], ["NORTH", 4, "card", "a"]]));
    eventually("what was changed is told in Operation", || async {
        let query = "Operation | where OperationKey == 'door/Doors_CL' | project Detail | sort by Detail asc";
        rows(&s, &caller, query).await
            == json!([
                ["1 fields not declared in the stream: table Doors_CL, from door"],
                ["1 rows dropped by the transformation: table Doors_CL, from door"],
                ["1 values converted to null before the transformation: table Doors_CL, from door"],
            ])
    })
    .await;
}

#[tokio::test]
async fn a_rule_can_fill_a_standard_table_and_several() {
    let s = server().await;
    let caller = owner(&s).await;
    let mut rule = door_rule(&s, json!({}));
    rule["properties"]["dataFlows"] = json!([
        {"streams": ["Custom-Door"], "destinations": ["ws"], "outputStream": "Microsoft-Syslog",
         "transformKql": "source | project TimeGenerated = when, SyslogMessage = door, ProcessID = n"},
        {"streams": ["Custom-Door"], "destinations": ["ws"], "outputStream": "Custom-Doors_CL",
         "transformKql": "source | project-rename TimeGenerated = when"},
    ]);
    let rule = caller.put(&rule_path(&s, "door"), rule).await.unwrap();
    assert_eq!(rule.status, 201, "{}", rule.text);
    let body = json!([{"when": "2026-01-01T00:00:00Z", "door": "north", "n": 7, "extra": null}]);
    assert_eq!(send(&caller, &rule, "Custom-Door", body.clone()).await.status, 204);
    assert_eq!(rows(&s, &caller, "Syslog | project SyslogMessage, ProcessID").await, json!([["north", 7]]));
    assert_eq!(rows(&s, &caller, "Doors_CL | project door, n").await, json!([["north", 7]]));
    let other = send(&caller, &rule, "Microsoft-Syslog", body).await;
    assert_eq!(outcome(other), "400 InvalidStream", "the rule has no flow for it");
}

#[tokio::test]
async fn wrong_rules_are_refused_with_the_place() {
    let s = server().await;
    let caller = owner(&s).await;
    let refused = async |flow: Value, target: &str, words: &str| {
        let answer = put(&s, &caller, flow).await;
        let error = answer.json()["error"].clone();
        assert_eq!((answer.status, error["target"].as_str()), (400, Some(target)), "{}", answer.text);
        assert!(error["message"].as_str().unwrap().contains(words), "{}", answer.text);
    };
    let kql = "properties.dataFlows[0].transformKql";
    let with = |text: &str| json!({"transformKql": text, "outputStream": "Custom-Doors_CL"});
    refused(with("source | where nope > 1"), kql, "line 1, column 16").await;
    refused(with("source\n| summarize n = count() by door"), kql, "more than one row").await;
    refused(with("source | join kind=inner (source) on door"), kql, "more than one row").await;
    refused(with("Syslog | take 1"), kql, "Syslog").await;
    refused(with("print TimeGenerated = now()"), kql, "begins with `source`").await;
    refused(with("source | project door"), kql, "TimeGenerated").await;
    refused(with("source |"), kql, "line 1").await;
    let output = "properties.dataFlows[0].outputStream";
    let to = |stream: &str, text: &str| json!({"transformKql": text, "outputStream": stream});
    let project = "source | project TimeGenerated = when, ";
    refused(to("Microsoft-Nope", &format!("{project} door")), output, "no table `Nope`").await;
    refused(to("Microsoft-SecurityAlert", &format!("{project} door")), output, "by the server only").await;
    refused(to("Microsoft-Syslog", &format!("{project} door")), output, "no column `door`").await;
    refused(to("Microsoft-Syslog", &format!("{project} EventTime = n")), output, "todatetime").await;
    refused(to("Doors", &format!("{project} door")), output, "no stream").await;
    refused(json!({"destinations": ["elsewhere"]}), "properties.dataFlows[0].destinations", "elsewhere")
        .await;
    refused(json!({"streams": []}), "properties.dataFlows[0].streams", "streams").await;
    assert_eq!(caller.get(&rule_path(&s, "door")).await.unwrap().status, 404, "nothing was stored");

    let mut rule = door_rule(&s, json!({"outputStream": "Custom-Doors_CL"}));
    rule["properties"]["dataSources"] = json!({"windowsEventLogs": [
        {"name": "w", "streams": ["Custom-Door"], "xPathQueries": ["Security!*[EventData[Data='x']]"]},
    ]});
    let answer = caller.put(&rule_path(&s, "door"), rule.clone()).await.unwrap();
    assert!(answer.status == 400 && answer.text.contains("at byte 11"), "{}", answer.text);
    rule["properties"]["dataSources"] =
        json!({"syslog": [{"streams": ["Custom-Door"], "facilityNames": ["authy"]}]});
    let answer = caller.put(&rule_path(&s, "door"), rule.clone()).await.unwrap();
    assert!(answer.status == 400 && answer.text.contains("authy"), "{}", answer.text);
    rule["properties"]["dataSources"] = json!({"extensions": [{"streams": []}]});
    let answer = caller.put(&rule_path(&s, "door"), rule.clone()).await.unwrap();
    assert!(
        answer.status == 400 && answer.text.contains("`extensions` are not supported"),
        "{}",
        answer.text
    );
    rule["properties"]["dataSources"] = json!({"windowsEventLogs": [
        {"name": "w", "streams": ["Custom-Door"], "eventSet": "Common"},
    ]});
    rule["properties"]["dataFlows"][0]["outputStream"] = "Custom-Doors_CL".into();
    let answer = caller.put(&rule_path(&s, "door"), rule).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text);
    let queries = &answer.json()["properties"]["dataSources"]["windowsEventLogs"][0]["xPathQueries"];
    assert!(queries[0].as_str().unwrap().starts_with("Security!*[System[(EventID=1 or "), "{queries}");
}

#[tokio::test]
async fn making_a_table_takes_the_right_to() {
    let s = server().await;
    let admin = s.principal("Security Admin").await.unwrap();
    let flow = json!({"outputStream": "Custom-Doors_CL"});
    let answer = admin.put(&rule_path(&s, "door"), door_rule(&s, flow.clone())).await.unwrap();
    assert_eq!(outcome(answer), "403 AuthorizationFailed");
    let contributor = s.principal("Log Analytics Contributor").await.unwrap();
    let rule = put(&s, &contributor, flow).await;
    assert_eq!(rule.status, 201, "{}", rule.text);
    let publisher = s.principal("Monitoring Metrics Publisher").await.unwrap();
    assert_eq!(send(&publisher, &rule, "Custom-Door", json!([{"door": "north"}])).await.status, 204);
    assert_eq!(outcome(send(&admin, &rule, "Custom-Door", json!([{}])).await), "403 AuthorizationFailed");
}

#[tokio::test]
async fn associations_and_endpoints_name_what_exists() {
    let s = server().await;
    let caller = owner(&s).await;
    let machine = s.enrol("web-1").await.unwrap();
    let rule = put(&s, &caller, json!({"outputStream": "Custom-Doors_CL"})).await;
    let association = format!("{}/providers/Microsoft.Insights/dataCollectionRuleAssociations/a", machine.id);
    let with = |properties: Value| json!({"properties": properties});
    let put = async |body: Value| caller.put(&association, body).await.unwrap();
    assert_eq!(put(with(json!({}))).await.status, 400);
    let missing = rule_path(&s, "missing");
    assert_eq!(put(with(json!({"dataCollectionRuleId": missing}))).await.status, 400);
    assert_eq!(put(with(json!({"dataCollectionRuleId": machine.id}))).await.status, 400);
    assert_eq!(put(with(json!({"dataCollectionRuleId": rule.json()["id"]}))).await.status, 201);
    let list = format!("{}/associations", rule_path(&s, "door"));
    let listed = caller.get(&list).await.unwrap();
    assert_eq!(listed.status, 200, "{}", listed.text);
    assert_eq!(listed.json()["value"].as_array().map(Vec::len), Some(1), "{}", listed.text);
    assert!(listed.json()["value"][0]["id"].as_str().unwrap().eq_ignore_ascii_case(&association));
    let nowhere = caller.get(&format!("{}/associations", rule_path(&s, "missing"))).await.unwrap();
    assert_eq!(nowhere.status, 404, "{}", nowhere.text);
    let none = caller.get(&format!("{}/associations", s.server.app.home.default_rule)).await.unwrap();
    assert!(!none.text.to_lowercase().contains(&association.to_lowercase()), "{}", none.text);
    assert_eq!(outcome(caller.delete(&rule_path(&s, "door")).await.unwrap()), "409 Conflict");
    assert_eq!(caller.delete(&association).await.unwrap().status, 200);
    assert_eq!(caller.delete(&rule_path(&s, "door")).await.unwrap().status, 200);
    let default = s.server.app.home.default_rule.to_string();
    assert_eq!(outcome(caller.delete(&default).await.unwrap()), "409 Conflict");

    let endpoint =
        format!("{}/providers/Microsoft.Insights/dataCollectionEndpoints/e", s.server.app.home.group_id());
    let made = caller.put(&endpoint, json!({"location": "local"})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["properties"]["logsIngestion"]["endpoint"], s.server.app.public_url);
    let closed = json!({"properties": {"networkAcls": {"publicNetworkAccess": "Disabled"}}});
    assert_eq!(caller.put(&endpoint, closed).await.unwrap().status, 400);
}

#[tokio::test]
async fn a_transformation_is_tried_before_it_is_used() {
    let s = server().await;
    let caller = owner(&s).await;
    let preview = async |body: Value| caller.post("/portal/v1/transform/preview", body).await.unwrap();
    let answer = preview(json!({
        "transformKql": "source | where n > 1 | extend m = n * 10",
        "columns": [{"name": "n", "type": "long"}], "rows": [{"n": 1}, {"n": 2}, {"n": "x", "z": 1}],
    }))
    .await;
    let shown = answer.json();
    assert_eq!((answer.status, &shown["rows"]), (200, &json!([{"n": 2, "m": 20}])), "{}", answer.text);
    assert_eq!(
        (&shown["rowsIn"], &shown["rejectedCells"], &shown["unknownFields"]),
        (&json!(3), &json!(1), &json!(1))
    );
    let wrong = preview(json!({"transformKql": "source | wher n > 1", "columns": [{"name": "n", "type": "long"}], "rows": []})).await;
    assert_eq!(
        (wrong.status, wrong.json()["error"]["details"][0]["pos"].as_u64()),
        (400, Some(10)),
        "{}",
        wrong.text
    );

    let rule = caller.get(s.server.app.home.default_rule.as_str()).await.unwrap();
    let sent =
        send(&caller, &rule, "Microsoft-Syslog", json!([{"SyslogMessage": "hello", "Facility": "auth"}]))
            .await;
    assert_eq!(sent.status, 204, "{}", sent.text);
    let live = preview(json!({"table": "Syslog", "transformKql": "source | project TimeGenerated, Upper = toupper(SyslogMessage)"})).await;
    assert_eq!(live.json()["rows"][0]["Upper"], "HELLO", "{}", live.text);
    let publisher = s.principal("Monitoring Metrics Publisher").await.unwrap();
    let refused = publisher
        .post("/portal/v1/transform/preview", json!({"table": "Syslog", "transformKql": "source"}))
        .await;
    assert_eq!(outcome(refused.unwrap()), "403 AuthorizationFailed");
}
