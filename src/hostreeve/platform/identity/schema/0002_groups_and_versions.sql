-- Groups are a third kind of identity: they hold policies for the users in them.
CREATE TABLE iam_entities (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'group', 'role')),
    name_key TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    identity_id TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    boundary_arn TEXT NOT NULL,
    tags TEXT NOT NULL,
    trust TEXT NOT NULL,
    description TEXT NOT NULL,
    max_session_s INTEGER NOT NULL,
    PRIMARY KEY (account, region, kind, name_key)
) WITHOUT ROWID;
INSERT INTO iam_entities (account, region, kind, name_key, name, path, identity_id, created_ms, boundary_arn, tags, trust, description, max_session_s)
    SELECT account, region, kind, name_key, name, path, identity_id, created_ms, boundary_arn, tags, trust, description, max_session_s FROM iam_identities;
DROP TABLE iam_identities;
ALTER TABLE iam_entities RENAME TO iam_identities;

CREATE TABLE iam_memberships (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    user_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY (account, region, user_id, group_id)
) WITHOUT ROWID;
CREATE INDEX iam_memberships_by_group ON iam_memberships (account, region, group_id, user_id);

-- What each version of a managed policy says. Numbers are not given twice.
CREATE TABLE iam_policy_versions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, policy_id, version)
) WITHOUT ROWID;
INSERT INTO iam_policy_versions (account, region, policy_id, version, document, created_ms)
    SELECT account, region, policy_id, 1, document, created_ms FROM iam_policies;
ALTER TABLE iam_policies DROP COLUMN document;
ALTER TABLE iam_policies ADD COLUMN default_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE iam_policies ADD COLUMN newest_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE iam_policies ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;
UPDATE iam_policies SET updated_ms = created_ms;
