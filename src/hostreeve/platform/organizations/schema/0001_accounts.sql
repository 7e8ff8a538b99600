-- The one organization of this installation.
CREATE TABLE organizations (
    organization_id TEXT NOT NULL PRIMARY KEY,
    root_id TEXT NOT NULL,
    management_account TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    lone INTEGER NOT NULL UNIQUE CHECK (lone = 1)
) WITHOUT ROWID;

CREATE TABLE organization_accounts (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'SUSPENDED', 'PENDING_CLOSURE')),
    joined_method TEXT NOT NULL CHECK (joined_method IN ('INVITED', 'CREATED')),
    joined_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region)
) WITHOUT ROWID;
CREATE UNIQUE INDEX organization_accounts_by_email ON organization_accounts (email);

-- What was asked for with CreateAccount, and what became of it.
CREATE TABLE organization_account_requests (
    request_id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    failure TEXT NOT NULL,
    requested_ms INTEGER NOT NULL,
    completed_ms INTEGER NOT NULL
) WITHOUT ROWID;
