"""From a machine to a managed node: registration, keys, credentials, heartbeats, and the end of it."""

import asyncio
import base64

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.capabilities import nodes
from hostreeve.capabilities.nodes.model import KEY_ROTATED_AFTER_MS
from hostreeve.capabilities.nodes.operations import ssm
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox, store
from hostreeve.platform import groups
from tests.calls import SCOPE, node_principal
from tests.nodes import make

SCHEMAS = make.SCHEMAS


@pytest.fixture
def call(database, world):
    return make.caller(database, world)


@pytest.fixture
def node_id(call):
    return make.register(call, make.activation(call, RegistrationLimit=5))


def refused(call, name, *who, **request):
    with pytest.raises(AwsError) as error:
        call(ssm, name, *who, **request)
    return error.value.code


def test_a_machine_becomes_a_node_of_its_activations_account_and_region(call):
    made = make.activation(call, DefaultInstanceName="web", Tags=[{"Key": "Env", "Value": "prod"}])
    call.scope = Scope("", "")
    answer = call(ssm, "RegisterManagedInstance", Fingerprint="f", PublicKey=make.public_key(1), **made)
    assert (answer["Region"], answer["AccountId"]) == (SCOPE.region, SCOPE.account)
    node = call.database.read_sync(lambda tx: nodes.find(tx, SCOPE, answer["InstanceId"]))
    assert (node.name, node.iam_role, node.activation_id) == ("web", make.ROLE, made["ActivationId"])
    tags = call.database.read_sync(lambda tx: groups.tags_of(tx, SCOPE, node.arn))
    assert tags == {"Env": "prod"}


def test_node_ids_have_awss_form(call, node_id):
    assert node_id.startswith("mi-")
    assert len(node_id) == 20
    int(node_id[3:], 16)


def test_a_used_up_activation_registers_nobody(call):
    made = make.activation(call)
    make.register(call, made)
    assert refused(
        call, "RegisterManagedInstance", Fingerprint="f", PublicKey=make.public_key(2), **made
    ) == ("InvalidActivation")
    assert call(ssm, "DescribeActivations")["ActivationList"][0]["RegistrationsCount"] == 1


def test_an_expired_activation_registers_nobody(call):
    made = make.activation(call)
    call.world.advance(86_400)
    assert refused(
        call, "RegisterManagedInstance", Fingerprint="f", PublicKey=make.public_key(1), **made
    ) == ("InvalidActivation")


def test_a_wrong_code_or_id_registers_nobody_and_costs_nothing(call):
    made = make.activation(call)
    for wrong in (
        {"ActivationCode": "x" * 20},
        {"ActivationId": "00000000-0000-4000-8000-000000000000"},
    ):
        request = made | wrong
        assert refused(
            call, "RegisterManagedInstance", Fingerprint="f", PublicKey=make.public_key(1), **request
        ) == ("InvalidActivation")
    make.register(call, made)


def test_a_machine_that_asks_again_is_the_same_node_and_counts_once(call):
    """The official agent repeats the call when the answer was lost."""
    made = make.activation(call, RegistrationLimit=2)
    assert make.register(call, made) == make.register(call, made)
    assert call(ssm, "DescribeActivations")["ActivationList"][0]["RegistrationsCount"] == 1


@pytest.mark.parametrize("key", ["", "nonsense", "AAAA", make.elliptic_key(), make.public_key(9, 1024)])
def test_a_key_that_cannot_be_trusted_is_refused_and_costs_nothing(call, key):
    made = make.activation(call)
    assert (
        refused(call, "RegisterManagedInstance", Fingerprint="f", PublicKey=key, **made)
        == "InvalidParameters"
    )
    make.register(call, made)


def test_no_more_machines_register_than_the_limit_even_at_the_same_moment(call):
    made = make.activation(call, RegistrationLimit=3)
    operation = next(each for each in ssm if each.name == "RegisterManagedInstance")
    context = call

    async def attempt(number):
        def unit(tx):
            from hostreeve.api.call import Call

            request = made | {"Fingerprint": "f", "PublicKey": make.public_key(number)}
            one = Call(
                tx=tx,
                scope=Scope("", ""),
                principal=node_principal("x"),
                world=context.world,
                now_ms=context.world.now_ms(),
                request_id="r",
                require=lambda *_: None,
                emit=lambda *_: None,
                keys=context.keys,
            )
            return operation.handler(one, request)

        return await context.database.write(unit)

    async def race():
        return await asyncio.gather(*(attempt(number) for number in range(8)), return_exceptions=True)

    outcomes = asyncio.run(race())
    registered = {each["InstanceId"] for each in outcomes if isinstance(each, dict)}
    assert len(registered) == 3
    assert [each.code for each in outcomes if not isinstance(each, dict)] == ["InvalidActivation"] * 5
    assert call(ssm, "DescribeActivations")["ActivationList"][0]["RegistrationsCount"] == 3


def test_a_node_proves_itself_with_the_key_it_registered(call, node_id):
    key, principal = call.database.read_sync(lambda tx: nodes.machine_key(tx, node_id))
    assert key == base64.b64decode(make.public_key(1))
    assert (principal.account, principal.node_id) == (SCOPE.account, node_id)


def test_a_machine_that_is_no_node_is_refused(call):
    with pytest.raises(AwsError) as error:
        call.database.read_sync(lambda tx: nodes.machine_key(tx, "mi-00000000000000000"))
    assert error.value.code == "AccessDeniedException"


def test_a_role_token_has_all_five_members(call, node_id):
    """The official agent crashes when one is missing."""
    answer = call(
        ssm, "RequestManagedInstanceRoleToken", node_principal(node_id), Fingerprint="fingerprint-1"
    )
    assert set(answer) == {
        "AccessKeyId",
        "SecretAccessKey",
        "SessionToken",
        "TokenExpirationDate",
        "UpdateKeyPair",
    }
    assert all(answer[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    assert answer["TokenExpirationDate"] == call.world.now_ms() / 1000 + 3600
    assert answer["UpdateKeyPair"] is False


def test_another_machines_fingerprint_is_refused(call, node_id):
    me = node_principal(node_id)
    assert refused(call, "RequestManagedInstanceRoleToken", me, Fingerprint="other") == (
        "MachineFingerprintDoesNotMatch"
    )


def test_an_old_key_is_asked_to_change_until_it_has(call, node_id):
    me = node_principal(node_id)

    def asked():
        return call(ssm, "RequestManagedInstanceRoleToken", me, Fingerprint="fingerprint-1")["UpdateKeyPair"]

    call.world.advance(KEY_ROTATED_AFTER_MS / 1000)
    assert asked()
    call(ssm, "UpdateManagedInstancePublicKey", me, NewPublicKey=make.public_key(2))
    assert not asked()
    key, _ = call.database.read_sync(lambda tx: nodes.machine_key(tx, node_id))
    assert key == base64.b64decode(make.public_key(2))


def test_a_new_key_that_cannot_be_trusted_leaves_the_old(call, node_id):
    me = node_principal(node_id)
    assert refused(call, "UpdateManagedInstancePublicKey", me, NewPublicKey="nonsense") == "InvalidParameters"
    key, _ = call.database.read_sync(lambda tx: nodes.machine_key(tx, node_id))
    assert key == base64.b64decode(make.public_key(1))


def test_a_machine_key_is_good_in_its_own_region_only(call, node_id):
    me = node_principal(node_id)
    call.scope = Scope(SCOPE.account, "eu-west-1")
    assert refused(call, "RequestManagedInstanceRoleToken", me, Fingerprint="fingerprint-1") == (
        "AccessDeniedException"
    )


def test_the_short_and_the_full_heartbeat_are_kept(call, node_id):
    me = node_principal(node_id)
    call(
        ssm,
        "UpdateInstanceInformation",
        me,
        InstanceId=node_id,
        AgentName="amazon-ssm-agent",
        AgentVersion="3.3.0.0",
        PlatformType="Linux",
    )
    call(
        ssm,
        "UpdateInstanceInformation",
        me,
        InstanceId=node_id,
        AgentStatus="Active",
        ComputerName="web-1",
        IPAddress="10.0.0.7",
        PlatformName="Debian GNU/Linux",
        PlatformVersion="12",
        AvailabilityZone="",
        SSMConnectionChannel="",
    )
    (shown,) = call(ssm, "DescribeInstanceInformation")["InstanceInformationList"]
    assert shown["PingStatus"] == "Online"
    assert shown["LastPingDateTime"] == call.world.now_ms() / 1000
    assert (
        shown["AgentVersion"],
        shown["PlatformType"],
        shown["PlatformName"],
        shown["PlatformVersion"],
    ) == (
        "3.3.0.0",
        "Linux",
        "Debian GNU/Linux",
        "12",
    )
    assert (shown["ComputerName"], shown["IPAddress"]) == ("web-1", "10.0.0.7")


def test_a_node_reports_about_itself_only(call, node_id):
    other = make.node(call, 1)
    for name in ("UpdateInstanceInformation",):
        assert refused(call, name, node_principal(other), InstanceId=node_id) == "AccessDeniedException"
        assert refused(call, name, InstanceId=node_id) == "AccessDeniedException"
        assert call.required[-1] == (f"ssm:{name}", [nodes.node_arn(SCOPE, node_id)], None)


def test_a_node_that_is_gone_cannot_report(call):
    gone = "mi-00000000000000000"
    for name in ("UpdateInstanceInformation",):
        assert refused(call, name, node_principal(gone), InstanceId=gone) == "InvalidInstanceId"


def test_a_deregistered_node_is_gone_with_all_that_waited_for_it(call, node_id):
    now_ms = call.world.now_ms()
    job = mailbox.Job(f"aws.ssm.c.{node_id}", node_id, "aws.ssm.sendCommand", "c", now_ms + 1000)

    def prepare(tx):
        groups.set_tags(tx, SCOPE, nodes.node_arn(SCOPE, node_id), {"Env": "prod"})
        mailbox.post(tx, SCOPE, [job], now_ms)
        store.open_channel(tx, SCOPE, node_id, "r", now_ms)

    call.database.write_sync(prepare)
    call(ssm, "DeregisterManagedInstance", InstanceId=node_id)
    assert call(ssm, "DescribeInstanceInformation")["InstanceInformationList"] == []
    assert refused(call, "DeregisterManagedInstance", InstanceId=node_id) == "InvalidInstanceId"

    def left(tx):
        return (
            tx.all("SELECT * FROM mailbox_jobs"),
            groups.tags_of(tx, SCOPE, nodes.node_arn(SCOPE, node_id)),
            store.current_epochs(tx, SCOPE, [node_id]),
        )

    assert call.database.read_sync(left) == ([], {}, {})
    with pytest.raises(AwsError) as error:
        call.database.read_sync(lambda tx: nodes.machine_key(tx, node_id))
    assert error.value.code == "AccessDeniedException"


def test_a_nodes_role_is_changed_to_one_that_exists(call, node_id):
    assert refused(call, "UpdateManagedInstanceRole", InstanceId=node_id, IamRole="Nobody") == (
        "ValidationException"
    )
    assert refused(
        call, "UpdateManagedInstanceRole", InstanceId="mi-00000000000000000", IamRole=make.ROLE
    ) == ("InvalidInstanceId")
    call(ssm, "UpdateManagedInstanceRole", InstanceId=node_id, IamRole=make.ROLE)
    assert call.required[-1][0] == "iam:PassRole"


def test_another_account_sees_and_changes_nothing(call, node_id):
    call.scope = Scope("999999999999", SCOPE.region)
    assert call(ssm, "DescribeInstanceInformation")["InstanceInformationList"] == []
    assert refused(call, "DeregisterManagedInstance", InstanceId=node_id) == "InvalidInstanceId"
    call.scope = Scope(SCOPE.account, "eu-west-1")
    assert refused(call, "DeregisterManagedInstance", InstanceId=node_id) == "InvalidInstanceId"
