CREATE TABLE documents (
    account          TEXT NOT NULL,
    region           TEXT NOT NULL,
    name             TEXT NOT NULL,
    document_type    TEXT NOT NULL,
    target_type      TEXT,
    default_version  INTEGER NOT NULL,
    latest_version   INTEGER NOT NULL,
    last_number      INTEGER NOT NULL,
    created_ms       BIGINT NOT NULL,
    PRIMARY KEY (account, region, name)
);

CREATE TABLE document_versions (
    account         TEXT NOT NULL,
    region          TEXT NOT NULL,
    name            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    version_name    TEXT,
    display_name    TEXT,
    format          TEXT NOT NULL CHECK (format IN ('JSON', 'YAML', 'TEXT')),
    source_text     TEXT NOT NULL,
    body            TEXT NOT NULL,
    hash            TEXT NOT NULL,
    schema_version  TEXT NOT NULL,
    platform_types  TEXT NOT NULL,
    requires        TEXT NOT NULL,
    author          TEXT NOT NULL,
    created_ms      BIGINT NOT NULL,
    PRIMARY KEY (account, region, name, version),
    UNIQUE (account, region, name, version_name),
    FOREIGN KEY (account, region, name) REFERENCES documents (account, region, name) ON DELETE CASCADE
);
