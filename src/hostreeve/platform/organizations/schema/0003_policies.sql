CREATE TABLE organization_policies (
    organization_id TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    content TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (organization_id, policy_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX organization_policies_by_name ON organization_policies (organization_id, type, name);

-- What is attached to a root, unit or account. FullAWSAccess has no row of its own above; it is AWS's.
CREATE TABLE organization_attachments (
    organization_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    type TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    PRIMARY KEY (organization_id, target_id, type, policy_id)
) WITHOUT ROWID;
CREATE INDEX organization_attachments_by_policy
    ON organization_attachments (organization_id, policy_id, target_id);

-- The types of policies that are enabled in the organization's root.
CREATE TABLE organization_policy_types (
    organization_id TEXT NOT NULL,
    type TEXT NOT NULL,
    PRIMARY KEY (organization_id, type)
) WITHOUT ROWID;

-- Identity reads the organization's stamp together with the account's own.
UPDATE iam_stamps SET
    organization = (SELECT a.organization_id FROM organization_accounts AS a WHERE a.account = iam_stamps.account)
    WHERE EXISTS (SELECT 1 FROM organization_accounts AS a WHERE a.account = iam_stamps.account);
