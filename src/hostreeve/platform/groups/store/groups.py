"""Groups in the database, the members that were named one by one, and an account's setting."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.groups.model.group import Group

_SCOPED = "account = :account AND region = :region"
_COLUMNS = (
    "account, region, name, description, owner, display_name, criticality, query_type, query, configuration,"
    " created_ms"
)


def insert(tx: Transaction, group: Group) -> bool:
    """False when the name is taken."""
    return bool(
        tx.run(
            f"INSERT INTO resource_groups ({_COLUMNS}) VALUES (:account, :region, :name, :description,"
            " :owner, :display_name, :criticality, :query_type, :query, :configuration, :created_ms)"
            " ON CONFLICT (account, region, name) DO NOTHING",
            **msgspec.structs.asdict(group),
        )
    )


def find(tx: Transaction, scope: Scope, name: str) -> Group | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM resource_groups WHERE {_SCOPED} AND name = :name", **_here(scope), name=name
    )
    return Group(**row) if row else None


def listed(tx: Transaction, scope: Scope, *, after: str, limit: int) -> list[Group]:
    """Groups behind `after`, by name."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM resource_groups WHERE {_SCOPED} AND name > :after"
        " ORDER BY name LIMIT :limit",
        **_here(scope),
        after=after,
        limit=limit,
    )
    return [Group(**row) for row in rows]


def update(tx: Transaction, group: Group) -> None:
    """What may change of a group: all but its name and the kind of its members."""
    tx.run(
        "UPDATE resource_groups SET description = :description, owner = :owner, display_name = :display_name,"
        " criticality = :criticality, query_type = :query_type, query = :query,"
        f" configuration = :configuration WHERE {_SCOPED} AND name = :name",
        **msgspec.structs.asdict(group),
    )


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    """The group and its list of members; the members themselves stay."""
    for table in ("resource_group_members", "resource_groups"):
        tx.run(f"DELETE FROM {table} WHERE {_SCOPED} AND name = :name", **_here(scope), name=name)


def add_members(tx: Transaction, scope: Scope, name: str, members: Mapping[str, str], now_ms: int) -> None:
    """Members by ARN, with the name of their type. Those that are there already stay."""
    tx.many(
        "INSERT INTO resource_group_members (account, region, name, arn, type_name, grouped_ms)"
        " VALUES (:account, :region, :name, :arn, :type_name, :now_ms)"
        " ON CONFLICT (account, region, name, arn) DO NOTHING",
        [
            {**_here(scope), "name": name, "arn": arn, "type_name": type_name, "now_ms": now_ms}
            for arn, type_name in members.items()
        ],
    )


def remove_members(tx: Transaction, scope: Scope, name: str, arns: Iterable[str]) -> None:
    tx.run(
        f"DELETE FROM resource_group_members WHERE {_SCOPED} AND name = :name AND arn IN :arns",
        **_here(scope),
        name=name,
        arns=list(arns),
    )


def members(
    tx: Transaction, scope: Scope, name: str, *, after: str = "", limit: int, types: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Members behind `after` by ARN, each with the name of its type; `types` narrows."""
    values: dict[str, Any] = {"types": list(types)} if types else {}
    rows = tx.all(
        f"SELECT arn, type_name FROM resource_group_members WHERE {_SCOPED} AND name = :name AND arn > :after"
        f"{' AND type_name IN :types' if types else ''} ORDER BY arn LIMIT :limit",
        **_here(scope),
        name=name,
        after=after,
        limit=limit,
        **values,
    )
    return [(row["arn"], row["type_name"]) for row in rows]


def among_members(tx: Transaction, scope: Scope, name: str, arns: Sequence[str]) -> list[str]:
    """Those of the ARNs that were named as members, in order."""
    rows = tx.all(
        f"SELECT arn FROM resource_group_members WHERE {_SCOPED} AND name = :name AND arn IN :arns"
        " ORDER BY arn",
        **_here(scope),
        name=name,
        arns=list(arns),
    )
    return [row["arn"] for row in rows]


def lifecycle_events(tx: Transaction, scope: Scope) -> str:
    """What the account wants: ACTIVE or INACTIVE."""
    row = tx.one(f"SELECT lifecycle_events FROM resource_group_settings WHERE {_SCOPED}", **_here(scope))
    return str(row["lifecycle_events"]) if row else "INACTIVE"


def set_lifecycle_events(tx: Transaction, scope: Scope, wanted: str) -> None:
    tx.run(
        "INSERT INTO resource_group_settings (account, region, lifecycle_events)"
        " VALUES (:account, :region, :wanted) ON CONFLICT (account, region)"
        " DO UPDATE SET lifecycle_events = excluded.lifecycle_events",
        **_here(scope),
        wanted=wanted,
    )


def _here(scope: Scope) -> dict[str, str]:
    return {"account": scope.account, "region": scope.region}
