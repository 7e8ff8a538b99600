"""Parameters and their versions in the database. The newest version is one row; the others lie apart."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hostreeve.capabilities.parameters.model import policies as policy_rules
from hostreeve.capabilities.parameters.model.names import parent_of
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.model.policies import Policy
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_VERSIONED = """version, tier, data_type, key_id, description, allowed_pattern, policies, modified_ms,
    modified_by, value"""
COLUMNS = f"account, region, path, name, type, {_VERSIONED}"
SCOPED = "account = :account AND region = :region"
_ONE = f"{SCOPED} AND path = :path"
_FIND = f"SELECT {COLUMNS} FROM parameters WHERE {_ONE}"


def find(tx: Transaction, scope: Scope, path: str) -> Parameter | None:
    """The newest version."""
    row = tx.one(_FIND, account=scope.account, region=scope.region, path=path)
    return parameter(row) if row else None


def find_many(tx: Transaction, scope: Scope, paths: Sequence[str]) -> dict[str, Parameter]:
    """The newest versions by path; those that do not exist are missing."""
    rows = tx.all(
        f"SELECT {COLUMNS} FROM parameters WHERE {SCOPED} AND path IN :paths",
        account=scope.account,
        region=scope.region,
        paths=list(paths),
    )
    return {row["path"]: parameter(row) for row in rows}


def in_regions(tx: Transaction, account: str, path: str) -> dict[str, Parameter]:
    """The newest version that an account has in each Region."""
    rows = tx.all(
        f"SELECT {COLUMNS} FROM parameters WHERE account = :account AND path = :path",
        account=account,
        path=path,
    )
    return {row["region"]: parameter(row) for row in rows}


def exists(tx: Transaction, scope: Scope, path: str) -> bool:
    sql = f"SELECT 1 AS found FROM parameters WHERE {_ONE}"
    return tx.one(sql, account=scope.account, region=scope.region, path=path) is not None


def count(tx: Transaction, scope: Scope) -> int:
    sql = f"SELECT count(*) AS n FROM parameters WHERE {SCOPED}"
    row = tx.one(sql, account=scope.account, region=scope.region)
    return int(row["n"]) if row else 0


def insert(tx: Transaction, made: Parameter) -> None:
    """A new parameter."""
    # Under SERIALIZABLE a doubled key is a lost race, and the unit runs again, only with ON CONFLICT.
    made_rows = tx.run(
        f"""INSERT INTO parameters ({COLUMNS}, parent, policy_due_ms)
            VALUES (:account, :region, :path, :name, :type, :version, :tier, :data_type, :key_id,
                    :description, :allowed_pattern, :policies, :modified_ms, :modified_by, :value,
                    :parent, :policy_due_ms)
            ON CONFLICT DO NOTHING""",
        **_row(made),
        name=made.name,
        type=made.type,
        parent=parent_of(made.path),
    )
    assert made_rows == 1, f"another writer made {made.path} in this transaction"


def replace(tx: Transaction, newer: Parameter) -> None:
    """Make `newer` the newest version; what it replaces stays as a version of its own."""
    tx.run(
        f"""INSERT INTO parameter_versions (account, region, path, {_VERSIONED})
            SELECT account, region, path, {_VERSIONED} FROM parameters WHERE {_ONE}
            ON CONFLICT DO NOTHING""",
        account=newer.account,
        region=newer.region,
        path=newer.path,
    )
    changed = tx.run(
        f"""UPDATE parameters SET version = :version, tier = :tier, data_type = :data_type,
                   key_id = :key_id, description = :description, allowed_pattern = :allowed_pattern,
                   policies = :policies, modified_ms = :modified_ms, modified_by = :modified_by,
                   value = :value, policy_due_ms = :policy_due_ms
            WHERE {_ONE} AND version = :version - 1""",
        **_row(newer),
    )
    # Invariant: versions follow one another without gaps or doubles.
    assert changed == 1, f"another writer made version {newer.version} of {newer.path} in this transaction"


def set_policies(tx: Transaction, current: Parameter, after: tuple[Policy, ...]) -> None:
    tx.run(
        f"UPDATE parameters SET policies = :policies, policy_due_ms = :due_ms WHERE {_ONE}",
        account=current.account,
        region=current.region,
        path=current.path,
        policies=msgspec.json.encode(after).decode(),
        due_ms=policy_rules.due_ms(after, current.modified_ms),
    )


def delete(tx: Transaction, scope: Scope, path: str) -> None:
    """The parameter with its versions, labels and sharing."""
    for table in (
        "parameters",
        "parameter_versions",
        "parameter_labels",
        "parameter_sharing",
        "parameter_guests",
    ):
        tx.run(f"DELETE FROM {table} WHERE {_ONE}", account=scope.account, region=scope.region, path=path)


def delete_version(tx: Transaction, scope: Scope, path: str, version: int) -> None:
    tx.run(
        f"DELETE FROM parameter_versions WHERE {_ONE} AND version = :version",
        account=scope.account,
        region=scope.region,
        path=path,
        version=version,
    )


def past_versions(
    tx: Transaction, current: Parameter, *, after: int = 0, limit: int = 1, exactly: int | None = None
) -> list[Parameter]:
    """Versions that `current` has replaced, the oldest first: those above `after`, or one of that number."""
    which = "version = :exactly" if exactly is not None else "version > :after"
    rows = tx.all(
        f"""SELECT account, region, path, {_VERSIONED} FROM parameter_versions
            WHERE {_ONE} AND {which} ORDER BY version LIMIT :limit""",
        account=current.account,
        region=current.region,
        path=current.path,
        limit=limit,
        **({"after": after} if exactly is None else {"exactly": exactly}),
    )
    return [parameter({**row, "name": current.name, "type": current.type}) for row in rows]


def label_version(tx: Transaction, scope: Scope, path: str, label: str) -> int | None:
    """The version that carries the label."""
    row = tx.one(
        f"SELECT version FROM parameter_labels WHERE {_ONE} AND label = :label",
        account=scope.account,
        region=scope.region,
        path=path,
        label=label,
    )
    return int(row["version"]) if row else None


def labels(tx: Transaction, scope: Scope, path: str) -> dict[str, int]:
    """Every label of a parameter and the version that it marks, by label."""
    rows = tx.all(
        f"SELECT label, version FROM parameter_labels WHERE {_ONE} ORDER BY label",
        account=scope.account,
        region=scope.region,
        path=path,
    )
    return {row["label"]: row["version"] for row in rows}


def set_labels(tx: Transaction, scope: Scope, path: str, version: int, attached: Sequence[str]) -> None:
    """Attach labels to a version; one that marks another version moves."""
    tx.many(
        """INSERT INTO parameter_labels (account, region, path, label, version)
           VALUES (:account, :region, :path, :label, :version)
           ON CONFLICT (account, region, path, label) DO UPDATE SET version = excluded.version""",
        [
            {
                "account": scope.account,
                "region": scope.region,
                "path": path,
                "label": label,
                "version": version,
            }
            for label in attached
        ],
    )


def remove_labels(tx: Transaction, scope: Scope, path: str, removed: Sequence[str]) -> None:
    tx.run(
        f"DELETE FROM parameter_labels WHERE {_ONE} AND label IN :removed",
        account=scope.account,
        region=scope.region,
        path=path,
        removed=list(removed),
    )


def due(tx: Transaction, now_ms: int, limit: int) -> list[tuple[Scope, str]]:
    """Parameters of whose policies one must be executed, the longest waiting first."""
    rows = tx.all(
        """SELECT account, region, path FROM parameters
           WHERE policy_due_ms IS NOT NULL AND policy_due_ms <= :now_ms
           ORDER BY policy_due_ms LIMIT :limit""",
        now_ms=now_ms,
        limit=limit,
    )
    return [(Scope(row["account"], row["region"]), row["path"]) for row in rows]


def put_off(tx: Transaction, until_ms: int, *, scope: Scope, path: str) -> None:
    """Its policies could not be executed: somebody tries again then."""
    tx.run(
        "UPDATE parameters SET policy_due_ms = :until_ms"
        " WHERE account = :account AND region = :region AND path = :path AND policy_due_ms IS NOT NULL",
        account=scope.account,
        region=scope.region,
        path=path,
        until_ms=until_ms,
    )


def next_due_ms(tx: Transaction) -> int | None:
    row = tx.one("SELECT MIN(policy_due_ms) AS due_ms FROM parameters WHERE policy_due_ms IS NOT NULL")
    return row["due_ms"] if row else None


def parameter(row: dict[str, Any]) -> Parameter:
    """A row of COLUMNS as a value."""
    text = row["policies"]
    row["policies"] = msgspec.json.decode(text, type=tuple[Policy, ...]) if text != "[]" else ()
    return Parameter(**row)


def _row(made: Parameter) -> dict[str, Any]:
    """The parameters of a statement that writes a newest version."""
    return {
        "account": made.account,
        "region": made.region,
        "path": made.path,
        "version": made.version,
        "tier": made.tier,
        "data_type": made.data_type,
        "key_id": made.key_id,
        "description": made.description,
        "allowed_pattern": made.allowed_pattern,
        "policies": msgspec.json.encode(made.policies).decode() if made.policies else "[]",
        "modified_ms": made.modified_ms,
        "modified_by": made.modified_by,
        "value": made.value,
        "policy_due_ms": policy_rules.due_ms(made.policies, made.modified_ms),
    }
