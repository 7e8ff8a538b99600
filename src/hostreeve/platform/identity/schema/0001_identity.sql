-- A stamp of all that was ever changed in an account's identities: equal stamps mean equal rows.
CREATE TABLE iam_stamps (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    stamp TEXT NOT NULL,
    PRIMARY KEY (account, region)
) WITHOUT ROWID;

-- Users and roles. Names are unique without regard to case within a kind.
CREATE TABLE iam_identities (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'role')),
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

CREATE TABLE iam_access_keys (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    access_key_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('Active', 'Inactive')),
    sealed_secret BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL,
    used_service TEXT NOT NULL,
    used_region TEXT NOT NULL,
    PRIMARY KEY (account, region, access_key_id)
) WITHOUT ROWID;
CREATE INDEX iam_access_keys_by_user ON iam_access_keys (account, region, user_id, access_key_id);

CREATE TABLE iam_inline_policies (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, identity_id, name)
) WITHOUT ROWID;

-- Policies of the account's own; those of AWS are data of the program.
CREATE TABLE iam_policies (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name_key TEXT NOT NULL,
    arn TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    description TEXT NOT NULL,
    document TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, name_key)
) WITHOUT ROWID;
CREATE UNIQUE INDEX iam_policies_by_arn ON iam_policies (account, region, arn);

CREATE TABLE iam_attachments (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    policy_arn TEXT NOT NULL,
    PRIMARY KEY (account, region, identity_id, policy_arn)
) WITHOUT ROWID;
CREATE INDEX iam_attachments_by_policy ON iam_attachments (account, region, policy_arn);

-- Nodes whose sessions are over: they were deregistered. Ids of nodes are never given again.
CREATE TABLE iam_revoked_nodes (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    PRIMARY KEY (account, region, node_id)
) WITHOUT ROWID;
