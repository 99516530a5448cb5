//! Plausible requests: what each path parameter is filled with, and the bodies of writes.

use serde_json::{Value, json};

use super::Operation;
use super::seeds::{ALERT, DEFINITION, INCIDENT, READER, Seeds};

/// Names of what the walk makes and deletes again, where a name is free.
const MADE: &str = "walker";
/// The same where a name is a uuid.
const MADE_UUID: &str = "6e0f9a30-7c51-4a57-9f6e-1d2c3b4a5f00";

/// Operation or group, parameter, value. The first line that fits counts.
const NAMES: &[(&str, &str, &str)] = &[
    ("security.pricings", "pricingName", "VirtualMachines"),
    ("security.auto_provisioning_settings", "settingName", "default"),
    ("security.settings", "settingName", "WDATP"),
    ("security.secure_scores", "secureScoreName", "ascScore"),
    ("security.secure_score_controls", "secureScoreName", "ascScore"),
    ("security.workspace_settings", "workspaceSettingName", "default"),
    ("security.assessments_metadata.create_in_subscription", "assessmentMetadataName", MADE_UUID),
    ("security.assessments_metadata.delete_in_subscription", "assessmentMetadataName", MADE_UUID),
    ("security.locations", "ascLocation", "local"),
    ("security.tasks", "taskUpdateActionType", "Dismiss"),
    ("security.jit_network_access_policies", "jitNetworkAccessPolicyInitiateType", "initiate"),
    ("securityinsight.incident_comments", "incidentId", INCIDENT),
    ("securityinsight.incident_relations", "incidentId", INCIDENT),
    ("securityinsight.incidents.list_alerts", "incidentId", INCIDENT),
    ("securityinsight.incidents.list_bookmarks", "incidentId", INCIDENT),
    ("securityinsight.incidents.list_entities", "incidentId", INCIDENT),
    ("securityinsight.watchlist_items", "watchlistAlias", "walked"),
    ("securityinsight.sentinel_onboarding_states", "sentinelOnboardingStateName", "default"),
    ("loganalytics.tables", "tableName", "Walker_CL"),
    ("loganalytics.queries", "queryPackName", "walked"),
    ("monitor.data_collection_rule_associations", "dataCollectionRuleName", "walked"),
    ("monitor.data_collection_rule_associations", "dataCollectionEndpointName", "walked"),
    ("hybridcompute.machine_extensions", "machineName", "walked"),
    ("hybridcompute.machine_run_commands", "machineName", "walked"),
    ("policy.policy_definitions.get_built_in", "policyDefinitionName", DEFINITION),
    ("policyinsights", "policyDefinitionName", DEFINITION),
    ("policyinsights", "policySetDefinitionName", "walked"),
    ("policyinsights", "policyAssignmentName", "walked"),
    ("policyinsights", "policyEventsResource", "default"),
    ("policyinsights.remediations.list_deployments_at_management_group", "remediationName", "walked"),
    ("policyinsights.remediations.list_deployments_at_subscription", "remediationName", "walked"),
    ("policyinsights.remediations.list_deployments_at_resource_group", "remediationName", "walked"),
    ("policyinsights.remediations.list_deployments_at_resource", "remediationName", "walked"),
    ("resource.resource_groups", "resourceGroupName", "walker"),
    ("resource.providers", "resourceProviderNamespace", "Microsoft.Security"),
    ("resource.resources.list_by_resource_group", "resourceType", "machines"),
    ("resource.resources", "resourceProviderNamespace", "Microsoft.OperationalInsights"),
    ("resource.resources", "resourceType", "queryPacks"),
    ("resource.resources", "resourceName", MADE),
    ("", "alertName", ALERT),
    ("", "resourceNamespace", "Microsoft.HybridCompute"),
    ("", "resourceProviderNamespace", "Microsoft.HybridCompute"),
    ("", "resourceType", "machines"),
    ("", "resourceName", "walked"),
    // Clients send nothing for a resource without a parent, which leaves two slashes in the path.
    ("", "parentResourcePath", ""),
    ("", "policyStatesResource", "latest"),
    ("", "policyStatesSummaryResource", "latest"),
    ("", "authorizationNamespace", "Microsoft.Authorization"),
    ("", "managementGroupsNamespace", "Microsoft.Management"),
    ("", "roleAssignmentName", MADE_UUID),
    ("", "roleDefinitionId", MADE_UUID),
    ("", "ruleId", MADE_UUID),
    ("", "incidentId", MADE_UUID),
    ("", "bookmarkId", MADE_UUID),
    ("", "assessmentName", MADE_UUID),
];

/// The path of a request, with its api-version.
pub(super) fn path(operation: &Operation, seeds: &Seeds) -> String {
    let mut path = String::new();
    let mut rest = operation.path.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (parameter, after) = after.split_once('}').expect("a parameter ends");
        path.push_str(before);
        path.push_str(&value(operation, parameter, seeds));
        rest = after;
    }
    path.push_str(rest);
    format!("{path}?api-version={}", operation.version)
}

fn value(operation: &Operation, parameter: &str, seeds: &Seeds) -> String {
    let named = NAMES.iter().find(|(of, name, _)| {
        let fits = of.is_empty()
            || operation.name == *of
            || operation.group() == *of
            || operation.name.split('.').next() == Some(of);
        fits && *name == parameter
    });
    if let Some((.., value)) = named {
        return (*value).to_owned();
    }
    let id = |id: &str| id.trim_start_matches('/').to_owned();
    let authorization = format!("{}/providers/Microsoft.Authorization", seeds.subscription_id);
    match (operation.name.as_str(), parameter) {
        (_, "subscriptionId") => seeds.subscription.clone(),
        (_, "resourceGroupName" | "sourceResourceGroupName") => seeds.group.clone(),
        (_, "workspaceName") => seeds.workspace.clone(),
        (_, "ascLocation" | "location") => seeds.location.clone(),
        (_, "taskName") => seeds.task.clone(),
        (_, "alertRuleTemplateId") => seeds.template.clone(),
        (_, "assessmentMetadataName") => seeds.assessment.clone(),
        (_, "purgeId") => seeds.purge.clone(),
        (_, "groupId" | "managementGroupId" | "managementGroupName") => seeds.root.clone(),
        ("security.assessments.list" | "security.sub_assessments.list_all", "scope") => {
            id(&seeds.subscription_id)
        }
        (name, "scope") if name.starts_with("authorization.") || name.starts_with("policy.") => {
            id(&seeds.subscription_id)
        }
        (name, "scope") if name.starts_with("resource.tags") => id(&seeds.group_id),
        (_, "scopeId") => id(&seeds.subscription_id),
        (name, "resourceId") if name.starts_with("resource.") => {
            id(&format!("{}/providers/Microsoft.OperationalInsights/queryPacks/by-id", seeds.group_id))
        }
        (_, "scope" | "resourceId" | "resourceUri") => id(&seeds.machine_id),
        (_, "policyAssignmentId") => id(&format!("{authorization}/policyAssignments/by-id")),
        (_, "roleAssignmentId") => {
            id(&format!("{authorization}/roleAssignments/6e0f9a30-7c51-4a57-9f6e-1d2c3b4a5f01"))
        }
        (_, "roleId") => id(&format!("{authorization}/roleDefinitions/{READER}")),
        _ => MADE.to_owned(),
    }
}

/// The body of a write; an empty object for actions that take none.
pub(super) fn body(operation: &Operation, seeds: &Seeds) -> Option<Value> {
    let method = operation.method.as_str();
    if !["PUT", "PATCH", "POST"].contains(&method) {
        return None;
    }
    let group = operation.group().split('.').nth(1).unwrap_or_default();
    let sub = &seeds.subscription_id;
    let definition = format!("/providers/Microsoft.Authorization/policyDefinitions/{DEFINITION}");
    let reader = format!("{sub}/providers/Microsoft.Authorization/roleDefinitions/{READER}");
    let of_group = |properties: Value| json!({"properties": properties});
    Some(match (group, method) {
        ("alerts", _) => of_group(json!({"kind": "Bundles", "bundles": ["VirtualMachines"]})),
        ("pricings", _) => of_group(json!({"pricingTier": "Standard", "subPlan": "P2"})),
        ("auto_provisioning_settings", _) => of_group(json!({"autoProvision": "On"})),
        ("settings", _) => json!({"kind": "DataExportSettings", "properties": {"enabled": true}}),
        ("security_contacts", _) => of_group(json!({"emails": "soc@example.org", "phone": "1"})),
        ("workspace_settings", _) => of_group(json!({"workspaceId": seeds.workspace_id, "scope": sub})),
        ("assessments", _) => of_group(
            json!({"status": {"code": "Healthy"}, "resourceDetails": {"source": "Azure", "id": seeds.machine_id}}),
        ),
        ("assessments_metadata", _) => {
            of_group(json!({"displayName": "Walked", "severity": "Low", "assessmentType": "CustomerManaged"}))
        }
        ("security_connectors", _) => of_group(
            json!({"environmentName": "Inventory", "offerings": [], "environmentData": {"connection": "hosts"}}),
        ),
        ("alerts_suppression_rules", _) => {
            of_group(json!({"alertType": "walked", "reason": "FalsePositive", "state": "Enabled"}))
        }
        ("automations", _) => json!({"location": "local", "properties": {
            "isEnabled": false, "scopes": [{"scopePath": sub}], "sources": [{"eventSource": "Alerts"}],
            "actions": [{"actionType": "Workspace", "workspaceResourceId": seeds.workspace_id}],
        }}),
        ("alert_rules", _) => json!({"kind": "Scheduled", "properties": {
            "displayName": "Walked", "enabled": false, "severity": "Low", "query": "Heartbeat", "queryFrequency": "PT1H",
            "queryPeriod": "PT1H", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
            "suppressionEnabled": false, "suppressionDuration": "PT1H",
        }}),
        ("automation_rules", _) => of_group(json!({
            "displayName": "Walked", "order": 1,
            "triggeringLogic": {"isEnabled": false, "triggersOn": "Incidents", "triggersWhen": "Created", "conditions": []},
            "actions": [{"order": 1, "actionType": "ModifyProperties", "actionConfiguration": {"severity": "Low"}}],
        })),
        ("bookmarks", _) => of_group(json!({"displayName": "Walked", "query": "print 1"})),
        ("incidents", "PUT") => of_group(json!({"title": "Walked", "severity": "Low", "status": "New"})),
        ("incident_comments", _) => of_group(json!({"message": "Walked"})),
        ("incident_relations", _) => of_group(json!({"relatedResourceId": format!(
            "{sub}/providers/Microsoft.Security/locations/local/alerts/{ALERT}"
        )})),
        ("watchlists", _) => of_group(json!({
            "displayName": "Walked", "provider": "test", "source": "Local file", "itemsSearchKey": "a",
            "contentType": "text/csv", "rawContent": "a,b\n1,2\n",
        })),
        ("watchlist_items", _) => of_group(json!({"itemsKeyValue": {"host": "other", "owner": "nobody"}})),
        ("workspaces", "PUT" | "PATCH") => {
            json!({"location": "local", "properties": {"retentionInDays": 90, "sku": {"name": "PerGB2018"}}})
        }
        ("tables", "PUT" | "PATCH") => of_group(json!({"retentionInDays": 30, "schema": {
            "name": "Walker_CL", "columns": [{"name": "TimeGenerated", "type": "datetime"}, {"name": "Text", "type": "string"}],
        }})),
        ("saved_searches", _) => {
            of_group(json!({"category": "c", "displayName": "Walked", "query": "Heartbeat"}))
        }
        ("query_packs", _) => json!({"location": "local", "properties": {}}),
        ("queries", "PUT" | "PATCH") => of_group(json!({"displayName": "Walked", "body": "Heartbeat"})),
        ("workspace_purge", _) => {
            json!({"table": "Heartbeat", "filters": [{"column": "Computer", "operator": "==", "value": "none"}]})
        }
        ("data_collection_rules", _) => collection_rule(seeds),
        ("data_collection_rule_associations", _) => of_group(json!({"dataCollectionRuleId": format!(
            "{}/providers/Microsoft.Insights/dataCollectionRules/walked", seeds.group_id
        )})),
        ("data_collection_endpoints", _) => json!({"location": "local", "properties": {}}),
        ("machines", "PUT" | "PATCH") => json!({"location": "local", "properties": {}}),
        ("machine_extensions", _) => json!({"location": "local", "properties": {
            "publisher": "Microsoft.Azure.Monitor", "type": "AzureMonitorLinuxAgent",
        }}),
        ("policy_definitions", _) => of_group(json!({"mode": "All", "policyRule": {
            "if": {"field": "type", "equals": "Microsoft.HybridCompute/machines"}, "then": {"effect": "audit"},
        }})),
        ("policy_set_definitions", _) => {
            of_group(json!({"policyDefinitions": [{"policyDefinitionId": definition}]}))
        }
        ("policy_assignments", _) => {
            of_group(json!({"policyDefinitionId": definition, "enforcementMode": "DoNotEnforce"}))
        }
        ("remediations", "PUT") => remediation(seeds),
        ("policy_restrictions", _) => json!({"resourceDetails": {"resourceContent": {
            "type": "Microsoft.HybridCompute/machines", "name": "asked", "location": "local",
        }}, "pendingFields": [{"field": "tags.env"}]}),
        ("role_assignments", _) => {
            of_group(json!({"roleDefinitionId": reader, "principalId": seeds.principal}))
        }
        ("role_definitions", _) => of_group(json!({
            "roleName": "Walked", "assignableScopes": [sub], "permissions": [{"actions": ["Microsoft.Security/*/read"]}],
        })),
        ("_resource_graph_client_mixin", _) => {
            json!({"query": "resources | take 1", "subscriptions": [seeds.subscription]})
        }
        ("graph_query", _) => json!({"location": "global", "properties": {"query": "resources | count"}}),
        ("resource_groups", "PUT" | "PATCH") => json!({"location": "local", "tags": {"a": "b"}}),
        // Asked about one that stays, as the other has gone by then.
        ("resources", "POST") => json!({
            "resources": [if operation.short() == "validate_move_resources" {
                format!("{}/providers/Microsoft.Insights/dataCollectionEndpoints/walked", seeds.group_id)
            } else {
                format!("{}/providers/Microsoft.OperationalInsights/queryPacks/walked", seeds.group_id)
            }],
            "targetResourceGroup": format!("{sub}/resourceGroups/walked-target"),
        }),
        ("resources", _) => json!({"location": "local", "properties": {}}),
        ("tags", "PATCH") => json!({"operation": "Merge", "properties": {"tags": {"walked": "yes"}}}),
        ("tags", _) => of_group(json!({"tags": {"walked": "yes"}})),
        _ => json!({}),
    })
}

/// A rule that fills a table of its own.
pub(super) fn collection_rule(seeds: &Seeds) -> Value {
    json!({"location": "local", "properties": {
        "streamDeclarations": {"Custom-Walk": {"columns": [{"name": "TimeGenerated", "type": "datetime"}]}},
        "destinations": {"logAnalytics": [{"name": "ws", "workspaceResourceId": seeds.workspace_id}]},
        "dataFlows": [{"streams": ["Custom-Walk"], "destinations": ["ws"], "outputStream": "Custom-Walk_CL"}],
    }})
}

/// A remediation of the policy that is assigned above everything.
pub(super) fn remediation(seeds: &Seeds) -> Value {
    json!({"properties": {"policyAssignmentId": format!(
        "/providers/Microsoft.Management/managementGroups/{}/providers/Microsoft.Authorization/policyAssignments/walked",
        seeds.root
    )}})
}
