-- What a command is looked at for besides its plan: nodes that do not take what was sent to them.
CREATE TABLE commands_2 (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    command_id       TEXT NOT NULL,
    document_name    TEXT NOT NULL,
    request          TEXT NOT NULL,
    requested_ms     BIGINT NOT NULL,
    expires_ms       BIGINT NOT NULL,
    status           TEXT NOT NULL CHECK (status IN (
                         'Pending', 'InProgress', 'Cancelling', 'Success', 'Failed', 'ExecutionTimedOut',
                         'DeliveryTimedOut', 'Incomplete', 'Cancelled', 'NoInstancesInTag', 'LimitExceeded',
                         'AccessDenied')),
    is_resolved      INTEGER NOT NULL,
    is_cancelling    INTEGER NOT NULL,
    resolved_to      TEXT NOT NULL,
    sent_to          TEXT NOT NULL,
    sweep            TEXT NOT NULL,
    swept_to         TEXT NOT NULL,
    due_ms           BIGINT,
    unheard_ms       BIGINT,
    unheard_to       TEXT NOT NULL,
    PRIMARY KEY (account, region, command_id)
);
INSERT INTO commands_2
    SELECT account, region, command_id, document_name, request, requested_ms, expires_ms, status, is_resolved,
           is_cancelling, resolved_to, sent_to, sweep, swept_to, due_ms, due_ms, ''
    FROM commands;
DROP TABLE commands;
ALTER TABLE commands_2 RENAME TO commands;
CREATE INDEX commands_due ON commands (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX commands_newest ON commands (account, region, requested_ms, command_id);
-- For the history, whose end is cut off.
CREATE INDEX commands_oldest ON commands (requested_ms);

-- Invocations whose whole output goes to S3 now that they have ended.
CREATE TABLE command_uploads (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    command_id  TEXT NOT NULL,
    node_id     TEXT NOT NULL,
    ended_ms    BIGINT NOT NULL,
    due_ms      BIGINT NOT NULL,
    PRIMARY KEY (account, region, command_id, node_id)
);
CREATE INDEX command_uploads_due ON command_uploads (due_ms);

-- How many invocations of an account have not ended, as counted now and then.
CREATE TABLE command_loads (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    open_count  BIGINT NOT NULL,
    PRIMARY KEY (account, region)
);
