//! What policies did and say: events, states and summaries at every scope, evaluation on demand, attestations.

use bartizan_testkit::in_process::{Caller, InProcess, read};
use reqwest::Method;
use serde_json::{Value, json};

use crate::hierarchy::root_owner;
use crate::{eventually, outcome, owner, server};

const MACHINE: &str = "Microsoft.HybridCompute/machines";
const INSIGHTS: &str = "providers/Microsoft.PolicyInsights";
const AUTHORIZATION: &str = "providers/Microsoft.Authorization";

/// A definition about machines at a scope, and its assignment of the same name; gives the assignment's id.
async fn assign(by: &Caller, scope: &str, name: &str, condition: Value, then: Value) -> String {
    let definition = json!({"properties": {"mode": "All", "policyRule": {
        "if": {"allOf": [{"field": "type", "equals": MACHINE}, condition]}, "then": then,
    }}});
    let path = format!("{scope}/{AUTHORIZATION}/policyDefinitions/{name}");
    let made = by.put(&path, definition).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let assigned = format!("{scope}/{AUTHORIZATION}/policyAssignments/{name}");
    let made = by.put(&assigned, json!({"properties": {"policyDefinitionId": path}})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    assigned
}

/// A query's answer, with OData options that are encoded here.
async fn ask(by: &Caller, path: &str, options: &[(&str, &str)]) -> bartizan_testkit::in_process::Answer {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("api-version", "2019-10-01");
    for (name, value) in options {
        query.append_pair(name, value);
    }
    by.post(&format!("{path}?{}", query.finish()), json!({})).await.unwrap()
}

async fn asked(by: &Caller, path: &str, options: &[(&str, &str)]) -> Vec<Value> {
    let answer = ask(by, path, options).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()["value"].as_array().unwrap().clone()
}

fn machine(s: &InProcess, name: &str) -> String {
    format!("{}/providers/{MACHINE}/{name}", s.server.app.home.group_id())
}

#[tokio::test]
async fn what_policies_do_to_writes_is_kept_and_asked_for_at_every_scope() {
    let s = server().await;
    let by = root_owner(&s).await;
    let home = &s.server.app.home;
    let (sub, group, root) =
        (home.subscription_id().to_string(), home.group_id().to_string(), home.root_group().to_string());
    let roles = ["/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"];
    let test = json!({"field": "tags['env']", "equals": "test"});
    assign(&by, &sub, "no-test", test, json!({"effect": "deny"})).await;
    let untagged = json!({"field": "tags['owner']", "exists": "false"});
    assign(&by, &sub, "watched", untagged, json!({"effect": "audit"})).await;
    let here = json!({"field": "tags['cost']", "exists": "false"});
    let modify = json!({"effect": "modify", "details": {"roleDefinitionIds": roles, "operations": [
        {"operation": "add", "field": "tags['cost']", "value": "7"},
    ]}});
    assign(&by, &sub, "cost", here, modify).await;
    let body = |env: &str| json!({"location": "local", "tags": {"env": env}, "properties": {}});
    assert_eq!(by.put(&machine(&s, "m1"), body("test")).await.unwrap().status, 403);
    assert_eq!(by.put(&machine(&s, "m2"), body("prod")).await.unwrap().status, 200);

    let events = |scope: &str| format!("{scope}/{INSIGHTS}/policyEvents/default/queryResults");
    let kinds = async |path: &str, options: &[(&str, &str)]| -> Vec<String> {
        let mut shown: Vec<String> = asked(&by, path, options)
            .await
            .iter()
            .map(|event| {
                let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
                let id = text("resourceId");
                let name = id.rsplit('/').next().unwrap_or_default();
                format!("{} {} {name}", text("eventType"), text("policyAssignmentName"))
            })
            .collect();
        shown.sort();
        shown
    };
    let all = ["Audit watched m2", "Deny no-test m1", "Modify cost m2", "StateChange watched m2"];
    eventually("the state to change", || async { kinds(&events(&sub), &[]).await.len() == 4 }).await;
    for scope in [&sub, &group, &root] {
        assert_eq!(kinds(&events(scope), &[]).await, all, "{scope}");
    }
    // A machine that was never made has its event all the same.
    assert_eq!(kinds(&events(&machine(&s, "m1")), &[]).await, ["Deny no-test m1"]);
    for (of, expected) in [("policyDefinitions/no-test", &all[1..2]), ("policyAssignments/cost", &all[2..3])]
    {
        assert_eq!(kinds(&events(&format!("{sub}/{AUTHORIZATION}/{of}")), &[]).await, expected);
    }
    let denied = &asked(&by, &events(&sub), &[("$filter", "policyDefinitionAction eq 'deny'")]).await[0];
    assert_eq!(denied["isCompliant"], false);
    assert_eq!(denied["tenantId"], home.tenant.to_string());
    assert_eq!(denied["subscriptionId"], home.subscription.to_string());
    assert!(denied["principalOid"].as_str().is_some_and(|id| uuid::Uuid::parse_str(id).is_ok()), "{denied}");
    let sorted = [
        ("$orderby", "policyAssignmentName desc, eventType"),
        ("$top", "2"),
        ("$select", "policyAssignmentName,EventType"),
    ];
    let first = asked(&by, &events(&sub), &sorted).await;
    let shown: Vec<&Value> = first.iter().map(|event| &event["eventType"]).collect();
    assert_eq!(shown, ["Audit", "StateChange"]);
    assert!(first[0].get("resourceId").is_none(), "{first:?}");
    assert!(asked(&by, &events(&sub), &[("$to", "2020-01-01T00:00:00Z")]).await.is_empty());
    assert!(asked(&by, &events(&sub), &[("$from", "2099-01-01T00:00:00Z")]).await.is_empty());
    for (option, value, code) in [
        ("$filter", "isCompliant like 3", "400 InvalidFilterInQueryString"),
        ("$orderby", "timestamp down", "400 InvalidOrderByInQueryString"),
        ("$from", "yesterday", "400 InvalidTimeInQueryString"),
        ("$top", "few", "400 InvalidTopInQueryString"),
        ("$apply", "aggregate($count as n)", "400 InvalidApplyInQueryString"),
    ] {
        assert_eq!(outcome(ask(&by, &events(&sub), &[(option, value)]).await), code, "{option}");
    }
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(asked(&reader, &events(&sub), &[]).await.len(), 4);
    assert_eq!(outcome(ask(&reader, &events(&root), &[]).await), "403 AuthorizationFailed");
    let nowhere = events("/providers/Microsoft.Management/managementGroups/nowhere");
    assert_eq!(outcome(ask(&by, &nowhere, &[]).await), "404 NotFound");

    // States over the management group, with the summary of each policy.
    let states = format!("{root}/{INSIGHTS}/policyStates/latest/queryResults");
    let bad = asked(
        &by,
        &states,
        &[("$filter", "complianceState eq 'NonCompliant' and (policyAssignmentName eq 'watched')")],
    )
    .await;
    assert_eq!(bad[0]["resourceId"], machine(&s, "m2"));
    let summary = ask(&by, &format!("{root}/{INSIGHTS}/policyStates/latest/summarize"), &[]).await.json();
    let results = &summary["value"][0]["results"];
    assert_eq!((&results["nonCompliantResources"], &results["nonCompliantPolicies"]), (&json!(1), &json!(1)));
    assert_eq!(results["resourceDetails"], json!([{"complianceState": "noncompliant", "count": 1}]));
    let of = summary["value"][0]["policyAssignments"].as_array().unwrap();
    let watched =
        of.iter().find(|one| one["policyAssignmentId"].as_str().unwrap().ends_with("/watched")).unwrap();
    assert_eq!(watched["policyDefinitions"][0]["effect"], "audit");
    assert_eq!(watched["policyDefinitions"][0]["results"]["nonCompliantResources"], 1);
}

#[tokio::test]
async fn an_evaluation_is_asked_for_and_waited_for() {
    let s = server().await;
    let by = owner(&s).await;
    let sub = s.server.app.home.subscription_id().to_string();
    assert_eq!(
        by.put(&machine(&s, "m1"), json!({"location": "local", "properties": {}})).await.unwrap().status,
        200
    );
    for scope in [sub.clone(), s.server.app.home.group_id().to_string()] {
        let path = format!("{scope}/{INSIGHTS}/policyStates/latest/triggerEvaluation");
        let accepted =
            read(by.request(Method::POST, &format!("{path}?api-version=2019-10-01"))).await.unwrap();
        assert_eq!(accepted.status, 202, "{}", accepted.text);
        let link = accepted.headers["location"].to_str().unwrap().to_owned();
        assert!(accepted.headers.contains_key("retry-after"));
        let at = link.find("/subscriptions/").unwrap();
        let look = link[at..].to_owned();
        eventually("the evaluation to be done", || async {
            let found = by.get(&look).await.unwrap();
            assert!([200, 202].contains(&found.status), "{}", found.text);
            found.status == 200
        })
        .await;
        // Only who asked hears of it.
        let other = s.principal("Reader").await.unwrap();
        assert_eq!(outcome(other.get(&look).await.unwrap()), "404 ResourceNotFound");
    }
    let reader = s.principal("Reader").await.unwrap();
    let path = format!("{sub}/{INSIGHTS}/policyStates/latest/triggerEvaluation");
    assert_eq!(outcome(reader.post(&path, json!({})).await.unwrap()), "403 AuthorizationFailed");
    let none = format!("{sub}/resourceGroups/none/{INSIGHTS}/policyStates/latest/triggerEvaluation");
    assert_eq!(outcome(by.post(&none, json!({})).await.unwrap()), "404 ResourceNotFound");
}

#[tokio::test]
async fn an_attestation_decides_a_manual_policy_until_it_expires_or_goes() {
    let s = server().await;
    let by = owner(&s).await;
    let sub = s.server.app.home.subscription_id().to_string();
    let one = machine(&s, "m1");
    assert_eq!(by.put(&one, json!({"location": "local", "properties": {}})).await.unwrap().status, 200);
    let manual = json!({"effect": "manual", "details": {"defaultState": "NonCompliant"}});
    let anything = json!({"field": "name", "exists": "true"});
    let assigned = assign(&by, &sub, "cabled", anything.clone(), manual).await;
    let audit = assign(&by, &sub, "seen", anything, json!({"effect": "audit"})).await;
    let states = format!("{one}/{INSIGHTS}/policyStates/latest/queryResults");
    let becomes = async |state: &str| {
        let filter = format!("policyAssignmentName eq 'cabled' and complianceState eq '{state}'");
        eventually(&format!("the state to be {state}"), || async {
            asked(&by, &states, &[("$filter", &filter)]).await.len() == 1
        })
        .await;
    };
    becomes("NonCompliant").await;
    let path = format!("{one}/{INSIGHTS}/attestations/cable");
    let body = json!({"properties": {
        "policyAssignmentId": assigned.to_uppercase(), "complianceState": "compliant", "owner": "facilities",
        "comments": "looked at it", "evidence": [{"description": "photo", "sourceUri": "https://files.example/1"}],
        "expiresOn": "2099-01-01T00:00:00Z", "assessmentDate": "2026-01-01T00:00:00Z", "metadata": {"floor": 2},
    }});
    let made = by.put(&path, body.clone()).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let properties = made.json()["properties"].clone();
    assert_eq!(
        (&properties["complianceState"], &properties["provisioningState"]),
        (&json!("Compliant"), &json!("Succeeded"))
    );
    let since = properties["lastComplianceStateChangeAt"].clone();
    assert!(since.is_string(), "{properties}");
    becomes("Compliant").await;
    assert_eq!(by.put(&path, body).await.unwrap().json()["properties"]["lastComplianceStateChangeAt"], since);
    // The one nearest to the resource counts; what expired does not.
    let wide = format!("{sub}/{INSIGHTS}/attestations/all");
    let of = |state: &str, expires: &str| json!({"properties": {"policyAssignmentId": assigned, "complianceState": state, "expiresOn": expires}});
    assert_eq!(by.put(&wide, of("NonCompliant", "2099-01-01T00:00:00Z")).await.unwrap().status, 201);
    let listed = by.get(&format!("{sub}/{INSIGHTS}/attestations")).await.unwrap().json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 2, "{listed}");
    becomes("Compliant").await;
    assert_eq!(by.put(&path, of("Compliant", "2020-01-01T00:00:00Z")).await.unwrap().status, 200);
    becomes("NonCompliant").await;
    assert_eq!(by.put(&wide, of("Unknown", "2099-01-01T00:00:00Z")).await.unwrap().status, 200);
    becomes("Unknown").await;
    assert_eq!(by.delete(&wide).await.unwrap().status, 200);
    becomes("NonCompliant").await;
    assert_eq!(by.delete(&wide).await.unwrap().status, 204);

    let wrong = format!("{one}/{INSIGHTS}/attestations/wrong");
    for (properties, words) in [
        (json!({}), "policyAssignmentId"),
        (json!({"policyAssignmentId": format!("{assigned}-no")}), "no evaluated policy assignment"),
        (json!({"policyAssignmentId": audit}), "not of the effect manual"),
        (json!({"policyAssignmentId": assigned, "policyDefinitionReferenceId": "x"}), "reference `x`"),
        (json!({"policyAssignmentId": assigned, "complianceState": "Fine"}), "complianceState"),
        (json!({"policyAssignmentId": assigned, "expiresOn": "soon"}), "expiresOn"),
        (json!({"policyAssignmentId": assigned, "evidence": ["x"]}), "evidence"),
        (json!({"policyAssignmentId": assigned, "owner": 7}), "owner"),
    ] {
        let refused = by.put(&wrong, json!({"properties": properties})).await.unwrap();
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "InvalidCreateAttestationRequest"),
            "{}",
            refused.text
        );
        assert!(refused.text.contains(words), "{}", refused.text);
    }
    let root = root_owner(&s).await;
    let at_root = format!("{}/{INSIGHTS}/attestations/a", s.server.app.home.root_group());
    assert_eq!(
        outcome(root.put(&at_root, of("Compliant", "2099-01-01T00:00:00Z")).await.unwrap()),
        "400 InvalidScope"
    );
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(
        outcome(reader.put(&path, of("Compliant", "2099-01-01T00:00:00Z")).await.unwrap()),
        "403 AuthorizationFailed"
    );
}

#[tokio::test]
async fn what_policies_would_say_is_asked_before_a_write() {
    let s = server().await;
    let by = owner(&s).await;
    let sub = s.server.app.home.subscription_id().to_string();
    let roles = ["/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"];
    let modify = json!({"effect": "modify", "details": {"roleDefinitionIds": roles, "operations": [
        {"operation": "add", "field": "tags['cost']", "value": "7"},
    ]}});
    let deny = json!({"effect": "deny"});
    assign(&by, &sub, "places", json!({"field": "location", "notIn": ["local", "north"]}), deny.clone())
        .await;
    assign(&by, &sub, "no-test", json!({"field": "tags['env']", "in": ["test", "dev"]}), deny.clone()).await;
    assign(&by, &sub, "owned", json!({"field": "tags['owner']", "exists": "false"}), deny.clone()).await;
    assign(&by, &sub, "cost", json!({"field": "tags['cost']", "exists": "false"}), modify).await;
    assign(&by, &sub, "seen", json!({"field": "name", "like": "m*"}), json!({"effect": "audit"})).await;
    let path = format!("{}/{INSIGHTS}/checkPolicyRestrictions", s.server.app.home.group_id());
    let asked = async |content: Value, fields: Value, audits: bool| -> Value {
        let mut content = content;
        content["type"] = MACHINE.into();
        let body = json!({"resourceDetails": {"resourceContent": content, "apiVersion": "2024-07-10"},
                          "pendingFields": fields, "includeAuditEffect": audits});
        let answer = by.post(&path, body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let fields = json!([
        {"field": "location"}, {"field": "tags.env"}, {"field": "tags['owner']"}, {"field": "tags.cost"}, {"field": "name"},
        {"field": "location", "values": ["local", "abroad"]},
    ]);
    let answer = asked(json!({"name": "m1"}), fields, false).await;
    let shown: Vec<String> = answer["fieldRestrictions"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|field| {
            let name = field["field"].as_str().unwrap().to_owned();
            let said = field["restrictions"].as_array().unwrap().clone();
            said.into_iter().map(move |one| {
                let policy = one["policy"]["policyAssignmentId"]
                    .as_str()
                    .unwrap()
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .to_owned();
                format!(
                    "{name}: {} {} {} by {policy}",
                    one["result"].as_str().unwrap(),
                    one["values"],
                    one["defaultValue"]
                )
            })
        })
        .collect();
    let expected = [
        r#"location: Required ["local","north"] null by places"#,
        r#"tags.env: Deny ["test","dev"] null by no-test"#,
        r#"tags['owner']: Required [] null by owned"#,
        r#"tags.cost: Required [] "7" by cost"#,
        r#"location: Deny ["abroad"] null by places"#,
    ];
    assert_eq!(shown, expected, "{answer}");
    let denied = answer["contentEvaluationResult"]["policyEvaluations"].as_array().unwrap();
    assert_eq!(denied.len(), 2, "without a location and an owner: {denied:?}");
    assert_eq!(denied[0]["evaluationResult"], "NonCompliant");
    assert!(!denied[0]["evaluationDetails"]["evaluatedExpressions"].as_array().unwrap().is_empty());
    let fine = json!({"name": "m1", "location": "local", "tags": {"owner": "x"}});
    let answer = asked(fine.clone(), json!([]), false).await;
    assert_eq!(answer["contentEvaluationResult"]["policyEvaluations"], json!([]));
    let answer = asked(fine, json!([]), true).await;
    assert_eq!(
        answer["contentEvaluationResult"]["policyEvaluations"][0]["effectDetails"]["policyEffect"],
        "audit"
    );
    // Nothing was written.
    assert_eq!(by.get(&machine(&s, "m1")).await.unwrap().status, 404);
    for (body, status) in [
        (json!({}), 400),
        (json!({"resourceDetails": {"resourceContent": {"type": "none"}}}), 400),
        (json!({"resourceDetails": {"resourceContent": {"type": MACHINE, "name": "a/b"}}}), 400),
        (
            json!({"resourceDetails": {"resourceContent": {"type": MACHINE}}, "pendingFields": [{"field": "a[x"}]}),
            400,
        ),
    ] {
        assert_eq!(by.post(&path, body.clone()).await.unwrap().status, status, "{body}");
    }
    let at_machine = format!("{}/{INSIGHTS}/checkPolicyRestrictions", machine(&s, "m1"));
    assert_eq!(outcome(by.post(&at_machine, json!({})).await.unwrap()), "400 OperationNotSupported");
}
