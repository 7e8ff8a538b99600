ALTER TABLE document_versions ADD COLUMN status TEXT NOT NULL DEFAULT 'Active'
    CHECK (status IN ('Creating', 'Active', 'Failed'));
ALTER TABLE document_versions ADD COLUMN status_information TEXT NOT NULL DEFAULT '';
ALTER TABLE document_versions ADD COLUMN review_status TEXT
    CHECK (review_status IN ('APPROVED', 'NOT_REVIEWED', 'PENDING', 'REJECTED'));

CREATE INDEX document_versions_creating ON document_versions (created_ms) WHERE status = 'Creating';

CREATE TABLE document_shares (
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    name            TEXT NOT NULL,
    shared_with     TEXT NOT NULL,
    shared_version  TEXT NOT NULL CHECK (shared_version IN ('$DEFAULT', '$LATEST', '$ALL')),
    PRIMARY KEY (account, region, name, shared_with)
);

CREATE INDEX document_shares_by_guest ON document_shares (region, shared_with, account, name);

CREATE TABLE document_settings (
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    setting        TEXT NOT NULL,
    value          TEXT NOT NULL,
    modified_by    TEXT NOT NULL,
    modified_ms    BIGINT NOT NULL,
    PRIMARY KEY (account, region, setting)
);

CREATE TABLE document_attachments (
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    name           TEXT NOT NULL,
    version        INTEGER NOT NULL,
    file           TEXT NOT NULL,
    source_bucket  TEXT NOT NULL,
    source_key     TEXT NOT NULL,
    claimed        TEXT NOT NULL,
    size_bytes     BIGINT NOT NULL,
    sha256         TEXT NOT NULL,
    bucket         TEXT NOT NULL,
    object_key     TEXT NOT NULL,
    PRIMARY KEY (account, region, name, version, file)
);

CREATE INDEX document_attachments_by_object ON document_attachments (bucket, object_key);

CREATE TABLE document_reviews (
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    status      TEXT NOT NULL,
    comment     TEXT NOT NULL,
    reviewer    TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    updated_ms  BIGINT NOT NULL,
    PRIMARY KEY (account, region, name, version, number)
);
