"""Parameter policies: what may be one, when it is executed, and what is told of it."""

import json
from datetime import UTC, datetime

import pytest

from hostreeve.capabilities.parameters.model import policies
from tests.parameters.events import events

HOUR_MS = 3_600_000


def expiration(at_ms):
    moment = (
        datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    return {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": moment}}


def before(amount, unit="Hours"):
    attributes = {"Before": str(amount), "Unit": unit}
    return {"Type": "ExpirationNotification", "Version": "1.0", "Attributes": attributes}


def no_change(amount, unit="Hours"):
    attributes = {"After": str(amount), "Unit": unit}
    return {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": attributes}


@pytest.fixture
def put(ssm, root):
    def request(*given, **more):
        wanted = {"Name": root, "Value": "v", "Type": "String", "Tier": "Advanced", "Overwrite": True}
        return ssm.put_parameter(**wanted | {"Policies": json.dumps(given)} | more)

    return request


def statuses(ssm, name):
    chosen = [{"Key": "Name", "Values": [name]}]
    (found,) = ssm.describe_parameters(ParameterFilters=chosen)["Parameters"]
    return {one["PolicyType"]: one["PolicyStatus"] for one in found["Policies"]}


def test_a_parameter_expires_on_time_with_events(house, ssm, root, put, refused):
    put(expiration(house.world.now_ms() + 60_000), Description="short-lived")
    house.tick()
    assert ssm.get_parameter(Name=root)["Parameter"]["Value"] == "v"
    house.world.advance(61)
    house.tick()
    assert refused(ssm.get_parameter, Name=root) == "ParameterNotFound"
    told = events(house, root)
    assert [kind for kind, _ in told] == [
        "Parameter Store Change",
        "Parameter Store Policy Action",
        "Parameter Store Change",
    ]
    assert told[1][1] | {"policy-content": ""} == {
        "parameter-name": root,
        "parameter-type": "String",
        "policy-type": "Expiration",
        "policy-content": "",
        "action-status": "Success",
    }
    assert json.loads(told[1][1]["policy-content"])["Attributes"].keys() == {"Timestamp"}
    assert told[2][1] == {
        "operation": "Delete",
        "name": root,
        "type": "String",
        "description": "short-lived",
    }


def test_the_owner_is_told_once_before_the_end(house, ssm, root, put):
    put(expiration(house.world.now_ms() + HOUR_MS + 30_000), before(1))
    assert statuses(ssm, root) == {"Expiration": "Pending", "ExpirationNotification": "Pending"}
    house.world.advance(31)
    house.tick()
    house.tick()
    assert statuses(ssm, root) == {"Expiration": "Pending", "ExpirationNotification": "Finished"}
    kinds = [detail.get("policy-type") for _, detail in events(house, root)]
    assert kinds == [None, "ExpirationNotification"]


def test_new_policies_replace_all_and_empty_ones_clear(house, ssm, root, put):
    end = house.world.now_ms() + 10 * HOUR_MS
    put(expiration(end), no_change(2))
    ssm.put_parameter(Name=root, Value="w", Overwrite=True)
    assert set(statuses(ssm, root)) == {"Expiration", "NoChangeNotification"}
    put(no_change(3, "Days"))
    assert set(statuses(ssm, root)) == {"NoChangeNotification"}
    put({})
    assert statuses(ssm, root) == {}


def test_policies_make_intelligent_tiering_choose_advanced(root, put):
    assert put(no_change(1), Tier="Intelligent-Tiering")["Tier"] == "Advanced"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("{", "InvalidPolicyAttributeException"),
        ('{"Type": "Expiration"}', "InvalidPolicyAttributeException"),
        ("[1]", "InvalidPolicyAttributeException"),
        ([{"Type": "Rotation", "Version": "1.0", "Attributes": {}}], "InvalidPolicyTypeException"),
        ([{"Type": ["x"], "Version": "1.0", "Attributes": {}}], "InvalidPolicyTypeException"),
        ([no_change(1) | {"Version": "2.0"}], "InvalidPolicyAttributeException"),
        ([no_change(1) | {"More": 1}], "InvalidPolicyAttributeException"),
        ([no_change(0)], "InvalidPolicyAttributeException"),
        ([no_change("x")], "InvalidPolicyAttributeException"),
        ([no_change(1, "Weeks")], "InvalidPolicyAttributeException"),
        ([no_change(1) | {"Attributes": {"After": 1, "Unit": "Days"}}], "InvalidPolicyAttributeException"),
        ([before(1)], "IncompatiblePolicyException"),
        ([expiration(4e12), expiration(5e12)], "IncompatiblePolicyException"),
        ([expiration(1000)], "InvalidPolicyAttributeException"),
        ([expiration(4e12) | {"Attributes": {"Timestamp": "soon"}}], "InvalidPolicyAttributeException"),
        (
            [expiration(4e12) | {"Attributes": {"Timestamp": "2090-13-41T00:00:00Z"}}],
            "InvalidPolicyAttributeException",
        ),
        ([no_change(number + 1) for number in range(11)], "PoliciesLimitExceededException"),
    ],
)
def test_policies_that_cannot_be_are_refused(ssm, root, refused, given, code):
    text = given if isinstance(given, str) else json.dumps(given)
    request = {"Name": root, "Value": "v", "Type": "String", "Tier": "Advanced", "Policies": text}
    assert refused(ssm.put_parameter, **request) == code


def test_a_standard_parameter_takes_no_policies(house, ssm, root, refused):
    given = json.dumps([expiration(house.world.now_ms() + 60_000)])
    for tier in ({}, {"Tier": "Standard"}):
        request = {"Name": root, "Value": "v", "Type": "String", "Policies": given, **tier}
        assert refused(ssm.put_parameter, **request) == "ValidationException"
        assert "advanced" in refused.message


def test_times_are_reckoned_from_the_end_and_from_the_last_change():
    end, changed = 4_000_000_000_000, 1_000_000_000_000
    given = policies.read(
        json.dumps([expiration(end), before(3), before(1, "Days"), no_change(20, "Days")]), 0
    )
    assert policies.due_ms(given, changed) == changed + 20 * 24 * HOUR_MS
    after, ready = policies.executed(given, changed, changed + 20 * 24 * HOUR_MS)
    assert [policy.type for policy in ready] == ["NoChangeNotification"]
    assert policies.due_ms(after, changed) == end - 24 * HOUR_MS
    after, ready = policies.executed(after, changed, end - HOUR_MS)
    assert len(ready) == 2 and policies.due_ms(after, changed) == end
    # A change begins the time without one anew, and nothing else.
    again = policies.renewed(after)
    assert policies.due_ms(again, end - HOUR_MS) == end


def test_an_offset_in_a_timestamp_counts():
    def due(text):
        given = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": text}}
        return policies.due_ms(policies.read(json.dumps([given]), 0), 0)

    assert due("2030-12-02T21:34:33.000Z") == due("2030-12-02T22:34:33.000+01:00") == 1922477673000
