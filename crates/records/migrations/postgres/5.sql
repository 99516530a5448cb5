CREATE TABLE policy_events (
    id           TEXT COLLATE "C" PRIMARY KEY,
    time         BIGINT NOT NULL,
    resource_key TEXT COLLATE "C" NOT NULL,
    event        TEXT NOT NULL
);
CREATE INDEX policy_events_by_time ON policy_events (time, id);
CREATE INDEX policy_events_by_resource ON policy_events (resource_key, time, id);

DROP TRIGGER policy_put ON resources;
DROP TRIGGER policy_delete ON resources;
CREATE TRIGGER policy_put AFTER INSERT OR UPDATE ON resources FOR EACH ROW WHEN (NEW.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.policyinsights/attestations',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions'))
EXECUTE FUNCTION count_generation('policy');
CREATE TRIGGER policy_delete AFTER DELETE ON resources FOR EACH ROW WHEN (OLD.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.policyinsights/attestations',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions'))
EXECUTE FUNCTION count_generation('policy');
