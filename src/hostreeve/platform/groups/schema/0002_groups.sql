-- Groups of resources. Exactly one of query_type and configuration is not empty.
CREATE TABLE resource_groups (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    display_name TEXT NOT NULL,
    criticality INTEGER NOT NULL,
    query_type TEXT NOT NULL CHECK (query_type IN ('', 'TAG_FILTERS_1_0', 'CLOUDFORMATION_STACK_1_0')),
    query TEXT NOT NULL,
    configuration TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, name),
    CHECK ((query_type = '') <> (configuration = ''))
) WITHOUT ROWID;

-- Members of groups without a query, named one by one.
CREATE TABLE resource_group_members (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    arn TEXT NOT NULL,
    type_name TEXT NOT NULL,
    grouped_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, name, arn)
) WITHOUT ROWID;
CREATE INDEX resource_group_members_by_arn ON resource_group_members (account, region, arn);

-- Whether an account wants events about its groups.
CREATE TABLE resource_group_settings (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    lifecycle_events TEXT NOT NULL CHECK (lifecycle_events IN ('ACTIVE', 'INACTIVE')),
    PRIMARY KEY (account, region)
) WITHOUT ROWID;
