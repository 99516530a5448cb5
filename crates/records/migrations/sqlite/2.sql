-- People with passwords. The password is an Argon2id hash with its parameters; `totp` is the shared secret of
-- the second factor, which cannot be a hash because codes are computed from it.
CREATE TABLE credentials (
    object_id    TEXT PRIMARY KEY NOT NULL,
    password     TEXT NOT NULL,
    totp         TEXT NOT NULL DEFAULT '',
    -- The time step of the last code that was taken: a code opens one session.
    totp_step    INTEGER NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

ALTER TABLE principals ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
-- Access tokens that were made before this moment are refused.
ALTER TABLE principals ADD COLUMN tokens_from INTEGER NOT NULL DEFAULT 0;

-- Tokens that came of one sign-in are one family, withdrawn together.
ALTER TABLE secrets ADD COLUMN family TEXT NOT NULL DEFAULT '';
-- When a token of a family was exchanged for the next one.
ALTER TABLE secrets ADD COLUMN spent INTEGER NOT NULL DEFAULT 0;
CREATE INDEX secrets_by_family ON secrets (family) WHERE family <> '';
