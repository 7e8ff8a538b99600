-- What accounts chose. A setting without a row has the value that its capability declares.
CREATE TABLE service_settings (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    setting     TEXT NOT NULL,
    value       TEXT NOT NULL,
    modified_by TEXT NOT NULL,
    modified_ms BIGINT NOT NULL,
    PRIMARY KEY (account, region, setting)
);
