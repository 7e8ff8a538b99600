"""The smaller plugins, environment variables in place of text, and values that are meant to do harm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.agent.agent_process import ENVIRONMENT, AgentProcess
from tests.agent.fake_server import FakeServer, steps_document

from hostreeve.agent.document import Platform, decide, read
from hostreeve.agent.order import InvalidInputs, Place
from hostreeve.agent.plugins import catalogue, run_docker_action
from hostreeve.contract import jobs

SHARES_AGENT = True
FAKE = """#!/bin/sh
printf '%s' "${0##*/}"; for each; do printf ' <%s>' "$each"; done; echo
"""


def step_of(server: FakeServer, action: str, inputs: Any) -> dict[str, Any]:
    job = server.send_job(steps_document({"action": action, "name": "s", "inputs": inputs}))
    result: dict[str, Any] = server.finish(job, 20)["runtimeStatus"]["s"]
    return result


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs that only say how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def add(programs: Path, *names: str) -> None:
    for name in names:
        (programs / name).write_text(FAKE)
        (programs / name).chmod(0o755)


def start(agent: AgentProcess, path: str) -> None:
    agent.start(env={**ENVIRONMENT, "PATH": path})


@pytest.mark.parametrize(
    ("inputs", "called"),
    [
        ({"action": "Ps"}, "docker <ps> <--all>"),
        ({"action": "Images"}, "docker <images>"),
        ({"action": "Pull", "image": "debian:12"}, "docker <pull> <debian:12>"),
        (
            {"action": "Exec", "container": "c", "cmd": "echo 'two words'", "user": "u"},
            "docker <exec> <--user> <u> <c> <echo> <two words>",
        ),
        (
            {
                "action": "Run",
                "image": "i",
                "container": "c",
                "memory": "64m",
                "volume": ["/a:/b", "/c:/d"],
                "env": "A=1",
                "publish": "80:80",
                "cmd": "sleep 5",
            },
            "docker <run> <-d> <--volume> </a:/b> <--volume> </c:/d> <--name> <c> <--memory> <64m> "
            "<--publish> <80:80> <--env> <A=1> <i> <sleep> <5>",
        ),
        ({"action": "Inspect", "image": "i"}, "docker <inspect> <i>"),
        ({"action": "Stats"}, "docker <stats> <--no-stream>"),
    ],
)
def test_docker_is_called_as_the_action_says(server, enrolled, programs, inputs, called):
    add(programs, "docker")
    start(enrolled, f"{programs}:/bin:/usr/bin")
    step = step_of(server, "aws:runDockerAction", inputs)
    assert (step["status"], step["standardOutput"]) == ("Success", called + "\n")


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"action": "Destroy"}, "unsupported value: Destroy"),
        ({"action": "Run"}, "Action Run requires parameter image"),
        ({"action": "Exec", "container": "c"}, "requires parameter cmd"),
        ({"action": "Rm", "container": "c; rm -rf /"}, "invalid container"),
        ({"action": "Rm", "container": "-f"}, "may not begin with a dash"),
        ({"action": "Exec", "container": "c", "cmd": "a | b"}, "invalid cmd"),
        ({"action": "Exec", "container": "c", "cmd": "a 'b"}, "invalid cmd"),
        ({"action": "Run", "image": "i", "volume": ["/a:/b;c"]}, "invalid volume"),
        ({"action": "Run", "image": "i", "volume": 7}, "volume must be a list"),
        ({"action": "Run", "image": "i", "env": "A=\0"}, "NUL"),
        ({"action": "Ps", "image": ["x"]}, "image must be a string"),
        ([], "inputs must be an object"),
    ],
)
def test_what_docker_must_not_be_given_is_refused(tmp_path: Path, inputs: Any, told: str):
    with pytest.raises(InvalidInputs, match=told):
        run_docker_action.prepare(inputs, Place(str(tmp_path), str(tmp_path), {}))


def test_without_docker_the_failure_names_it(server: FakeServer, enrolled: AgentProcess, programs: Path):
    start(enrolled, str(programs))
    step = step_of(server, "aws:runDockerAction", {"action": "Ps"})
    assert step["status"] == "Failed" and "docker program is not installed" in step["standardError"]
    step = step_of(server, "aws:configureDocker", {"action": "Install"})
    assert step["status"] == "Failed" and "none of the package managers" in step["standardError"]
    step = step_of(server, "aws:configureDocker", {"action": "Uninstall"})
    assert (step["status"], step["standardOutput"]) == ("Success", "docker is not installed\n")
    step = step_of(server, "aws:configureDocker", {"action": "Explode"})
    assert step["status"] == "Failed" and "Install or Uninstall" in step["standardError"]


def test_docker_is_installed_by_the_nodes_package_manager(server, enrolled, programs: Path):
    add(programs, "apt-get", "systemctl", "service")
    # The package brings the docker program.
    with (programs / "apt-get").open("a") as script:
        script.write(f'[ "$1" = install ] && cp "{programs}/service" "{programs}/docker"\ntrue\n')
    for tool in ("cp", "sh"):
        (programs / tool).symlink_to(f"/bin/{tool}")
    start(enrolled, str(programs))
    step = step_of(server, "aws:configureDocker", {"action": "Install"})
    assert step["status"] == "Success", step
    lines = step["standardOutput"].splitlines()
    assert lines[:2] == ["apt-get <update>", "apt-get <install> <-y> <docker.io>"]
    assert lines[-1] == "docker <--version>"
    step = step_of(server, "aws:configureDocker", {"action": "Install"})
    assert step["status"] == "Success" and "docker is installed and runs" in step["standardOutput"]
    step = step_of(server, "aws:configureDocker", {"action": "Uninstall"})
    assert "apt-get <remove> <-y> <docker.io>" in step["standardOutput"]


@pytest.mark.parametrize("action", ["aws:configurePackage"])
def test_what_comes_later_fails_and_says_so(server: FakeServer, agent: AgentProcess, action: str):
    step = step_of(server, action, {"name": "x", "action": "Install"})
    assert (
        step["status"] == "Failed"
        and action in step["standardError"]
        and "nothing was" in step["standardError"]
    )


def test_associations_are_refreshed_by_the_server_page_by_page(server: FakeServer, agent: AgentProcess):
    server.associations = [
        {"AssociationId": "a-1", "Name": "Doc", "ExecutionId": "e-1"},
        {"AssociationId": "a-2", "Name": "Other", "Message": "CalendarClosed"},
    ]
    step = step_of(server, "aws:refreshAssociation", {"associationIds": []})
    assert step["status"] == "Success"
    assert "a-1 (Doc): applied now, execution e-1." in step["standardOutput"]
    assert "a-2 (Other): not applied: CalendarClosed." in step["standardOutput"]
    step = step_of(server, "aws:refreshAssociation", {"associationIds": ["a-1"]})
    assert step["status"] == "Success" and "a-2" not in step["standardOutput"]


def test_what_cannot_be_refreshed_is_a_failure_in_words(server: FakeServer, agent: AgentProcess):
    server.associations = []
    step = step_of(server, "aws:refreshAssociation", {"associationIds": []})
    assert step["status"] == "Success" and "no associations" in step["standardOutput"]
    step = step_of(server, "aws:refreshAssociation", {"associationIds": ["a-1"]})
    assert step["status"] == "Failed" and "no association a-1" in step["standardError"]
    step = step_of(server, "aws:refreshAssociation", {"associationIds": "a"})
    assert step["status"] == "Failed" and "list of strings" in step["standardError"]
    server.associations = None
    step = step_of(server, "aws:refreshAssociation", {"associationIds": []})
    assert step["status"] == "Failed" and "StartAssociationsOnce" in step["standardError"]


def test_every_action_of_linux_has_a_plugin_but_joining_a_domain():
    from hostreeve.agent.document import ON_LINUX_TOO

    assert set(catalogue.PLUGINS) == ON_LINUX_TOO - {"aws:domainJoin"}


def test_joining_a_domain_is_never_taken_for_done(server: FakeServer, agent: AgentProcess):
    step = step_of(server, "aws:domainJoin", {"directoryId": "d"})
    assert step["status"] == "Failed" and "aws:domainJoin not found" in step["standardError"]


def by_variable(*commands: str, action: str = "aws:runShellScript", **declared: Any) -> dict[str, Any]:
    return {
        "schemaVersion": "2.2",
        "parameters": {"message": {"type": "String", "interpolationType": "ENV_VAR", **declared}},
        "mainSteps": [{"action": action, "name": "s", "inputs": {"runCommand": list(commands)}}],
    }


HARM = [
    "plain",
    "two words",
    "'; touch harm; '",
    '"; touch harm; "',
    "$(touch harm)",
    "`touch harm`",
    "a\nb\ntouch harm\n",
    "$$ $HOME ${PATH} \\ \\\\ %s * ? ~ # !",
    "{{ message }} {{other}} {{ssm:x}}",
    "öä 日本 🎉 \x01\x7f",
    "x" * 65_536,
]


@pytest.mark.parametrize("value", HARM, ids=range(len(HARM)))
def test_a_value_passed_as_a_variable_is_never_read_as_commands(server, agent, tmp_path, value: str):
    # The second line is the form that documents use to run on older agents, too.
    document = by_variable(
        f"cd {tmp_path}",
        'if [ -z "${SSM_message+x}" ]; then export SSM_message="{{message}}"; fi',
        'printf "%s" "$SSM_message"',
        'printf "%s" "{{ message }}" >&2; printf "%s" {{message}} >/dev/null',
    )
    job = server.send_job(document, {"message": value})
    final = server.finish(job)
    assert final["documentStatus"] == "Success"
    server.wait(lambda: job.written(step="s") == value.encode() == job.written("stderr", "s"))
    assert list(tmp_path.glob("harm")) == []


def test_powershell_names_its_variables_its_own_way():
    found = read(by_variable("echo {{message}}", action="aws:runPowerShellScript"), {"message": "x"})
    assert found.steps[0].parts[0]["runCommand"] == ["echo ${env:SSM_message}"]
    assert found.environment == {"SSM_message": "x"}


def test_a_list_passed_as_a_variable_is_json_and_a_script_stays_a_script():
    document = by_variable("echo {{ message }}", type="StringList")
    found = read(document, {"message": ["a b", '"']})
    assert found.environment == {"SSM_message": '["a b","\\""]'}
    assert found.steps[0].parts[0]["runCommand"] == ["echo ${SSM_message}"]
    document["mainSteps"][0]["inputs"]["runCommand"] = "{{ message }}"
    assert read(document, {"message": ["echo 1"]}).steps[0].parts[0]["runCommand"] == ["echo 1"]


def test_other_inputs_get_the_value_itself():
    document = by_variable("true")
    document["mainSteps"][0]["inputs"]["workingDirectory"] = "/srv/{{ message }}"
    assert read(document, {"message": "x"}).steps[0].parts[0]["workingDirectory"] == "/srv/x"


def test_a_variable_cannot_replace_what_every_script_sees(server: FakeServer, agent: AgentProcess):
    document = by_variable("echo $SSM_COMMAND_ID $AWS_SSM_INSTANCE_ID")
    document["parameters"] = {"COMMAND_ID": {**document["parameters"]["message"], "default": "mine"}}
    job = server.send_job(document)
    assert server.finish(job)["runtimeStatus"]["s"]["standardOutput"].startswith(
        jobs.command_id_of(job.job_id)
    )


def test_a_nul_is_refused_where_no_program_can_be_given_it(server: FakeServer, agent: AgentProcess):
    job = server.send_job(by_variable("true"), {"message": "a\0b"})
    final = server.finish(job)
    assert final["documentStatus"] == "Failed" and "NUL" in final["documentTraceOutput"]
    for inputs in (
        {"environment": {"A": "\0"}},
        {"environment": {"A\0": "x"}},
        {"environment": {"A=B": "x"}},
        {"environment": {"": "x"}},
        {"workingDirectory": "/tmp/\0"},
    ):
        step = step_of(server, "aws:runShellScript", {"runCommand": ["true"], **inputs})
        assert step["status"] == "Failed", inputs
        assert "NUL" in step["standardError"] or "name of an environment variable" in step["standardError"]
    for action, inputs in (
        (
            "aws:downloadContent",
            {"sourceType": "S3", "sourceInfo": {"path": "s3://b/k"}, "destinationPath": "/\0"},
        ),
        ("aws:runDocument", {"documentType": "LocalPath", "documentPath": "/\0"}),
    ):
        assert step_of(server, action, inputs)["status"] == "Failed"


def test_a_nul_in_a_script_reaches_the_shell_as_it_is(server: FakeServer, agent: AgentProcess):
    step = step_of(
        server, "aws:runShellScript", {"runCommand": ["echo before", "echo a\0b | od -c | head -1"]}
    )
    assert step["standardOutput"].startswith("before\n")


def test_texts_of_other_locales_and_lone_surrogates_are_survived(server: FakeServer, enrolled: AgentProcess):
    enrolled.start(env={**ENVIRONMENT, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    inputs = {"runCommand": ['printf "%s" "$A"'], "environment": {"A": "日本\udc80"}}
    step = step_of(server, "aws:runShellScript", inputs)
    assert step["status"] == "Success" and step["standardOutput"].startswith("日本")


def test_a_value_too_large_for_the_kernel_is_told(server: FakeServer, agent: AgentProcess):
    step = step_of(
        server, "aws:runShellScript", {"runCommand": ["true"], "environment": {"A": "x" * 200_000}}
    )
    assert step["status"] == "Failed" and "cannot start the command" in step["standardError"]


@pytest.mark.parametrize("value", HARM[:-1], ids=range(len(HARM) - 1))
def test_text_is_inserted_as_it_is_and_not_looked_through_again(value: str):
    content = {
        "schemaVersion": "2.2",
        "parameters": {"m": {"type": "String"}, "other": {"type": "String", "default": "leaked"}},
        "mainSteps": [
            {"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["<{{m}}>", "{{m}}"]}}
        ],
    }
    step = read(content, {"m": value}).steps[0]
    assert step.parts[0]["runCommand"] == [f"<{value.replace('$$', '$')}>", value]


def test_every_plugin_is_available_where_its_platform_is():
    platform = Platform("Linux", catalogue.available())
    for action in set(catalogue.PLUGINS) - {"aws:runPowerShellScript"}:
        for version in ("2.0", "2.2"):
            found = read({"schemaVersion": version, "mainSteps": [{"action": action, "name": "s"}]}, {})
            assert decide(found, 0, [], platform).verb == "run"
    assert ("aws:runPowerShellScript" in platform.available) == any(
        os.access(f"{folder}/pwsh", os.X_OK) for folder in os.environ["PATH"].split(":")
    )


def test_a_cancellation_is_acknowledged_and_nothing_is_reported_for_its_own_job(server, agent):
    job = server.run("sleep 60")
    server.wait(lambda: job.acks)
    server.cancel(job)
    assert server.finish(job)["documentStatus"] == "Cancelled"
    own = next(each for each in server.jobs.values() if each is not job)
    assert [ack.code for ack in own.acks] == ["200"] and own.replies == []
    topics = {
        jobs.read_job_reply(message.payload).topic
        for what, message in server.seen
        if what == jobs.AGENT_JOB_REPLY
    }
    assert topics == {jobs.TOPIC_SEND}
