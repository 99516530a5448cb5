//! What is there before the operations are called: a machine with its assessments and policy states, an alert, an
//! incident, and one of each that is read before it could be made.

use bartizan_base::ResourceId;
use bartizan_records::{Actor, Condition, Write};
use bartizan_testkit::in_process::{Caller, InProcess};
use serde_json::{Value, json};

use crate::eventually;

/// Fixed names, so that a failing request can be read.
pub(super) const ALERT: &str = "2b7f7d5e-58a1-4d3f-9f0e-0a6a3c1b0001";
pub(super) const INCIDENT: &str = "2b7f7d5e-58a1-4d3f-9f0e-0a6a3c1b0002";
pub(super) const BOOKMARK: &str = "2b7f7d5e-58a1-4d3f-9f0e-0a6a3c1b0003";
pub(super) const DEFINITION: &str = "4eb909e7-6d64-656d-6465-2eeb297a1625";
pub(super) const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

/// Values that path parameters are filled with.
pub(super) struct Seeds {
    pub(super) subscription: String,
    /// The name of the root of all management groups.
    pub(super) root: String,
    pub(super) group: String,
    pub(super) workspace: String,
    pub(super) location: String,
    /// `/subscriptions/{id}` and `/subscriptions/{id}/resourceGroups/{name}`.
    pub(super) subscription_id: String,
    pub(super) group_id: String,
    pub(super) workspace_id: String,
    pub(super) machine_id: String,
    /// The object id of a principal that roles can be given to.
    pub(super) principal: String,
    /// Names that the server chose.
    pub(super) task: String,
    pub(super) template: String,
    pub(super) assessment: String,
    pub(super) rule: String,
    pub(super) purge: String,
}

/// Makes all of it, and waits for what the server makes of it.
pub(super) async fn plant(s: &InProcess, caller: &Caller) -> Seeds {
    let home = &s.server.app.home;
    let machine = s.enrol("walked").await.unwrap().id.to_string();
    let mut seeds = Seeds {
        subscription: home.subscription.to_string(),
        root: home.root_group().name().to_owned(),
        group: home.resource_group.clone(),
        workspace: home.workspace.name().to_owned(),
        location: home.location.clone(),
        subscription_id: home.subscription_id().to_string(),
        group_id: home.group_id().to_string(),
        workspace_id: home.workspace.to_string(),
        machine_id: machine,
        principal: home.owner.to_string(),
        task: String::new(),
        template: String::new(),
        assessment: String::new(),
        rule: String::new(),
        purge: String::new(),
    };
    alerts(s, &seeds).await;
    let mut refused = Vec::new();
    for (path, body) in resources(&seeds) {
        let answer = caller.put(&path, body).await.unwrap();
        if answer.status >= 300 {
            refused.push(format!("{path}: {} {}", answer.status, answer.text));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    let purge =
        json!({"table": "Heartbeat", "filters": [{"column": "Computer", "operator": "==", "value": "none"}]});
    let purge = caller.post(&format!("{}/purge", seeds.workspace_id), purge).await.unwrap();
    seeds.purge = purge.json()["operationId"].as_str().unwrap_or_default().to_owned();
    let (sub, group) = (&seeds.subscription_id, &seeds.group_id);
    let insights = format!("{}/providers/Microsoft.SecurityInsights", seeds.workspace_id);
    seeds.task = first(caller, &format!("{group}/providers/Microsoft.Security/locations/local/tasks")).await;
    seeds.assessment = first(caller, &format!("{sub}/providers/Microsoft.Security/assessmentMetadata")).await;
    seeds.template = first(caller, &format!("{insights}/alertRuleTemplates")).await;
    seeds.rule = first(caller, &format!("{insights}/alertRules")).await;
    first(caller, &format!("{sub}/providers/Microsoft.Security/secureScores")).await;
    let definition = format!("policyDefinitions/{DEFINITION}");
    for (scope, of) in [
        (sub, definition.as_str()),
        (sub, "policySetDefinitions/walked"),
        (sub, "policyAssignments/walked"),
        (group, "policyAssignments/walked"),
    ] {
        let path = format!(
            "{scope}/providers/Microsoft.Authorization/{of}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
        );
        eventually(&path, || async {
            let answer = caller.post(&path, json!({})).await.unwrap();
            answer.json()["value"].as_array().is_some_and(|states| !states.is_empty())
        })
        .await;
    }
    // Nobody installs it, so what waits for it goes on waiting.
    let sensor = format!("{}/extensions/MDE.Linux", seeds.machine_id);
    eventually(&sensor, || async { caller.get(&sensor).await.unwrap().status == 200 }).await;
    let root = format!("/providers/Microsoft.Management/managementGroups/{}", seeds.root);
    // What is remediated may be deployed, also after the plan that put it there was turned off.
    let assigned = format!("{root}/providers/Microsoft.Authorization/policyAssignments/walked");
    let principal = caller.get(&assigned).await.unwrap().json()["identity"]["principalId"].clone();
    let role = format!(
        "{sub}/providers/Microsoft.Authorization/roleAssignments/2b7f7d5e-58a1-4d3f-9f0e-0a6a3c1b0005"
    );
    let contributor =
        "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c";
    let given = json!({"properties": {"roleDefinitionId": contributor, "principalId": principal}});
    let given = caller.put(&role, given).await.unwrap();
    assert_eq!(given.status, 201, "{}", given.text);
    for scope in [&root, sub, group, &seeds.machine_id] {
        let path = format!("{scope}/providers/Microsoft.PolicyInsights/remediations/walked");
        let made = caller.put(&path, super::requests::remediation(&seeds)).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text);
        let list = format!("{path}/listDeployments");
        eventually(&list, || async {
            let answer = caller.post(&list, json!({})).await.unwrap();
            answer.json()["value"].as_array().is_some_and(|found| !found.is_empty())
        })
        .await;
    }
    seeds
}

/// Waits for a list to have something, and gives the first one's name.
async fn first(caller: &Caller, path: &str) -> String {
    let name = || async {
        let answer = caller.get(path).await.unwrap().json();
        answer["value"][0]["name"].as_str().map(str::to_owned)
    };
    eventually(path, || async { name().await.is_some() }).await;
    name().await.unwrap()
}

/// Alerts are detection's to make; this is one as it makes them, at the subscription and in the group.
async fn alerts(s: &InProcess, seeds: &Seeds) {
    for scope in [&seeds.subscription_id, &seeds.group_id] {
        let id = format!("{scope}/providers/Microsoft.Security/locations/{}/alerts/{ALERT}", seeds.location);
        let body = json!({"properties": {
            "alertDisplayName": "Walked", "alertType": "walked", "severity": "High", "status": "Active", "intent": "Execution",
            "additionalData": {"Entities": [{"Type": "host", "HostName": "walked"}]},
        }});
        let write = Write {
            id: ResourceId::parse(&id).unwrap(),
            body,
            condition: Condition::None,
            actor: Actor::system("test"),
            audit: false,
        };
        s.server.app.records.put(write).await.unwrap();
    }
}

fn resources(seeds: &Seeds) -> Vec<(String, Value)> {
    let Seeds { subscription_id: sub, group_id: group, machine_id: machine, workspace_id, .. } = seeds;
    let insights = format!("{workspace_id}/providers/Microsoft.SecurityInsights");
    let authorization = "providers/Microsoft.Authorization";
    let definition = format!("/{authorization}/policyDefinitions/{DEFINITION}");
    let incident = json!({"properties": {"title": "Walked", "severity": "High", "status": "New"}});
    let related = |id: String| json!({"properties": {"relatedResourceId": id}});
    let assignment =
        |of: &str| json!({"properties": {"policyDefinitionId": of, "enforcementMode": "DoNotEnforce"}});
    let mut with_identity = assignment(&definition);
    with_identity["identity"] = json!({"type": "SystemAssigned"});
    let set = format!("{sub}/{authorization}/policySetDefinitions/walked");
    let rule = format!("{group}/providers/Microsoft.Insights/dataCollectionRules/walked");
    let endpoint = format!("{group}/providers/Microsoft.Insights/dataCollectionEndpoints/walked");
    let association = format!("{machine}/providers/Microsoft.Insights/dataCollectionRuleAssociations");
    let role = json!({"properties": {
        "roleDefinitionId": format!("{sub}/{authorization}/roleDefinitions/{READER}"), "principalId": seeds.principal,
    }});
    let watchlist = json!({"properties": {
        "displayName": "Walked", "provider": "test", "itemsSearchKey": "host", "contentType": "text/csv",
        "rawContent": "host,owner\nwalked,somebody\n",
    }});
    vec![
        (
            format!("{sub}/providers/Microsoft.Security/pricings/VirtualMachines"),
            json!({"properties": {"pricingTier": "Standard", "subPlan": "P2"}}),
        ),
        (
            format!("{insights}/bookmarks/{BOOKMARK}"),
            json!({"properties": {"displayName": "Walked", "query": "print 1"}}),
        ),
        (format!("{insights}/incidents/{INCIDENT}"), incident),
        (
            format!("{insights}/incidents/{INCIDENT}/relations/alert"),
            related(format!("{sub}/providers/Microsoft.Security/locations/local/alerts/{ALERT}")),
        ),
        (
            format!("{insights}/incidents/{INCIDENT}/relations/bookmark"),
            related(format!("{insights}/bookmarks/{BOOKMARK}")),
        ),
        (format!("{insights}/watchlists/walked"), watchlist),
        (
            set.clone(),
            json!({"properties": {"policyDefinitions": [{"policyDefinitionId": definition, "policyDefinitionReferenceId": "one"}]}}),
        ),
        (format!("{sub}/{authorization}/policyAssignments/walked-set"), assignment(&set)),
        (
            format!(
                "/providers/Microsoft.Management/managementGroups/{}/{authorization}/policyAssignments/walked",
                seeds.root
            ),
            with_identity,
        ),
        (format!("{sub}/{authorization}/policyAssignments/walked"), assignment(&definition)),
        (format!("{group}/{authorization}/policyAssignments/walked"), assignment(&definition)),
        (format!("{machine}/{authorization}/policyAssignments/walked"), assignment(&definition)),
        (format!("{machine}/{authorization}/roleAssignments/2b7f7d5e-58a1-4d3f-9f0e-0a6a3c1b0004"), role),
        (endpoint.clone(), json!({"location": "local", "properties": {}})),
        (rule.clone(), super::requests::collection_rule(seeds)),
        (format!("{association}/walked"), json!({"properties": {"dataCollectionRuleId": rule}})),
        (
            format!("{association}/configurationAccessEndpoint"),
            json!({"properties": {"dataCollectionEndpointId": endpoint}}),
        ),
        (
            format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/walked"),
            json!({"location": "local", "tags": {"kind": "seed"}}),
        ),
        (format!("{sub}/resourceGroups/walked-target"), json!({"location": "local"})),
    ]
}
