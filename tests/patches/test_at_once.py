"""What several callers do at the same moment ends as if they had come one after the other."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.app import compose
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.store import nodes as node_rows
from hostreeve.capabilities.patches.operations import ssm
from hostreeve.capabilities.patches.operations.own import hostreeve
from hostreeve.capabilities.patches.store import baselines as store
from hostreeve.kernel.world import RealWorld
from tests.calls import SCOPE, Caller

SCHEMAS = list(compose.SCHEMAS)
CALLERS = 8


@pytest.fixture
def caller(database):
    return Caller(database, RealWorld())


def at_once(deed):
    """The answers and the codes of the errors of so many callers at the same time."""

    def one(number):
        try:
            return deed(number)
        except AwsError as refused:
            return refused.code

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(one, range(CALLERS)))


def made(caller, **more):
    asked = {"Name": "Prod", "OperatingSystem": "UBUNTU", **more}
    return caller(ssm, "CreatePatchBaseline", **asked)["BaselineId"]


def test_one_token_makes_one_baseline(caller, database):
    answers = at_once(lambda _: made(caller, ClientToken="t"))
    assert len(set(answers)) == 1
    assert len(database.read_sync(lambda tx: store.every(tx, SCOPE))) == 1


def test_one_baseline_gets_the_group(caller, database):
    baselines = [made(caller) for _ in range(CALLERS)]
    answers = at_once(
        lambda n: caller(
            ssm, "RegisterPatchBaselineForPatchGroup", BaselineId=baselines[n], PatchGroup="Prod"
        )["PatchGroup"]
    )
    assert sorted(answers) == ["AlreadyExistsException"] * (CALLERS - 1) + ["Prod"]


def test_a_baseline_is_deleted_or_registered_and_never_both(caller, database):
    for _ in range(4):
        one = made(caller)

        def deed(number, one=one):
            if number % 2:
                return caller(ssm, "DeletePatchBaseline", BaselineId=one)["BaselineId"]
            asked = {"BaselineId": one, "PatchGroup": f"G{number}"}
            return caller(ssm, "RegisterPatchBaselineForPatchGroup", **asked)["PatchGroup"]

        at_once(deed)
        rows = database.read_sync(
            lambda tx, one=one: (store.find(tx, SCOPE, one), store.groups_of(tx, SCOPE, one))
        )
        assert rows[0] is not None or not rows[1]


def test_reports_of_one_node_at_once_leave_one(caller, database):
    node = "mi-00000000000000001"
    key = MachineKey(
        account=SCOPE.account,
        region=SCOPE.region,
        node_id=node,
        iam_role="R",
        fingerprint="f",
        public_key=b"k",
        key_changed_ms=0,
    )
    database.write_sync(lambda tx: node_rows.insert(tx, key, activation_id="a", name="", now_ms=1))
    patch = {"Name": "bash", "Title": "bash.x86_64:2"}
    asked = {"InstanceId": node, "OperatingSystem": "CENTOS", "Product": "CentOS9", "Operation": "Scan"}
    answers = at_once(lambda _: caller(hostreeve, "ReportPatches", **asked, Patches=[patch]))
    assert answers == [{}] * CALLERS
    listed = caller(ssm, "DescribeAvailablePatches", Filters=[{"Key": "PRODUCT", "Values": ["CentOS9"]}])
    assert [one["Name"] for one in listed["Patches"]] == ["bash"]
