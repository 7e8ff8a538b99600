-- How a node stands in one type of compliance, in parts that are put by themselves: of the type Association one per
-- association, of all others a single one (''). `standing`: 10 when something is not compliant, plus the highest
-- severity among what decides that (0 UNSPECIFIED … 5 CRITICAL). `counts` and `facets` are JSON.
CREATE TABLE compliance_states (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    node_id          TEXT NOT NULL,
    compliance_type  TEXT NOT NULL,
    part             TEXT NOT NULL,
    standing         INTEGER NOT NULL,
    counts           TEXT NOT NULL,
    execution_id     TEXT NOT NULL,
    execution_type   TEXT NOT NULL,
    execution_ms     BIGINT NOT NULL,
    content_hash     TEXT NOT NULL,
    facets           TEXT NOT NULL,
    PRIMARY KEY (account, region, node_id, compliance_type, part)
);
CREATE INDEX compliance_states_of_type
    ON compliance_states (account, region, compliance_type, node_id, standing);
CREATE INDEX compliance_states_of_part ON compliance_states (account, region, compliance_type, part);

-- The items of each part, together as they were put: MessagePack, compressed.
CREATE TABLE compliance_items (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    node_id          TEXT NOT NULL,
    compliance_type  TEXT NOT NULL,
    part             TEXT NOT NULL,
    items            BLOB NOT NULL,
    PRIMARY KEY (account, region, node_id, compliance_type, part)
);
