CREATE TABLE credentials (
    object_id    TEXT COLLATE "C" PRIMARY KEY,
    password     TEXT NOT NULL,
    totp         TEXT NOT NULL DEFAULT '',
    totp_step    BIGINT NOT NULL DEFAULT 0,
    failures     BIGINT NOT NULL DEFAULT 0,
    locked_until BIGINT NOT NULL DEFAULT 0
);

ALTER TABLE principals ADD COLUMN disabled BIGINT NOT NULL DEFAULT 0;
ALTER TABLE principals ADD COLUMN tokens_from BIGINT NOT NULL DEFAULT 0;

ALTER TABLE secrets ADD COLUMN family TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE secrets ADD COLUMN spent BIGINT NOT NULL DEFAULT 0;
CREATE INDEX secrets_by_family ON secrets (family) WHERE family <> '';
