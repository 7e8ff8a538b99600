-- `asked` is the hash of the request that made it, where that had a ClientToken.
CREATE TABLE patch_baselines (
    account           TEXT NOT NULL,
    region            TEXT NOT NULL,
    baseline_id       TEXT NOT NULL,
    operating_system  TEXT NOT NULL,
    body              TEXT NOT NULL,
    client_token      TEXT,
    asked             TEXT,
    PRIMARY KEY (account, region, baseline_id)
);
CREATE UNIQUE INDEX patch_baselines_token ON patch_baselines (account, region, client_token)
    WHERE client_token IS NOT NULL;

-- Which baseline counts for the nodes with the tag `Patch Group` or `PatchGroup` of that value.
CREATE TABLE patch_groups (
    account           TEXT NOT NULL,
    region            TEXT NOT NULL,
    patch_group       TEXT NOT NULL,
    operating_system  TEXT NOT NULL,
    baseline_id       TEXT NOT NULL,
    PRIMARY KEY (account, region, patch_group, operating_system)
);
CREATE INDEX patch_groups_baseline ON patch_groups (account, region, baseline_id);

-- Which baseline counts otherwise. No row: AWS's own.
CREATE TABLE patch_defaults (
    account           TEXT NOT NULL,
    region            TEXT NOT NULL,
    operating_system  TEXT NOT NULL,
    baseline_id       TEXT NOT NULL,
    PRIMARY KEY (account, region, operating_system)
);
