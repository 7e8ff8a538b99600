"""Stores of earlier versions keep what they hold."""

import pytest

from hostreeve.persistence.migrations import as_postgresql, migrations_of

SLICE = "hostreeve.platform.identity"


def apply(database, numbers):
    def unit(tx):
        for migration in migrations_of(SLICE, database.engine):
            if migration.number in numbers:
                text = as_postgresql(migration) if database.engine == "postgresql" else migration.sql
                for statement in text.split(";\n"):
                    if statement.strip():
                        tx.run(statement)

    database.write_sync(unit)


def put(database, table, **row):
    columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    database.write_sync(lambda tx: tx.run(f"INSERT INTO {table} ({columns}) VALUES ({values})", **row))


@pytest.fixture
def old(database_with):
    database = database_with([])
    apply(database, {1})
    return database


def test_users_and_policies_from_before_groups_and_versions_are_kept(old):
    place = {"account": "111122223333", "region": "global"}
    named = {"name_key": "ann", "name": "Ann", "path": "/", "tags": "{}", "created_ms": 5, "description": ""}
    put(
        old,
        "iam_identities",
        **place,
        **named,
        kind="user",
        identity_id="AIDA1",
        boundary_arn="",
        trust="",
        max_session_s=3600,
    )
    put(old, "iam_policies", **place, **named, arn="arn:1", policy_id="ANPA1", document='{"a": 1}')
    apply(old, {2})
    user = old.read_sync(lambda tx: tx.one("SELECT * FROM iam_identities"))
    assert (user["kind"], user["identity_id"], user["created_ms"]) == ("user", "AIDA1", 5)
    version = old.read_sync(lambda tx: tx.one("SELECT * FROM iam_policy_versions"))
    assert (version["policy_id"], version["version"], version["document"]) == ("ANPA1", 1, '{"a": 1}')
    policy = old.read_sync(lambda tx: tx.one("SELECT * FROM iam_policies"))
    assert (policy["default_version"], policy["newest_version"], policy["updated_ms"]) == (1, 1, 5)
