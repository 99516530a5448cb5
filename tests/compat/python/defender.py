"""azure-mgmt-security, -policyinsights and -hybridcompute. Expects a machine `compat-machine` and an alert ALERT."""
import os
import time

from azure.mgmt.hybridcompute import HybridComputeManagementClient
from azure.mgmt.policyinsights import PolicyInsightsClient
from azure.mgmt.policyinsights.models import QueryOptions, Remediation
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.security import SecurityCenter
from session import GROUP, SUB_ID, SUBSCRIPTION, WORKSPACE_ID, client, refusal

ALERT, MACHINE = os.environ["ALERT"], os.environ["MACHINE"]
security = client(SecurityCenter, SUBSCRIPTION)
servers = security.pricings.update(SUB_ID, "VirtualMachines", {"pricing_tier": "Standard", "sub_plan": "P2"})
assert (servers.pricing_tier, servers.sub_plan) == ("Standard", "P2")
plans = {plan.name: plan.pricing_tier for plan in security.pricings.list(SUB_ID).value}
assert plans["VirtualMachines"] == "Standard" and plans["KeyVaults"] == "Free", plans
assert refusal(lambda: security.pricings.update(SUB_ID, "VirtualMachines", {"pricing_tier": "Gold"}))[0] == 400

assessments = {one.name: one for one in security.assessments.list(SUB_ID)}
assert assessments and all(one.status.code for one in assessments.values())
known = {one.name for one in security.assessments_metadata.list()}
assert {name for name in assessments} <= known
assert security.secure_scores.get("ascScore").max > 0
controls = list(security.secure_score_controls.list())
assert controls and all(control.max >= control.current >= 0 for control in controls)
assert [score.name for score in security.secure_scores.list()] == ["ascScore"]
unhealthy = [one for one in assessments.values() if one.status.code == "Unhealthy"]
assert unhealthy and len(list(security.tasks.list())) >= 1

alert = security.alerts.get_subscription_level("local", ALERT)
assert alert.alert_display_name == "Compat" and alert.status == "Active"
security.alerts.update_subscription_level_state_to_dismiss("local", ALERT)
assert security.alerts.get_subscription_level("local", ALERT).status == "Dismissed"
assert ALERT in [one.name for one in security.alerts.list()]

rule = {"alert_type": "compat", "reason": "FalsePositive", "state": "Enabled"}
security.alerts_suppression_rules.update("compat", rule)
assert "compat" in [one.name for one in security.alerts_suppression_rules.list()]
security.alerts_suppression_rules.delete("compat")
contact = security.security_contacts.create("default", {
    "emails": "soc@example.org", "alert_notifications": {"state": "On", "minimal_severity": "High"},
})
assert contact.emails == "soc@example.org"
assert [one.name for one in security.security_contacts.list()] == ["default"]
setting = next(iter(security.workspace_settings.list()))
assert setting.workspace_id == WORKSPACE_ID
assert {one.name for one in security.settings.list()} >= {"WDATP"}
assert [one.auto_provision for one in security.auto_provisioning_settings.list()] == ["On"]
home = next(iter(security.locations.list())).name
assert home == "local"
automation = {
    "location": "local", "is_enabled": False, "scopes": [{"scope_path": SUB_ID}], "sources": [{"event_source": "Alerts"}],
    "actions": [{"actionType": "LogicApp", "logic_app_resource_id": f"{SUB_ID}/resourceGroups/{GROUP}/providers/a/b/c"}],
}
security.automations.create_or_update(GROUP, "compat", automation)
assert "compat" in [one.name for one in security.automations.list()]
verdict = security.automations.validate(GROUP, "compat", {**automation, "is_enabled": True})
assert not verdict.is_valid and "does not run" in verdict.message, verdict
security.automations.delete(GROUP, "compat")
# What this server has not is refused by name, not answered with nothing.
for absent in [security.topology, security.jit_network_access_policies, security.software_inventories]:
    found = absent.list_by_subscription if hasattr(absent, "list_by_subscription") else absent.list
    assert refusal(found) == (400, "NoRegisteredProviderFound"), absent

onboardings = security.mde_onboardings.list().value
assert [one.name for one in onboardings] == ["default"] and onboardings[0].onboarding_package_windows is None
assert bytes(security.mde_onboardings.get().onboarding_package_linux).startswith(b"#!/bin/sh")

machines = client(HybridComputeManagementClient, SUBSCRIPTION)
assert MACHINE.split("/")[-1] in [machine.name for machine in machines.machines.list_by_subscription()]
name = MACHINE.split("/")[-1]
machine = machines.machines.get(GROUP, name)
assert machine.id == MACHINE and machine.os_name
extension = {"location": "local", "properties": {"publisher": "Microsoft.Azure.Monitor", "type": "AzureMonitorLinuxAgent"}}
machines.machine_extensions.begin_create_or_update(GROUP, name, "Compat", extension)
assert "Compat" in [one.name for one in machines.machine_extensions.list(GROUP, name)]
machines.machines.update(GROUP, name, {"tags": {"compat": "yes"}})
assert machines.machines.get(GROUP, name).tags == {"compat": "yes"}

policies = client(PolicyInsightsClient, SUBSCRIPTION)
# The plan's assignments are evaluated in the background.
for _ in range(200):
    states = list(policies.policy_states.list_query_results_for_subscription("latest", SUBSCRIPTION))
    if states:
        break
    time.sleep(0.05)
assert {state.compliance_state for state in states} <= {"Compliant", "NonCompliant"}, states
assert any(state.resource_id.lower() == MACHINE.lower() for state in states)
summary = policies.policy_states.summarize_for_subscription("latest", SUBSCRIPTION)
assert summary.value[0].policy_assignments
policies.policy_states.begin_trigger_subscription_evaluation(SUBSCRIPTION).result()
of_one = policies.policy_states.list_query_results_for_policy_definition(
    "latest", SUBSCRIPTION, states[0].policy_definition_name
)
assert all(one.policy_definition_name == states[0].policy_definition_name for one in of_one)
remediation = Remediation(policy_assignment_id=states[0].policy_assignment_id)
made = policies.remediations.create_or_update_at_subscription("compat", remediation)
assert made.provisioning_state == "Accepted" and made.created_on, made
found = policies.remediations.get_at_subscription("compat")
assert found.deployment_status.total_deployments is not None, found
assert "compat" in [one.name for one in policies.remediations.list_for_subscription()]
list(policies.remediations.list_deployments_at_subscription("compat"))
# Somebody's word on a policy that nothing can look at. The library has no operations for it; the general one writes it.
by_id = client(ResourceManagementClient, SUBSCRIPTION).resources
AUTHORIZATION, version = f"{SUB_ID}/providers/Microsoft.Authorization", {"api_version": "2023-04-01"}
definition, assignment = f"{AUTHORIZATION}/policyDefinitions/attested", f"{AUTHORIZATION}/policyAssignments/attested"
rule = {
    "if": {"field": "type", "equals": "Microsoft.HybridCompute/machines"},
    "then": {"effect": "manual", "details": {"defaultState": "NonCompliant"}},
}
by_id.begin_create_or_update_by_id(definition, {"properties": {"mode": "All", "policyRule": rule}}, **version).result()
by_id.begin_create_or_update_by_id(assignment, {"properties": {"policyDefinitionId": definition}}, **version).result()


def attested():
    """The states that the policy has, after it was evaluated."""
    policies.policy_states.begin_trigger_subscription_evaluation(SUBSCRIPTION).result()
    options = QueryOptions(filter="policyAssignmentName eq 'attested'")
    found = policies.policy_states.list_query_results_for_subscription("latest", SUBSCRIPTION, options)
    return {state.compliance_state for state in found}


assert attested() == {"NonCompliant"}, attested()
word, version = f"{SUB_ID}/providers/Microsoft.PolicyInsights/attestations/compat", {"api_version": "2022-09-01"}
said = {"policyAssignmentId": assignment, "complianceState": "Compliant", "owner": "facilities"}
made = by_id.begin_create_or_update_by_id(word, {"properties": said}, **version).result()
assert made.properties["provisioningState"] == "Succeeded", made
assert by_id.get_by_id(word, **version).properties["owner"] == "facilities"
assert attested() == {"Compliant"}, attested()
by_id.begin_delete_by_id(word, **version).result()
assert attested() == {"NonCompliant"}, attested()
events = policies.policy_events.list_query_results_for_subscription("default", SUBSCRIPTION)
assert all(event.resource_id for event in events)
