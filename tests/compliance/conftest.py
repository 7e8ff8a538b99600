"""Compliance over the wire, on both engines; every test has nodes of its own and lets go of them."""

import pytest

from tests.fleet import Fleet
from tests.house import module_house

BEGIN_MS = 1_800_000_000_000


class Compliance(Fleet):
    """What tests say of compliance."""

    def put(self, node_id, *items, kind="Custom:Software", client=None, **more):
        """PutComplianceItems; an item is (id, status, severity) or members."""
        read = [each if isinstance(each, dict) else item(*each) for each in items]
        asked = {
            "ResourceId": node_id,
            "ResourceType": "ManagedInstance",
            "ComplianceType": kind,
            "ExecutionSummary": {"ExecutionTime": self.world.now_ms() / 1000},
            "Items": read,
            **more,
        }
        return (client or self.ssm).put_compliance_items(**asked)

    def items(self, node_id, **filters):
        """Ids of a node's items, by filters: EQUAL, or (operator, values…)."""
        return [each["Id"] for each in self.full(node_id, **filters)]

    def full(self, node_id, **filters):
        pages = self.ssm.get_paginator("list_compliance_items").paginate(
            ResourceIds=[node_id], ResourceTypes=["ManagedInstance"], Filters=read(filters)
        )
        return [each for page in pages for each in page["ComplianceItems"]]

    def summary(self, kind="Custom:Software", **filters):
        """(compliant nodes, those that are not)."""
        asked = read({"ComplianceType": kind, **filters})
        for each in self.ssm.list_compliance_summaries(Filters=asked)["ComplianceSummaryItems"]:
            return (
                each["CompliantSummary"]["CompliantCount"],
                each["NonCompliantSummary"]["NonCompliantCount"],
            )
        return (0, 0)

    def resources(self, **filters):
        """{(node, type): item}."""
        pages = self.ssm.get_paginator("list_resource_compliance_summaries").paginate(Filters=read(filters))
        found = [each for page in pages for each in page["ResourceComplianceSummaryItems"]]
        return {(each["ResourceId"], each["ComplianceType"]): each for each in found}


def item(name, status="COMPLIANT", severity="UNSPECIFIED", **details):
    return {"Id": name, "Title": f"{name}!", "Severity": severity, "Status": status, "Details": details}


def read(filters):
    """`{"Status": "COMPLIANT", "Id": ("BEGIN_WITH", "a", "b")}` as filters."""
    made = []
    for key, asked in filters.items():
        operator, *values = (asked,) if isinstance(asked, str) else asked
        if not values:
            operator, values = "EQUAL", [operator]
        made.append({"Key": key, "Values": values, "Type": operator})
    return made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request, tmp_path_factory):
    with module_house(request, tmp_path_factory, BEGIN_MS) as made:
        yield made


@pytest.fixture
def fleet(house):
    made = Compliance(house)
    yield made
    made.leave_all()
