-- How each Change Calendar stood when it was looked at last, and when to look again (NULL: it never changes by
-- itself). Its text is its document's.
CREATE TABLE calendars (
    account   TEXT NOT NULL,
    region    TEXT NOT NULL,
    name      TEXT NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ('', 'OPEN', 'CLOSED')),
    due_ms    BIGINT,
    PRIMARY KEY (account, region, name)
);
CREATE INDEX calendars_due ON calendars (due_ms) WHERE due_ms IS NOT NULL;
