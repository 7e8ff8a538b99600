-- An association as its newest version wants it, and how it stands. `due_ms`: when the worker looks at it next.
CREATE TABLE associations (
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    association_id     TEXT NOT NULL,
    name               TEXT NOT NULL,
    instance_id        TEXT NOT NULL,
    association_name   TEXT NOT NULL,
    version            INTEGER NOT NULL,
    wanted             TEXT NOT NULL,
    created_ms         BIGINT NOT NULL,
    updated_ms         BIGINT NOT NULL,
    status             TEXT NOT NULL,
    detailed_status    TEXT NOT NULL,
    counts             TEXT NOT NULL,
    said               TEXT NOT NULL,
    last_execution_ms  BIGINT NOT NULL,
    last_success_ms    BIGINT NOT NULL,
    takes_newcomers    INTEGER NOT NULL,
    follows            TEXT NOT NULL,
    due_ms             BIGINT,
    PRIMARY KEY (account, region, association_id)
);
CREATE INDEX associations_due ON associations (due_ms) WHERE due_ms IS NOT NULL;
CREATE UNIQUE INDEX associations_legacy ON associations (account, region, name, instance_id)
    WHERE instance_id <> '';
CREATE INDEX associations_newcomers ON associations (account, region) WHERE takes_newcomers = 1;

CREATE TABLE association_versions (
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    association_id  TEXT NOT NULL,
    version         INTEGER NOT NULL,
    wanted          TEXT NOT NULL,
    created_ms      BIGINT NOT NULL,
    PRIMARY KEY (account, region, association_id, version)
);

-- Each time that an association was applied, or should have been. `due_ms`: it ended, or is to be ended.
CREATE TABLE association_executions (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    association_id   TEXT NOT NULL,
    execution_id     TEXT NOT NULL,
    version          INTEGER NOT NULL,
    command_id       TEXT NOT NULL,
    created_ms       BIGINT NOT NULL,
    changed_ms       BIGINT NOT NULL,
    status           TEXT NOT NULL CHECK (status IN (
                         'Pending', 'InProgress', 'Success', 'Failed', 'TimedOut', 'Skipped', 'Cancelled')),
    detailed_status  TEXT NOT NULL,
    counts           TEXT NOT NULL,
    noted_to         TEXT NOT NULL,
    due_ms           BIGINT,
    PRIMARY KEY (account, region, association_id, execution_id)
);
CREATE INDEX association_executions_due ON association_executions (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX association_executions_newest
    ON association_executions (account, region, association_id, created_ms, execution_id);
CREATE INDEX association_executions_oldest ON association_executions (created_ms);

-- How an association stands on each node that it was applied to.
CREATE TABLE association_nodes (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    association_id   TEXT NOT NULL,
    node_id          TEXT NOT NULL,
    version          INTEGER NOT NULL,
    execution_id     TEXT NOT NULL,
    status           TEXT NOT NULL,
    detailed_status  TEXT NOT NULL,
    executed_ms      BIGINT NOT NULL,
    error_code       TEXT NOT NULL,
    summary          TEXT NOT NULL,
    output_url       TEXT NOT NULL,
    PRIMARY KEY (account, region, node_id, association_id)
);
CREATE INDEX association_nodes_of ON association_nodes (account, region, association_id, node_id);

-- Nodes that came, came back or got other tags, for whom something may be to do.
CREATE TABLE association_newcomers (
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    node_id  TEXT NOT NULL,
    came_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id)
);
CREATE INDEX association_newcomers_due ON association_newcomers (came_ms);
