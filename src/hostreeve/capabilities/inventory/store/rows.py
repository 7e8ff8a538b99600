"""Entries that nodes share, in the database."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import msgspec

from hostreeve.capabilities.inventory.model.items import Row, digest_of, unpacked
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import RealWorld
from hostreeve.persistence.database import Transaction

_SCOPE = "account = :account AND region = :region"
_OF_TYPE = f"{_SCOPE} AND type_name = :type_name"
_AT_ONCE = 5_000
REMEMBERED_MAX = 20_000
"""Entries of one type whose ids a process remembers."""
STAMPS_MAX = 4


Remembered = dict[tuple[Scope, str], dict[bytes, int]]
_remembered: OrderedDict[str, Remembered] = OrderedDict()
"""Ids by content, of entries that are committed; by the stamp of the store that they are in."""


def ids_for(tx: Transaction, scope: Scope, type_name: str, shared: Sequence[bytes]) -> list[int]:
    """The ids of these entries, in their order. Those that nobody had before are new from now on."""
    known = _known_here(_stamp(tx), scope, type_name)
    missing = {content for content in shared if content not in known}
    if not missing:
        return [known[content] for content in shared]
    found = _found(tx, scope, type_name, missing)

    def remember() -> None:
        if len(known) + len(found) > REMEMBERED_MAX:
            known.clear()
        known.update(found)

    tx.after_commit(remember)
    return [known[content] if content in known else found[content] for content in shared]


def _known_here(stamp: str, scope: Scope, type_name: str) -> dict[bytes, int]:
    of_store = _remembered.setdefault(stamp, {})
    _remembered.move_to_end(stamp)
    while len(_remembered) > STAMPS_MAX:
        _remembered.popitem(last=False)
    return of_store.setdefault((scope, type_name), {})


def _stamp(tx: Transaction) -> str:
    row = tx.one("SELECT stamp FROM inventory_stamp WHERE place = 1")
    if row is None:
        tx.run(
            "INSERT INTO inventory_stamp (place, stamp) VALUES (1, :stamp) ON CONFLICT DO NOTHING",
            stamp=_new_stamp(),
        )
        row = tx.one("SELECT stamp FROM inventory_stamp WHERE place = 1")
    assert row is not None, "it has just been put there"
    return str(row["stamp"])


def _new_stamp() -> str:
    """Really another one: two worlds that are simulated alike have two stores all the same."""
    return RealWorld().uuid()


def _found(tx: Transaction, scope: Scope, type_name: str, contents: Iterable[bytes]) -> dict[bytes, int]:
    """The ids of entries by content; those that are not there yet are put there."""
    digests = {digest_of(content): content for content in contents}
    known = _known(tx, scope, type_name, digests)
    missing = digests.keys() - known.keys()
    if missing:
        tx.many(
            """INSERT INTO inventory_rows (account, region, type_name, digest, content)
               VALUES (:account, :region, :type_name, :digest, :content) ON CONFLICT DO NOTHING""",
            [
                {
                    "account": scope.account,
                    "region": scope.region,
                    "type_name": type_name,
                    "digest": digest,
                    "content": digests[digest].decode(),
                }
                # In one order for all, so that two transactions do not wait for one another.
                for digest in sorted(missing)
            ],
        )
        known |= _known(tx, scope, type_name, missing)
    return {content: known[digest] for digest, content in digests.items()}


def _known(tx: Transaction, scope: Scope, type_name: str, digests: Iterable[str]) -> dict[str, int]:
    rows = tx.all(
        f"SELECT digest, row_id FROM inventory_rows WHERE {_OF_TYPE} AND digest IN :digests",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
        digests=list(digests),
    )
    return {row["digest"]: row["row_id"] for row in rows}


def contents(tx: Transaction, scope: Scope, row_ids: Iterable[int]) -> dict[int, Row]:
    """Entries by id."""
    found: dict[int, Row] = {}
    wanted = sorted(set(row_ids))
    for start in range(0, len(wanted), _AT_ONCE):
        rows = tx.all(
            f"SELECT row_id, content FROM inventory_rows WHERE {_SCOPE} AND row_id IN :ids",
            account=scope.account,
            region=scope.region,
            ids=wanted[start : start + _AT_ONCE],
        )
        found |= {row["row_id"]: msgspec.json.decode(row["content"]) for row in rows}
    return found


def of_type(tx: Transaction, scope: Scope, type_name: str) -> list[tuple[int, Row]]:
    """All different entries that nodes have or had."""
    rows = tx.all(
        f"SELECT row_id, content FROM inventory_rows WHERE {_OF_TYPE}",
        account=scope.account,
        region=scope.region,
        type_name=type_name,
    )
    return [(row["row_id"], msgspec.json.decode(row["content"])) for row in rows]


def kinds(tx: Transaction) -> list[tuple[Scope, str]]:
    """Every scope and type that has entries."""
    rows = tx.all("SELECT DISTINCT account, region, type_name FROM inventory_rows ORDER BY account, region")
    return [(Scope(row["account"], row["region"]), row["type_name"]) for row in rows]


def sweep(tx: Transaction, scope: Scope, type_name: str) -> int:
    """Forget the entries that no node has and no change tells of, and all that processes remember of ids."""
    key = {"account": scope.account, "region": scope.region, "type_name": type_name}
    unused = {row["row_id"] for row in tx.all(f"SELECT row_id FROM inventory_rows WHERE {_OF_TYPE}", **key)}
    for column, table in (
        ("row_ids", "inventory_items"),
        ("added", "inventory_changes"),
        ("removed", "inventory_changes"),
    ):
        for row in tx.all(f"SELECT {column} AS ids FROM {table} WHERE {_OF_TYPE}", **key):
            unused.difference_update(unpacked(row["ids"]))
    if unused:
        tx.run("UPDATE inventory_stamp SET stamp = :stamp WHERE place = 1", stamp=_new_stamp())
    tx.many("DELETE FROM inventory_rows WHERE row_id = :row_id", [{"row_id": each} for each in unused])
    return len(unused)
