"""azure-mgmt-resource (with its part for subscriptions), -authorization and -resourcegraph."""
import uuid

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest
from session import GROUP, GROUP_ID, SUB_ID, SUBSCRIPTION, WORKSPACE_ID, client, refusal

subscriptions = client(SubscriptionClient)
assert [found.subscription_id for found in subscriptions.subscriptions.list()] == [SUBSCRIPTION]
assert subscriptions.subscriptions.get(SUBSCRIPTION).state == "Enabled"
assert list(subscriptions.tenants.list()) and list(subscriptions.subscriptions.list_locations(SUBSCRIPTION))

resources = client(ResourceManagementClient, SUBSCRIPTION)
assert not resources.resource_groups.check_existence("compat")
made = resources.resource_groups.create_or_update("compat", {"location": "local", "tags": {"team": "blue"}})
assert made.tags == {"team": "blue"} and resources.resource_groups.check_existence("compat")
assert {"compat", GROUP} <= {group.name for group in resources.resource_groups.list()}
resources.resource_groups.update("compat", {"tags": {"team": "red"}})
assert resources.resource_groups.get("compat").tags == {"team": "red"}
resources.tags.begin_create_or_update_at_scope(
    f"{SUB_ID}/resourceGroups/compat", {"properties": {"tags": {"team": "green"}}}
).result()
names = {tag.tag_name: [value.tag_value for value in tag.values_property] for tag in resources.tags.list()}
assert "green" in names["team"], names

# By parts, with no parent, and by id.
pack = {"location": "local", "properties": {}}
parts = ("compat", "Microsoft.OperationalInsights", "", "queryPacks", "pack")
version = {"api_version": "2025-07-01"}
resources.resources.begin_create_or_update(*parts, pack, **version).result()
found = resources.resources.get(*parts, **version)
assert found.name == "pack" and resources.resources.check_existence(*parts, **version)
assert [one.name for one in resources.resources.list_by_resource_group("compat")] == ["pack"]
assert "pack" in [one.name for one in resources.resources.list(filter="resourceType eq 'Microsoft.OperationalInsights/queryPacks'")]
resources.resources.begin_delete_by_id(found.id, **version).result()
assert not resources.resources.check_existence_by_id(found.id, **version)
assert resources.providers.get("Microsoft.Security").registration_state == "Registered"
assert resources.providers.register("Microsoft.Security").registration_state == "Registered"
resources.resource_groups.begin_delete("compat").result()
try:
    raise AssertionError(resources.resource_groups.get("compat"))
except ResourceNotFoundError as error:
    assert error.error.code == "ResourceGroupNotFound" or error.error.code == "ResourceNotFound", error

authorization = client(AuthorizationManagementClient, SUBSCRIPTION)
roles = {role.role_name: role for role in authorization.role_definitions.list(SUB_ID)}
assert {"Owner", "Reader", "Security Admin"} <= set(roles)
assert [role.id for role in authorization.role_definitions.list(SUB_ID, filter="roleName eq 'Reader'")] == [roles["Reader"].id]
mine = next(iter(authorization.role_assignments.list_for_subscription()))
name = str(uuid.uuid4())
given = authorization.role_assignments.create(
    GROUP_ID, name, {"role_definition_id": roles["Reader"].id, "principal_id": mine.principal_id}
)
assert given.scope == GROUP_ID
assert name in [one.name for one in authorization.role_assignments.list_for_resource_group(GROUP)]
authorization.role_assignments.delete(GROUP_ID, name)
assert "*" in [action for one in authorization.permissions.list_for_resource_group(GROUP) for action in one.actions]
custom = str(uuid.uuid4())
authorization.role_definitions.create_or_update(SUB_ID, custom, {
    "role_name": "Compat reader", "assignable_scopes": [SUB_ID],
    "permissions": [{"actions": ["Microsoft.Security/*/read"], "not_actions": []}],
})
assert authorization.role_definitions.get(SUB_ID, custom).role_type == "CustomRole"
authorization.role_definitions.delete(SUB_ID, custom)

graph = client(ResourceGraphClient)
answer = graph.resources(QueryRequest(
    subscriptions=[SUBSCRIPTION], query="resources | where type =~ 'microsoft.operationalinsights/workspaces' | project id"
))
assert [row["id"].lower() for row in answer.data] == [WORKSPACE_ID.lower()], answer.data
assert refusal(lambda: graph.resources(QueryRequest(query="resources | nonsense")))[0] == 400
