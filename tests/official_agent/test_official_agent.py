"""The unmodified official agent against this control plane: what it was built for, it can do here."""

import json
import statistics
import time

import pytest

from tests.official_agent.official import STATE, wait_for

pytestmark = pytest.mark.slow

COMMANDS = 50


def step(name, *lines, precondition=None, **inputs):
    made = {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": lines, **inputs}}
    return made if precondition is None else {**made, "precondition": {"StringEquals": precondition}}


def run_document(site, node_id, steps, parameters=None, values=None):
    """Create a document of these steps and run it; the command's id once it has ended."""
    ssm = site.client("ssm")
    content = {"schemaVersion": "2.2", "parameters": parameters or {}, "mainSteps": steps}
    name = f"Steps-{time.monotonic_ns()}"
    ssm.create_document(Name=name, DocumentType="Command", Content=json.dumps(content))
    sent = ssm.send_command(DocumentName=name, InstanceIds=[node_id], Parameters=values or {})
    command_id = sent["Command"]["CommandId"]
    site.finished(command_id, node_id)
    return command_id


def shown_steps(site, command_id):
    """{step: (status, response code, output)} as ListCommandInvocations shows them."""
    found = site.client("ssm").list_command_invocations(CommandId=command_id, Details=True)
    plugins = found["CommandInvocations"][0]["CommandPlugins"]
    return {each["Name"]: (each["Status"], each["ResponseCode"], each["Output"]) for each in plugins}


def test_it_registers_and_is_online(site, agent, node_id):
    chosen = f"Key=InstanceIds,Values={node_id}"
    (node,) = site.aws("ssm", "describe-instance-information", "--filters", chosen)["InstanceInformationList"]
    assert (node["PingStatus"], node["PlatformType"], node["Name"]) == ("Online", "Linux", "official")
    assert node["AgentVersion"] and node["ComputerName"] and node["IPAddress"] and node["PlatformVersion"]
    assert site.aws("ssm", "get-connection-status", "--target", node_id)["Status"] == "connected"


def test_scripts_show_their_output_error_and_exit_code(site, node_id):
    good = site.finished(site.run(node_id, "echo grüße; echo wrong >&2", "id -u"), node_id)
    assert (good["Status"], good["ResponseCode"]) == ("Success", 0)
    assert (good["StandardOutputContent"], good["StandardErrorContent"]) == ("grüße\n0\n", "wrong\n")
    assert good["ExecutionStartDateTime"] and good["ExecutionElapsedTime"].startswith("PT0.")
    bad = site.finished(site.run(node_id, "echo out; exit 7"), node_id)
    assert (bad["Status"], bad["ResponseCode"], bad["StandardOutputContent"]) == ("Failed", 7, "out\n")
    long = site.finished(site.run(node_id, "head -c 100000 /dev/zero | tr '\\0' x"), node_id)
    assert len(long["StandardOutputContent"]) == 24_000
    assert long["StandardOutputContent"].endswith("x--output truncated--")


def test_cancelling_kills_the_script(site, server, node_id, tmp_path):
    command_id = site.run(node_id, f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    site.client("ssm").cancel_command(CommandId=command_id)
    found = site.finished(command_id, node_id)
    assert (found["StatusDetails"], found["ResponseCode"]) == ("Cancelled", 137)
    assert server.complaints() == []


def test_a_script_ends_at_its_execution_timeout(site, node_id):
    command_id = site.client("ssm").send_command(
        DocumentName="AWS-RunShellScript",
        InstanceIds=[node_id],
        Parameters={"commands": ["echo before; sleep 600"], "executionTimeout": ["5"]},
    )["Command"]["CommandId"]
    found = site.finished(command_id, node_id)
    assert (found["Status"], found["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert (found["StandardOutputContent"], found["ResponseCode"]) == ("before\n", 137)


def test_steps_run_by_their_preconditions_with_typed_parameters(site, node_id):
    parameters = {
        "who": {"type": "String", "default": "world"},
        "number": {"type": "Integer", "default": 3},
        "flag": {"type": "Boolean", "default": True},
        "words": {"type": "StringList", "default": ["a", "b c"]},
    }
    steps = [
        step("greet", "echo hello {{ who }} {{ number }} {{ flag }}", "echo '{{ words }}'"),
        step("windows", "echo never", precondition=["platformType", "Windows"]),
        step("forBob", "echo for bob", precondition=["{{ who }}", "bob"]),
        step("failing", "exit 3"),
        step("after", "echo after"),
    ]
    command_id = run_document(
        site, node_id, steps, parameters, {"who": ["bob"], "number": ["5"], "flag": ["false"]}
    )
    shown = shown_steps(site, command_id)
    assert list(shown) == ["greet", "windows", "forBob", "failing", "after"]
    assert shown["greet"] == ("Success", 0, 'hello bob 5 false\n["a","b c"]\n')
    assert shown["windows"][:2] == ("Success", 0) and "skipped" in shown["windows"][2]
    assert shown["forBob"] == ("Success", 0, "for bob\n")
    assert shown["failing"][:2] == ("Failed", 3)
    assert shown["after"] == ("Success", 0, "after\n")
    (command,) = site.client("ssm").list_commands(CommandId=command_id)["Commands"]
    assert command["StatusDetails"] == "Failed"


@pytest.mark.parametrize(
    ("first", "status", "codes"),
    [
        (step("one", "exit 1", onFailure="exit"), "Failed", [1, 0]),
        (step("one", "exit 1", onFailure="successAndExit"), "Success", [168, 0]),
        (step("one", "exit 0", onSuccess="exit"), "Success", [0, 0]),
        (step("one", "exit 169"), "Failed", [169, 0]),
    ],
    ids=["onFailure exit", "onFailure successAndExit", "onSuccess exit", "exit code 169"],
)
def test_a_step_can_end_the_document(site, node_id, first, status, codes):
    command_id = run_document(site, node_id, [first, step("two", "echo two")])
    shown = shown_steps(site, command_id)
    assert [code for _, code, _ in shown.values()] == codes
    assert "skipped" in shown["two"][2]
    (command,) = site.client("ssm").list_commands(CommandId=command_id)["Commands"]
    assert command["Status"] == status


def test_more_commands_than_the_agent_can_hold_all_run_once(site, server, node_id, tmp_path):
    ids = [site.run(node_id, f"sleep 1; echo {n} >> {tmp_path}/runs; echo {n}") for n in range(25)]
    outputs = [site.finished(command_id, node_id, 120)["StandardOutputContent"] for command_id in ids]
    assert outputs == [f"{n}\n" for n in range(25)]
    assert sorted((tmp_path / "runs").read_text().split(), key=int) == [str(n) for n in range(25)]
    assert server.complaints() == []


def test_a_command_takes_milliseconds(site, node_id, capsys):
    ssm = site.client("ssm")
    seconds = []
    for n in range(COMMANDS):
        started = time.monotonic()
        command_id = ssm.send_command(
            DocumentName="AWS-RunShellScript", InstanceIds=[node_id], Parameters={"commands": [f"echo {n}"]}
        )["Command"]["CommandId"]
        found = {"Status": "Pending"}
        while found["Status"] in ("Pending", "InProgress"):
            time.sleep(0.002)
            found = ssm.get_command_invocation(CommandId=command_id, InstanceId=node_id)
        seconds.append(time.monotonic() - started)
        assert found["StandardOutputContent"] == f"{n}\n"
    with capsys.disabled():
        print(
            f" p50 {1000 * statistics.median(seconds):.0f} ms, slowest {1000 * max(seconds):.0f} ms ", end=""
        )
    assert statistics.median(seconds) < 1


def test_nothing_that_it_asks_is_an_error_to_the_server(site, server, node_id):
    def asked():
        lines = [json.loads(line) for line in (server.state / "access.log").read_text().splitlines()]
        return {line["operation"]: line["status"] for line in lines if node_id in line["principal"]}

    # It asks for its associations within 30 s of its start.
    wait_for(lambda: "ListInstanceAssociations" in asked(), 60)
    answers = asked()
    assert {"RequestManagedInstanceRoleToken", "UpdateInstanceInformation"} <= set(answers)
    assert set(answers.values()) <= {200, 201}
    assert server.complaints() == []
    assert not list(STATE.glob(f"{node_id}/document/state/corrupt/*"))
