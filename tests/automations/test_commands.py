"""aws:runCommand: sent once, followed to its end, stopped with its step; in rate-controlled runs too."""

import pytest

from tests.automations.shop import Shop, put, step
from tests.windows.estate import SHELL_DOCUMENT, Estate


@pytest.fixture
def estate(house):
    made = Estate(house)
    yield made
    Shop(house).stop_all()
    for command_id in made.waiting():
        made.ssm.cancel_command(CommandId=command_id)
    house.tick()


def run(name, **inputs):
    more = {key: inputs.pop(key) for key in ("onFailure", "maxAttempts", "timeoutSeconds") if key in inputs}
    given = {
        "DocumentName": SHELL_DOCUMENT,
        "Parameters": {"commands": ["id"]},
        "TimeoutSeconds": 2_592_000,
        **inputs,
    }
    return step(name, "aws:runCommand", given, **more)


def test_a_command_is_sent_and_its_end_ends_the_step(shop, estate):
    node = estate.node()
    one = shop.run(
        run("go", InstanceIds=["{{ Node }}"]),
        put("next", "command-said", "{{ go.Status }} {{ go.ResponseCode }}"),
        parameters={"Node": {"type": "String", "default": node}},
    )
    (command_id,) = estate.waiting()
    assert (one.status, one.outputs("go")["CommandId"]) == ("InProgress", [command_id])
    estate.finish()
    one = shop.get(one.id)
    assert one.status == "Success", one.get("FailureMessage")
    assert one.step("go")["ResponseCode"] == "0"
    assert shop.ssm.get_parameter(Name="command-said")["Parameter"]["Value"] == "Success 0"


def test_a_command_that_fails_fails_the_step_with_its_exit_code(shop, estate):
    one = shop.run(run("go", InstanceIds=[estate.node()]))
    estate.finish(status="Failed")
    one = shop.get(one.id)
    assert (one.status, one.outputs("go")["Status"], one.outputs("go")["ResponseCode"]) == (
        "Failed",
        ["Failed"],
        ["1"],
    )
    assert one.step("go")["FailureDetails"]["FailureStage"] == "PostVerification"


def test_a_failed_command_is_sent_again_as_another_attempt(shop, estate):
    one = shop.run(run("go", InstanceIds=[estate.node()], maxAttempts=2))
    (first,) = estate.waiting()
    estate.finish(status="Failed")
    (second,) = estate.waiting()
    assert first != second
    estate.finish()
    assert shop.get(one.id).status == "Success"


def test_a_step_that_times_out_cancels_its_command_and_tries_again(shop, estate):
    one = shop.run(run("go", InstanceIds=[estate.node()], timeoutSeconds=120, maxAttempts=3))
    for _ in range(3):
        assert len(estate.waiting()) == 1
        shop.later(120)
    one = shop.get(one.id)
    assert (one.status, one.steps["go"]) == ("TimedOut", "TimedOut")
    assert estate.waiting() == []


def test_stopping_an_execution_cancels_its_command(shop, estate):
    one = shop.run(run("go", InstanceIds=[estate.node()]))
    shop.ssm.stop_automation_execution(AutomationExecutionId=one.id)
    shop.house.tick()
    assert shop.get(one.id).status == "Cancelled"
    assert estate.waiting() == []


def test_commands_go_to_targets_too(shop, estate):
    node = estate.node(Role="web")
    one = shop.run(run("go", Targets=[{"Key": "tag:Role", "Values": ["web"]}]))
    assert one.status == "InProgress"
    estate.finish(only=node)
    assert shop.get(one.id).status == "Success"


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"InstanceIds": ["mi-1"], "Targets": [{"Key": "tag:a", "Values": ["b"]}]},
        {"InstanceIds": ["mi-1"] * 51},
        {"Targets": [{"Values": ["b"]}]},
        {"InstanceIds": ["mi-1"], "TimeoutSeconds": "soon"},
    ],
)
def test_a_command_that_cannot_be_sent_fails_the_step(shop, inputs):
    one = shop.run(run("go", **inputs))
    assert one.step("go")["FailureDetails"]["FailureStage"] == "InputValidation"


def test_a_node_that_is_not_there_fails_the_step_and_nothing_is_sent(shop, estate):
    one = shop.run(run("go", InstanceIds=["mi-0123456789abcdef0"]))
    assert "InvalidInstanceId" in one["FailureMessage"]
    assert estate.waiting() == []


def test_every_node_with_a_tag_has_an_execution_of_its_own(shop, estate):
    nodes = sorted(estate.node(Fleet="blue") for _ in range(3))
    name = shop.write(run("go", InstanceIds=["{{ Node }}"]), parameters={"Node": {"type": "String"}})
    execution_id = shop.start(
        name,
        Targets=[{"Key": "tag:Fleet", "Values": ["blue"]}],
        TargetParameterName="Node",
        MaxConcurrency="2",
    )
    shop.house.tick()
    assert shop.get(execution_id)["ResolvedTargets"]["ParameterValues"] == nodes
    for expected in (1, 2):
        assert len(estate.waiting()) == expected
        estate.finish()
    assert shop.get(execution_id).status == "Success"


def test_every_node_is_meant_by_a_star(shop, estate):
    node = estate.node()
    name = shop.write(put("a", "x"), parameters={"Node": {"type": "String"}})
    execution_id = shop.start(
        name, Targets=[{"Key": "InstanceIds", "Values": ["*"]}], TargetParameterName="Node"
    )
    shop.house.tick()
    assert node in shop.get(execution_id)["ResolvedTargets"]["ParameterValues"]
