-- An account's last report about its users' credentials.
CREATE TABLE iam_credential_reports (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    generated_ms INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (account, region)
) WITHOUT ROWID;
