//! Objects that people keep in the server: watchlists, bookmarks, relations, automations, contacts. What is wrong is
//! refused at its place.

use bartizan_testkit::in_process::{Caller, InProcess};
use serde_json::{Value, json};

use crate::{outcome, owner, rows, server};

fn insights(s: &InProcess) -> String {
    format!("{}/providers/Microsoft.SecurityInsights", s.server.app.home.workspace)
}

fn security(s: &InProcess) -> String {
    format!("{}/providers/Microsoft.Security", s.server.app.home.subscription_id())
}

/// Puts each body and compares status and place of the error.
async fn refuses(caller: &Caller, path: &str, cases: &[(Value, &str)]) {
    for (properties, expected) in cases {
        let answer = caller.put(path, json!({"location": "local", "properties": properties})).await.unwrap();
        let target = answer.json()["error"]["target"].as_str().unwrap_or_default().to_owned();
        assert_eq!(format!("{} {target}", answer.status), *expected, "{path} {properties}: {}", answer.text);
    }
}

async fn values(caller: &Caller, path: &str) -> Vec<Value> {
    caller.get(path).await.unwrap().json()["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_watchlist_holds_the_rows_that_came_with_it() {
    let s = server().await;
    let caller = owner(&s).await;
    let list = format!("{}/watchlists/servers", insights(&s));
    let body = |raw: &str| json!({"displayName": "Servers", "provider": "x", "itemsSearchKey": "host", "contentType": "text/csv", "rawContent": raw});
    let wide = format!("host{}\n", ",a".repeat(100));
    refuses(
        &caller,
        &list,
        &[
            (json!({"displayName": "Servers"}), "400 properties.provider"),
            (body("name\nweb\n"), "400 properties.itemsSearchKey"),
            (body("host,owner\nweb\n"), "400 properties.rawContent"),
            (body(""), "400 properties.itemsSearchKey"),
            (body(&wide), "400 properties.rawContent"),
            (json!({"displayName": "a", "provider": "x", "itemsSearchKey": "host", "rawContent": 7}), "400 properties.rawContent"),
            (
                json!({"displayName": "a", "provider": "x", "itemsSearchKey": "host", "contentType": "text/tsv", "rawContent": "host"}),
                "400 properties.contentType",
            ),
        ],
    )
    .await;
    let items = format!("{list}/watchlistItems");
    assert_eq!(outcome(caller.get(&list).await.unwrap()), "404 ResourceNotFound");
    let made =
        caller.put(&list, json!({"properties": body("host,owner\nweb,\"Ann, B\"\ndb,\n")})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(
        (&made["properties"]["rawContent"], &made["properties"]["watchlistAlias"]),
        (&Value::Null, &json!("servers"))
    );
    let first = values(&caller, &items).await;
    let mut kept: Vec<&Value> = first.iter().map(|item| &item["properties"]["itemsKeyValue"]).collect();
    kept.sort_by_key(|row| row["host"].to_string());
    assert_eq!(kept, [&json!({"host": "db", "owner": ""}), &json!({"host": "web", "owner": "Ann, B"})]);
    let query = "_GetWatchlist('SERVERS') | project host, owner, SearchKey, item = tostring(WatchlistItem.host) | sort by host asc";
    assert_eq!(
        rows(&s, &caller, query).await,
        json!([["db", "", "db", "db"], ["web", "Ann, B", "web", "web"]])
    );
    let joined = "print host = 'web' | join kind=inner (_GetWatchlist('servers')) on $left.host == $right.SearchKey | project owner";
    assert_eq!(rows(&s, &caller, joined).await, json!([["Ann, B"]]));
    // Another upload replaces; what is in both keeps its id.
    let again =
        caller.put(&list, json!({"properties": body("host,owner\nweb,\"Ann, B\"\ndns,Cy\n")})).await.unwrap();
    assert_eq!(again.status, 200, "{}", again.text);
    let second = values(&caller, &items).await;
    let id = |items: &[Value], host: &str| {
        let found = items.iter().find(|item| item["properties"]["itemsKeyValue"]["host"] == host);
        found.map(|item| item["id"].clone())
    };
    assert_eq!(second.len(), 2);
    assert_eq!((id(&first, "web"), id(&second, "db")), (id(&second, "web"), None));
    // A change of the list without rows leaves them.
    let renamed = json!({"properties": {"displayName": "Hosts", "provider": "x", "itemsSearchKey": "host"}});
    assert_eq!(caller.put(&list, renamed).await.unwrap().status, 200);
    assert_eq!(values(&caller, &items).await.len(), 2);
    refuses(
        &caller,
        &format!("{items}/6e0f9a30-7c51-4a57-9f6e-1d2c3b4a5f00"),
        &[
            (json!({"itemsKeyValue": {"owner": "x"}}), "400 properties.itemsKeyValue"),
            (json!({"itemsKeyValue": {"host": {"deep": 1}}}), "400 properties.itemsKeyValue"),
            (json!({"itemsKeyValue": {"host": "x".repeat(20_000)}}), "400 properties.itemsKeyValue"),
        ],
    )
    .await;
    assert_eq!(
        rows(&s, &caller, "_GetWatchlist('servers') | summarize count(), dcount(host)").await,
        json!([[2, 2]])
    );
    assert_eq!(caller.delete(&list).await.unwrap().status, 200);
    assert_eq!(rows(&s, &caller, "_GetWatchlist('servers') | count").await, json!([[0]]));
    assert_eq!(values(&caller, &items).await, Vec::<Value>::new());
}

#[tokio::test]
async fn incidents_are_joined_to_alerts_and_bookmarks_only() {
    let s = server().await;
    let caller = owner(&s).await;
    let (insights, home) = (insights(&s), &s.server.app.home);
    let incident = format!("{insights}/incidents/one");
    let made =
        caller.put(&incident, json!({"properties": {"title": "One", "severity": "Low", "status": "New"}}));
    assert_eq!(made.await.unwrap().status, 201);
    let bookmark = format!("{insights}/bookmarks/b");
    refuses(
        &caller,
        &bookmark,
        &[
            (json!({"query": "print 1"}), "400 properties.displayName"),
            (json!({"displayName": "b"}), "400 properties.query"),
            (json!({"displayName": "b", "query": "print 1", "labels": [1]}), "400 properties.labels"),
            (
                json!({"displayName": "b", "query": "print 1", "eventTime": "soon"}),
                "400 properties.eventTime",
            ),
        ],
    )
    .await;
    let body =
        json!({"properties": {"displayName": "b", "query": "print 1", "createdBy": {"name": "forged"}}});
    let made = caller.put(&bookmark, body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["properties"]["createdBy"]["name"], "Owner");
    let relation = format!("{incident}/relations/r");
    refuses(
        &caller,
        &relation,
        &[
            (json!({}), "400 properties.relatedResourceId"),
            (json!({"relatedResourceId": home.workspace}), "400 properties.relatedResourceId"),
            (
                json!({"relatedResourceId": format!("{insights}/bookmarks/none")}),
                "400 properties.relatedResourceId",
            ),
        ],
    )
    .await;
    let joined = caller.put(&relation, json!({"properties": {"relatedResourceId": bookmark}})).await.unwrap();
    assert_eq!(
        (joined.status, &joined.json()["properties"]["relatedResourceKind"]),
        (201, &json!("Bookmark")),
        "{}",
        joined.text
    );
    let count = async || {
        let incident = caller.get(&incident).await.unwrap().json();
        let listed = caller.post(&format!("{}/bookmarks", incident["id"].as_str().unwrap()), json!({})).await;
        let listed = listed.unwrap().json()["value"].as_array().unwrap().len();
        (incident["properties"]["additionalData"]["bookmarksCount"].clone(), listed)
    };
    assert_eq!(count().await, (json!(1), 1));
    assert_eq!(caller.delete(&relation).await.unwrap().status, 200);
    assert_eq!(count().await, (json!(0), 0));
}

#[tokio::test]
async fn automations_are_kept_and_never_seem_to_run() {
    let s = server().await;
    let caller = owner(&s).await;
    let rule = |enabled: bool| {
        json!({
            "displayName": "Close", "order": 1, "actions": [{"actionType": "ModifyProperties", "order": 1}],
            "triggeringLogic": {"isEnabled": enabled, "triggersOn": "Incidents", "triggersWhen": "Created"},
        })
    };
    let mut wrong_action = rule(false);
    wrong_action["actions"][0]["actionType"] = "Format".into();
    let path = format!("{}/automationRules/close", insights(&s));
    refuses(
        &caller,
        &path,
        &[
            (rule(true), "400 properties.triggeringLogic.isEnabled"),
            (wrong_action, "400 properties.actions[0].actionType"),
            (rule(false), "201 "),
        ],
    )
    .await;
    let group = s.server.app.home.group_id();
    let automation = |enabled: Value| json!({"isEnabled": enabled, "scopes": [{}], "sources": [{}], "actions": [{"actionType": "LogicApp"}]});
    let path = format!("{group}/providers/Microsoft.Security/automations/a");
    refuses(
        &caller,
        &path,
        &[
            (automation(json!(true)), "400 properties.isEnabled"),
            (automation(Value::Null), "400 properties.isEnabled"),
            (json!({"isEnabled": false}), "400 properties.scopes"),
            (automation(json!(false)), "201 "),
        ],
    )
    .await;
    let on = json!({"properties": automation(json!(true))});
    let verdict = caller.post(&format!("{path}/validate"), on).await.unwrap();
    assert_eq!(verdict.json()["isValid"], false);
}

#[tokio::test]
async fn settings_of_the_subscription_are_checked() {
    let s = server().await;
    let caller = owner(&s).await;
    let (security, home) = (security(&s), &s.server.app.home);
    refuses(
        &caller,
        &format!("{security}/securityContacts/default"),
        &[
            (json!({}), "400 properties.emails"),
            (json!({"emails": "nobody"}), "400 properties.emails"),
            (json!({"emails": "a@example.org", "phone": 7}), "400 properties.phone"),
            (
                json!({"emails": "a@example.org", "alertNotifications": {"state": "Maybe"}}),
                "400 properties.alertNotifications.state",
            ),
            (json!({"emails": "a@example.org;b@example.org", "alertNotifications": {"state": "On"}}), "200 "),
        ],
    )
    .await;
    let other = format!("{}-other", home.workspace);
    refuses(
        &caller,
        &format!("{security}/workspaceSettings/default"),
        &[
            (json!({"workspaceId": other, "scope": home.subscription_id()}), "400 properties.workspaceId"),
            (json!({"workspaceId": home.workspace, "scope": "/"}), "400 properties.scope"),
            (json!({"workspaceId": home.workspace, "scope": home.group_id()}), "200 "),
        ],
    )
    .await;
    let built_in = values(&caller, &format!("{security}/assessmentMetadata")).await[0]["name"].clone();
    let path = format!("{security}/assessmentMetadata/{}", built_in.as_str().unwrap());
    let mine = json!({"displayName": "Mine", "severity": "High", "assessmentType": "CustomerManaged"});
    let answer = caller.put(&path, json!({"properties": mine})).await.unwrap();
    assert_eq!(outcome(answer), "409 BuiltInAssessment");
    assert_eq!(outcome(caller.delete(&path).await.unwrap()), "409 BuiltInAssessment");
    // An assessment of one's own is shown by its description.
    let name = "6e0f9a30-7c51-4a57-9f6e-1d2c3b4a5f00";
    let path = format!("{security}/assessmentMetadata/{name}");
    let described = caller.put(&path, json!({"properties": mine})).await.unwrap();
    assert_eq!(described.status, 200);
    let pushed = caller
        .put(
            &format!("{security}/assessments/{name}"),
            json!({"properties": {"status": {"code": "Unhealthy"}}}),
        )
        .await
        .unwrap();
    assert_eq!(pushed.json()["properties"]["displayName"], "Mine", "{}", pushed.text);
    let tasks = values(&caller, &format!("{security}/tasks")).await;
    assert!(
        tasks.iter().any(|task| task["properties"]["securityTaskParameters"]["name"] == "Mine"),
        "{tasks:?}"
    );
}

#[tokio::test]
async fn people_see_what_they_may_do_and_no_more() {
    let s = server().await;
    let (by_owner, reader) = (owner(&s).await, s.principal("Reader").await.unwrap());
    let scope = s.server.app.home.group_id();
    let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
    let actions = |values: Vec<Value>| values.iter().map(|set| set["actions"].clone()).collect::<Vec<_>>();
    assert_eq!(actions(values(&by_owner, &path).await), [json!(["*"])]);
    assert_eq!(actions(values(&reader, &path).await), [json!(["*/read"])]);
    // Of tags, too: names come from resources, so who may read nothing sees none.
    let nobody = s.principal("Monitoring Metrics Publisher").await.unwrap();
    let tags = format!("{}/tagNames", s.server.app.home.subscription_id());
    assert_eq!(outcome(nobody.get(&tags).await.unwrap()), "403 AuthorizationFailed");
    let documents = s.anonymous().unwrap();
    let listed = values(&documents, "/openapi").await;
    for document in &listed {
        let found = documents.get(document["url"].as_str().unwrap()).await.unwrap();
        assert_eq!((found.status, &found.json()["openapi"]), (200, &json!("3.0.3")));
    }
    assert!(listed.len() > 8);
    assert_eq!(outcome(documents.get("/openapi/none.json").await.unwrap()), "404 ResourceNotFound");
}
