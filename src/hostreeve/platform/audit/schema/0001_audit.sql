-- Records of calls that changed something, written in the transaction of the change. They wait here for a
-- few seconds, until a worker has linked them to the chain `database` and moved them to a part.
CREATE TABLE audit_event (
    row_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    record     BLOB NOT NULL
);

-- What is known of each chain: the line before the first that is kept, and the last that is known.
-- The chain of a replica lies in its files; `database` lies in the parts alone.
CREATE TABLE audit_chain (
    chain          TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    first_hash     TEXT NOT NULL,
    last_sequence  INTEGER NOT NULL,
    last_hash      TEXT NOT NULL,
    kept_sequence  INTEGER NOT NULL,
    anchored_ms    INTEGER NOT NULL,
    PRIMARY KEY (chain)
);

-- Frames of chains, of one account and Region each, compressed: a few hundred lines together.
CREATE TABLE audit_part (
    part           INTEGER PRIMARY KEY AUTOINCREMENT,
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    chain          TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence  INTEGER NOT NULL,
    first_ms       INTEGER NOT NULL,
    last_ms        INTEGER NOT NULL,
    records        INTEGER NOT NULL,
    frames         BLOB NOT NULL
);
CREATE INDEX audit_part_by_time ON audit_part (account, region, last_ms, part, first_ms);
CREATE INDEX audit_part_by_chain ON audit_part (chain, first_sequence, part);

-- By what the parts are found: a number that stands for an attribute and its value.
CREATE TABLE audit_key (
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    key     INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    part    INTEGER NOT NULL,
    PRIMARY KEY (account, region, key, last_ms, part)
) WITHOUT ROWID;
