-- The account that owns the installation. It was the management account of the only organization.
CREATE TABLE organization_installation (
    lone INTEGER NOT NULL PRIMARY KEY CHECK (lone = 1),
    account TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO organization_installation (lone, account) SELECT 1, management_account FROM organizations;

-- An account that has left may have an organization of its own, so there may be several.
CREATE TABLE organization_trees (
    organization_id TEXT NOT NULL PRIMARY KEY,
    root_id TEXT NOT NULL UNIQUE,
    management_account TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO organization_trees (organization_id, root_id, management_account, created_ms)
    SELECT organization_id, root_id, management_account, created_ms FROM organizations;
DROP TABLE organizations;

-- An empty organization_id: the account stands alone. parent_id is a root's or an organizational unit's.
ALTER TABLE organization_accounts ADD COLUMN organization_id TEXT NOT NULL DEFAULT '';
ALTER TABLE organization_accounts ADD COLUMN parent_id TEXT NOT NULL DEFAULT '';
ALTER TABLE organization_accounts ADD COLUMN closed_ms INTEGER NOT NULL DEFAULT 0;
UPDATE organization_accounts SET
    organization_id = (SELECT organization_id FROM organization_trees),
    parent_id = (SELECT root_id FROM organization_trees);
CREATE INDEX organization_accounts_by_organization ON organization_accounts (organization_id, account);
CREATE INDEX organization_accounts_by_parent ON organization_accounts (parent_id, account);
CREATE INDEX organization_accounts_closed ON organization_accounts (closed_ms) WHERE closed_ms > 0;

CREATE TABLE organization_units (
    organization_id TEXT NOT NULL,
    unit_id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (organization_id, unit_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX organization_units_by_name ON organization_units (parent_id, name);
CREATE INDEX organization_units_by_parent ON organization_units (parent_id, unit_id);

-- A request is of the organization whose management account made it; the worker fulfils it.
ALTER TABLE organization_account_requests ADD COLUMN organization_id TEXT NOT NULL DEFAULT '';
ALTER TABLE organization_account_requests ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE organization_account_requests ADD COLUMN role_name TEXT NOT NULL DEFAULT '';
ALTER TABLE organization_account_requests ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
UPDATE organization_account_requests SET organization_id = (SELECT organization_id FROM organization_trees);
CREATE INDEX organization_account_requests_of
    ON organization_account_requests (organization_id, state, request_id);
CREATE INDEX organization_account_requests_open
    ON organization_account_requests (requested_ms, request_id) WHERE state = 'IN_PROGRESS';
