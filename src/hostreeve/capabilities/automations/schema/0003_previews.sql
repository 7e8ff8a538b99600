-- What running a runbook would touch, looked at when it was asked.
CREATE TABLE automation_previews (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    preview_id  TEXT NOT NULL,
    body        TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, region, preview_id)
);
CREATE INDEX automation_previews_oldest ON automation_previews (created_ms);
