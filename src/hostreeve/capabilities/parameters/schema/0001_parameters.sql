-- The newest version of every parameter, whole: reading one is one row of one index. `path` is the name with
-- one slash before it, so that `x` and `/x` are one parameter; `parent` is the level above.
CREATE TABLE parameters (
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    path            TEXT NOT NULL,
    name            TEXT NOT NULL,
    parent          TEXT NOT NULL,
    version         INTEGER NOT NULL,
    type            TEXT NOT NULL CHECK (type IN ('String', 'StringList', 'SecureString')),
    tier            TEXT NOT NULL CHECK (tier IN ('Standard', 'Advanced')),
    data_type       TEXT NOT NULL,
    key_id          TEXT NOT NULL,
    description     TEXT NOT NULL,
    allowed_pattern TEXT NOT NULL,
    policies        TEXT NOT NULL,
    modified_ms     BIGINT NOT NULL,
    modified_by     TEXT NOT NULL,
    policy_due_ms   BIGINT,
    value           BLOB NOT NULL,
    PRIMARY KEY (account, region, path)
);
CREATE INDEX parameters_by_parent ON parameters (account, region, parent, path);
CREATE INDEX parameters_by_policy_due ON parameters (policy_due_ms) WHERE policy_due_ms IS NOT NULL;

-- Versions that a newer one has replaced, without gaps up to it.
CREATE TABLE parameter_versions (
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    path            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    tier            TEXT NOT NULL,
    data_type       TEXT NOT NULL,
    key_id          TEXT NOT NULL,
    description     TEXT NOT NULL,
    allowed_pattern TEXT NOT NULL,
    policies        TEXT NOT NULL,
    modified_ms     BIGINT NOT NULL,
    modified_by     TEXT NOT NULL,
    value           BLOB NOT NULL,
    PRIMARY KEY (account, region, path, version)
);

CREATE TABLE parameter_labels (
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    path    TEXT NOT NULL,
    label   TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account, region, path, label)
) WITHOUT ROWID;

CREATE TABLE parameter_sharing (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    path        TEXT NOT NULL,
    policy_id   TEXT NOT NULL,
    policy_hash TEXT NOT NULL,
    policy      TEXT NOT NULL,
    PRIMARY KEY (account, region, path)
);

-- Which accounts a sharing policy names, so that each finds what is shared with it.
CREATE TABLE parameter_guests (
    guest   TEXT NOT NULL,
    region  TEXT NOT NULL,
    account TEXT NOT NULL,
    path    TEXT NOT NULL,
    PRIMARY KEY (guest, region, account, path)
) WITHOUT ROWID;
CREATE INDEX parameter_guests_by_parameter ON parameter_guests (account, region, path);
