"""Inventory over the wire, on both engines; every test has nodes of its own and lets go of them."""

import pytest

from tests.fleet import Fleet
from tests.house import module_house

BEGIN_MS = 1_800_000_000_000
CAPTURED = "2027-01-15T08:00:00Z"
APPLICATION, RACK = "AWS:Application", "Custom:RackInformation"


class Inventories(Fleet):
    """What tests say of inventory."""

    def put(self, node_id, kind, *rows, version=None, client=None, **more):
        """PutInventory of one type; no content when `rows` is (None,)."""
        made = {
            "TypeName": kind,
            "SchemaVersion": version or ("1.1" if kind == APPLICATION else "1.0"),
            "CaptureTime": CAPTURED,
            **more,
        }
        if rows != (None,):
            made["Content"] = list(rows)
        return (client or self.ssm).put_inventory(InstanceId=node_id, Items=[made])

    def apps(self, node_id, *names, **more):
        """AWS:Application of packages, `name` or `name=version`."""
        rows = []
        for each in names:
            name, _, version = each.partition("=")
            rows.append({"Name": name, "Version": version or "1", "Architecture": "amd64"})
        return self.put(node_id, APPLICATION, *rows, **more)

    def entries(self, node_id, kind, **more):
        return self.ssm.list_inventory_entries(InstanceId=node_id, TypeName=kind, **more)

    def rows(self, node_id, kind, **more):
        return self.entries(node_id, kind, **more)["Entries"]

    def find(self, *filters, **more):
        """Ids of nodes, by filters (key, operator, value…)."""
        asked = [{"Key": key, "Type": operator, "Values": list(values)} for key, operator, *values in filters]
        if asked:
            more["Filters"] = asked
        pages = self.ssm.get_paginator("get_inventory").paginate(**more)
        own = [each["Id"] for page in pages for each in page["Entities"]]
        return {each for each in own if each in self._nodes}

    def counts(self, expression, *nested, filters=()):
        """Rows of an aggregation, of this test's nodes only if it filters them."""
        aggregator = {"Expression": expression}
        inner = aggregator
        for each in nested:
            inner["Aggregators"] = [{"Expression": each}]
            inner = inner["Aggregators"][0]
        more = {"Filters": list(filters)} if filters else {}
        (entity,) = self.ssm.get_inventory(Aggregators=[aggregator], **more)["Entities"]
        data = entity["Data"]
        return [row for each in data.values() for row in each["Content"]]

    def own(self):
        """A filter for this test's nodes."""
        return {"Key": "AWS:InstanceInformation.InstanceId", "Values": list(self._nodes)}

    def changes(self, node_id, **request):
        return self.hostreeve("ListInventoryChanges", InstanceId=node_id, **request)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request, tmp_path_factory):
    with module_house(request, tmp_path_factory, BEGIN_MS) as made:
        yield made


@pytest.fixture
def fleet(house):
    made = Inventories(house)
    yield made
    made.leave_all()
