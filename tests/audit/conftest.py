"""A control plane of its own for every test here: whatever was called before is in the way."""

import json
from collections.abc import Callable, Iterator

import pytest

from hostreeve.kernel.world import RealWorld, SimulatedWorld
from tests.house import House, house_at


class Audited:
    """A house, and short words for what tests of the audit ask it."""

    def __init__(self, house: House) -> None:
        self.house, self.world = house, house.world
        self.account = house.client("sts").get_caller_identity()["Account"]
        self.ssm, self.iam = house.client("ssm"), house.client("iam")
        self.cloudtrail = house.client("cloudtrail")

    def events(self, **request):
        """All events, of all pages, the latest first."""
        found, token = [], {}
        while True:
            page = self.cloudtrail.lookup_events(**request, **token)
            found += page["Events"]
            if "NextToken" not in page:
                return found
            token = {"NextToken": page["NextToken"]}

    def by(self, kind, value, **request):
        return self.events(LookupAttributes=[{"AttributeKey": kind, "AttributeValue": value}], **request)

    def record(self, name):
        """The latest record of an operation."""
        return json.loads(self.by("EventName", name)[0]["CloudTrailEvent"])

    def user(self, name, *statements):
        """A user with a policy of these statements; its key."""
        self.iam.create_user(UserName=name)
        if statements:
            policy = {"Version": "2012-10-17", "Statement": list(statements)}
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        self.world.advance(1)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.world.advance(1)
        return key["AccessKeyId"], key["SecretAccessKey"]

    def pack(self):
        """Let the workers move all records to parts."""
        self.world.advance(40)
        self.house.tick()
        self.world.advance(40)
        self.house.tick()


@pytest.fixture
def house_url(engine: str, request: pytest.FixtureRequest, tmp_path) -> str:
    if engine == "sqlite":
        return f"sqlite://{tmp_path}/house.db"
    return request.getfixturevalue("postgres_stores").fresh()


@pytest.fixture
def audited(house_url: str) -> Iterator[Audited]:
    with house_at(house_url, SimulatedWorld(7, RealWorld().now_ms())) as made:
        yield Audited(made)


@pytest.fixture(params=["fresh", "packed"])
def settled(request: pytest.FixtureRequest, audited: Audited) -> Callable[[], None]:
    """What lies between a call and the question for it: nothing, or time enough to pack all records."""
    return audited.pack if request.param == "packed" else (lambda: None)
