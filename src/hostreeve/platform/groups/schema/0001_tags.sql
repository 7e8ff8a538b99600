-- Tags of every resource that has an ARN, whatever slice it belongs to.
CREATE TABLE resource_tags (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    arn TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    tag_value TEXT NOT NULL,
    PRIMARY KEY (account, region, arn, tag_key)
) WITHOUT ROWID;
CREATE INDEX resource_tags_by_key ON resource_tags (account, region, tag_key, tag_value, arn);
