-- An instance profile holds at most one role; role_id is empty while it holds none.
CREATE TABLE iam_instance_profiles (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name_key TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    profile_id TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    tags TEXT NOT NULL,
    role_id TEXT NOT NULL,
    PRIMARY KEY (account, region, name_key)
) WITHOUT ROWID;
CREATE INDEX iam_instance_profiles_by_role ON iam_instance_profiles (account, region, role_id, name_key);

-- What was asked to be deleted of roles that belong to services, and how it ended.
CREATE TABLE iam_role_deletions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    task_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('NOT_STARTED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED')),
    PRIMARY KEY (account, region, task_id)
) WITHOUT ROWID;

-- When and where roles were last used. Nobody's rights depend on it: it leaves no stamp.
CREATE TABLE iam_role_uses (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    role_id TEXT NOT NULL,
    used_ms INTEGER NOT NULL,
    used_region TEXT NOT NULL,
    PRIMARY KEY (account, region, role_id)
) WITHOUT ROWID;
