"""Many nodes that put the same entries at the same time, on both engines."""

from concurrent.futures import ThreadPoolExecutor

from hostreeve.capabilities.inventory.model.items import split
from hostreeve.capabilities.inventory.store import rows
from hostreeve.kernel.scope import Scope

SCHEMAS = ["hostreeve.capabilities.inventory"]
SCOPE = Scope("111122223333", "us-east-1")


def test_the_same_entry_has_one_id_whoever_was_first(database):
    shared, _ = split({"Name": f"p{n}"} for n in range(20))

    def unit(tx):
        return rows.ids_for(tx, SCOPE, "AWS:Application", shared)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: database.write_sync(unit), range(16)))
    assert len({tuple(ids) for ids in found}) == 1
    assert len(set(found[0])) == 20
