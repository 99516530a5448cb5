-- What policies did and how compliance changed, kept for a while whatever becomes of the resource.
CREATE TABLE policy_events (
    id           TEXT PRIMARY KEY NOT NULL,
    time         INTEGER NOT NULL,
    resource_key TEXT NOT NULL,
    event        TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX policy_events_by_time ON policy_events (time, id);
CREATE INDEX policy_events_by_resource ON policy_events (resource_key, time, id);

-- Attestations decide compliance as exemptions do.
DROP TRIGGER policy_insert;
DROP TRIGGER policy_update;
DROP TRIGGER policy_delete;
CREATE TRIGGER policy_insert AFTER INSERT ON resources WHEN NEW.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.policyinsights/attestations',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'policy'; END;
CREATE TRIGGER policy_update AFTER UPDATE ON resources WHEN NEW.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.policyinsights/attestations',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'policy'; END;
CREATE TRIGGER policy_delete AFTER DELETE ON resources WHEN OLD.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.policyinsights/attestations',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'policy'; END;
