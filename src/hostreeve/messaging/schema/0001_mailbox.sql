-- The content of jobs, once for all nodes that get it (for Run Command: once per command).
CREATE TABLE mailbox_contents (
    content_id TEXT NOT NULL PRIMARY KEY,
    content TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
);

-- What waits for a node. A row leaves when the node has the job on its own disk, refuses it, or it expires.
CREATE TABLE mailbox_jobs (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    content_id TEXT NOT NULL,
    extra TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent')),
    epoch INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    posted_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, job_id)
) WITHOUT ROWID;
CREATE INDEX mailbox_jobs_of_node ON mailbox_jobs (account, region, node_id, posted_ms);
CREATE INDEX mailbox_jobs_due ON mailbox_jobs (due_ms);

-- Which replica holds a node's control channel. The epoch grows with every connection; only the newest delivers.
CREATE TABLE node_channels (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    replica TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    is_open INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, node_id)
) WITHOUT ROWID;

-- Replicas say that they live, so that the nodes on them need no writes while they are idle.
CREATE TABLE replicas (
    replica TEXT NOT NULL PRIMARY KEY,
    beat_ms INTEGER NOT NULL,
    stopped INTEGER NOT NULL
);

-- Published to the slices above: when the replica that holds a node's open channel said last that it lives (0: no
-- channel), and when the node was seen last. Not a join: SQLite would build it whole for every look at one node.
CREATE VIEW node_connections AS
SELECT c.account, c.region, c.node_id, c.epoch, c.opened_ms,
       CASE WHEN c.is_open = 1
            THEN COALESCE((SELECT r.beat_ms FROM replicas r WHERE r.replica = c.replica AND r.stopped = 0), 0)
            ELSE 0 END AS open_beat_ms,
       CASE WHEN c.is_open = 1
            THEN COALESCE((SELECT r.beat_ms FROM replicas r WHERE r.replica = c.replica AND r.beat_ms > c.seen_ms),
                          c.seen_ms)
            ELSE c.seen_ms END AS seen_ms
FROM node_channels c;
