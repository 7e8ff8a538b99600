-- Events that were decided together with the rows they tell about. `sequence` counts per aggregate without gaps.
CREATE TABLE outbox_aggregate (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    last_sequence INTEGER NOT NULL,
    last_put_ms INTEGER NOT NULL,
    lease_owner TEXT NOT NULL DEFAULT '',
    lease_fence INTEGER NOT NULL DEFAULT 0,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER,
    PRIMARY KEY (account, region, aggregate)
);

-- Invariant: due_ms is null exactly when no event of the aggregate waits.
CREATE INDEX outbox_aggregate_due ON outbox_aggregate (due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE outbox_event (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    detail_type TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, region, aggregate, sequence)
);
