"""Compliance in the database."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from hostreeve.capabilities.compliance.model import Item, Part
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_NAMES = Part.__struct_fields__
_COLUMNS = ", ".join(_NAMES)
_SCOPE = "account = :account AND region = :region"
_TYPE = f"{_SCOPE} AND node_id = :node_id AND compliance_type = :compliance_type"
_ONE = f"{_TYPE} AND part = :part"
_CHANGED = (
    "standing",
    "counts",
    "execution_id",
    "execution_type",
    "execution_ms",
    "content_hash",
    "facets",
)
Place = tuple[str, str, str]
"""Where a part stands in a list: node, type, part."""


class Choice(Struct, frozen=True):
    """Which parts are looked at: `where` is SQL over their columns, `having` over a node's worst standing."""

    where: str = ""
    having: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def keep(tx: Transaction, scope: Scope, part: Part, items: Sequence[Item]) -> None:
    """A part and its items, in the place of what was known of it."""
    key = _key(scope, part.node_id, part.compliance_type) | {"part": part.part}
    row: dict[str, Any] = msgspec.structs.asdict(part) | key
    row |= {name: msgspec.json.encode(row[name]).decode() for name in ("counts", "facets")}
    tx.run(
        f"""INSERT INTO compliance_states (account, region, {_COLUMNS})
            VALUES (:account, :region, :node_id, :compliance_type, :part, :standing, :counts, :execution_id,
                    :execution_type, :execution_ms, :content_hash, :facets)
            ON CONFLICT (account, region, node_id, compliance_type, part)
            DO UPDATE SET {", ".join(f"{column} = excluded.{column}" for column in _CHANGED)}""",
        **row,
    )
    packed = [(one.id, one.title, one.severity, one.status, one.details) for one in items]
    tx.run(
        """INSERT INTO compliance_items (account, region, node_id, compliance_type, part, items)
           VALUES (:account, :region, :node_id, :compliance_type, :part, :items)
           ON CONFLICT (account, region, node_id, compliance_type, part)
           DO UPDATE SET items = excluded.items""",
        **key,
        items=zlib.compress(msgspec.msgpack.encode(packed), 1),
    )


def parts(tx: Transaction, scope: Scope, node_id: str, compliance_type: str) -> list[Part]:
    """All parts of a node's type."""
    sql = f"SELECT {_COLUMNS} FROM compliance_states WHERE {_TYPE} ORDER BY part"
    return [_part(row) for row in tx.all(sql, **_key(scope, node_id, compliance_type))]


def parts_of_many(
    tx: Transaction, scope: Scope, node_ids: Iterable[str] | None, choice: Choice
) -> list[Part]:
    """The parts of these nodes (None: of all) that are chosen, by node and type."""
    among = "" if node_ids is None else " AND node_id IN :node_ids"
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM compliance_states WHERE {_SCOPE}{among}{choice.where}
            ORDER BY node_id, compliance_type, part""",
        account=scope.account,
        region=scope.region,
        **({} if node_ids is None else {"node_ids": sorted(node_ids)}),
        **choice.values,
    )
    return [_part(row) for row in rows]


def types_of(tx: Transaction, scope: Scope, node_id: str) -> set[str]:
    rows = tx.all(
        f"SELECT DISTINCT compliance_type FROM compliance_states WHERE {_SCOPE} AND node_id = :node_id",
        account=scope.account,
        region=scope.region,
        node_id=node_id,
    )
    return {row["compliance_type"] for row in rows}


def items_from(
    tx: Transaction, scope: Scope, node_id: str | None, *, place: Place, limit: int
) -> list[tuple[Part, list[Item]]]:
    """Parts from `place` on (that one included) with their items: a node's, or everybody's."""
    rows = tx.all(
        f"""SELECT {", ".join(f"s.{name}" for name in _NAMES)}, i.items
            FROM compliance_states s JOIN compliance_items i ON i.account = s.account AND i.region = s.region
            AND i.node_id = s.node_id AND i.compliance_type = s.compliance_type AND i.part = s.part
            WHERE s.account = :account AND s.region = :region{" AND s.node_id = :node_id" if node_id else ""}
            AND (s.node_id, s.compliance_type, s.part) >= (:from_node, :from_type, :from_part)
            ORDER BY s.node_id, s.compliance_type, s.part LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        from_node=place[0],
        from_type=place[1],
        from_part=place[2],
        limit=limit,
        **({"node_id": node_id} if node_id else {}),
    )
    return [(_part(row), _items(row.pop("items"))) for row in rows]


def items_of(
    tx: Transaction, scope: Scope, node_id: str, compliance_type: str
) -> list[tuple[Part, list[Item]]]:
    """All parts of a node's type with their items."""
    found = {part.part: part for part in parts(tx, scope, node_id, compliance_type)}
    rows = tx.all(
        f"SELECT part, items FROM compliance_items WHERE {_TYPE} ORDER BY part",
        **_key(scope, node_id, compliance_type),
    )
    return [(found[row["part"]], _items(row["items"])) for row in rows]


def drop(tx: Transaction, scope: Scope, node_id: str, compliance_type: str, part: str) -> None:
    key = _key(scope, node_id, compliance_type)
    for table in ("compliance_states", "compliance_items"):
        tx.run(f"DELETE FROM {table} WHERE {_ONE}", **key, part=part)


def drop_node(tx: Transaction, scope: Scope, node_id: str) -> None:
    """All that is known of a node."""
    for table in ("compliance_states", "compliance_items"):
        tx.run(
            f"DELETE FROM {table} WHERE {_SCOPE} AND node_id = :node_id",
            account=scope.account,
            region=scope.region,
            node_id=node_id,
        )


def nodes_with(tx: Transaction, scope: Scope, compliance_type: str, part: str) -> list[str]:
    """The nodes that have this part."""
    rows = tx.all(
        f"""SELECT node_id FROM compliance_states
            WHERE {_SCOPE} AND compliance_type = :compliance_type AND part = :part""",
        account=scope.account,
        region=scope.region,
        compliance_type=compliance_type,
        part=part,
    )
    return [row["node_id"] for row in rows]


def drop_part(
    tx: Transaction, scope: Scope, compliance_type: str, part: str, node_ids: Sequence[str]
) -> None:
    """Forget the part of all these nodes."""
    for table in ("compliance_states", "compliance_items"):
        tx.run(
            f"""DELETE FROM {table} WHERE {_SCOPE} AND node_id IN :node_ids
                AND compliance_type = :compliance_type AND part = :part""",
            account=scope.account,
            region=scope.region,
            compliance_type=compliance_type,
            part=part,
            node_ids=list(node_ids),
        )


def tally(tx: Transaction, scope: Scope, choice: Choice) -> dict[str, dict[int, int]]:
    """How many nodes there are of each standing, by type: `{"Patch": {15: 3}}`."""
    rows = tx.all(
        f"""SELECT compliance_type, standing, COUNT(*) AS n FROM (
                SELECT compliance_type, node_id, MAX(standing) AS standing FROM compliance_states
                WHERE {_SCOPE}{choice.where} GROUP BY compliance_type, node_id{choice.having}
            ) AS each_node GROUP BY compliance_type, standing ORDER BY compliance_type, standing""",
        account=scope.account,
        region=scope.region,
        **choice.values,
    )
    found: dict[str, dict[int, int]] = {}
    for row in rows:
        found.setdefault(row["compliance_type"], {})[row["standing"]] = int(row["n"])
    return found


def facets(tx: Transaction, scope: Scope) -> list[str]:
    """The different facets that parts have, as they are stored: few, as many nodes have the same ones."""
    rows = tx.all(
        f"SELECT DISTINCT facets FROM compliance_states WHERE {_SCOPE}",
        account=scope.account,
        region=scope.region,
    )
    return [row["facets"] for row in rows]


def resources(
    tx: Transaction, scope: Scope, choice: Choice, *, after: tuple[str, str], limit: int
) -> list[tuple[str, str]]:
    """(node, type) pairs that are chosen, in order, behind `after`."""
    rows = tx.all(
        f"""SELECT node_id, compliance_type FROM compliance_states
            WHERE {_SCOPE} AND (node_id, compliance_type) > (:after_node, :after_type){choice.where}
            GROUP BY node_id, compliance_type{choice.having}
            ORDER BY node_id, compliance_type LIMIT :limit""",
        account=scope.account,
        region=scope.region,
        after_node=after[0],
        after_type=after[1],
        limit=limit,
        **choice.values,
    )
    return [(row["node_id"], row["compliance_type"]) for row in rows]


def _key(scope: Scope, node_id: str, compliance_type: str) -> dict[str, Any]:
    return {
        "account": scope.account,
        "region": scope.region,
        "node_id": node_id,
        "compliance_type": compliance_type,
    }


def _part(row: dict[str, Any]) -> Part:
    known = {name: msgspec.json.decode(row[name]) for name in ("counts", "facets")}
    return msgspec.convert({**{name: row[name] for name in _NAMES}, **known}, Part)


def _items(packed: bytes) -> list[Item]:
    rows = msgspec.msgpack.decode(zlib.decompress(packed))
    return [Item(id=i, title=t, severity=s, status=u, details=d) for i, t, s, u, d in rows]
