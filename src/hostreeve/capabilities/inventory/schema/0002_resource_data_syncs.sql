-- Resource data syncs: `wanted` is what was asked for (JSON). Of the kind SyncToDestination, `due_ms` is when the
-- worker looks at it next.
CREATE TABLE resource_data_syncs (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    name             TEXT NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('SyncToDestination', 'SyncFromSource')),
    wanted           TEXT NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('InProgress', 'Successful', 'Failed')),
    message          TEXT NOT NULL,
    created_ms       BIGINT NOT NULL,
    modified_ms      BIGINT NOT NULL,
    last_sync_ms     BIGINT NOT NULL,
    last_success_ms  BIGINT NOT NULL,
    due_ms           BIGINT,
    PRIMARY KEY (account, region, name)
);
CREATE INDEX resource_data_syncs_due ON resource_data_syncs (due_ms) WHERE due_ms IS NOT NULL;

-- What has not been written since it became different.
CREATE TABLE resource_data_sync_queue (
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    node_id    TEXT NOT NULL,
    type_name  TEXT NOT NULL,
    turn       BIGINT NOT NULL,
    PRIMARY KEY (account, region, name, node_id, type_name)
);
