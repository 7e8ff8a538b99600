-- Entries of inventories, each once however many nodes have it: what tells one node from another (times) lies
-- with the node. `digest` is of the content, a JSON object.
CREATE TABLE inventory_rows (
    row_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    type_name  TEXT NOT NULL,
    digest     TEXT NOT NULL,
    content    TEXT NOT NULL
);
CREATE UNIQUE INDEX inventory_rows_of ON inventory_rows (account, region, type_name, digest);

-- What a node has of a type: the ids of its entries, eight bytes each, and their times (MessagePack, compressed).
CREATE TABLE inventory_items (
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    node_id         TEXT NOT NULL,
    type_name       TEXT NOT NULL,
    schema_version  TEXT NOT NULL,
    capture_time    TEXT NOT NULL,
    content_hash    TEXT NOT NULL,
    context         TEXT NOT NULL,
    row_ids         BLOB NOT NULL,
    moments         BLOB NOT NULL,
    taken_ms        BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id, type_name)
);
CREATE INDEX inventory_items_of_type ON inventory_items (account, region, type_name, node_id);

-- What became different on a node, and when: entries that came and went. `is_first`: nothing was known before.
CREATE TABLE inventory_changes (
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    node_id       TEXT NOT NULL,
    at_ms         BIGINT NOT NULL,
    type_name     TEXT NOT NULL,
    capture_time  TEXT NOT NULL,
    is_first      INTEGER NOT NULL,
    added         BLOB NOT NULL,
    removed       BLOB NOT NULL,
    PRIMARY KEY (account, region, node_id, at_ms, type_name)
);
CREATE INDEX inventory_changes_oldest ON inventory_changes (at_ms);

-- Custom types: the newest version that was put, its attributes (JSON), and the version that is disabled.
CREATE TABLE inventory_types (
    account           TEXT NOT NULL,
    region            TEXT NOT NULL,
    type_name         TEXT NOT NULL,
    version           TEXT NOT NULL,
    attributes        TEXT NOT NULL,
    disabled_version  TEXT NOT NULL,
    PRIMARY KEY (account, region, type_name)
);

-- Nodes that are managed no more: what they were, as long as their inventory is kept.
CREATE TABLE inventory_left (
    account      TEXT NOT NULL,
    region       TEXT NOT NULL,
    node_id      TEXT NOT NULL,
    left_ms      BIGINT NOT NULL,
    information  TEXT NOT NULL,
    PRIMARY KEY (account, region, node_id)
);
CREATE INDEX inventory_left_oldest ON inventory_left (left_ms);

CREATE TABLE inventory_deletions (
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    deletion_id   TEXT NOT NULL,
    type_name     TEXT NOT NULL,
    client_token  TEXT NOT NULL,
    summary       TEXT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('InProgress', 'Complete')),
    started_ms    BIGINT NOT NULL,
    updated_ms    BIGINT NOT NULL,
    PRIMARY KEY (account, region, deletion_id)
);
CREATE INDEX inventory_deletions_open ON inventory_deletions (started_ms) WHERE status = 'InProgress';
CREATE INDEX inventory_deletions_newest ON inventory_deletions (account, region, started_ms, deletion_id);
