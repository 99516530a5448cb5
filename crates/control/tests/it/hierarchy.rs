//! Management groups: the tree, what is handed down it, and what it refuses.

use bartizan_base::ResourceId;
use bartizan_testkit::in_process::{Caller, InProcess};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{eventually, outcome, owner, server};

const GROUPS: &str = "/providers/Microsoft.Management/managementGroups";

/// Somebody with a role at the root of all groups.
pub(crate) async fn root_owner(s: &InProcess) -> Caller {
    s.principal_at("Owner", &s.server.app.home.root_group()).await.unwrap()
}

pub(crate) fn group_id(name: &str) -> ResourceId {
    ResourceId::parse(&format!("{GROUPS}/{name}")).unwrap()
}

/// Makes a group below `parent`, or below the root.
pub(crate) async fn group(by: &Caller, name: &str, parent: Option<&str>) {
    let mut body = json!({"properties": {"displayName": format!("The {name}")}});
    if let Some(parent) = parent {
        body["properties"]["details"] = json!({"parent": {"id": group_id(parent)}});
    }
    let made = by.put(group_id(name).as_str(), body).await.unwrap();
    assert_eq!(made.status, 200, "{}", made.text);
}

/// Makes a subscription in a group and gives its id.
pub(crate) async fn subscription(by: &Caller, alias: &str, parent: &str) -> ResourceId {
    let path = format!("/providers/Microsoft.Subscription/aliases/{alias}");
    let body = json!({"properties": {
        "displayName": alias, "workload": "Production",
        "additionalProperties": {"managementGroupId": group_id(parent)},
    }});
    let made = by.put(&path, body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["properties"]["subscriptionId"].as_str().unwrap().to_owned();
    ResourceId::parse(&format!("/subscriptions/{id}")).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn groups_make_a_tree() {
    let s = server().await;
    let (by, root) = (root_owner(&s).await, s.server.app.home.root_group());
    group(&by, "Corp", None).await;
    group(&by, "Europe", Some("Corp")).await;
    group(&by, "Asia", Some("corp")).await;
    let paris = subscription(&by, "paris", "Europe").await;

    let all = by.get(GROUPS).await.unwrap().json();
    assert_eq!(names(&all).len(), 4, "{all}");
    let corp = format!("{GROUPS}/Corp?api-version=2020-05-01&$expand=children&$recurse=true");
    let corp = by.get(&corp).await.unwrap().json();
    assert_eq!(corp["properties"]["details"]["parent"]["name"], root.name());
    let children = corp["properties"]["children"].as_array().unwrap();
    assert_eq!(children.len(), 2);
    assert_eq!((&children[0]["name"], &children[0]["children"]), (&json!("Asia"), &Value::Null));
    assert_eq!(children[1]["children"][0]["id"], paris.as_str());
    assert_eq!(children[1]["children"][0]["type"], "/subscriptions");
    let groups_only = format!(
        "{GROUPS}/Europe?api-version=2020-05-01&$expand=children,path,ancestors&$filter=children.childType%20ne%20Subscription"
    );
    let europe = by.get(&groups_only).await.unwrap().json();
    assert_eq!(europe["properties"]["children"], Value::Null);
    let details = &europe["properties"]["details"];
    assert_eq!(details["managementGroupAncestors"], json!(["Corp", root.name()]));
    assert_eq!(details["path"][0]["name"], root.name());

    let first =
        by.get(&format!("{GROUPS}/Corp/descendants?api-version=2020-05-01&$top=2")).await.unwrap().json();
    assert_eq!(names(&first), ["Asia", "Europe"]);
    let next = first["nextLink"].as_str().unwrap().split_once("/providers").unwrap().1.to_owned();
    let rest = by.get(&format!("/providers{next}")).await.unwrap().json();
    assert_eq!(names(&rest), [paris.name()]);
    assert!(rest["nextLink"].is_null());
    let here = by.get(&format!("{GROUPS}/Europe/subscriptions")).await.unwrap().json();
    assert_eq!(here["value"][0]["properties"]["parent"]["id"], group_id("Europe").as_str());
    let entities = by.post("/providers/Microsoft.Management/getEntities", json!({})).await.unwrap().json();
    assert_eq!(entities["count"], 4 + 2, "four groups and two subscriptions: {entities}");

    // Renamed and moved; the version counts the changes.
    let patch = json!({"displayName": "Far East", "parentGroupId": group_id("Europe")});
    let moved = by.send(Method::PATCH, group_id("asia").as_str(), Some(&patch)).await.unwrap();
    assert_eq!(moved.status, 200, "{}", moved.text);
    let moved = moved.json();
    assert_eq!(
        (&moved["name"], &moved["properties"]["displayName"], &moved["properties"]["details"]["version"]),
        (&json!("Asia"), &json!("Far East"), &json!(2))
    );
    assert_eq!(moved["properties"]["details"]["parent"]["name"], "Europe");

    let name = |name: &str| json!({"name": name, "type": "Microsoft.Management/managementGroups"});
    let check = "/providers/Microsoft.Management/checkNameAvailability";
    assert_eq!(by.post(check, name("new")).await.unwrap().json()["nameAvailable"], true);
    assert_eq!(by.post(check, name("CORP")).await.unwrap().json()["reason"], "AlreadyExists");
    assert_eq!(by.post(check, name("a/b")).await.unwrap().json()["reason"], "Invalid");

    // A subscription moves, out of a group means to the root, and an empty group can go.
    let place = |group: &str| format!("{GROUPS}/{group}/subscriptions/{}", paris.name());
    assert_eq!(by.send(Method::PUT, &place("Asia"), None).await.unwrap().status, 200);
    assert_eq!(outcome(by.get(&place("Europe")).await.unwrap()), "404 ResourceNotFound");
    assert_eq!(by.get(&place("Asia")).await.unwrap().status, 200);
    assert_eq!(
        outcome(by.delete(group_id("Asia").as_str()).await.unwrap()),
        "409 ManagementGroupHasChildren"
    );
    assert_eq!(by.delete(&place("Asia")).await.unwrap().status, 200);
    assert_eq!(by.delete(&place("Asia")).await.unwrap().status, 204);
    let in_root = format!("{root}/subscriptions/{}", paris.name());
    assert_eq!(by.get(&in_root).await.unwrap().status, 200);
    assert_eq!(by.delete(group_id("Asia").as_str()).await.unwrap().status, 204);
    assert_eq!(outcome(by.get(group_id("Asia").as_str()).await.unwrap()), "404 NotFound");
}

#[tokio::test]
async fn the_tree_refuses_what_would_break_it() {
    let s = server().await;
    let (by, root) = (root_owner(&s).await, s.server.app.home.root_group());
    let mut above = None;
    for level in 1..=6 {
        let name = format!("L{level}");
        group(&by, &name, above.as_deref()).await;
        above = Some(name);
    }
    let under = |parent: &str| json!({"properties": {"details": {"parent": {"id": group_id(parent)}}}});
    let put = async |name: &str, body: Value| outcome(by.put(group_id(name).as_str(), body).await.unwrap());
    assert_eq!(put("L7", under("L6")).await, "409 ExceededMaximumDepth");
    assert_eq!(put("L2", under("L4")).await, "409 ManagementGroupLoop");
    assert_eq!(put("L2", under("L2")).await, "409 ManagementGroupLoop");
    assert_eq!(put("x", under("nowhere")).await, "400 InvalidRequestContent");
    assert_eq!(put("ends.", json!({})).await, "400 InvalidRequestContent");
    assert_eq!(put("x", json!({"properties": {"displayName": ""}})).await, "400 InvalidRequestContent");
    assert_eq!(put(root.name(), under("L1")).await, "409 RootGroupUpdate");
    assert_eq!(outcome(by.delete(root.as_str()).await.unwrap()), "409 RootGroupDelete");
    // A whole branch may not be hung so low that its leaves are too deep.
    group(&by, "branch", None).await;
    group(&by, "leaf", Some("branch")).await;
    assert_eq!(put("branch", under("L5")).await, "409 ExceededMaximumDepth");
    assert_eq!(put("branch", under("L4")).await, "200");

    let on = |suffix: &str| format!("{}/providers/{suffix}", group_id("L1"));
    let lock = on("Microsoft.Authorization/locks/l");
    let body = json!({"properties": {"level": "ReadOnly"}});
    assert_eq!(outcome(by.put(&lock, body).await.unwrap()), "400 InvalidRequestContent");
    let plan = on("Microsoft.Security/pricings/VirtualMachines");
    let body = json!({"properties": {"pricingTier": "Free"}});
    assert_eq!(outcome(by.put(&plan, body).await.unwrap()), "400 InvalidScope");
    let elsewhere = format!("{GROUPS}/nowhere/providers/Microsoft.Authorization/locks/l");
    assert_eq!(outcome(by.get(&elsewhere).await.unwrap()), "404 NotFound");
    for path in [format!("{GROUPS}/L1/nonsense"), "/providers/Microsoft.Management/nonsense".to_owned()] {
        assert_eq!(outcome(by.get(&path).await.unwrap()), "404 InvalidPath", "{path}");
    }
    let expand = format!("{GROUPS}/L1?api-version=2020-05-01&$expand=everything");
    assert_eq!(outcome(by.get(&expand).await.unwrap()), "400 BadRequest");
    // Two moves at once, each right by itself, never make a ring.
    group(&by, "ping", None).await;
    group(&by, "pong", None).await;
    let (a, b) = tokio::join!(put("ping", under("pong")), put("pong", under("ping")));
    let mut both = [a, b];
    both.sort();
    assert_eq!(both, ["200", "409 ManagementGroupLoop"]);
}

#[tokio::test]
async fn roles_at_a_group_hold_below_it_and_nowhere_else() {
    let s = server().await;
    let (by, home) = (root_owner(&s).await, s.server.app.home.subscription_id());
    group(&by, "a", None).await;
    group(&by, "b", Some("a")).await;
    group(&by, "c", None).await;
    let (one, two) = (subscription(&by, "one", "b").await, subscription(&by, "two", "c").await);
    let reader = s.principal_at("Reader", &group_id("a")).await.unwrap();
    let group_of = |subscription: &ResourceId| format!("{subscription}/resourceGroups/rg");
    for subscription in [&one, &two] {
        let made = by.put(&group_of(subscription), json!({"location": "local"})).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let status = async |caller: &Caller, path: &str| outcome(caller.get(path).await.unwrap());
    assert_eq!(status(&reader, &group_of(&one)).await, "200");
    assert_eq!(status(&reader, &group_of(&two)).await, "403 AuthorizationFailed");
    assert_eq!(status(&reader, home.as_str()).await, "403 AuthorizationFailed");
    assert_eq!(status(&reader, group_id("b").as_str()).await, "200");
    assert_eq!(status(&reader, group_id("c").as_str()).await, "403 AuthorizationFailed");
    let seen = reader.get("/subscriptions").await.unwrap().json();
    assert_eq!(seen["value"].as_array().unwrap().len(), 1);
    assert!(seen["value"][0].get("managementGroup").is_none(), "the place is the tree's to tell");
    assert_eq!(names(&reader.get(GROUPS).await.unwrap().json()), ["a", "b"]);
    // The role holds where the subscription goes, from the next request on.
    let place = format!("{}/subscriptions/{}", group_id("c"), one.name());
    assert_eq!(by.send(Method::PUT, &place, None).await.unwrap().status, 200);
    assert_eq!(status(&reader, &group_of(&one)).await, "403 AuthorizationFailed");
    // Who only owns the subscription cannot move it into a group of others, nor out of one.
    let mine = s.principal_at("Owner", &one).await.unwrap();
    let to_a = format!("{}/subscriptions/{}", group_id("a"), one.name());
    assert_eq!(outcome(mine.send(Method::PUT, &to_a, None).await.unwrap()), "403 AuthorizationFailed");
    // Who owns both groups and not the subscription cannot either.
    group(&by, "d", None).await;
    let other = s.principal_at("Owner", &group_id("d")).await.unwrap();
    let to_d = format!("{}/subscriptions/{}", group_id("d"), one.name());
    assert_eq!(outcome(other.send(Method::PUT, &to_d, None).await.unwrap()), "403 AuthorizationFailed");
    // An owner of the first subscription is nobody above it.
    let below = owner(&s).await;
    let body = json!({"properties": {}});
    assert_eq!(outcome(below.put(group_id("e").as_str(), body).await.unwrap()), "403 AuthorizationFailed");
    // Assignments at a group are made there and listed below.
    let name = Uuid::from_u128(5);
    let path = format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}", group_id("c"));
    let body = json!({"properties": {
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "principalId": s.server.app.home.owner,
    }});
    assert_eq!(by.put(&path, body).await.unwrap().status, 201);
    let listed = async |filter: &str| -> bool {
        let path = format!(
            "{two}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter={filter}"
        );
        names(&by.get(&path).await.unwrap().json()).contains(&name.to_string().as_str())
    };
    assert!(listed("").await && listed("atScope()").await && !listed("atExactScope()").await);
}

#[tokio::test]
async fn policies_at_a_group_hold_below_it() {
    let s = server().await;
    let by = root_owner(&s).await;
    group(&by, "strict", None).await;
    let (inside, outside) =
        (subscription(&by, "inside", "strict").await, subscription(&by, "outside", "strict").await);
    let place = format!("{}/subscriptions/{}", s.server.app.home.root_group(), outside.name());
    assert_eq!(by.send(Method::PUT, &place, None).await.unwrap().status, 200);
    let on = |kind: &str| format!("{}/providers/Microsoft.Authorization/{kind}", group_id("strict"));
    let definition = json!({"properties": {"mode": "All", "policyRule": {
        "if": {"allOf": [
            {"field": "type", "equals": "Microsoft.HybridCompute/machines"},
            {"field": "tags['owner']", "exists": "false"},
        ]},
        "then": {"effect": "deny"},
    }}});
    let made = by.put(&on("policyDefinitions/need-owner"), definition).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let assignment = json!({"properties": {"policyDefinitionId": on("policyDefinitions/need-owner")}});
    let made = by.put(&on("policyAssignments/need-owner"), assignment).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let machine = async |subscription: &ResourceId, tags: Value| -> String {
        let rg = format!("{subscription}/resourceGroups/rg");
        assert!(by.put(&rg, json!({"location": "local"})).await.unwrap().status < 300);
        let path = format!("{rg}/providers/Microsoft.HybridCompute/machines/m");
        outcome(by.put(&path, json!({"location": "local", "tags": tags, "properties": {}})).await.unwrap())
    };
    assert_eq!(machine(&inside, json!({})).await, "403 RequestDisallowedByPolicy");
    assert_eq!(machine(&inside, json!({"owner": "x"})).await, "200");
    assert_eq!(machine(&outside, json!({})).await, "200");
    let list = format!("{inside}/providers/Microsoft.Authorization/policyAssignments?api-version=2022-06-01");
    assert_eq!(names(&by.get(&list).await.unwrap().json()), ["need-owner"]);
    // What is in a group, and who is in it, Resource Graph knows too.
    let graph = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    let query = "resources | where type == 'microsoft.hybridcompute/machines' | project subscriptionId";
    let body = json!({"query": query, "managementGroups": ["strict"]});
    let found = by.post(graph, body).await.unwrap().json();
    assert_eq!(found["data"], json!([{"subscriptionId": inside.name()}]), "{found}");
    let query = "resourcecontainers | where type == 'microsoft.resources/subscriptions' and name == 'inside' | \
                 project chain = properties.managementGroupAncestorsChain[0].name";
    let found = by.post(graph, json!({"query": query})).await.unwrap().json();
    assert_eq!(found["data"], json!([{"chain": "strict"}]), "{found}");
    // The policy engine looks again when a subscription moves.
    let states = format!("{inside}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults");
    let count =
        async || by.post(&states, json!({})).await.unwrap().json()["@odata.count"].as_u64().unwrap_or(0);
    let place = format!("{}/subscriptions/{}", s.server.app.home.root_group(), inside.name());
    assert_eq!(by.send(Method::PUT, &place, None).await.unwrap().status, 200);
    eventually("the states of a policy that holds no more to go", async || count().await == 0).await;
    assert_eq!(
        by.delete(&format!("{inside}/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/m"))
            .await
            .unwrap()
            .status,
        204
    );
    assert_eq!(machine(&inside, json!({})).await, "200");
}
