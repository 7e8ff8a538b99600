-- Versions that were taken and are not there yet: their value, the id of an image, is looked up first.
CREATE TABLE parameter_candidates (
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    path       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    created_ms BIGINT NOT NULL,
    candidate  TEXT NOT NULL,
    PRIMARY KEY (account, region, path, version)
);
CREATE INDEX parameter_candidates_by_age ON parameter_candidates (created_ms);
