-- How users sign in: a password's salted hash, sealed. The salt stays the user's own over all its passwords.
CREATE TABLE iam_logins (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    user_id TEXT NOT NULL,
    salt BLOB NOT NULL,
    cost TEXT NOT NULL,
    sealed_hash BLOB NOT NULL,
    must_change INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, user_id)
) WITHOUT ROWID;

-- The hashes of passwords that a user had before, for policies that forbid to use one again.
CREATE TABLE iam_former_passwords (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    user_id TEXT NOT NULL,
    changed_ms INTEGER NOT NULL,
    sealed_hash BLOB NOT NULL,
    PRIMARY KEY (account, region, user_id, changed_ms)
) WITHOUT ROWID;

-- When users last signed in. Nobody's rights depend on it: it leaves no stamp.
CREATE TABLE iam_sign_ins (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    user_id TEXT NOT NULL,
    used_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, user_id)
) WITHOUT ROWID;

CREATE TABLE iam_password_policies (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    policy TEXT NOT NULL,
    PRIMARY KEY (account, region)
) WITHOUT ROWID;

-- One name for an account, which no other account has.
CREATE TABLE iam_account_aliases (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    alias TEXT NOT NULL UNIQUE,
    PRIMARY KEY (account, region)
) WITHOUT ROWID;

-- Authenticators. user_id is empty and enabled_ms 0 until somebody's; used_step is the last code's, which does not count twice.
CREATE TABLE iam_mfa_devices (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    serial_key TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    sealed_seed BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    tags TEXT NOT NULL,
    user_id TEXT NOT NULL,
    enabled_ms INTEGER NOT NULL,
    drift_steps INTEGER NOT NULL,
    used_step INTEGER NOT NULL,
    PRIMARY KEY (account, region, serial_key)
) WITHOUT ROWID;
CREATE INDEX iam_mfa_devices_by_user ON iam_mfa_devices (account, region, user_id, serial_key);
