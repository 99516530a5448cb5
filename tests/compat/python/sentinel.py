"""azure-mgmt-loganalytics and -securityinsight."""
import uuid

from azure.mgmt.loganalytics import LogAnalyticsManagementClient
from azure.mgmt.securityinsight import SecurityInsights
from session import GROUP, SUB_ID, SUBSCRIPTION, WORKSPACE_ID, WORKSPACE_NAME, client, refusal

logs = client(LogAnalyticsManagementClient, SUBSCRIPTION)
place = (GROUP, WORKSPACE_NAME)
assert [one.id for one in logs.workspaces.list()] == [WORKSPACE_ID]
workspace = logs.workspaces.get(*place)
assert workspace.customer_id and workspace.retention_in_days != 0
logs.tables.begin_create_or_update(*place, "Compat_CL", {"properties": {"retentionInDays": 30, "schema": {
    "name": "Compat_CL", "columns": [{"name": "TimeGenerated", "type": "datetime"}, {"name": "Text", "type": "string"}],
}}}).result()
tables = {table.name: table for table in logs.tables.list_by_workspace(*place)}
assert {"Heartbeat", "SecurityAlert", "Compat_CL"} <= set(tables)
assert tables["Compat_CL"].retention_in_days == 30
logs.tables.begin_delete(*place, "Compat_CL").result()
search = {"properties": {"category": "Compat", "displayName": "Beats", "query": "Heartbeat", "version": 2}}
logs.saved_searches.create_or_update(*place, "compat", search)
assert "compat" in [one.name for one in logs.saved_searches.list_by_workspace(*place).value]
logs.saved_searches.delete(*place, "compat")
usage = list(logs.usages.list(*place))
assert usage and usage[0].unit == "Bytes" and usage[0].current_value >= 0, usage
assert refusal(lambda: logs.shared_keys.get_shared_keys(*place)) == (409, "LocalAuthDisabled")

sentinel = client(SecurityInsights, SUBSCRIPTION)
incident = str(uuid.uuid4())
made = sentinel.incidents.create_or_update(*place, incident, {"title": "Compat", "severity": "High", "status": "New"})
assert made.incident_number >= 1 and made.etag
assert incident in [one.name for one in sentinel.incidents.list(*place, filter="properties/status eq 'New'", orderby="properties/createdTimeUtc desc")]
sentinel.incident_comments.create_or_update(*place, incident, "first", {"message": "looked at"})
assert [one.message for one in sentinel.incident_comments.list(*place, incident)] == ["looked at"]
bookmark = str(uuid.uuid4())
sentinel.bookmarks.create_or_update(*place, bookmark, {"display_name": "Compat", "query": "Heartbeat", "labels": ["a"]})
kept = sentinel.bookmarks.get(*place, bookmark)
assert kept.display_name == "Compat" and kept.created and kept.created_by.name
sentinel.incident_relations.create_or_update(*place, incident, "bookmark", {"related_resource_id": kept.id})
assert [one.name for one in sentinel.incidents.list_bookmarks(*place, incident).value] == [bookmark]
assert sentinel.incidents.get(*place, incident).additional_data.bookmarks_count == 1
assert sentinel.incidents.list_alerts(*place, incident).value == []
stale = {"title": "Compat", "severity": "Low", "status": "New", "etag": '"stale"'}
assert refusal(lambda: sentinel.incidents.create_or_update(*place, incident, stale)) == (412, "PreconditionFailed")
sentinel.incidents.delete(*place, incident)

templates = list(sentinel.alert_rule_templates.list(*place))
# Of the other kinds this version of the library knows the name only.
scheduled = [template for template in templates if template.kind == "Scheduled"]
assert scheduled and all(template.query for template in scheduled)
rules = list(sentinel.alert_rules.list(*place))
assert any(rule.kind == "Scheduled" and rule.query for rule in rules), [rule.kind for rule in rules]
sentinel.automation_rules.create_or_update(*place, "compat", {
    "display_name": "Compat", "order": 1,
    "triggering_logic": {"is_enabled": False, "triggers_on": "Incidents", "triggers_when": "Created", "conditions": []},
    "actions": [{"actionType": "ModifyProperties", "order": 1, "action_configuration": {"severity": "Low"}}],
})
assert [one.name for one in sentinel.automation_rules.list(*place)] == ["compat"]
sentinel.automation_rules.delete(*place, "compat")

sentinel.watchlists.create_or_update(*place, "servers", {
    "display_name": "Servers", "provider": "compat", "source": "Local file", "items_search_key": "host",
    "content_type": "text/csv", "raw_content": "host,owner\nweb,ann\ndb,bob\n",
})
items = [item.items_key_value for item in sentinel.watchlist_items.list(*place, "servers")]
assert sorted(item["host"] for item in items) == ["db", "web"], items
sentinel.watchlist_items.create_or_update(*place, "servers", str(uuid.uuid4()), {"items_key_value": {"host": "dns", "owner": "cy"}})
assert len(list(sentinel.watchlist_items.list(*place, "servers"))) == 3
sentinel.watchlists.delete(*place, "servers")
assert refusal(lambda: sentinel.data_connectors.list(*place)) == (400, "NoRegisteredProviderFound")
assert sentinel.sentinel_onboarding_states.list(*place).value
