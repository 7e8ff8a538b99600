"""PutInventory: what is taken, by hash or whole, what is refused."""

import pytest
from botocore.exceptions import ClientError

from hostreeve.capabilities.inventory.model.types import AWS_TYPES
from tests.inventory.conftest import APPLICATION, CAPTURED, RACK


def refused(call, *arguments, **more):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    return caught.value.response["Error"]["Code"]


def test_what_was_put_is_listed_as_it_came(fleet):
    node = fleet.node()
    row = {"Name": "nginx", "Version": "1.22", "InstalledTime": "2026-01-01T00:00:00Z"}
    fleet.put(node, APPLICATION, row, {"Name": "bash"})
    found = fleet.entries(node, APPLICATION)
    assert (found["SchemaVersion"], found["CaptureTime"]) == ("1.1", CAPTURED)
    assert found["Entries"] == [row, {"Name": "bash"}]


def test_the_same_hash_changes_nothing_not_even_the_time(fleet):
    node = fleet.node()
    fleet.apps(node, "a", ContentHash="h")
    fleet.apps(node, "b", ContentHash="h", CaptureTime="2027-01-16T08:00:00Z")
    found = fleet.entries(node, APPLICATION)
    assert (found["CaptureTime"], found["Entries"][0]["Name"]) == (CAPTURED, "a")


def test_a_hash_alone_will_do_while_it_is_the_one_that_is_known(fleet):
    node = fleet.node()
    assert refused(fleet.put, node, APPLICATION, None, ContentHash="h") == "InvalidItemContentException"
    fleet.apps(node, "a", ContentHash="h")
    fleet.put(node, APPLICATION, None, ContentHash="h")
    assert refused(fleet.put, node, APPLICATION, None, ContentHash="i") == "ItemContentMismatchException"
    assert refused(fleet.put, node, APPLICATION, None) == "ItemContentMismatchException"
    assert [row["Name"] for row in fleet.rows(node, APPLICATION)] == ["a"]


def test_entries_that_are_equal_are_kept_as_often_as_they_came(fleet):
    node = fleet.node()
    fleet.apps(node, "a", "a", "b")
    assert [row["Name"] for row in fleet.rows(node, APPLICATION)] == ["a", "a", "b"]


def test_an_empty_list_is_an_inventory_without_entries(fleet):
    node = fleet.node()
    fleet.put(node, APPLICATION)
    found = fleet.entries(node, APPLICATION)
    assert (found["Entries"], found["SchemaVersion"]) == ([], "1.1")


def test_types_that_are_none_or_not_for_callers_are_refused(fleet):
    node = fleet.node()
    for wrong in (
        "AWS:Toaster",
        "AWS:InstanceInformation",
        "AWS:Tag",
        "AWS:ComplianceSummary",
        "Custom:rack",
        "Custom:",
        "Custom:A.B",
    ):
        assert refused(fleet.put, node, wrong, {"Name": "a"}) == "InvalidTypeNameException"
    assert refused(fleet.put, node, "custom:Rack", {"Name": "a"}) == "ValidationException"


def test_schema_versions_do_not_go_back(fleet):
    node = fleet.node()
    code = "UnsupportedInventorySchemaVersionException"
    fleet.put(node, RACK, {"Location": "a"}, version="1.10")
    assert refused(fleet.put, node, RACK, {"Location": "a"}, version="1.9") == code
    assert refused(fleet.put, node, APPLICATION, {"Name": "a"}, version="1.2") == code
    fleet.put(fleet.node(), RACK, {"Location": "a"}, version="1.9")


def test_context_is_for_compliance_items(fleet):
    node = fleet.node()
    context = {"ComplianceType": "Patch", "ExecutionTime": CAPTURED}
    code = refused(fleet.apps, node, "a", Context=context)
    assert code == "UnsupportedInventoryItemContextException"
    for wrong in (
        {},
        {"ComplianceType": "Patch"},
        {**context, "Colour": "red"},
        {**context, "ExecutionTime": "x"},
    ):
        code = refused(fleet.put, node, "AWS:ComplianceItem", {"Id": "a"}, Context=wrong)
        assert code == "InvalidInventoryItemContextException"
    of_associations = {**context, "ComplianceType": "Association"}
    code = refused(fleet.put, node, "AWS:ComplianceItem", {"Id": "a"}, Context=of_associations)
    assert code == "InvalidInventoryItemContextException"


def test_compliance_that_comes_as_inventory_is_compliance(fleet):
    node = fleet.node()
    context = {
        "ComplianceType": "Patch",
        "ExecutionId": "e-1",
        "ExecutionType": "Command",
        "ExecutionTime": CAPTURED,
    }
    row = {
        "Id": "openssl",
        "Title": "t",
        "Severity": "CRITICAL",
        "Status": "NON_COMPLIANT",
        "PatchState": "Missing",
    }
    fleet.put(node, "AWS:ComplianceItem", row, Context=context, ContentHash="h")
    fleet.put(node, "AWS:ComplianceItem", None, Context=context, ContentHash="h")
    (item,) = fleet.ssm.list_compliance_items(ResourceIds=[node])["ComplianceItems"]
    assert (item["Id"], item["Status"], item["Details"]) == (
        "openssl",
        "NON_COMPLIANT",
        {"PatchState": "Missing"},
    )
    assert item["ExecutionSummary"]["ExecutionId"] == "e-1"
    assert fleet.rows(node, "AWS:ComplianceItem") == [row | context]
    code = refused(fleet.put, node, "AWS:ComplianceItem", None, Context=context, ContentHash="i")
    assert code == "ItemContentMismatchException"
    wrong = {**row, "Severity": "TERRIBLE"}
    code = refused(fleet.put, node, "AWS:ComplianceItem", wrong, Context=context)
    assert code == "InvalidItemContentException"


def test_an_account_has_twenty_custom_types(fleet, house):
    node = fleet.node()
    known = {each["TypeName"] for each in fleet.ssm.get_inventory_schema(TypeName="Custom:")["Schemas"]}
    for number in range(20 - len(known)):
        fleet.put(node, f"Custom:Type{number}", {"A": "1"})
    code = refused(fleet.put, node, "Custom:OneTooMany", {"A": "1"})
    assert code == "CustomSchemaCountLimitExceededException"
    for number in range(20 - len(known)):
        fleet.ssm.delete_inventory(TypeName=f"Custom:Type{number}", SchemaDeleteOption="DeleteSchema")
    house.tick()


def test_an_attribute_is_spelled_the_same_everywhere(fleet):
    node = fleet.node()
    fleet.put(node, "Custom:Spelling", {"Vendor": "DELL"})
    code = refused(fleet.put, fleet.node(), "Custom:Spelling", {"vendor": "DELL"})
    assert code == "InvalidItemContentException"
    assert refused(fleet.put, node, "Custom:Spelling", {"a.b": "x"}) == "InvalidItemContentException"


def test_what_is_too_large_is_refused_by_name(fleet):
    node = fleet.node()
    rows = [{f"k{n}": "x" * 4096 for n in range(50)} for _ in range(21)]
    assert refused(fleet.put, node, APPLICATION, *rows) == "ItemSizeLimitExceededException"
    kinds = ["AWS:Application", "AWS:File", "AWS:Service", "AWS:Process"]
    many = [
        {"TypeName": kind, "SchemaVersion": "1.0", "CaptureTime": CAPTURED, "Content": rows[:20]}
        for kind in kinds
    ]
    code = refused(fleet.ssm.put_inventory, InstanceId=node, Items=many)
    assert code == "TotalSizeLimitExceededException"


def test_a_node_speaks_for_itself_only_and_has_to_be_there(fleet):
    one, other = fleet.node(), fleet.node()
    fleet.apps(one, "a", client=fleet.by(one))
    assert refused(fleet.apps, other, "a", client=fleet.by(one)) == "AccessDeniedException"
    assert refused(fleet.apps, "mi-00000000000000fff", "a") == "InvalidInstanceId"


def test_the_same_type_comes_once(fleet):
    node = fleet.node()
    item = {"TypeName": RACK, "SchemaVersion": "1.0", "CaptureTime": CAPTURED, "Content": []}
    code = refused(fleet.ssm.put_inventory, InstanceId=node, Items=[item, item])
    assert code == "InvalidItemContentException"
    assert refused(fleet.ssm.put_inventory, InstanceId=node, Items=[item] * 31) == "ValidationException"


COLLECTED = sorted(each.name for each in AWS_TYPES.values() if not each.is_ours)


@pytest.mark.parametrize(
    "kind", [each for each in COLLECTED if "Compliance" not in each and "Patch" not in each]
)
def test_every_type_that_agents_collect_is_taken_windows_too(fleet, kind):
    node = fleet.node("Windows")
    row = {name: f"value of {name}" for name in AWS_TYPES[kind].attributes}
    fleet.put(node, kind, row, version=AWS_TYPES[kind].version)
    assert fleet.rows(node, kind) == [row]


def test_those_who_follow_a_type_hear_of_what_is_new_in_it(fleet):
    from hostreeve.capabilities import inventory
    from hostreeve.capabilities.inventory.actions import putting

    heard = []
    inventory.announce("AWS:BillingInfo", lambda call, node, item: heard.append((node, item.rows)))
    try:
        node = fleet.node()
        fleet.put(node, "AWS:BillingInfo", {"BillingProductId": "b"}, ContentHash="h")
        fleet.put(node, "AWS:BillingInfo", None, ContentHash="h")
    finally:
        putting._followers["AWS:BillingInfo"].pop()
    assert heard == [(node, [{"BillingProductId": "b"}])]
