//! Several workspaces: made, filled, queried apart and together, closed to who has no role there, deleted.

use bartizan_base::ResourceId;
use bartizan_testkit::in_process::{Answer, Caller, InProcess};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, rows, server};

const AT: &str = "2026-01-01T00:00:00Z";

/// A workspace of a test.
struct Made {
    id: String,
    customer: String,
}

fn place(s: &InProcess, name: &str) -> String {
    format!("{}/providers/Microsoft.OperationalInsights/workspaces/{name}", s.server.app.home.group_id())
}

async fn make(s: &InProcess, by: &Caller, name: &str) -> Made {
    let id = place(s, name);
    let made = by.put(&id, json!({"location": "local"})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    Made { id, customer: made.json()["properties"]["customerId"].as_str().unwrap().to_owned() }
}

fn rule_id(s: &InProcess, name: &str) -> String {
    format!("{}/providers/Microsoft.Insights/dataCollectionRules/{name}", s.server.app.home.group_id())
}

/// A rule without flows that sends to these workspaces.
fn rule_to(workspaces: &[&str]) -> Value {
    let entries = workspaces.iter().enumerate();
    let entries: Vec<Value> =
        entries.map(|(at, id)| json!({"name": format!("w{at}"), "workspaceResourceId": id})).collect();
    json!({"location": "local", "properties": {"destinations": {"logAnalytics": entries}}})
}

fn immutable(rule: &Answer) -> String {
    rule.json()["properties"]["immutableId"].as_str().unwrap().to_owned()
}

/// Sends Syslog rows with these messages to workspaces.
async fn fill(s: &InProcess, by: &Caller, name: &str, to: &[&str], messages: &[&str]) -> Answer {
    let rule = by.put(&rule_id(s, name), rule_to(to)).await.unwrap();
    assert!([200, 201].contains(&rule.status), "{}", rule.text);
    let path =
        format!("/dataCollectionRules/{}/streams/Microsoft-Syslog?api-version=2023-01-01", immutable(&rule));
    let sent = messages.iter().map(|text| json!({"TimeGenerated": AT, "SyslogMessage": text}));
    let answer = by.post(&path, sent.collect()).await.unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text);
    rule
}

async fn ask(by: &Caller, workspace: &str, body: Value) -> Answer {
    by.post(&format!("/v1/workspaces/{workspace}/query"), body).await.unwrap()
}

/// The rows of a query, each as its first value.
async fn first(by: &Caller, workspace: &str, query: &str) -> Vec<Value> {
    let answer = ask(by, workspace, json!({"query": query})).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    firsts(&answer)
}

fn firsts(answer: &Answer) -> Vec<Value> {
    let rows = answer.json()["tables"][0]["rows"].as_array().unwrap().clone();
    rows.into_iter().map(|row| row[0].clone()).collect()
}

const MESSAGES: &str = "Syslog | project SyslogMessage | sort by SyslogMessage asc";

#[tokio::test]
async fn a_workspace_is_made_filled_and_deleted() {
    let s = server().await;
    let by = owner(&s).await;
    let home = &s.server.app.home;
    let made = make(&s, &by, "team-logs").await;
    let again = by.put(&made.id, json!({"location": "local", "tags": {"a": "b"}})).await.unwrap();
    assert_eq!((again.status, &again.json()["properties"]["customerId"]), (200, &json!(made.customer)));
    let list = format!(
        "{}/providers/Microsoft.OperationalInsights/workspaces?api-version=2022-10-01",
        home.subscription_id()
    );
    let listed = by.get(&list).await.unwrap().json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 2);

    let rule = fill(&s, &by, "to-team", &[&made.id], &["one", "two"]).await;
    let destination = &rule.json()["properties"]["destinations"]["logAnalytics"][0];
    assert_eq!(destination["workspaceId"], json!(made.customer));
    for called in [made.customer.as_str(), "team-logs"] {
        assert_eq!(first(&by, called, MESSAGES).await, ["one", "two"]);
    }
    let by_resource = by.post(&format!("/v1{}/query", made.id), json!({"query": MESSAGES})).await.unwrap();
    assert_eq!(firsts(&by_resource), ["one", "two"]);
    assert_eq!(rows(&s, &by, MESSAGES).await, json!([]), "nothing of it is in the home workspace");
    let tenants = first(&by, &made.customer, "Syslog | distinct TenantId").await;
    assert_eq!(tenants, [json!(made.customer)]);

    // Its own tables, functions, record of queries and allowance of a day.
    let table = json!({"properties": {"retentionInDays": 7, "schema": {"name": "App_CL", "columns": [
        {"name": "TimeGenerated", "type": "datetime"}, {"name": "m", "type": "string"},
    ]}}});
    let made_table = by.put(&format!("{}/tables/App_CL", made.id), table).await.unwrap();
    assert_eq!(made_table.json()["properties"]["retentionInDays"], 7, "{}", made_table.text);
    assert_eq!(by.get(&format!("{}/tables/App_CL", home.workspace)).await.unwrap().status, 404);
    let function = json!({"properties": {
        "category": "c", "displayName": "d", "query": "Syslog | count", "functionAlias": "HowMany",
    }});
    let saved = by.put(&format!("{}/savedSearches/how-many", made.id), function).await.unwrap();
    assert_eq!(saved.status, 200, "{}", saved.text);
    assert_eq!(first(&by, &made.customer, "HowMany").await, [json!(2)]);
    assert_eq!(outcome(ask(&by, "bartizan", json!({"query": "HowMany"})).await), "400 BadArgumentError");
    eventually("its queries are recorded there", || async {
        let asked = "LAQueryLogs | where QueryText == 'HowMany' | project ResponseCode";
        first(&by, &made.customer, asked).await.first() == Some(&json!(200))
    })
    .await;
    let usages = by.get(&format!("{}/usages?api-version=2022-10-01", made.id)).await.unwrap().json();
    assert!(usages["value"][0]["currentValue"].as_f64().unwrap() > 0.0, "{usages}");

    // Something sends there still.
    let in_use = by.delete(&made.id).await.unwrap();
    assert!(in_use.status == 409 && in_use.text.contains("to-team"), "{}", in_use.text);
    assert_eq!(by.delete(&rule_id(&s, "to-team")).await.unwrap().status, 200);
    assert_eq!(by.delete(&made.id).await.unwrap().status, 200);
    let by_resource = by.post(&format!("/v1{}/query", made.id), json!({"query": MESSAGES})).await.unwrap();
    assert_eq!(outcome(by_resource), "404 WorkspaceNotFoundError");
    for called in [made.customer.as_str(), "team-logs"] {
        let gone = ask(&by, called, json!({"query": MESSAGES})).await;
        assert_eq!(outcome(gone), "404 WorkspaceNotFoundError", "{called}");
    }
    let elsewhere = json!({"query": "workspace('team-logs').Syslog"});
    assert_eq!(outcome(ask(&by, "bartizan", elsewhere).await), "400 BadArgumentError");
    let customer = made.customer.parse().unwrap();
    eventually("its rows are removed", || async { s.server.app.store.tables(customer).is_empty() }).await;

    let renewed = make(&s, &by, "team-logs").await;
    assert_ne!(renewed.customer, made.customer);
    assert!(first(&by, "team-logs", MESSAGES).await.is_empty(), "a new one of the name has nothing of it");
}

#[tokio::test]
async fn what_a_workspace_cannot_be_is_refused() {
    let s = server().await;
    let by = owner(&s).await;
    let home = &s.server.app.home;
    for (name, body, expected) in [
        ("abc", json!({"location": "local"}), "400 InvalidRequestContent"),
        ("-abcd", json!({"location": "local"}), "400 InvalidRequestContent"),
        ("a_bcd", json!({"location": "local"}), "400 InvalidRequestContent"),
        ("nowhere", json!({}), "400 LocationRequired"),
        (
            "forever",
            json!({"location": "local", "properties": {"retentionInDays": 731}}),
            "400 InvalidRequestContent",
        ),
    ] {
        assert_eq!(outcome(by.put(&place(&s, name), body).await.unwrap()), expected, "{name}");
    }
    let chosen = json!({"location": "local", "properties": {"customerId": home.customer}});
    let made = by.put(&place(&s, "chosen"), chosen).await.unwrap();
    assert_ne!(
        made.json()["properties"]["customerId"],
        json!(home.customer),
        "the id is the server's to give"
    );
    assert_eq!(by.delete(home.workspace.as_str()).await.unwrap().status, 409);
    let sentinel = format!("{}/providers/Microsoft.SecurityInsights", place(&s, "chosen"));
    for path in [
        format!("{sentinel}/alertRules/r"),
        format!("{sentinel}/watchlists/w"),
        format!("{}/dataExports/e", place(&s, "chosen")),
    ] {
        let refused = by.put(&path, json!({"properties": {}})).await.unwrap();
        assert!(refused.text.contains(home.workspace.as_str()), "{}", refused.text);
        assert_eq!(outcome(refused), "400 WorkspaceNotSupported", "{path}");
    }
    // A reader makes none, and a rule may not name what is not there.
    let reader = s.principal("Reader").await.unwrap();
    let refused = reader.put(&place(&s, "mine"), json!({"location": "local"})).await.unwrap();
    assert_eq!(outcome(refused), "403 AuthorizationFailed");
    let nowhere = by.put(&rule_id(&s, "r"), rule_to(&[&place(&s, "nowhere")])).await.unwrap();
    assert_eq!(outcome(nowhere), "400 InvalidRequestContent");
    // The default rule keeps the home workspace: detections read it.
    let moved = by.put(home.default_rule.as_str(), rule_to(&[&place(&s, "chosen")])).await.unwrap();
    assert!(moved.status == 400 && moved.text.contains("detections"), "{}", moved.text);
}

#[tokio::test]
async fn queries_go_over_several_workspaces() {
    let s = server().await;
    let by = owner(&s).await;
    let home = s.server.app.home.workspace.to_string();
    let (one, two) = (make(&s, &by, "one-logs").await, make(&s, &by, "two-logs").await);
    fill(&s, &by, "a", &[&home], &["home"]).await;
    fill(&s, &by, "b", &[&one.id], &["one"]).await;
    fill(&s, &by, "c", &[&two.id, &one.id], &["both"]).await;
    let sorted = "project SyslogMessage | sort by SyslogMessage asc";
    for called in ["one-logs", &one.customer, &one.id, &one.id.to_uppercase()] {
        let query = format!("workspace('{called}').Syslog | {sorted}");
        assert_eq!(first(&by, "bartizan", &query).await, ["both", "one"], "{query}");
    }
    let union =
        format!("union Syslog, workspace('one-logs').Syslog, workspace('two-logs').Syslog | {sorted}");
    assert_eq!(first(&by, "bartizan", &union).await, ["both", "both", "home", "one"]);
    assert_eq!(first(&by, "two-logs", &format!("workspace('bartizan').Syslog | {sorted}")).await, ["home"]);

    let among = json!({"query": MESSAGES, "workspaces": ["one-logs", two.customer, two.id]});
    assert_eq!(firsts(&ask(&by, "bartizan", among).await), ["both", "both", "home", "one"]);
    let star = json!({"query": format!("search in (Syslog) 'one' | {sorted}"), "workspaces": ["one-logs"]});
    assert_eq!(firsts(&ask(&by, "bartizan", star).await), ["one"]);
    // A table that only another one has, and one that they declare differently.
    let table = |ty: &str| {
        json!({"properties": {"schema": {"columns": [
            {"name": "TimeGenerated", "type": "datetime"}, {"name": "m", "type": ty},
        ]}}})
    };
    assert_eq!(by.put(&format!("{}/tables/App_CL", one.id), table("string")).await.unwrap().status, 200);
    let count = json!({"query": "App_CL | summarize count() by m | count", "workspaces": ["one-logs"]});
    assert_eq!(firsts(&ask(&by, "bartizan", count.clone()).await), [json!(0)]);
    assert_eq!(by.put(&format!("{home}/tables/App_CL"), table("long")).await.unwrap().status, 200);
    let differs = ask(&by, "bartizan", count).await;
    assert!(differs.status == 400 && differs.text.contains("another type"), "{}", differs.text);

    let kusto = json!({"db": "one-logs", "csl": MESSAGES});
    let answer = by.post("/v1/rest/query", kusto).await.unwrap().json();
    assert_eq!(answer["Tables"][0]["Rows"], json!([["both"], ["one"]]));
    let shown = by.post("/v1/rest/mgmt", json!({"csl": ".show databases"})).await.unwrap().json();
    assert_eq!(shown["Tables"][0]["Rows"].as_array().unwrap().len(), 3);
    let metadata = by.get(&format!("/v1/workspaces/{}/metadata", one.customer)).await.unwrap().json();
    assert_eq!(metadata["workspaces"][0]["resourceId"], json!(one.id));
    assert!(metadata["tables"].as_array().unwrap().iter().any(|table| table["name"] == "App_CL"));
    let batch = json!({"requests": [
        {"id": "1", "workspace": one.customer, "body": {"query": MESSAGES}},
        {"id": "2", "workspace": two.customer, "body": {"query": MESSAGES}},
    ]});
    let answers = by.post("/v1/$batch", batch).await.unwrap().json();
    let counted = |at: usize| answers["responses"][at]["body"]["tables"][0]["rows"].as_array().unwrap().len();
    assert_eq!((counted(0), counted(1)), (2, 1));
}

/// Who has a role at one workspace reads nothing of another, by whatever way, and does not learn its tables.
#[tokio::test]
async fn a_reader_of_one_workspace_reads_nothing_of_another() {
    let s = server().await;
    let by = owner(&s).await;
    let home = s.server.app.home.workspace.to_string();
    let (mine, other) = (make(&s, &by, "mine-logs").await, make(&s, &by, "other-logs").await);
    fill(&s, &by, "a", &[&mine.id], &["mine"]).await;
    fill(&s, &by, "b", &[&other.id, &home], &["secret"]).await;
    let secret_table = json!({"properties": {"schema": {"columns": [{"name": "m", "type": "string"}]}}});
    assert_eq!(by.put(&format!("{}/tables/Secret_CL", other.id), secret_table).await.unwrap().status, 200);
    let function = |query: &str| {
        json!({"properties": {
            "category": "c", "displayName": "d", "query": query, "functionAlias": "Peek",
        }})
    };
    // Written by somebody who may read both, run by somebody who may not.
    let peek = function("workspace('other-logs').Syslog");
    assert_eq!(by.put(&format!("{}/savedSearches/peek", mine.id), peek).await.unwrap().status, 200);
    let only_there = json!({"properties": {
        "category": "c", "displayName": "d", "query": "print 'secret'", "functionAlias": "OnlyThere",
    }});
    assert_eq!(by.put(&format!("{}/savedSearches/f", other.id), only_there).await.unwrap().status, 200);
    let list = json!({"properties": {
        "displayName": "vip", "provider": "Custom", "itemsSearchKey": "k", "source": "x.csv",
        "contentType": "text/csv", "numberOfLinesToSkip": 0, "rawContent": "k\nsecret\n",
    }});
    let list =
        by.put(&format!("{home}/providers/Microsoft.SecurityInsights/watchlists/vip"), list).await.unwrap();
    assert!([200, 201].contains(&list.status), "{}", list.text);

    let scope = ResourceId::parse(&mine.id).unwrap();
    let reader = s.principal_at("Log Analytics Reader", &scope).await.unwrap();
    assert_eq!(first(&reader, "mine-logs", MESSAGES).await, ["mine"]);
    assert_eq!(
        first(&reader, "mine-logs", "workspace('mine-logs').Syslog | project SyslogMessage").await,
        ["mine"]
    );
    for query in [
        // Without the records of these queries, which say `secret` themselves.
        "union * | where Type != 'LAQueryLogs' and tostring(pack_all()) has 'secret' | project Type",
        "search 'secret' | where Type != 'LAQueryLogs' | project Type",
        "union withsource = T workspace('mine-logs').Syslog, Sys* | where SyslogMessage == 'secret' | project T",
        "_GetWatchlist('vip') | project k = tostring(pack_all())",
    ] {
        assert_eq!(first(&reader, "mine-logs", query).await, Vec::<Value>::new(), "{query}");
    }
    let refused = async |body: Value| {
        let answer = ask(&reader, "mine-logs", body.clone()).await;
        assert!(
            !answer.text.contains("secret") && !answer.text.contains("in the workspace"),
            "{body}: {}",
            answer.text
        );
        outcome(answer)
    };
    for query in [
        "workspace('other-logs').Syslog".to_owned(),
        format!("workspace('{}').Syslog", other.customer),
        format!("workspace('{}').Syslog", other.id),
        format!("workspace('{home}').Syslog"),
        "workspace('bartizan').Heartbeat".to_owned(),
        "union Syslog, workspace('other-logs').Syslog".to_owned(),
        "Syslog | where SyslogMessage in ((workspace('other-logs').Syslog | project SyslogMessage))"
            .to_owned(),
        "let f = () { workspace('other-logs').Syslog }; f()".to_owned(),
        "Peek".to_owned(),
        "Peek() | count".to_owned(),
        "OnlyThere".to_owned(),
        "workspace('other-logs').Secret_CL".to_owned(),
        "workspace('other-logs').NotThere_CL".to_owned(),
    ] {
        assert_eq!(refused(json!({"query": query})).await, "400 BadArgumentError", "{query}");
    }
    // What is wrong is the same whether a table is there or not.
    let told = async |table: &str| {
        let query = format!("workspace('other-logs').{table}");
        let answer = ask(&reader, "mine-logs", json!({"query": query})).await.json();
        answer["error"]["innererror"]["innererror"]["message"].clone()
    };
    assert_eq!(told("Secret_CL").await, told("NotThere_").await);
    for workspaces in [json!(["other-logs"]), json!([other.customer]), json!(["mine-logs", "bartizan"])] {
        let body = json!({"query": MESSAGES, "workspaces": workspaces});
        assert_eq!(refused(body).await, "403 AuthorizationFailed");
    }

    // The other doors.
    for called in ["other-logs", other.customer.as_str(), "bartizan"] {
        let body = json!({"query": MESSAGES});
        assert_eq!(outcome(ask(&reader, called, body.clone()).await), "403 AuthorizationFailed");
        let stream = reader
            .request(reqwest::Method::POST, &format!("/v1/workspaces/{called}/query"))
            .header("accept", "application/vnd.apache.arrow.stream")
            .json(&body);
        assert_eq!(bartizan_testkit::in_process::read(stream).await.unwrap().status, 403);
        let metadata = reader.get(&format!("/v1/workspaces/{called}/metadata")).await.unwrap();
        assert_eq!(outcome(metadata), "403 AuthorizationFailed");
        for path in ["/v1/rest/query", "/v2/rest/query"] {
            let kusto = reader.post(path, json!({"db": called, "csl": MESSAGES})).await.unwrap();
            assert_eq!(kusto.status, 403, "{}", kusto.text);
        }
        let schema = format!(".show database {called} schema as json");
        for csl in [".show tables", ".show functions", schema.as_str()] {
            let shown = reader.post("/v1/rest/mgmt", json!({"db": called, "csl": csl})).await.unwrap();
            assert_eq!(shown.status, 403, "{csl}: {}", shown.text);
        }
        for part in ["check", "complete", "hover", "call", "colours"] {
            let body = json!({"workspace": called, "query": "Secret", "offset": 3});
            let body = if matches!(part, "check" | "colours") {
                json!({"workspace": called, "query": "Secret"})
            } else {
                body
            };
            let answer = reader.post(&format!("/portal/v1/query/{part}"), body).await.unwrap();
            assert_eq!(outcome(answer), "403 AuthorizationFailed", "{part}");
        }
    }
    let by_resource =
        reader.post(&format!("/v1{}/query", other.id), json!({"query": MESSAGES})).await.unwrap();
    assert_eq!(outcome(by_resource), "403 AuthorizationFailed");
    let batch = json!({"requests": [
        {"id": "1", "workspace": mine.customer, "body": {"query": MESSAGES}},
        {"id": "2", "workspace": other.customer, "body": {"query": MESSAGES}},
        {"id": "3", "workspace": mine.customer, "body": {"query": MESSAGES, "workspaces": [other.customer]}},
    ]});
    let answers = reader.post("/v1/$batch", batch).await.unwrap().json();
    let statuses: Vec<&Value> = (0..3).map(|at| &answers["responses"][at]["status"]).collect();
    assert_eq!(statuses, [&json!(200), &json!(403), &json!(403)]);
    let shown =
        reader.post("/v1/rest/mgmt", json!({"db": "mine-logs", "csl": ".show databases"})).await.unwrap();
    assert_eq!(shown.json()["Tables"][0]["Rows"].as_array().unwrap().len(), 1, "{}", shown.text);
    // The editor of one workspace tells nothing of another.
    let checked = json!({"workspace": "mine-logs", "query": "workspace('other-logs').Secret_CL"});
    let checked = reader.post("/portal/v1/query/check", checked).await.unwrap();
    assert!(checked.status == 200 && checked.json()["columns"].is_null(), "{}", checked.text);
    let complete = json!({"workspace": "mine-logs", "query": "Secre", "offset": 5});
    let complete = reader.post("/portal/v1/query/complete", complete).await.unwrap();
    assert!(complete.status == 200 && !complete.text.contains("Secret_CL"), "{}", complete.text);

    // A role at one table of it opens that table.
    let table = ResourceId::parse(&format!("{}/tables/Syslog", other.id)).unwrap();
    let both = s.principal_at("Log Analytics Reader", &table).await.unwrap();
    let own = ask(&both, "mine-logs", json!({"query": "print 1"})).await;
    assert_eq!(outcome(own), "403 AuthorizationFailed");
    assert_eq!(first(&both, "other-logs", MESSAGES).await, ["secret"]);
    assert_eq!(
        outcome(ask(&both, "other-logs", json!({"query": "Secret_CL"})).await),
        "403 AuthorizationFailed"
    );
}

/// A role at a table of another workspace is enough for `workspace('…').Table`, and for no other table of it.
#[tokio::test]
async fn a_role_at_a_table_is_for_that_table_elsewhere_too() {
    let s = server().await;
    let by = owner(&s).await;
    let (mine, other) = (make(&s, &by, "mine-logs").await, make(&s, &by, "other-logs").await);
    fill(&s, &by, "a", &[&mine.id], &["mine"]).await;
    fill(&s, &by, "b", &[&other.id], &["there"]).await;
    let scope = |id: String| ResourceId::parse(&id).unwrap();
    let reader = s.principal_at("Log Analytics Reader", &scope(mine.id.clone())).await.unwrap();
    let table = scope(format!("{}/tables/Syslog", other.id));
    let app = &s.server.app;
    let all = app.records.list_all(&scope(mine.id.clone()), "Microsoft.Authorization/roleAssignments").await;
    let held = all.unwrap().into_iter().next().unwrap();
    let principal = held.property("principalId").unwrap().as_str().unwrap().parse().unwrap();
    let kind = bartizan_records::PrincipalKind::ServicePrincipal;
    bartizan_control::boot::assign_role(
        &app.records,
        &app.home,
        principal,
        "Log Analytics Reader",
        &table,
        kind,
    )
    .await
    .unwrap();
    let allowed =
        "union Syslog, workspace('other-logs').Syslog | project SyslogMessage | sort by SyslogMessage asc";
    assert_eq!(first(&reader, "mine-logs", allowed).await, ["mine", "there"]);
    let among = json!({"query": MESSAGES, "workspaces": ["other-logs"]});
    assert_eq!(firsts(&ask(&reader, "mine-logs", among).await), ["mine", "there"]);
    for body in [
        json!({"query": "workspace('other-logs').Event"}),
        json!({"query": "Event", "workspaces": ["other-logs"]}),
        json!({"query": "union * | count", "workspaces": ["other-logs"]}),
    ] {
        assert_eq!(outcome(ask(&reader, "mine-logs", body).await), "403 AuthorizationFailed");
    }
}

#[tokio::test]
async fn rows_go_where_the_writer_of_the_rule_may_write() {
    let s = server().await;
    let by = owner(&s).await;
    let home = &s.server.app.home;
    let group = format!("{}/resourceGroups/other", home.subscription_id());
    assert_eq!(by.put(&group, json!({"location": "local"})).await.unwrap().status, 201);
    let made = make(&s, &by, "team-logs").await;
    let scope = ResourceId::parse(&group).unwrap();
    let engineer = s.principal_at("Contributor", &scope).await.unwrap();
    let id = format!("{group}/providers/Microsoft.Insights/dataCollectionRules/mine");
    let refused = engineer.put(&id, rule_to(&[&made.id])).await.unwrap();
    assert_eq!(outcome(refused), "403 AuthorizationFailed");
    assert_eq!(by.put(&id, rule_to(&[&made.id])).await.unwrap().status, 201);
    // What is there already may stay.
    let kept = engineer.put(&id, rule_to(&[&made.id])).await.unwrap();
    assert_eq!(kept.status, 200, "{}", kept.text);

    // A transformation makes its table in each workspace that its flow names, and nowhere else.
    let mut rule = rule_to(&[home.workspace.as_str(), &made.id]);
    rule["properties"]["streamDeclarations"] = json!({"Custom-Door": {"columns": [{"name": "when", "type": "datetime"}, {"name": "n", "type": "int"}]}});
    rule["properties"]["dataFlows"] = json!([
        {"streams": ["Custom-Door"], "destinations": ["w1"], "outputStream": "Custom-Door_CL",
         "transformKql": "source | project TimeGenerated = when, n"},
        {"streams": ["Custom-Door"], "destinations": ["w0", "w1"], "outputStream": "Microsoft-Syslog",
         "transformKql": "source | project TimeGenerated = when, ProcessID = n"},
    ]);
    let rule = by.put(&rule_id(&s, "doors"), rule).await.unwrap();
    assert_eq!(rule.status, 201, "{}", rule.text);
    let path =
        format!("/dataCollectionRules/{}/streams/Custom-Door?api-version=2023-01-01", immutable(&rule));
    let sent = by.post(&path, json!([{"when": AT, "n": 7}])).await.unwrap();
    assert_eq!(sent.status, 204, "{}", sent.text);
    assert_eq!(first(&by, "team-logs", "Door_CL | project n").await, [json!(7)]);
    assert_eq!(first(&by, "team-logs", "Syslog | project ProcessID").await, [json!(7)]);
    assert_eq!(rows(&s, &by, "Syslog | project ProcessID").await, json!([[7]]));
    assert!(s.server.app.store.table(home.customer, "Door_CL").is_none());

    // A full workspace holds its senders up, and no others.
    let cap = json!({"properties": {"workspaceCapping": {"dailyQuotaGb": 0.023}}});
    let patched = by.send(reqwest::Method::PATCH, &made.id, Some(&cap)).await.unwrap();
    assert_eq!(patched.status, 200, "{}", patched.text);
    let text = "x".repeat(1 << 20);
    let big: Vec<Value> = (0..24).map(|_| json!({"TimeGenerated": AT, "SyslogMessage": text})).collect();
    let to_team = by.put(&rule_id(&s, "team"), rule_to(&[&made.id])).await.unwrap();
    let path = |rule: &Answer| {
        format!("/dataCollectionRules/{}/streams/Microsoft-Syslog?api-version=2023-01-01", immutable(rule))
    };
    assert_eq!(by.post(&path(&to_team), json!(big)).await.unwrap().status, 204);
    let over = by.post(&path(&to_team), json!([{"TimeGenerated": AT}])).await.unwrap();
    assert_eq!(over.status, 429, "{}", over.text);
    let to_home = by.put(&rule_id(&s, "home"), rule_to(&[home.workspace.as_str()])).await.unwrap();
    assert_eq!(by.post(&path(&to_home), json!([{"TimeGenerated": AT}])).await.unwrap().status, 204);
}

#[tokio::test]
async fn machines_send_to_the_workspace_of_their_subscription() {
    let s = server().await;
    let by = owner(&s).await;
    let home = &s.server.app.home;
    let machine = s.enrol("web-1").await.unwrap();
    let extension = format!("{}/extensions/AzureMonitorLinuxAgent", machine.id);
    let body = json!({"location": "local", "properties": {
        "publisher": "Microsoft.Azure.Monitor", "type": "AzureMonitorLinuxAgent", "typeHandlerVersion": "1.0",
    }});
    let put = by.put(&extension, body).await.unwrap();
    assert!([200, 201, 202].contains(&put.status), "{}", put.text);
    let streams = async || {
        let state = machine.caller.get("/agent/v1/desired?wait=0").await.unwrap().json();
        let extensions = state["extensions"].as_array().unwrap().clone();
        let monitor = extensions.iter().find(|extension| extension["program"] == "monitor").cloned();
        monitor.unwrap_or_else(|| panic!("no monitor: {state}"))["streams"].clone()
    };
    let default = by.get(home.default_rule.as_str()).await.unwrap();
    assert_eq!(streams().await["Microsoft-Syslog"], json!(immutable(&default)));

    let setting =
        format!("{}/providers/Microsoft.Security/workspaceSettings/default", home.subscription_id());
    let own = format!(
        "{0}/resourceGroups/DefaultResourceGroup-local/providers/Microsoft.OperationalInsights/workspaces/DefaultWorkspace-{1}-local",
        home.subscription_id(),
        home.subscription
    );
    let choice =
        |workspace: &str| json!({"properties": {"workspaceId": workspace, "scope": home.subscription_id()}});
    // Who may change Defender's settings, but no workspace, sends nobody's logs away.
    let security = s.principal("Security Admin").await.unwrap();
    let refused = security.put(&setting, choice(&own)).await.unwrap();
    assert_eq!(outcome(refused), "403 AuthorizationFailed");
    assert_eq!(by.get(&own).await.unwrap().status, 404);
    let chosen = by.put(&setting, choice(&own)).await.unwrap();
    assert_eq!(chosen.status, 200, "{}", chosen.text);
    assert_eq!(by.get(&own).await.unwrap().status, 200, "made when it was named first");
    let rule = format!(
        "{0}/resourceGroups/DefaultResourceGroup-local/providers/Microsoft.Insights/dataCollectionRules/DefaultWorkspace-{1}-local-machines",
        home.subscription_id(),
        home.subscription
    );
    let rule = by.get(&rule).await.unwrap();
    assert_eq!(rule.status, 200, "{}", rule.text);
    let moved = streams().await;
    for stream in ["Microsoft-Syslog", "Microsoft-Heartbeat", "Microsoft-Perf"] {
        assert_eq!(moved[stream], json!(immutable(&rule)), "{stream}");
    }

    // What is still in the spool comes by the old rule or the new one, under its own number, and is kept once.
    let send = async |rule: &Answer, number: u64, text: &str| {
        let path = format!(
            "/dataCollectionRules/{}/streams/Microsoft-Syslog?api-version=2023-01-01",
            immutable(rule)
        );
        let request = machine
            .caller
            .request(reqwest::Method::POST, &path)
            .header(bartizan_wire::BATCH_HEADER, format!("00000000-0000-0000-0000-00000000000a/{number}"))
            .json(&json!([{"TimeGenerated": AT, "SyslogMessage": text}]));
        bartizan_testkit::in_process::read(request).await.unwrap().status
    };
    assert_eq!(send(&default, 1, "before").await, 204);
    assert_eq!(send(&rule, 2, "after").await, 204);
    assert_eq!(send(&rule, 2, "after").await, 204);
    let customer =
        by.get(&own).await.unwrap().json()["properties"]["customerId"].as_str().unwrap().to_owned();
    let there = "Syslog | project SyslogMessage, Computer, tolower(_ResourceId)";
    let answer = ask(&by, &customer, json!({"query": there})).await.json();
    assert_eq!(answer["tables"][0]["rows"], json!([["after", "web-1", machine.id.key()]]));
    assert_eq!(rows(&s, &by, MESSAGES).await, json!([["before"]]));

    // Chosen workspaces stay; so does the rule that sends there.
    let in_use = by.delete(&own).await.unwrap();
    assert!(in_use.status == 409 && in_use.text.contains("workspaceSettings"), "{}", in_use.text);
    let group = format!("{}/resourceGroups/DefaultResourceGroup-local", home.subscription_id());
    assert_eq!(by.delete(&group).await.unwrap().status, 409);
    assert_eq!(by.put(&setting, choice(home.workspace.as_str())).await.unwrap().status, 200);
    assert_eq!(streams().await["Microsoft-Syslog"], json!(immutable(&default)));
    assert_eq!(send(&rule, 3, "late").await, 204, "what was on its way arrives");
}

/// The rows of a workspace go with its resource group too, and a restart does not bring them back.
#[tokio::test]
async fn a_group_takes_its_workspaces_along() {
    let s = server().await;
    let by = owner(&s).await;
    let group = format!("{}/resourceGroups/short", s.server.app.home.subscription_id());
    assert_eq!(by.put(&group, json!({"location": "local"})).await.unwrap().status, 201);
    let id = format!("{group}/providers/Microsoft.OperationalInsights/workspaces/short-logs");
    let made = by.put(&id, json!({"location": "local"})).await.unwrap().json();
    let customer = made["properties"]["customerId"].as_str().unwrap().to_owned();
    fill(&s, &by, "short", &[&id], &["gone"]).await;
    // The rule that sends there is in another group.
    assert_eq!(by.delete(&group).await.unwrap().status, 409);
    assert_eq!(by.delete(&rule_id(&s, "short")).await.unwrap().status, 200);
    assert_eq!(by.delete(&group).await.unwrap().status, 202);
    let workspace = customer.parse().unwrap();
    eventually("the rows are removed", || async { s.server.app.store.tables(workspace).is_empty() }).await;
    let answer = ask(&by, &customer, json!({"query": MESSAGES})).await;
    assert_eq!(outcome(answer), "404 WorkspaceNotFoundError");
}
