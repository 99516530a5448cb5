-- Keys are lower-case resource ids, so that lookups and prefix scans ignore case as Azure does.
CREATE TABLE resources (
    key        TEXT PRIMARY KEY NOT NULL,
    id         TEXT NOT NULL,
    parent_key TEXT NOT NULL,
    type       TEXT NOT NULL,
    type_key   TEXT NOT NULL,
    etag       TEXT NOT NULL,
    body       TEXT NOT NULL,
    created    INTEGER NOT NULL,
    modified   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX resources_by_type ON resources (type_key, key);
CREATE INDEX resources_by_parent ON resources (parent_key, key);

-- Changes on their way to the AzureActivity table. `batch` is set before the rows are handed over and kept
-- until they are acknowledged, so that a retry after a crash names the same rows by the same number.
CREATE TABLE activity (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER,
    entry TEXT NOT NULL
);
CREATE INDEX activity_by_batch ON activity (batch);

CREATE TABLE agents (
    vm_id           TEXT PRIMARY KEY NOT NULL,
    machine_key     TEXT NOT NULL UNIQUE,
    machine_id      TEXT NOT NULL,
    serial          TEXT NOT NULL,
    previous_serial TEXT NOT NULL,
    enrolled        INTEGER NOT NULL,
    last_seen       INTEGER NOT NULL,
    agent_version   TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE evidence (
    machine_key TEXT NOT NULL,
    topic       TEXT NOT NULL,
    time        INTEGER NOT NULL,
    facts       TEXT NOT NULL,
    PRIMARY KEY (machine_key, topic)
) WITHOUT ROWID;

CREATE TABLE principals (
    object_id TEXT PRIMARY KEY NOT NULL,
    app_id    TEXT UNIQUE,
    name      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    created   INTEGER NOT NULL
) WITHOUT ROWID;

-- One-time codes, onboarding tokens, sessions, refresh tokens and client secrets: hashes only.
CREATE TABLE secrets (
    kind      TEXT NOT NULL,
    hash      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    data      TEXT NOT NULL,
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    uses_left INTEGER,
    PRIMARY KEY (kind, hash)
) WITHOUT ROWID;
CREATE INDEX secrets_by_subject ON secrets (kind, subject);

CREATE TABLE state (
    key   TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID;
