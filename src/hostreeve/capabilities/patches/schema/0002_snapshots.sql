-- What nodes patch by, frozen under the id that their command names. `kind` tells those made of a BaselineOverride.
CREATE TABLE patch_snapshots (
    account           TEXT NOT NULL,
    region            TEXT NOT NULL,
    snapshot_id       TEXT NOT NULL,
    operating_system  TEXT NOT NULL,
    patch_group       TEXT NOT NULL,
    kind              TEXT NOT NULL,
    content           TEXT NOT NULL,
    created_ms        BIGINT NOT NULL,
    PRIMARY KEY (account, region, snapshot_id, operating_system, patch_group, kind)
);
CREATE INDEX patch_snapshots_oldest ON patch_snapshots (created_ms);
