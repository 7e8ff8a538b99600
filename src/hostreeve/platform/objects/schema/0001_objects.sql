-- Buckets. Their names are global: one namespace for every account and Region.
CREATE TABLE object_buckets (
    bucket TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX object_buckets_by_account ON object_buckets (account, bucket);

-- Objects, in the scope of their bucket. `content` names the pieces that hold the bytes.
CREATE TABLE objects (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    bucket TEXT NOT NULL,
    object_key TEXT NOT NULL,
    content TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    etag TEXT NOT NULL,
    headers TEXT NOT NULL,
    metadata TEXT NOT NULL,
    checksums TEXT NOT NULL,
    part_count INTEGER NOT NULL,
    upload_id TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, bucket, object_key)
) WITHOUT ROWID;

-- What a content is made of: stretches of files, one after another, and which of an object's parts each is of.
-- Copies share files.
CREATE TABLE object_pieces (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    content TEXT NOT NULL,
    position INTEGER NOT NULL,
    file TEXT NOT NULL,
    offset_bytes INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    part INTEGER NOT NULL,
    PRIMARY KEY (account, region, content, position)
) WITHOUT ROWID;
CREATE INDEX object_pieces_by_file ON object_pieces (file);

-- Multipart uploads under way, and the parts that arrived.
CREATE TABLE object_uploads (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    bucket TEXT NOT NULL,
    object_key TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    headers TEXT NOT NULL,
    metadata TEXT NOT NULL,
    checksum_algorithm TEXT NOT NULL,
    checksum_type TEXT NOT NULL,
    initiator TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, bucket, object_key, upload_id)
) WITHOUT ROWID;
CREATE TABLE object_parts (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    part_number INTEGER NOT NULL,
    content TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    etag TEXT NOT NULL,
    checksum TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, upload_id, part_number)
) WITHOUT ROWID;

-- Files that lost a piece that named them: deleted later, if no other piece names them.
CREATE TABLE object_dropped (
    file TEXT NOT NULL PRIMARY KEY,
    dropped_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX object_dropped_by_time ON object_dropped (dropped_ms);
