-- Counters that grow with every change of what decides access or policy, whichever program makes it. Who keeps
-- such things in memory compares the number before trusting them.
CREATE TABLE generations (
    name  TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO generations (name, value) VALUES ('access', 1), ('policy', 1);

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
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'policy'; END;
CREATE TRIGGER policy_update AFTER UPDATE ON resources WHEN NEW.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'policy'; END;
CREATE TRIGGER policy_delete AFTER DELETE ON resources WHEN OLD.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions')
BEGIN UPDATE generations SET value = value + 1 WHERE name = 'policy'; END;

-- Operations that take longer than a request. `step` is written in one transaction with what the step did, so a
-- restart goes on after the last step that was done.
CREATE TABLE operations (
    id       TEXT PRIMARY KEY NOT NULL,
    scope    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL,
    step     INTEGER NOT NULL,
    plan     TEXT NOT NULL,
    error    TEXT NOT NULL DEFAULT '',
    actor    TEXT NOT NULL,
    started  INTEGER NOT NULL,
    modified INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX operations_by_state ON operations (state, started);
