//! Resources that move between groups and subscriptions, groups that are deleted, and restarts in between.

use bartizan_base::ResourceId;
use bartizan_records::{Actor, Work};
use bartizan_testkit::in_process::{Answer, Caller, InProcess};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::hierarchy::{group, root_owner, subscription};
use crate::{eventually, outcome, rows, server};

const MACHINES: &str = "providers/Microsoft.HybridCompute/machines";

async fn resource_group(by: &Caller, subscription: &ResourceId, name: &str) -> ResourceId {
    let id = subscription.join(&format!("resourceGroups/{name}")).unwrap();
    let made = by.put(id.as_str(), json!({"location": "local"})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    id
}

async fn machine(by: &Caller, group: &ResourceId, name: &str) -> ResourceId {
    let id = group.join(&format!("{MACHINES}/{name}")).unwrap();
    let body = json!({"location": "local", "tags": {"team": "x"}, "properties": {}});
    assert_eq!(by.put(id.as_str(), body).await.unwrap().status, 200);
    id
}

async fn post_move(by: &Caller, from: &ResourceId, word: &str, what: &[&ResourceId], to: &str) -> Answer {
    let body = json!({"resources": what, "targetResourceGroup": to});
    by.post(&format!("{from}/{word}"), body).await.unwrap()
}

fn path_of(answer: &Answer, header: &str) -> String {
    let url = answer.headers[header].to_str().unwrap();
    format!("/subscriptions{}", url.split_once("/subscriptions").unwrap().1)
}

/// Follows an operation to its end, in both of ARM's ways.
async fn finished(by: &Caller, started: &Answer) -> Value {
    assert_eq!(started.status, 202, "{}", started.text);
    assert_eq!(started.headers["retry-after"], "1");
    let (status, result) = (path_of(started, "azure-asyncoperation"), path_of(started, "location"));
    eventually("the operation to end", async || by.get(&status).await.unwrap().json()["status"] != "Running")
        .await;
    let status = by.get(&status).await.unwrap().json();
    let result = by.get(&result).await.unwrap();
    assert_eq!(result.status, if status["status"] == "Succeeded" { 204 } else { 409 }, "{status}");
    status
}

#[tokio::test]
async fn a_machine_moves_to_another_subscription_with_all_it_has() {
    let s = server().await;
    let by = root_owner(&s).await;
    group(&by, "g", None).await;
    let home = s.server.app.home.subscription_id();
    let other = subscription(&by, "other", "g").await;
    let target = resource_group(&by, &other, "Target").await;
    for scope in [&home, &other] {
        let plan = format!("{scope}/providers/Microsoft.Security/pricings/VirtualMachines");
        let on = json!({"properties": {"pricingTier": "Standard", "subPlan": "P1"}});
        assert_eq!(by.put(&plan, on).await.unwrap().status, 200);
    }
    let enrolled = s.enrol("web-1").await.unwrap();
    let source = enrolled.id.parent().unwrap();
    let sensor = |machine: &ResourceId| format!("{machine}/extensions/MDE.Linux");
    eventually("the plan to deploy the sensor", async || {
        by.get(&sensor(&enrolled.id)).await.unwrap().status == 200
    })
    .await;
    let deployed_by = by.get(&sensor(&enrolled.id)).await.unwrap().json()["managedBy"].clone();
    assert!(deployed_by.as_str().unwrap().contains(home.name()), "{deployed_by}");
    let role = format!("providers/Microsoft.Authorization/roleAssignments/{}", Uuid::from_u128(3));
    let reader = json!({"properties": {
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "principalId": s.server.app.home.owner,
    }});
    assert_eq!(by.put(&format!("{}/{role}", enrolled.id), reader).await.unwrap().status, 201);

    let validated = post_move(&by, &source, "validateMoveResources", &[&enrolled.id], target.as_str()).await;
    assert_eq!(validated.status, 204, "{}", validated.text);
    assert_eq!(by.get(enrolled.id.as_str()).await.unwrap().status, 200, "validated, not moved");
    let started =
        post_move(&by, &source, "moveResources", &[&enrolled.id], &target.as_str().to_uppercase()).await;
    assert_eq!(finished(&by, &started).await["status"], "Succeeded");

    let place = target.join(&format!("{MACHINES}/web-1")).unwrap();
    assert_eq!(outcome(by.get(enrolled.id.as_str()).await.unwrap()), "404 ResourceNotFound");
    let moved = by.get(place.as_str()).await.unwrap().json();
    assert_eq!(moved["id"], place.as_str(), "the group keeps its spelling");
    let assigned = by.get(&format!("{place}/{role}")).await.unwrap().json();
    assert_eq!(assigned["properties"]["scope"], place.as_str());
    // The endpoint extension was deleted; the new subscription's plan deploys it anew.
    eventually("the new plan to deploy the sensor", async || {
        by.get(&sensor(&place)).await.unwrap().json()["managedBy"]
            .as_str()
            .is_some_and(|by| by.contains(other.name()))
    })
    .await;
    // The agent goes on with its certificate, and hears of its extensions at the new place.
    assert_eq!(enrolled.caller.get("/agent/v1/desired?wait=0").await.unwrap().status, 200);
    let query = format!(
        "AzureActivity | where OperationNameValue endswith 'MOVERESOURCES/ACTION' and ResourceId =~ '{place}' | \
         extend p = parse_json(Properties) | project tostring(p.before.id)"
    );
    eventually("the move to be in AzureActivity", async || {
        rows(&s, &by, &query).await == json!([[enrolled.id]])
    })
    .await;
    let query = format!(
        "AzureActivity | where OperationNameValue endswith 'EXTENSIONS/DELETE' and ResourceId =~ '{}' | count",
        sensor(&enrolled.id)
    );
    assert_eq!(rows(&s, &by, &query).await, json!([[1]]));
}

#[tokio::test]
async fn moves_that_may_not_be_are_refused() {
    let s = server().await;
    let by = root_owner(&s).await;
    let home = s.server.app.home.subscription_id();
    let (from, to) = (resource_group(&by, &home, "from").await, resource_group(&by, &home, "to").await);
    let (one, two) = (machine(&by, &from, "one").await, machine(&by, &from, "two").await);
    let taken = machine(&by, &to, "two").await;
    let refused = async |what: &[&ResourceId], to: &str| {
        let validated = outcome(post_move(&by, &from, "validateMoveResources", what, to).await);
        let moved = outcome(post_move(&by, &from, "moveResources", what, to).await);
        assert_eq!(validated, moved, "both say the same");
        moved
    };
    assert_eq!(refused(&[&two], to.as_str()).await, "409 ResourceMoveProviderValidationFailed");
    assert_eq!(refused(&[&taken], to.as_str()).await, "409 ResourceMoveProviderValidationFailed");
    assert_eq!(refused(&[], to.as_str()).await, "400 InvalidRequestContent");
    assert_eq!(refused(&[&one], from.as_str()).await, "400 InvalidRequestContent");
    assert_eq!(refused(&[&one], one.as_str()).await, "400 InvalidRequestContent");
    assert_eq!(refused(&[&one], "nonsense").await, "400 InvalidRequestContent");
    let nowhere = home.join("resourceGroups/nowhere").unwrap();
    assert_eq!(refused(&[&one], nowhere.as_str()).await, "404 ResourceGroupNotFound");
    let gone = from.join(&format!("{MACHINES}/gone")).unwrap();
    let workspace = &s.server.app.home.workspace;
    let answer =
        post_move(&by, &from, "validateMoveResources", &[&gone, &one, &two], to.as_str()).await.json();
    let codes: Vec<&str> =
        answer["error"]["details"].as_array().unwrap().iter().map(|d| d["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["ResourceNotFound", "ResourceExistsInTarget"]);
    let own_group = s.server.app.home.group_id();
    for fixed in [workspace, &s.server.app.home.default_rule] {
        let answer = post_move(&by, &own_group, "moveResources", &[fixed], to.as_str()).await;
        assert_eq!(
            answer.json()["error"]["details"][0]["code"],
            "ResourceMoveNotSupported",
            "{}",
            answer.text
        );
    }
    // Locks: at what is moved, at where it goes.
    let lock = |scope: &ResourceId| format!("{scope}/providers/Microsoft.Authorization/locks/l");
    for (at, level) in
        [(&one, "CanNotDelete"), (&from, "ReadOnly"), (&to, "ReadOnly"), (&from, "CanNotDelete")]
    {
        let body = json!({"properties": {"level": level}});
        assert_eq!(by.put(&lock(at), body).await.unwrap().status, 201);
        assert_eq!(refused(&[&one], to.as_str()).await, "409 ScopeLocked", "{level} at {at}");
        assert_eq!(by.delete(&lock(at)).await.unwrap().status, 200);
    }
    // Rights at both ends.
    let only_source = s.principal_at("Contributor", &from).await.unwrap();
    let answer = post_move(&only_source, &from, "moveResources", &[&one], to.as_str()).await;
    assert_eq!(outcome(answer), "403 AuthorizationFailed");
    let only_target = s.principal_at("Contributor", &to).await.unwrap();
    let answer = post_move(&only_target, &from, "moveResources", &[&one], to.as_str()).await;
    assert_eq!(outcome(answer), "403 AuthorizationFailed");
    let reader = s.principal("Reader").await.unwrap();
    let answer = post_move(&reader, &from, "validateMoveResources", &[&one], to.as_str()).await;
    assert_eq!(outcome(answer), "403 AuthorizationFailed");
    assert_eq!(by.get(one.as_str()).await.unwrap().status, 200, "nothing was moved by any of these");
    let other = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/x";
    assert_eq!(refused(&[&one], other).await, "404 SubscriptionNotFound");
}

#[tokio::test]
async fn a_group_is_deleted_with_what_is_in_it() {
    let s = server().await;
    let by = root_owner(&s).await;
    let doomed = resource_group(&by, &s.server.app.home.subscription_id(), "doomed").await;
    let neighbour = resource_group(&by, &s.server.app.home.subscription_id(), "doomed2").await;
    let inside = machine(&by, &doomed, "m").await;
    let beside = machine(&by, &neighbour, "m").await;
    let started = by.delete(doomed.as_str()).await.unwrap();
    let status = finished(&by, &started).await;
    assert_eq!(status["status"], "Succeeded");
    assert!(status["endTime"].as_str().unwrap() >= status["startTime"].as_str().unwrap());
    assert_eq!(outcome(by.get(inside.as_str()).await.unwrap()), "404 ResourceGroupNotFound");
    assert_eq!(by.get(doomed.as_str()).await.unwrap().status, 404);
    assert_eq!(by.delete(doomed.as_str()).await.unwrap().status, 204);
    assert_eq!(by.get(beside.as_str()).await.unwrap().status, 200);
    // Nobody else hears of it, not even that there was something; who may read the place does.
    let path = path_of(&started, "azure-asyncoperation");
    let stranger = s.principal_at("Reader", &neighbour).await.unwrap();
    assert_eq!(outcome(stranger.get(&path).await.unwrap()), "404 ResourceNotFound");
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(reader.get(&path).await.unwrap().status, 200);
    let unknown = format!("{}/operationResults/{}", s.server.app.home.subscription_id(), Uuid::nil());
    assert_eq!(outcome(by.get(&unknown).await.unwrap()), "404 ResourceNotFound");
    let odd = format!("{}/operationResults/odd", s.server.app.home.subscription_id());
    assert_eq!(outcome(by.get(&odd).await.unwrap()), "404 ResourceNotFound");
}

#[tokio::test]
async fn a_restart_ends_what_was_begun_and_its_links_stay_good() {
    let s = server().await;
    let (home, app) = (s.server.app.home.clone(), std::sync::Arc::clone(&s.server.app));
    let by = root_owner(&s).await;
    let scope = home.subscription_id();
    let (from, to) = (resource_group(&by, &scope, "from").await, resource_group(&by, &scope, "to").await);
    let mut machines = Vec::new();
    for number in 0..5 {
        machines.push(machine(&by, &from, &format!("m{number}")).await);
    }
    let first = machine(&by, &from, "first").await;
    let done = finished(&by, &post_move(&by, &from, "moveResources", &[&first], to.as_str()).await).await;
    let data = s.dir.path().join("data");
    let s = s.stopped().await;
    // What a crash leaves: the operation is noted, and two of its steps are done.
    let records = bartizan_testkit::bartizan_server::open_records(&data, app.clock.clone()).await.unwrap();
    let actor = Actor::system("test");
    let work = Work::Move { resources: machines.clone(), target: to.clone(), left_behind: Vec::new() };
    let begun = records.start_operation(&from, work, &actor).await.unwrap();
    for _ in 0..2 {
        records.step_operation(begun.id).await.unwrap();
    }
    records.close().await;
    let s: InProcess = s.start().await.unwrap();
    // Tokens name the address of the server, which is another one now.
    let by = root_owner(&s).await;
    let status = format!("{scope}/operationStatuses/{}", begun.id);
    eventually("the move to be ended by the next start", async || {
        by.get(&status).await.unwrap().json()["status"] == "Succeeded"
    })
    .await;
    for machine in &machines {
        assert_eq!(by.get(machine.as_str()).await.unwrap().status, 404);
        let place = to.join(&format!("{MACHINES}/{}", machine.name())).unwrap();
        assert_eq!(by.get(place.as_str()).await.unwrap().json()["tags"], json!({"team": "x"}));
    }
    let earlier = by.get(done["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(earlier.json()["status"], "Succeeded", "a link from before the restart: {}", earlier.text);
    let results = format!("{scope}/operationResults/{}", done["name"].as_str().unwrap());
    assert_eq!(by.send(Method::GET, &results, None).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_group_on_its_way_out_takes_nothing_in() {
    let s = server().await;
    let by = root_owner(&s).await;
    let scope = s.server.app.home.subscription_id();
    let (from, leaving) =
        (resource_group(&by, &scope, "from").await, resource_group(&by, &scope, "leaving").await);
    let stays = machine(&by, &from, "m").await;
    let inside = machine(&by, &leaving, "inside").await;
    // As it stands between two steps of its deletion.
    let records = &s.server.app.records;
    let mark = |body: &mut Value| {
        body["properties"]["provisioningState"] = "Deleting".into();
        true
    };
    records.modify(&leaving, &Actor::system("test"), true, mark).await.unwrap();
    let body = json!({"location": "local", "properties": {}});
    let new = leaving.join(&format!("{MACHINES}/new")).unwrap();
    for path in [leaving.as_str(), new.as_str(), inside.as_str()] {
        assert_eq!(
            outcome(by.put(path, body.clone()).await.unwrap()),
            "409 ResourceGroupBeingDeleted",
            "{path}"
        );
    }
    let answer = post_move(&by, &from, "moveResources", &[&stays], leaving.as_str()).await;
    assert_eq!(outcome(answer), "409 ResourceGroupBeingDeleted");
    assert_eq!(by.get(inside.as_str()).await.unwrap().status, 200);
}
