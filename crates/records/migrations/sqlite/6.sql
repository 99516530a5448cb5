-- Rows apart from their keys. A table that is its own key index reads whole rows, bodies and all, at each step of a
-- search once they are longer than a quarter of a page: with many machines that was most of the server's work.
CREATE TABLE resources_apart (
    key        TEXT PRIMARY KEY NOT NULL,
    id         TEXT NOT NULL,
    parent_key TEXT NOT NULL,
    type       TEXT NOT NULL,
    type_key   TEXT NOT NULL,
    etag       TEXT NOT NULL,
    body       TEXT NOT NULL,
    created    INTEGER NOT NULL,
    modified   INTEGER NOT NULL
);
INSERT INTO resources_apart
    SELECT key, id, parent_key, type, type_key, etag, body, created, modified FROM resources ORDER BY key;
DROP TABLE resources;
ALTER TABLE resources_apart RENAME TO resources;
CREATE INDEX resources_by_type ON resources (type_key, key);
-- The type is in it so that children of another type need not be read.
CREATE INDEX resources_by_parent ON resources (parent_key, key, type_key);

CREATE TABLE evidence_apart (
    machine_key TEXT NOT NULL,
    topic       TEXT NOT NULL,
    time        INTEGER NOT NULL,
    facts       TEXT NOT NULL,
    PRIMARY KEY (machine_key, topic)
);
INSERT INTO evidence_apart
    SELECT machine_key, topic, time, facts FROM evidence ORDER BY machine_key, topic;
DROP TABLE evidence;
ALTER TABLE evidence_apart RENAME TO evidence;

CREATE TABLE policy_events_apart (
    id           TEXT PRIMARY KEY NOT NULL,
    time         INTEGER NOT NULL,
    resource_key TEXT NOT NULL,
    event        TEXT NOT NULL
);
INSERT INTO policy_events_apart SELECT id, time, resource_key, event FROM policy_events ORDER BY id;
DROP TABLE policy_events;
ALTER TABLE policy_events_apart RENAME TO policy_events;
CREATE INDEX policy_events_by_time ON policy_events (time, id);
CREATE INDEX policy_events_by_resource ON policy_events (resource_key, time, id);

-- The triggers went with the table.
CREATE TRIGGER access_insert AFTER INSERT ON resources WHEN NEW.type_key IN (
    'microsoft.authorization/roleassignments', 'microsoft.authorization/roledefinitions',
    'microsoft.authorization/locks', 'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'access'; END;
CREATE TRIGGER access_update AFTER UPDATE ON resources WHEN NEW.type_key IN (
    'microsoft.authorization/roleassignments', 'microsoft.authorization/roledefinitions',
    'microsoft.authorization/locks', 'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'access'; END;
CREATE TRIGGER access_delete AFTER DELETE ON resources WHEN OLD.type_key IN (
    'microsoft.authorization/roleassignments', 'microsoft.authorization/roledefinitions',
    'microsoft.authorization/locks', 'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'access'; END;

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
