-- Issuers whose tokens an account accepts, by their address without https://.
CREATE TABLE iam_oidc_providers (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    url TEXT NOT NULL,
    client_ids TEXT NOT NULL,
    thumbprints TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, region, url)
) WITHOUT ROWID;
