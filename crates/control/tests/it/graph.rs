//! Resource Graph over real HTTPS: what it answers, to whom, and what it refuses.

use bartizan_base::ResourceId;
use bartizan_control::identity::service_principals;
use bartizan_records::{Actor, BulkWrite, Condition, Write};
use bartizan_testkit::in_process::{Answer, Caller, InProcess};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, server};

const GRAPH: &str = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";

async fn ask(caller: &Caller, body: Value) -> Answer {
    caller.post(GRAPH, body).await.unwrap()
}

async fn names(caller: &Caller, query: &str) -> Vec<String> {
    let answer = ask(caller, json!({"query": query})).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    let found = answer.json()["data"].as_array().unwrap().clone();
    found.iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn machines(s: &InProcess, count: usize) {
    for number in 0..count {
        s.enrol(&format!("web-{number}")).await.unwrap();
    }
}

#[tokio::test]
async fn queries_run_over_each_table() {
    let s = server().await;
    machines(&s, 2).await;
    let caller = owner(&s).await;
    let machines =
        "Resources | where type =~ 'Microsoft.HybridCompute/machines' | order by name asc | project name";
    assert_eq!(names(&caller, machines).await, ["web-0", "web-1"]);
    let groups = "resourcecontainers | where type == 'microsoft.resources/subscriptions/resourcegroups'";
    assert_eq!(names(&caller, groups).await, ["bartizan"]);
    let roles = "authorizationresources | summarize n = count() by type | project name = strcat(type, n > 0)";
    assert_eq!(names(&caller, roles).await, ["microsoft.authorization/roleassignmentstrue"]);
    let joined = "resources | where name startswith 'web' | join kind=inner (resourcecontainers | where \
                  type endswith 'resourcegroups' | project resourceGroup, group = name) on resourceGroup | \
                  summarize n = count() by group | project name = strcat(group, '=', n)";
    assert_eq!(names(&caller, joined).await, ["bartizan=2"]);
    // Dynamic values are JSON and can be looked into.
    let body = json!({"query": "resources | where name == 'web-0' | project properties, os = tostring(properties.osType)"});
    let row = ask(&caller, body).await.json()["data"][0].clone();
    assert_eq!((row["os"].as_str(), row["properties"]["osType"].as_str()), (Some("linux"), Some("linux")));
    assert!(names(&caller, "guestconfigurationresources").await.is_empty());
    let health = "healthresources | where type == 'microsoft.resourcehealth/availabilitystatuses' | project name = \
                  strcat(split(tostring(properties.targetResourceId), '/')[8], ' ', \
                  tostring(properties.availabilityState)) | order by name asc";
    assert_eq!(names(&caller, health).await, ["web-0 Available", "web-1 Available"]);
}

#[tokio::test]
async fn pages_and_forms_of_answers() {
    let s = server().await;
    machines(&s, 3).await;
    let caller = owner(&s).await;
    let query = "resources | where name startswith 'web' | order by name asc | project name, n = 1";
    let first = ask(&caller, json!({"query": query, "options": {"$top": 2}})).await.json();
    assert_eq!(
        (&first["count"], &first["totalRecords"], &first["resultTruncated"]),
        (&json!(2), &json!(3), &json!("true"))
    );
    let token = &first["$skipToken"];
    let rest =
        ask(&caller, json!({"query": query, "options": {"$top": 2, "$skipToken": token}})).await.json();
    assert_eq!(rest["data"], json!([{"name": "web-2", "n": 1}]));
    assert!(rest["$skipToken"].is_null());
    let other = json!({"query": "resources", "options": {"$skipToken": token}});
    assert_eq!(outcome(ask(&caller, other).await), "400 InvalidRequestContent", "a token of another query");
    let table = json!({"query": query, "options": {"$skip": 2, "resultFormat": "table"}});
    let table = ask(&caller, table).await.json();
    assert_eq!(
        table["data"]["columns"],
        json!([{"name": "name", "type": "string"}, {"name": "n", "type": "integer"}])
    );
    assert_eq!(table["data"]["rows"], json!([["web-2", 1]]));
}

#[tokio::test]
async fn only_what_the_caller_may_read_is_there() {
    let s = server().await;
    machines(&s, 1).await;
    let (app, home) = (&s.server.app, &s.server.app.home);
    let everything =
        "resources | union securityresources, policyresources, authorizationresources, resourcecontainers";
    let publisher = s.principal("Monitoring Metrics Publisher").await.unwrap();
    assert!(names(&publisher, everything).await.is_empty());
    let onboarding = s.principal("Azure Connected Machine Onboarding").await.unwrap();
    assert_eq!(names(&onboarding, everything).await, ["web-0"]);
    // A role on one group shows nothing of another.
    let group = home.subscription_id().join("resourceGroups/other").unwrap();
    let by = owner(&s).await;
    assert_eq!(by.put(group.as_str(), json!({"location": "local"})).await.unwrap().status, 201);
    let made = service_principals::create(&app.records, home, "group", "Reader", &group).await.unwrap();
    let token = s.token(&made.app_id.to_string(), &made.secret).await.unwrap().json();
    let reader = s.anonymous().unwrap().with_token(token["access_token"].as_str().unwrap());
    assert_eq!(names(&reader, "resourcecontainers").await, ["other"]);
    assert!(names(&reader, "resources").await.is_empty());
    // A subscription that is not ours, or not asked for, has nothing.
    let body = json!({"query": "resources", "subscriptions": ["00000000-0000-0000-0000-000000000001"]});
    assert_eq!(ask(&by, body).await.json()["totalRecords"], 0);
    assert_eq!(
        outcome(ask(&s.anonymous().unwrap(), json!({"query": "resources"})).await),
        "401 AuthenticationFailed"
    );
}

#[tokio::test]
async fn wrong_queries_are_told_why() {
    let s = server().await;
    let caller = owner(&s).await;
    for query in ["Heartbeat", "resources | where nonsense == 1", "resources |", "workspace('x').Heartbeat"] {
        let answer = ask(&caller, json!({"query": query})).await;
        assert_eq!(outcome(answer.clone()), "400 InvalidQuery", "{query}");
        assert!(
            answer.json()["error"]["details"][0]["message"].as_str().unwrap().contains("line 1"),
            "{query}"
        );
    }
    for (body, code) in [
        (json!({"query": ""}), "400 InvalidRequestContent"),
        (json!({}), "400 InvalidRequestContent"),
        (json!({"query": "resources", "options": {"$top": 0}}), "400 InvalidRequestContent"),
        (json!({"query": "resources", "options": {"$top": 1001}}), "400 InvalidRequestContent"),
        (json!({"query": "resources", "options": {"resultFormat": "xml"}}), "400 InvalidRequestContent"),
    ] {
        assert_eq!(outcome(ask(&caller, body.clone()).await), code, "{body}");
    }
}

#[tokio::test]
async fn changes_have_what_was_and_what_is() {
    let s = server().await;
    let by = owner(&s).await;
    let group = s.server.app.home.group_id();
    let machine = format!("{group}/providers/Microsoft.HybridCompute/machines/m");
    let put = async |tags: Value| {
        let body = json!({"location": "local", "tags": tags, "properties": {}});
        assert_eq!(by.put(&machine, body).await.unwrap().status, 200);
    };
    put(json!({"team": "a", "old": "x"})).await;
    put(json!({"team": "b"})).await;
    assert_eq!(by.delete(&machine).await.unwrap().status, 204);
    let of = format!("resourcechanges | where properties.targetResourceId =~ '{machine}' | project name = ");
    let kinds = format!(
        "{of} tostring(properties.changeType), t = tostring(properties.changeAttributes.timestamp) | order by t asc"
    );
    eventually("three changes to be told", async || {
        names(&by, &kinds).await == ["Create", "Update", "Delete"]
    })
    .await;
    let changes = format!("{of} tostring(properties.changes) | where name has 'tags'");
    let told = names(&by, &changes).await;
    let told: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(told["tags.team"]["previousValue"], "a");
    assert_eq!(
        (&told["tags.team"]["newValue"], &told["tags.team"]["propertyChangeType"]),
        (&json!("b"), &json!("Update"))
    );
    assert_eq!(
        (&told["tags.old"]["newValue"], &told["tags.old"]["propertyChangeType"]),
        (&Value::Null, &json!("Remove"))
    );
    // Who may not read a resource does not read what became of it.
    let elsewhere = s.server.app.home.workspace.clone();
    let stranger = s.principal_at("Reader", &elsewhere).await.unwrap();
    assert!(names(&stranger, &kinds).await.is_empty());
}

#[tokio::test]
async fn facets_count_values_beside_the_answer() {
    let s = server().await;
    machines(&s, 3).await;
    let by = owner(&s).await;
    let facets = json!([
        {"expression": "type"},
        {"expression": "tolower(name)", "options": {"$top": 2, "sortBy": "__value", "sortOrder": "asc"}},
        {"expression": "name", "options": {"filter": "name endswith '2'"}},
        {"expression": "nonsense"},
    ]);
    let query = "resources | where name startswith 'web' // with a comment at its end";
    let answer = ask(&by, json!({"query": query, "facets": facets})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = answer.json();
    assert_eq!(answer["totalRecords"], 3, "the query's own answer stays");
    let facets = answer["facets"].as_array().unwrap();
    assert_eq!(facets[0]["data"], json!([{"type": "microsoft.hybridcompute/machines", "count": 3}]));
    assert_eq!(facets[0]["resultType"], "FacetResult");
    assert_eq!((&facets[1]["totalRecords"], &facets[1]["count"]), (&json!(3), &json!(2)));
    assert_eq!(facets[1]["data"][0], json!({"tolower(name)": "web-0", "count": 1}));
    assert_eq!(facets[2]["data"], json!([{"name": "web-2", "count": 1}]));
    assert_eq!(
        (&facets[3]["resultType"], &facets[3]["expression"]),
        (&json!("FacetError"), &json!("nonsense"))
    );
    assert!(facets[3]["errors"][0]["message"].as_str().unwrap().contains("nonsense"), "{}", facets[3]);
    let many: Vec<Value> = (0..11).map(|_| json!({"expression": "type"})).collect();
    let answer = ask(&by, json!({"query": "resources", "facets": many})).await;
    assert_eq!(outcome(answer), "400 InvalidRequestContent");
}

/// Each change makes a small part of rows, and many of them become one: no row may be lost, doubled or old by that.
#[tokio::test]
async fn rows_follow_every_change() {
    const MACHINES: usize = 48;
    let s = server().await;
    let caller = owner(&s).await;
    let workspace = s.server.app.home.workspace.to_string();
    let group = workspace.split("/providers/").next().unwrap();
    let path = |number: usize| format!("{group}/providers/Microsoft.HybridCompute/machines/m{number:02}");
    let tagged = "resources | where type == 'microsoft.hybridcompute/machines' | order by name asc \
                  | project name = strcat(name, ' ', tostring(tags.round))";
    let mut expected = std::collections::BTreeMap::new();
    for round in 0..3 {
        for number in 0..MACHINES {
            match (round, number % 3) {
                (2, 0) => {
                    let gone = caller.delete(&path(number)).await.unwrap().status;
                    assert!(matches!(gone, 200 | 204), "{gone}");
                    expected.remove(&number);
                }
                (1, 1) => {}
                _ => {
                    let body = json!({"location": "local", "tags": {"round": format!("{round}")}});
                    let written = caller.put(&path(number), body).await.unwrap();
                    assert!(matches!(written.status, 200 | 201), "{}", written.text);
                    expected.insert(number, round);
                }
            }
            // An answer in between looks at the parts as they are, which must not change under it.
            if number % 2 == 0 {
                let wanted: Vec<String> =
                    expected.iter().map(|(number, round)| format!("m{number:02} {round}")).collect();
                assert_eq!(names(&caller, tagged).await, wanted, "round {round}, machine {number}");
            }
        }
    }
    assert_eq!(expected.len(), MACHINES - MACHINES / 3);
}

/// So many rows that their parts are packed: changes and deletions show in them as in small ones.
#[tokio::test]
async fn rows_of_large_tables_follow_every_change() {
    const ROWS: usize = 9_000;
    let s = server().await;
    let caller = owner(&s).await;
    let records = &s.server.app.records;
    let subscription =
        ResourceId::parse(&format!("/subscriptions/{}", s.server.app.home.subscription)).unwrap();
    let id = |number: usize| {
        subscription.join(&format!("providers/Microsoft.Security/assessments/n{number:05}")).unwrap()
    };
    let write = |number: usize, value: usize| BulkWrite {
        write: Write {
            id: id(number),
            body: json!({"properties": {"value": value}}),
            condition: Condition::None,
            actor: Actor::system("test"),
            audit: false,
        },
        of: subscription.clone(),
    };
    let put = async |numbers: std::ops::Range<usize>, value: usize| {
        let writes = numbers.map(|number| write(number, value)).collect();
        records.put_many(writes, &[], &Actor::system("test")).await.unwrap();
    };
    let all = "securityresources | where name startswith 'n' and name !contains '-' \
               | summarize n = count(), least = min(name), value = sum(toint(properties.value)) \
               | project name = strcat(n, ' ', least, ' ', value)";
    put(0..ROWS, 1).await;
    assert_eq!(names(&caller, all).await, [format!("{ROWS} n00000 {ROWS}")]);
    // Twenty parts of few rows, and one of which most are gone.
    for round in 0..20 {
        put(round * 300..(round + 1) * 300, 2).await;
        let value = ROWS + (round + 1) * 300;
        assert_eq!(names(&caller, all).await, [format!("{ROWS} n00000 {value}")], "round {round}");
    }
    for number in 0..10 {
        records.delete(&id(number), &Actor::system("test"), None).await.unwrap();
    }
    let (rows, value) = (ROWS - 10, ROWS + 6000 - 20);
    assert_eq!(names(&caller, all).await, [format!("{rows} n00010 {value}")]);
}
