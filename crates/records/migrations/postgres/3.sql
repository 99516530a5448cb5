CREATE TABLE generations (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO generations (name, value) VALUES ('access', 1), ('policy', 1);

CREATE FUNCTION count_generation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE generations SET value = value + 1 WHERE name = TG_ARGV[0];
    RETURN NULL;
END $$;

CREATE TRIGGER access_put AFTER INSERT OR UPDATE ON resources FOR EACH ROW WHEN (NEW.type_key IN (
    'microsoft.authorization/roleassignments', 'microsoft.authorization/roledefinitions',
    'microsoft.authorization/locks', 'microsoft.management/managementgroups', 'microsoft.resources/subscriptions'))
EXECUTE FUNCTION count_generation('access');
CREATE TRIGGER access_delete AFTER DELETE ON resources FOR EACH ROW WHEN (OLD.type_key IN (
    'microsoft.authorization/roleassignments', 'microsoft.authorization/roledefinitions',
    'microsoft.authorization/locks', 'microsoft.management/managementgroups', 'microsoft.resources/subscriptions'))
EXECUTE FUNCTION count_generation('access');

CREATE TRIGGER policy_put AFTER INSERT OR UPDATE ON resources FOR EACH ROW WHEN (NEW.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions'))
EXECUTE FUNCTION count_generation('policy');
CREATE TRIGGER policy_delete AFTER DELETE ON resources FOR EACH ROW WHEN (OLD.type_key IN (
    'microsoft.authorization/policyassignments', 'microsoft.authorization/policydefinitions',
    'microsoft.authorization/policysetdefinitions', 'microsoft.authorization/policyexemptions',
    'microsoft.management/managementgroups', 'microsoft.resources/subscriptions'))
EXECUTE FUNCTION count_generation('policy');

CREATE TABLE operations (
    id       TEXT COLLATE "C" PRIMARY KEY,
    scope    TEXT COLLATE "C" NOT NULL,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL,
    step     BIGINT NOT NULL,
    plan     TEXT NOT NULL,
    error    TEXT NOT NULL DEFAULT '',
    actor    TEXT NOT NULL,
    started  BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
CREATE INDEX operations_by_state ON operations (state, started);
