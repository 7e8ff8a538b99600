"""What nodes could have: by node as reported last, and all versions together."""

import zlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from hostreeve.capabilities.patches.model.offer import Offer, Version
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPED = "account = :account AND region = :region"
Property = Literal["classification", "severity", "priority"]


class Offered(NamedTuple):
    """What a node reported of what it could have. `wants_reboot` is 1 when that restarts the node."""

    node_id: str
    operating_system: str
    product: str
    operation: str
    snapshot_id: str
    wants_reboot: int
    reported_ms: int
    offers: list[Offer]


_HEAD = tuple(name for name in Offered._fields if name != "offers")
_COLUMNS = ", ".join(_HEAD)


class Entry(NamedTuple):
    """A version of the catalog."""

    operating_system: str
    product: str
    key: str
    version: Version

    @property
    def place(self) -> tuple[str, str, str]:
        return self.operating_system, self.product, self.key


def keep(tx: Transaction, scope: Scope, one: Offered) -> None:
    """In the place of what the node reported before."""
    tx.run(
        f"INSERT INTO patch_offers (account, region, {_COLUMNS}, patches)"
        f" VALUES (:account, :region, {', '.join(f':{name}' for name in _HEAD)}, :patches)"
        " ON CONFLICT (account, region, node_id) DO UPDATE SET patches = excluded.patches, "
        + ", ".join(f"{name} = excluded.{name}" for name in _HEAD if name != "node_id"),
        **_in(scope),
        **{name: value for name, value in one._asdict().items() if name != "offers"},
        patches=zlib.compress(msgspec.msgpack.encode(one.offers), 1),
    )


def of_nodes(tx: Transaction, scope: Scope, node_ids: Sequence[str]) -> dict[str, Offered]:
    """Of those of the nodes that have reported."""
    rows = tx.all(
        f"SELECT {_COLUMNS}, patches FROM patch_offers WHERE {_SCOPED} AND node_id IN :node_ids",
        **_in(scope),
        node_ids=list(node_ids),
    )
    found = {}
    for row in rows:
        offers = msgspec.msgpack.decode(zlib.decompress(row.pop("patches")), type=list[Offer])
        found[row["node_id"]] = Offered(**row, offers=offers)
    return found


def drop(tx: Transaction, scope: Scope, node_id: str) -> None:
    tx.run(f"DELETE FROM patch_offers WHERE {_SCOPED} AND node_id = :node_id", **_in(scope), node_id=node_id)


def set_seen_ms(tx: Transaction, scope: Scope, digest: str) -> int:
    """When a set of versions was put into the catalog last; 0: never."""
    row = tx.one(
        f"SELECT seen_ms FROM patch_catalog_sets WHERE {_SCOPED} AND digest = :digest",
        **_in(scope),
        digest=digest,
    )
    return int(row["seen_ms"]) if row else 0


def see_set(tx: Transaction, scope: Scope, digest: str, now_ms: int) -> None:
    tx.run(
        "INSERT INTO patch_catalog_sets (account, region, digest, seen_ms)"
        " VALUES (:account, :region, :digest, :now_ms)"
        " ON CONFLICT (account, region, digest) DO UPDATE SET seen_ms = excluded.seen_ms",
        **_in(scope),
        digest=digest,
        now_ms=now_ms,
    )


def add(
    tx: Transaction, scope: Scope, system: tuple[str, str], versions: Sequence[Version], now_ms: int
) -> None:
    """Into the catalog, each once."""
    tx.many(
        "INSERT INTO patch_catalog (account, region, operating_system, product, patch_key, body, seen_ms,"
        " classification, severity, priority) VALUES (:account, :region, :operating_system, :product, :key,"
        " :body, :now_ms, :classification, :severity, :priority)"
        " ON CONFLICT (account, region, operating_system, product, patch_key)"
        " DO UPDATE SET body = excluded.body, seen_ms = excluded.seen_ms,"
        " classification = excluded.classification, severity = excluded.severity,"
        " priority = excluded.priority",
        [
            {
                **_in(scope),
                "operating_system": system[0],
                "product": system[1],
                "key": version.key,
                "body": msgspec.json.encode(version).decode(),
                "now_ms": now_ms,
                "classification": version.classification,
                "severity": version.severity,
                "priority": version.priority,
            }
            for version in versions
        ],
    )


def size(tx: Transaction, scope: Scope) -> int:
    row = tx.one(f"SELECT COUNT(*) AS n FROM patch_catalog WHERE {_SCOPED}", **_in(scope))
    return int(row["n"]) if row else 0


def catalog(
    tx: Transaction,
    scope: Scope,
    *,
    system: str | None = None,
    products: Sequence[str] | None = None,
    after: tuple[str, str, str],
    limit: int,
) -> list[Entry]:
    """Versions behind `after` (operating system, product, key), of an operating system, of some products."""
    where = " AND operating_system = :system" if system is not None else ""
    where += " AND product IN :products" if products is not None else ""
    rows = tx.all(
        f"SELECT operating_system, product, patch_key, body FROM patch_catalog WHERE {_SCOPED}{where}"
        " AND (operating_system, product, patch_key) > (:after_system, :after_product, :after_key)"
        " ORDER BY operating_system, product, patch_key LIMIT :limit",
        **_in(scope),
        after_system=after[0],
        after_product=after[1],
        after_key=after[2],
        limit=limit,
        **({"system": system} if system is not None else {}),
        **({"products": list(products)} if products is not None else {}),
    )
    return [
        Entry(
            row["operating_system"],
            row["product"],
            row["patch_key"],
            msgspec.json.decode(row["body"], type=Version),
        )
        for row in rows
    ]


def products(tx: Transaction, scope: Scope, system: str) -> list[str]:
    """The products of an operating system that nodes reported."""
    rows = tx.all(
        f"SELECT DISTINCT product FROM patch_catalog WHERE {_SCOPED} AND operating_system = :system"
        " UNION SELECT DISTINCT product FROM patch_offers"
        f" WHERE {_SCOPED} AND operating_system = :system",
        **_in(scope),
        system=system,
    )
    return sorted(row["product"] for row in rows)


def values(tx: Transaction, scope: Scope, system: str, member: Property) -> list[str]:
    """The different values of a property of an operating system's versions; those without are left out."""
    rows = tx.all(
        f"SELECT DISTINCT {member} AS value FROM patch_catalog"
        f" WHERE {_SCOPED} AND operating_system = :system AND {member} <> ''",
        **_in(scope),
        system=system,
    )
    return sorted(row["value"] for row in rows)


def forget(tx: Transaction, before_ms: int, limit: int) -> int:
    """Drop up to `limit` versions, and sets, that nobody has reported since."""
    dropped = 0
    for table, key in (
        ("patch_catalog", "operating_system, product, patch_key"),
        ("patch_catalog_sets", "digest"),
    ):
        old = tx.all(
            f"SELECT account, region, {key} FROM {table} WHERE seen_ms < :before_ms LIMIT :limit",
            before_ms=before_ms,
            limit=limit,
        )
        names = key.split(", ")
        where = " AND ".join(f"{name} = :{name}" for name in names)
        tx.many(f"DELETE FROM {table} WHERE {_SCOPED} AND {where}", old)
        dropped += len(old)
    return dropped


def _in(scope: Scope) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region}
