-- What a node could have that it has not, as it reported last: every newer version, approved or not.
CREATE TABLE patch_offers (
    account           TEXT NOT NULL,
    region            TEXT NOT NULL,
    node_id           TEXT NOT NULL,
    operating_system  TEXT NOT NULL,
    product           TEXT NOT NULL,
    operation         TEXT NOT NULL,
    snapshot_id       TEXT NOT NULL,
    wants_reboot      INTEGER NOT NULL,
    reported_ms       BIGINT NOT NULL,
    patches           BLOB NOT NULL,
    PRIMARY KEY (account, region, node_id)
);

-- All versions that nodes reported, each once. Forgotten when nobody has reported them for long.
CREATE TABLE patch_catalog (
    account           TEXT NOT NULL,
    region            TEXT NOT NULL,
    operating_system  TEXT NOT NULL,
    product           TEXT NOT NULL,
    patch_key         TEXT NOT NULL,
    body              TEXT NOT NULL,
    seen_ms           BIGINT NOT NULL,
    PRIMARY KEY (account, region, operating_system, product, patch_key)
);
CREATE INDEX patch_catalog_seen ON patch_catalog (seen_ms);

-- Sets of versions that were reported, so that the next node with the same one costs a look.
CREATE TABLE patch_catalog_sets (
    account   TEXT NOT NULL,
    region    TEXT NOT NULL,
    digest    TEXT NOT NULL,
    seen_ms   BIGINT NOT NULL,
    PRIMARY KEY (account, region, digest)
);
CREATE INDEX patch_catalog_sets_seen ON patch_catalog_sets (seen_ms);
