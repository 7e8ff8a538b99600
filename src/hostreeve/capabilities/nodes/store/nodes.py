"""Nodes in the database, joined with what the node link publishes about their channels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from hostreeve.capabilities.nodes.model import PRESENCE, MachineKey, Node, PingStatus, ping_status
from hostreeve.kernel.scope import Scope
from hostreeve.messaging.model import BEAT_FRESH_MS
from hostreeve.persistence.database import Transaction

Operator = Literal["Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan"]

_COLUMNS = (
    "n.account, n.region, n.node_id, n.activation_id, n.iam_role, n.name, n.registered_ms, n.last_ping_ms,"
    " n.agent_name, n.agent_status, n.agent_version, n.platform_type, n.platform_name, n.platform_version,"
    " n.computer_name, n.ip_address, n.availability_zone, n.availability_zone_id,"
    " x.open_beat_ms, x.opened_ms, x.seen_ms"
)
_JOINED = (
    "FROM nodes n LEFT JOIN node_connections x"
    " ON x.account = n.account AND x.region = n.region AND x.node_id = n.node_id"
    " WHERE n.account = :account AND n.region = :region"
)
_IS_CONNECTED = "COALESCE(x.open_beat_ms, 0) > :fresh_ms"
_IS_ONLINE = f"({_IS_CONNECTED} OR COALESCE(x.seen_ms, 0) > :since_ms OR n.last_ping_ms > :since_ms)"
_PING = f"CASE WHEN {_IS_ONLINE} THEN '{PingStatus.ONLINE}' ELSE '{PingStatus.CONNECTION_LOST}' END"

_IS_INSTANCE = "substr(n.node_id, 1, 2) = 'i-'"

ATTRIBUTES = {
    "AccountId": "n.account",
    # EC2's instances are shown without activation and role, as AWS knows neither of them.
    "ActivationIds": f"CASE WHEN {_IS_INSTANCE} THEN '' ELSE n.activation_id END",
    "AgentType": "n.agent_name",
    "AgentVersion": "n.agent_version",
    "AssociationStatus": "''",
    "AvailabilityZone": "n.availability_zone",
    "AvailabilityZoneId": "n.availability_zone_id",
    "ComputerName": "n.computer_name",
    "DocumentName": "''",
    "IamRole": f"CASE WHEN {_IS_INSTANCE} THEN '' ELSE n.iam_role END",
    "InstanceIds": "n.node_id",
    "IpAddress": "n.ip_address",
    "ManagedStatus": "'Managed'",
    "OrganizationalUnitId": "''",
    "OrganizationalUnitPath": "''",
    "PingStatus": _PING,
    "PlatformName": "n.platform_name",
    "PlatformTypes": "n.platform_type",
    "PlatformVersion": "n.platform_version",
    "Region": "n.region",
    "ResourceType": f"CASE WHEN {_IS_INSTANCE} THEN 'EC2Instance' ELSE 'ManagedInstance' END",
    "SourceIds": "n.node_id",
    "SourceLocation": "''",
    "SourceTypes": f"CASE WHEN {_IS_INSTANCE} THEN 'AWS::EC2::Instance' ELSE 'AWS::SSM::ManagedInstance' END",
}
"""What nodes can be filtered and counted by. Those that no node has yet are empty."""


class Condition(Struct, frozen=True):
    """An attribute compared with values, of which one must fit (NotEqual: none may)."""

    attribute: str
    values: tuple[str, ...]
    operator: Operator = "Equal"


def insert(tx: Transaction, key: MachineKey, *, activation_id: str, name: str, now_ms: int) -> None:
    tx.run(
        "INSERT INTO nodes (account, region, node_id, activation_id, iam_role, name, fingerprint,"
        " public_key, key_changed_ms, registered_ms) VALUES (:account, :region, :node_id, :activation_id,"
        " :iam_role, :name, :fingerprint, :public_key, :now_ms, :now_ms)",
        account=key.account,
        region=key.region,
        node_id=key.node_id,
        activation_id=activation_id,
        iam_role=key.iam_role,
        name=name,
        fingerprint=key.fingerprint,
        public_key=key.public_key,
        now_ms=now_ms,
    )


def registered_with(tx: Transaction, activation_id: str, public_key: bytes, fingerprint: str) -> str | None:
    """The node that registered with this activation, this very key and this fingerprint."""
    row = tx.one(
        "SELECT node_id FROM nodes WHERE activation_id = :activation_id AND public_key = :public_key"
        " AND fingerprint = :fingerprint",
        activation_id=activation_id,
        public_key=public_key,
        fingerprint=fingerprint,
    )
    return row["node_id"] if row else None


def machine_key(tx: Transaction, node_id: str) -> MachineKey | None:
    """By id alone: a machine says its id and proves it, and with that its account and Region."""
    row = tx.one(
        "SELECT account, region, node_id, iam_role, fingerprint, public_key, key_changed_ms FROM nodes"
        " WHERE node_id = :node_id",
        node_id=node_id,
    )
    return MachineKey(**{**row, "public_key": bytes(row["public_key"])}) if row else None


def find_many(tx: Transaction, scope: Scope, node_ids: Iterable[str], now_ms: int) -> dict[str, Node]:
    rows = tx.all(f"SELECT {_COLUMNS} {_JOINED} AND n.node_id IN :ids", **_ids(scope, node_ids))
    return {row["node_id"]: _node(row, now_ms) for row in rows}


def existing(tx: Transaction, scope: Scope, node_ids: Iterable[str]) -> set[str]:
    sql = "SELECT node_id FROM nodes WHERE account = :account AND region = :region AND node_id IN :ids"
    return {row["node_id"] for row in tx.all(sql, **_ids(scope, node_ids))}


def select(
    tx: Transaction,
    scope: Scope,
    conditions: Sequence[Condition],
    *,
    after: str,
    limit: int,
    now_ms: int,
) -> list[Node]:
    """Nodes for which every condition holds, by id."""
    sql, values = _where(conditions)
    rows = tx.all(
        f"SELECT {_COLUMNS} {_JOINED} AND n.node_id > :after{sql} ORDER BY n.node_id LIMIT :limit",
        account=scope.account,
        region=scope.region,
        after=after,
        limit=limit,
        **values,
        **_clock(sql, now_ms),
    )
    return [_node(row, now_ms) for row in rows]


def size(tx: Transaction, scope: Scope) -> int:
    """How many nodes there are."""
    row = tx.one(
        "SELECT COUNT(*) AS n FROM nodes WHERE account = :account AND region = :region",
        account=scope.account,
        region=scope.region,
    )
    return int(row["n"]) if row else 0


def ids(tx: Transaction, scope: Scope, conditions: Sequence[Condition], now_ms: int) -> list[str]:
    """The ids of all nodes for which every condition holds."""
    sql, values = _where(conditions)
    rows = tx.all(
        f"SELECT n.node_id {_JOINED}{sql} ORDER BY n.node_id",
        account=scope.account,
        region=scope.region,
        **values,
        **_clock(sql, now_ms),
    )
    return [row["node_id"] for row in rows]


def count(
    tx: Transaction, scope: Scope, conditions: Sequence[Condition], attributes: Sequence[str], now_ms: int
) -> list[tuple[tuple[str, ...], int]]:
    """How many nodes there are for each combination of the attributes' values."""
    sql, values = _where(conditions)
    names = [f"a{place}" for place in range(len(attributes))]
    shown = ", ".join(f"{ATTRIBUTES[each]} AS {name}" for each, name in zip(attributes, names, strict=True))
    rows = tx.all(
        f"SELECT {', '.join(names)}, count(*) AS nodes FROM (SELECT {shown} {_JOINED}{sql}) shown"
        f" GROUP BY {', '.join(names)} ORDER BY {', '.join(names)}",
        account=scope.account,
        region=scope.region,
        **values,
        **_clock(sql + shown, now_ms),
    )
    return [(tuple(row[name] for name in names), row["nodes"]) for row in rows]


def report(tx: Transaction, scope: Scope, node_id: str, reported: Mapping[str, str], now_ms: int) -> bool:
    """What a node's agent says of itself; what it leaves out stays. False when there is no such node."""
    said = {column: value for column, value in reported.items() if value}
    changes = "".join(f", {column} = :{column}" for column in sorted(said))
    return bool(
        tx.run(
            f"UPDATE nodes SET last_ping_ms = :now_ms{changes}"
            " WHERE account = :account AND region = :region AND node_id = :node_id",
            account=scope.account,
            region=scope.region,
            node_id=node_id,
            now_ms=now_ms,
            **said,
        )
    )


def change_key(tx: Transaction, scope: Scope, node_id: str, public_key: bytes, now_ms: int) -> bool:
    return bool(
        tx.run(
            "UPDATE nodes SET public_key = :public_key, key_changed_ms = :now_ms"
            " WHERE account = :account AND region = :region AND node_id = :node_id",
            account=scope.account,
            region=scope.region,
            node_id=node_id,
            public_key=public_key,
            now_ms=now_ms,
        )
    )


def change_role(tx: Transaction, scope: Scope, node_id: str, iam_role: str) -> bool:
    return bool(
        tx.run(
            "UPDATE nodes SET iam_role = :iam_role"
            " WHERE account = :account AND region = :region AND node_id = :node_id",
            account=scope.account,
            region=scope.region,
            node_id=node_id,
            iam_role=iam_role,
        )
    )


def delete(tx: Transaction, scope: Scope, node_id: str) -> bool:
    return bool(
        tx.run(
            "DELETE FROM nodes WHERE account = :account AND region = :region AND node_id = :node_id",
            account=scope.account,
            region=scope.region,
            node_id=node_id,
        )
    )


def _where(conditions: Sequence[Condition]) -> tuple[str, dict[str, Any]]:
    sql = ""
    values: dict[str, Any] = {}
    for place, condition in enumerate(conditions):
        expression = ATTRIBUTES[condition.attribute]
        if condition.operator in ("Equal", "NotEqual"):
            word = "IN" if condition.operator == "Equal" else "NOT IN"
            sql += f" AND {expression} {word} :c{place}"
            values[f"c{place}"] = list(condition.values)
            continue
        parts = []
        for number, value in enumerate(condition.values):
            name = f"c{place}_{number}"
            values[name] = value
            if condition.operator == "BeginWith":
                parts.append(f"substr({expression}, 1, CAST(:{name}_length AS INTEGER)) = :{name}")
                values[f"{name}_length"] = len(value)
            else:
                parts.append(f"{expression} {'<' if condition.operator == 'LessThan' else '>'} :{name}")
        sql += f" AND ({' OR '.join(parts)})"
    return sql, values


def _clock(sql: str, now_ms: int) -> dict[str, int]:
    """The times that the presence rule compares with, if the statement asks for it."""
    if _IS_ONLINE not in sql:
        return {}
    return {"fresh_ms": now_ms - BEAT_FRESH_MS, "since_ms": now_ms - PRESENCE.lost_after_ms}


def _ids(scope: Scope, node_ids: Iterable[str]) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region, "ids": list(node_ids)}


def _node(row: dict[str, Any], now_ms: int) -> Node:
    open_beat_ms, opened_ms = row.pop("open_beat_ms") or 0, row.pop("opened_ms") or 0
    last_seen_ms = max(row.pop("last_ping_ms"), row.pop("seen_ms") or 0, opened_ms)
    is_connected = open_beat_ms > now_ms - BEAT_FRESH_MS
    status = ping_status(is_connected=is_connected, last_seen_ms=last_seen_ms, now_ms=now_ms)
    return Node(**row, last_seen_ms=last_seen_ms, is_connected=is_connected, ping_status=status)
