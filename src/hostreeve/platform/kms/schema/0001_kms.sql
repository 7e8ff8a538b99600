-- Keys. What they are and what they may be used for; their secrets are rows of kms_materials.
CREATE TABLE kms_keys (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    key_id TEXT NOT NULL,
    description TEXT NOT NULL,
    usage TEXT NOT NULL,
    spec TEXT NOT NULL,
    manager TEXT NOT NULL CHECK (manager IN ('CUSTOMER', 'AWS')),
    state TEXT NOT NULL CHECK (state IN ('Enabled', 'Disabled', 'PendingDeletion')),
    policy TEXT NOT NULL,
    material INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    deletion_ms INTEGER,
    rotation_days INTEGER NOT NULL,
    next_rotation_ms INTEGER,
    PRIMARY KEY (account, region, key_id)
) WITHOUT ROWID;
CREATE INDEX kms_keys_by_deletion ON kms_keys (deletion_ms) WHERE deletion_ms IS NOT NULL;
CREATE INDEX kms_keys_by_rotation ON kms_keys (next_rotation_ms) WHERE next_rotation_ms IS NOT NULL;

-- Every secret that a key ever had, sealed under the master key. Rows never change; all go with their key.
CREATE TABLE kms_materials (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    key_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    material_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    public_key BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    rotation_type TEXT NOT NULL CHECK (rotation_type IN ('', 'AUTOMATIC', 'ON_DEMAND')),
    PRIMARY KEY (account, region, key_id, number)
) WITHOUT ROWID;

CREATE TABLE kms_aliases (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
CREATE INDEX kms_aliases_by_key ON kms_aliases (account, region, key_id, name);

CREATE TABLE kms_grants (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    key_id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    grantee TEXT NOT NULL,
    retiring TEXT NOT NULL,
    issuing_account TEXT NOT NULL,
    operations TEXT NOT NULL,
    constraints TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, key_id, grant_id)
) WITHOUT ROWID;
CREATE INDEX kms_grants_by_grantee ON kms_grants (account, region, key_id, grantee);
CREATE INDEX kms_grants_by_retiring ON kms_grants (region, retiring, grant_id) WHERE retiring <> '';
