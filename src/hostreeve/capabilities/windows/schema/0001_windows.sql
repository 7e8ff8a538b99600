-- A window with when it opens next (NULL: never, or not enabled). `reckoned_ms` is when that was reckoned: one that
-- lies ahead was reckoned under a clock that has jumped back since.
CREATE TABLE windows (
    account      TEXT NOT NULL,
    region       TEXT NOT NULL,
    window_id    TEXT NOT NULL,
    name         TEXT NOT NULL,
    is_enabled   INTEGER NOT NULL,
    body         TEXT NOT NULL,
    due_ms       BIGINT,
    reckoned_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, region, window_id)
);
CREATE INDEX windows_due ON windows (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX windows_reckoned ON windows (reckoned_ms);

CREATE TABLE window_targets (
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    window_id  TEXT NOT NULL,
    target_id  TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (account, region, window_id, target_id)
);

CREATE TABLE window_tasks (
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    window_id  TEXT NOT NULL,
    task_id    TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (account, region, window_id, task_id)
);

-- What was answered to a request with a ClientToken.
CREATE TABLE window_tokens (
    account      TEXT NOT NULL,
    region       TEXT NOT NULL,
    operation    TEXT NOT NULL,
    token        TEXT NOT NULL,
    asked        TEXT NOT NULL,
    answer       TEXT NOT NULL,
    created_ms   BIGINT NOT NULL,
    PRIMARY KEY (account, region, operation, token)
);
CREATE INDEX window_tokens_oldest ON window_tokens (created_ms);

CREATE TABLE window_executions (
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    execution_id   TEXT NOT NULL,
    window_id      TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN (
                       'PENDING', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'TIMED_OUT', 'CANCELLING', 'CANCELLED',
                       'SKIPPED_OVERLAPPING')),
    details        TEXT NOT NULL,
    started_ms     BIGINT NOT NULL,
    ended_ms       BIGINT,
    cutoff_ms      BIGINT NOT NULL,
    due_ms         BIGINT,
    PRIMARY KEY (account, region, execution_id)
);
CREATE INDEX window_executions_newest ON window_executions (account, region, window_id, started_ms, execution_id);
CREATE INDEX window_executions_due ON window_executions (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX window_executions_oldest ON window_executions (started_ms);
-- A window is never open twice at once.
CREATE UNIQUE INDEX window_executions_open ON window_executions (account, region, window_id)
    WHERE status IN ('PENDING', 'IN_PROGRESS', 'CANCELLING');

-- `task` is the task as it was registered when the window opened.
CREATE TABLE window_task_executions (
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    execution_id       TEXT NOT NULL,
    task_execution_id  TEXT NOT NULL,
    task               TEXT NOT NULL,
    status             TEXT NOT NULL CHECK (status IN (
                           'PENDING', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'TIMED_OUT', 'CANCELLED')),
    details            TEXT NOT NULL,
    started_ms         BIGINT,
    ended_ms           BIGINT,
    PRIMARY KEY (account, region, execution_id, task_execution_id)
);

-- A task on one of its targets. `run_id` is what does it: a command.
CREATE TABLE window_invocations (
    account            TEXT NOT NULL,
    region             TEXT NOT NULL,
    execution_id       TEXT NOT NULL,
    task_execution_id  TEXT NOT NULL,
    invocation_id      TEXT NOT NULL,
    number             INTEGER NOT NULL,
    place              TEXT NOT NULL,
    status             TEXT NOT NULL CHECK (status IN (
                           'PENDING', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'TIMED_OUT', 'CANCELLING', 'CANCELLED')),
    details            TEXT NOT NULL,
    run_id             TEXT NOT NULL,
    parameters         TEXT NOT NULL,
    resources          INTEGER NOT NULL,
    errors             INTEGER NOT NULL,
    started_ms         BIGINT,
    ended_ms           BIGINT,
    PRIMARY KEY (account, region, execution_id, task_execution_id, invocation_id)
);
