-- A runbook as executions run it, once per content: a document may be changed or deleted meanwhile.
CREATE TABLE automation_runbooks (
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    hash     TEXT NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (account, region, hash)
);

-- An execution: what was asked (never changes), where it stands, and when the worker looks at it next.
-- `holds_slot`: it counts towards the executions that run at once. The counts are of a rate-controlled one's children.
CREATE TABLE automation_executions (
    account           TEXT NOT NULL,
    region            TEXT NOT NULL,
    execution_id      TEXT NOT NULL,
    document_name     TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status IN (
                          'Pending', 'InProgress', 'Waiting', 'Success', 'Failed', 'TimedOut', 'Cancelling',
                          'Cancelled')),
    parent_id         TEXT NOT NULL,
    current_action    TEXT NOT NULL,
    resource_group    TEXT NOT NULL,
    asked             TEXT NOT NULL,
    state             TEXT NOT NULL,
    holds_slot        INTEGER NOT NULL,
    total             INTEGER NOT NULL,
    begun             INTEGER NOT NULL,
    success           INTEGER NOT NULL,
    failed            INTEGER NOT NULL,
    timed_out         INTEGER NOT NULL,
    cancelled         INTEGER NOT NULL,
    started_ms        BIGINT NOT NULL,
    ended_ms          BIGINT,
    due_ms            BIGINT,
    PRIMARY KEY (account, region, execution_id)
);
CREATE INDEX automation_executions_newest ON automation_executions (account, region, started_ms, execution_id);
CREATE INDEX automation_executions_due ON automation_executions (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX automation_executions_children ON automation_executions (account, region, parent_id, started_ms)
    WHERE parent_id <> '';
CREATE INDEX automation_executions_running ON automation_executions (account, region) WHERE holds_slot = 1;
CREATE INDEX automation_executions_queued ON automation_executions (account, region, started_ms)
    WHERE status = 'Pending';
CREATE INDEX automation_executions_ended ON automation_executions (ended_ms) WHERE ended_ms IS NOT NULL;

-- A step of an execution, in the order of `number`; one inside a loop has a row for each time that it is done.
CREATE TABLE automation_steps (
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    execution_id       TEXT NOT NULL,
    number             INTEGER NOT NULL,
    step_execution_id  TEXT NOT NULL,
    name               TEXT NOT NULL,
    action             TEXT NOT NULL,
    status             TEXT NOT NULL CHECK (status IN (
                           'Pending', 'InProgress', 'Waiting', 'Success', 'Failed', 'TimedOut', 'Cancelling',
                           'Cancelled')),
    loop_id            TEXT NOT NULL,
    iteration          INTEGER NOT NULL,
    iterator_value     TEXT NOT NULL,
    body               TEXT NOT NULL,
    started_ms         BIGINT,
    ended_ms           BIGINT,
    PRIMARY KEY (account, region, execution_id, number)
);

-- The targets of a rate-controlled execution whose turn has not come, in order.
CREATE TABLE automation_targets (
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    execution_id  TEXT NOT NULL,
    number        INTEGER NOT NULL,
    target        TEXT NOT NULL,
    PRIMARY KEY (account, region, execution_id, number)
);

-- What was begun for a ClientToken.
CREATE TABLE automation_tokens (
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    token         TEXT NOT NULL,
    asked         TEXT NOT NULL,
    execution_id  TEXT NOT NULL,
    created_ms    BIGINT NOT NULL,
    PRIMARY KEY (account, region, token)
);
CREATE INDEX automation_tokens_oldest ON automation_tokens (created_ms);
