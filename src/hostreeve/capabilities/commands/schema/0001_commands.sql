CREATE TABLE commands (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    command_id       TEXT NOT NULL,
    document_name    TEXT NOT NULL,
    request          TEXT NOT NULL,
    requested_ms     BIGINT NOT NULL,
    expires_ms       BIGINT NOT NULL,
    status           TEXT NOT NULL CHECK (status IN (
                         'Pending', 'InProgress', 'Cancelling', 'Success', 'Failed', 'ExecutionTimedOut',
                         'DeliveryTimedOut', 'Incomplete', 'Cancelled', 'NoInstancesInTag')),
    is_resolved      INTEGER NOT NULL,
    is_cancelling    INTEGER NOT NULL,
    resolved_to      TEXT NOT NULL,
    sent_to          TEXT NOT NULL,
    sweep            TEXT NOT NULL,
    swept_to         TEXT NOT NULL,
    due_ms           BIGINT,
    PRIMARY KEY (account, region, command_id)
);
CREATE INDEX commands_due ON commands (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX commands_newest ON commands (account, region, requested_ms, command_id);

-- A command's tally is the sum of its rows. Whatever moves an invocation adds a row, so that nobody waits for
-- anybody; the worker folds rows into one, and a row that is new tells it that something may be decided.
CREATE TABLE command_counts (
    count_id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account              TEXT NOT NULL,
    region               TEXT NOT NULL,
    command_id           TEXT NOT NULL,
    total                INTEGER NOT NULL,
    waiting              INTEGER NOT NULL,
    success              INTEGER NOT NULL,
    failed               INTEGER NOT NULL,
    execution_timed_out  INTEGER NOT NULL,
    delivery_timed_out   INTEGER NOT NULL,
    never_ran            INTEGER NOT NULL,
    cancelled            INTEGER NOT NULL,
    terminated           INTEGER NOT NULL,
    is_new               INTEGER NOT NULL
);
CREATE INDEX command_counts_of_command ON command_counts (account, region, command_id);
CREATE INDEX command_counts_new ON command_counts (account, region, command_id) WHERE is_new = 1;

CREATE TABLE command_invocations (
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    command_id    TEXT NOT NULL,
    node_id       TEXT NOT NULL,
    node_name     TEXT NOT NULL,
    requested_ms  BIGINT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN (
                      'Pending', 'Delayed', 'InProgress', 'Cancelling', 'Success', 'Failed', 'ExecutionTimedOut',
                      'DeliveryTimedOut', 'Cancelled', 'Terminated', 'Undeliverable', 'InvalidPlatform',
                      'AccessDenied')),
    is_sent       INTEGER NOT NULL,
    trace         TEXT NOT NULL,
    PRIMARY KEY (account, region, command_id, node_id)
);
CREATE INDEX command_invocations_newest
    ON command_invocations (account, region, requested_ms, command_id, node_id);
CREATE INDEX command_invocations_of_node
    ON command_invocations (account, region, node_id, requested_ms, command_id);

CREATE TABLE command_steps (
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    command_id    TEXT NOT NULL,
    node_id       TEXT NOT NULL,
    step_id       TEXT NOT NULL,
    has_ended     INTEGER NOT NULL,
    stdout_bytes  BIGINT,
    stderr_bytes  BIGINT,
    result        BLOB NOT NULL,
    PRIMARY KEY (account, region, command_id, node_id, step_id)
);

CREATE TABLE command_output (
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    command_id    TEXT NOT NULL,
    node_id       TEXT NOT NULL,
    step_id       TEXT NOT NULL,
    stream        TEXT NOT NULL CHECK (stream IN ('stdout', 'stderr')),
    offset_bytes  BIGINT NOT NULL,
    chunk         BLOB NOT NULL,
    PRIMARY KEY (account, region, command_id, node_id, step_id, stream, offset_bytes)
);
