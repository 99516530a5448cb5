//! All operations × roles × scopes, against what the role definitions say. The reading of a definition, and what
//! lies below what, are written here once more, so that an error in the server's own reading shows.

use bartizan_api::types::TYPES;
use bartizan_base::ResourceId;
use bartizan_testkit::in_process::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{outcome, owner, server};

/// Actions by POST: where, and what they need. `{rg}`, `{sub}` and `{ws}` stand for scopes.
const ACTIONS: &[(&str, &str)] = &[
    ("{rg}/moveResources", "Microsoft.Resources/subscriptions/resourceGroups/moveResources/action"),
    (
        "{rg}/validateMoveResources",
        "Microsoft.Resources/subscriptions/resourceGroups/validateMoveResources/action",
    ),
    (
        "{sub}/providers/Microsoft.Subscription/rename?api-version=2021-10-01",
        "Microsoft.Subscription/rename/action",
    ),
    (
        "{sub}/providers/Microsoft.Subscription/enable?api-version=2021-10-01",
        "Microsoft.Subscription/enable/action",
    ),
    (
        "{rg}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults",
        "Microsoft.PolicyInsights/policyStates/queryResults/read",
    ),
    (
        "{rg}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize",
        "Microsoft.PolicyInsights/policyStates/summarize/read",
    ),
    (
        "{rg}/providers/Microsoft.PolicyInsights/policyEvents/default/queryResults",
        "Microsoft.PolicyInsights/policyEvents/queryResults/read",
    ),
    (
        "{rg}/providers/Microsoft.PolicyInsights/remediations/walk/cancel",
        "Microsoft.PolicyInsights/remediations/cancel/action",
    ),
    (
        "{rg}/providers/Microsoft.PolicyInsights/remediations/walk/listDeployments",
        "Microsoft.PolicyInsights/remediations/listDeployments/read",
    ),
    (
        "{rg}/providers/Microsoft.Security/locations/local/alerts/walk/dismiss",
        "Microsoft.Security/alerts/write",
    ),
    (
        "{rg}/providers/Microsoft.Security/locations/local/alerts/walk/resolve",
        "Microsoft.Security/alerts/write",
    ),
    (
        "{ws}/providers/Microsoft.SecurityInsights/incidents/walk/alerts",
        "Microsoft.SecurityInsights/incidents/read",
    ),
    (
        "{ws}/providers/Microsoft.SecurityInsights/incidents/walk/entities",
        "Microsoft.SecurityInsights/incidents/read",
    ),
    ("{ws}/purge", "Microsoft.OperationalInsights/workspaces/purge/action"),
];

/// What `*` means, letter by letter.
fn fits(pattern: &[u8], action: &[u8]) -> bool {
    match (pattern.first(), action.first()) {
        (None, None) => true,
        (Some(b'*'), _) => fits(&pattern[1..], action) || (!action.is_empty() && fits(pattern, &action[1..])),
        (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => fits(&pattern[1..], &action[1..]),
        _ => false,
    }
}

/// Whether a role definition, as the API shows it, has an action.
fn has(role: &Value, action: &str, kinds: (&str, &str)) -> bool {
    let any = |set: &Value, name: &str| {
        let patterns = set[name].as_array().into_iter().flatten().filter_map(Value::as_str);
        patterns.into_iter().any(|pattern| fits(pattern.as_bytes(), action.as_bytes()))
    };
    let sets = role["properties"]["permissions"].as_array().unwrap();
    sets.iter().any(|set| any(set, kinds.0) && !any(set, kinds.1))
}

/// Who has which role where.
struct Somebody {
    role: Value,
    scope: ResourceId,
    caller: Caller,
}

impl Somebody {
    fn may(&self, action: &str, at: &str) -> bool {
        let (scope, at) = (self.scope.as_str().to_lowercase(), at.to_lowercase());
        let below = at == scope || at.starts_with(&format!("{scope}/"));
        below && has(&self.role, action, ("actions", "notActions"))
    }
}

#[tokio::test]
async fn every_operation_is_open_to_exactly_those_whose_role_has_it() {
    let s = server().await;
    let by = owner(&s).await;
    let home = &s.server.app.home;
    let (sub, rg, ws) = (home.subscription_id(), home.group_id(), home.workspace.clone());
    let other = sub.join("resourceGroups/other").unwrap();
    assert_eq!(by.put(other.as_str(), json!({"location": "local"})).await.unwrap().status, 201);
    let list = format!("{sub}/providers/Microsoft.Authorization/roleDefinitions");
    let roles = by.get(&list).await.unwrap().json()["value"].as_array().unwrap().clone();
    assert!(roles.len() >= 12, "{}", roles.len());
    let mut people = Vec::new();
    for role in &roles {
        let name = role["properties"]["roleName"].as_str().unwrap();
        for scope in [&sub, &rg, &other] {
            let caller = s.principal_at(name, scope).await.unwrap();
            people.push(Somebody { role: role.clone(), scope: scope.clone(), caller });
        }
    }
    let mut asked = 0_u32;
    for info in TYPES {
        // As roles name it.
        let ty = match info.name {
            "Microsoft.Resources/resourceGroups" => "Microsoft.Resources/subscriptions/resourceGroups",
            name => name,
        };
        let (namespace, kinds) = info.name.split_once('/').unwrap();
        let names: Vec<&str> = kinds.split('/').collect();
        let above: String = names[..names.len() - 1].iter().map(|kind| format!("/{kind}/walk")).collect();
        let last = names[names.len() - 1];
        let (collection, parent) = if kinds == "resourceGroups" {
            (format!("{sub}/resourceGroups"), sub.to_string())
        } else {
            let parent =
                if above.is_empty() { rg.to_string() } else { format!("{rg}/providers/{namespace}{above}") };
            (format!("{rg}/providers/{namespace}{above}/{last}"), parent)
        };
        let item = format!("{collection}/walk");
        for person in &people {
            for (method, verb) in [
                (Method::GET, "read"),
                (Method::PUT, "write"),
                (Method::PATCH, "write"),
                (Method::DELETE, "delete"),
            ] {
                // Nothing that is sent is right, so that nothing is made: what is asked here is who gets as far.
                let body = (verb == "write").then(|| json!({"properties": 0}));
                let answer = person.caller.send(method.clone(), &item, body.as_ref()).await.unwrap();
                let allowed = person.may(&format!("{ty}/{verb}"), &item);
                assert_eq!(
                    answer.status != 403,
                    allowed,
                    "{method} {item} by {} at {}: {}",
                    person.role["properties"]["roleName"],
                    person.scope,
                    outcome(answer)
                );
                asked += 1;
            }
            let answer = person.caller.get(&collection).await.unwrap();
            // Who reads below the place of a list gets that part of it.
            let below = person.scope.as_str().len() > parent.len()
                && person.scope.as_str().to_lowercase().starts_with(&parent.to_lowercase());
            let allowed = person.may(&format!("{ty}/read"), &parent)
                || (below && has(&person.role, &format!("{ty}/read"), ("actions", "notActions")));
            assert_eq!(
                answer.status != 403,
                allowed,
                "list {collection} by {} at {}: {}",
                person.role["properties"]["roleName"],
                person.scope,
                outcome(answer)
            );
        }
    }
    for (path, action) in ACTIONS {
        let path =
            path.replace("{rg}", rg.as_str()).replace("{sub}", sub.as_str()).replace("{ws}", ws.as_str());
        for person in &people {
            let answer = person.caller.post(&path, json!({"nothing": "right"})).await.unwrap();
            let allowed = person.may(action, &path);
            let who = &person.role["properties"]["roleName"];
            assert_eq!(
                answer.status != 403,
                allowed,
                "{path} by {who} at {}: {}",
                person.scope,
                outcome(answer)
            );
            asked += 1;
        }
    }
    assert!(asked > 5_000, "{asked}");

    // Reading logs is an action at the workspace; sending them a data action at the rule.
    let query = format!("/v1/workspaces/{}/query", home.customer);
    let rule = by.get(home.default_rule.as_str()).await.unwrap().json();
    let id = rule["properties"]["immutableId"].as_str().unwrap();
    let upload = format!("/dataCollectionRules/{id}/streams/Microsoft-Heartbeat?api-version=2023-01-01");
    for person in &people {
        let who = format!("{} at {}", person.role["properties"]["roleName"], person.scope);
        let answer = person.caller.post(&query, json!({"query": "print 1"})).await.unwrap();
        let allowed = person.may("Microsoft.OperationalInsights/workspaces/query/read", ws.as_str());
        assert_eq!(answer.status != 403, allowed, "a query by {who}: {}", outcome(answer));
        let answer = person.caller.post(&upload, json!([])).await.unwrap();
        let reached = home.default_rule.is_within(&person.scope);
        let allowed = reached
            && has(&person.role, "Microsoft.Insights/Telemetry/Write", ("dataActions", "notDataActions"));
        assert_eq!(answer.status != 403, allowed, "an upload by {who}: {}", outcome(answer));
    }
}
