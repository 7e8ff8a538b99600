"""Many nodes that put the same entries at the same time, on both engines."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.app import compose
from hostreeve.capabilities.compliance import operations as compliance_operations
from hostreeve.capabilities.inventory import operations
from hostreeve.capabilities.inventory.model.items import split
from hostreeve.capabilities.inventory.store import rows
from hostreeve.kernel.scope import Scope
from tests.nodes import make

SCHEMAS = list(compose.SCHEMAS)
SCOPE = Scope("111122223333", "us-east-1")


def test_the_same_entry_has_one_id_whoever_was_first(database):
    shared, _ = split({"Name": f"p{n}"} for n in range(20))

    def unit(tx):
        return rows.ids_for(tx, SCOPE, "AWS:Application", shared)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: database.write_sync(unit), range(16)))
    assert len({tuple(ids) for ids in found}) == 1
    assert len(set(found[0])) == 20


def test_ids_that_are_remembered_are_those_of_this_store_and_of_what_is_there(database_with):
    one, other = database_with(SCHEMAS), database_with(SCHEMAS)
    (first,), _ = split([{"Name": "a"}])
    (second,), _ = split([{"Name": "b"}])

    def ids(database, *contents):
        return database.write_sync(lambda tx: rows.ids_for(tx, SCOPE, "AWS:Application", list(contents)))

    ids(other, second, first)
    known = {content: ids(one, content)[0] for content in (first, second)}
    assert ids(one, first, second, first) == [known[first], known[second], known[first]]
    swept = one.write_sync(lambda tx: rows.sweep(tx, SCOPE, "AWS:Application"))
    assert swept == 2
    made = ids(one, first)
    stored = one.read_sync(lambda tx: rows.contents(tx, SCOPE, made))
    assert stored == {made[0]: {"Name": "a"}}


def test_ids_of_a_unit_that_failed_are_not_remembered(database):
    (content,), _ = split([{"Name": "never"}])

    def unit(tx):
        rows.ids_for(tx, SCOPE, "AWS:Application", [content])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.write_sync(unit)
    made = database.write_sync(lambda tx: rows.ids_for(tx, SCOPE, "AWS:Application", [content]))
    assert database.read_sync(lambda tx: rows.contents(tx, SCOPE, made)) == {made[0]: {"Name": "never"}}


def outcomes(ask, numbers):
    """What became of asking for each at the same time: "" or the error's code."""

    def one(number):
        try:
            ask(number)
        except AwsError as refused:
            return refused.code
        return ""

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, numbers))


def test_an_account_gets_no_twenty_first_type_however_many_ask_at_once(database, world):
    call = make.caller(database, world)
    node_id = make.node(call, 1)

    def put(number):
        item = {
            "TypeName": f"Custom:Type{number}",
            "SchemaVersion": "1.0",
            "CaptureTime": "2026-11-29T09:00:00Z",
            "Content": [{"A": "1"}],
        }
        call(operations.ssm, "PutInventory", InstanceId=node_id, Items=[item])

    assert outcomes(put, range(16)) == [""] * 16
    late = outcomes(put, range(16, 28))
    assert sorted(late) == [""] * 4 + ["CustomSchemaCountLimitExceededException"] * 8


def test_a_node_gets_no_eleventh_compliance_type_however_many_ask_at_once(database, world):
    call = make.caller(database, world)
    node_id = make.node(call, 1)

    def put(number):
        call(
            compliance_operations.ssm,
            "PutComplianceItems",
            ResourceId=node_id,
            ResourceType="ManagedInstance",
            ComplianceType=f"Custom:Type{number}",
            ExecutionSummary={"ExecutionTime": 1.0},
            Items=[{"Id": "a", "Severity": "LOW", "Status": "COMPLIANT"}],
        )

    late = outcomes(put, range(14))
    assert sorted(late) == [""] * 10 + ["ComplianceTypeCountLimitExceededException"] * 4
