CREATE TABLE activations (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    activation_id TEXT NOT NULL,
    code_hash BLOB NOT NULL,
    description TEXT NOT NULL,
    default_instance_name TEXT NOT NULL,
    iam_role TEXT NOT NULL,
    registration_limit INTEGER NOT NULL,
    registrations_count INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, region, activation_id),
    CHECK (registrations_count <= registration_limit)
);
-- A machine that registers says no account: the activation's id finds it.
CREATE UNIQUE INDEX activations_by_id ON activations (activation_id);
CREATE INDEX activations_by_age ON activations (account, region, created_ms, activation_id);

CREATE TABLE nodes (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    activation_id TEXT NOT NULL,
    iam_role TEXT NOT NULL,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    public_key BLOB NOT NULL,
    key_changed_ms INTEGER NOT NULL,
    registered_ms INTEGER NOT NULL,
    last_ping_ms INTEGER NOT NULL DEFAULT 0,
    agent_name TEXT NOT NULL DEFAULT '',
    agent_status TEXT NOT NULL DEFAULT '',
    agent_version TEXT NOT NULL DEFAULT '',
    platform_type TEXT NOT NULL DEFAULT '',
    platform_name TEXT NOT NULL DEFAULT '',
    platform_version TEXT NOT NULL DEFAULT '',
    computer_name TEXT NOT NULL DEFAULT '',
    ip_address TEXT NOT NULL DEFAULT '',
    availability_zone TEXT NOT NULL DEFAULT '',
    availability_zone_id TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account, region, node_id)
);
-- A machine's key is looked up by what it calls itself; ids are never used twice.
CREATE UNIQUE INDEX nodes_by_id ON nodes (node_id);
CREATE INDEX nodes_by_activation ON nodes (activation_id, fingerprint);
