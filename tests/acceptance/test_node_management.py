"""The acceptance scenarios of documents and of Run Command, in their order, as lines of `aws`.

A real server and a real node. Those that take several nodes or minutes are elsewhere, named at their place.
"""

import hashlib
import json
import time
from pathlib import Path

import pytest
import yaml
from tools.bench.control_plane import serving

from tests.acceptance.command_line import CommandLine, Failed
from tests.acceptance.conftest import Site

pytestmark = pytest.mark.slow

HTTPD = """schemaVersion: "2.2"
description: "Install httpd using runcommand"
mainSteps:
  - action: "aws:runShellScript"
    name: "installHttpd"
    inputs:
      runCommand:
        - "#!/bin/bash"
        - "yum -y install httpd"
        - "systemctl start httpd"
        - "systemctl enable httpd"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with serving() as plane:
        made = Site(plane, tmp_path_factory.mktemp("nodes"))
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def node(site):
    return site.enrol()


@pytest.fixture(scope="module")
def ssm(site):
    """`ssm("get-document", "--name", …)` runs `aws ssm` in the server's environment."""
    aws = CommandLine(site.environment())
    return lambda *words: aws("ssm", *words)


@pytest.fixture
def write(tmp_path):
    def written(text):
        file = tmp_path / f"{time.monotonic_ns()}"
        file.write_text(text if isinstance(text, str) else json.dumps(text))
        return f"file://{file}"

    return written


def shell(name, *lines, platform=None):
    step = {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": list(lines)}}
    return step | ({"precondition": {"StringEquals": ["platformType", platform]}} if platform else {})


def document(*steps, **more):
    return {"schemaVersion": "2.2", "mainSteps": list(steps), **more}


def send(ssm, node, *words):
    """Send to the node; the command's id."""
    return ssm("send-command", "--instance-ids", node, *words)["Command"]["CommandId"]


def invocation(ssm, command_id, node, *words):
    return ssm("get-command-invocation", "--command-id", command_id, "--instance-id", node, *words)


def test_documents_1_yaml_is_kept_and_shown_as_json_unless_asked_for(ssm, write):
    created = ssm(
        *("create-document", "--name", "Httpd", "--document-type", "Command"),
        *("--content", write(HTTPD), "--document-format", "YAML"),
    )["DocumentDescription"]
    assert (created["Status"], created["SchemaVersion"]) == ("Creating", "2.2")
    assert "Linux" in created["PlatformTypes"]
    shown = ssm("get-document", "--name", "Httpd")
    assert shown["DocumentFormat"] == "JSON" and json.loads(shown["Content"]) == yaml.safe_load(HTTPD)
    assert ssm("get-document", "--name", "Httpd", "--document-format", "YAML")["Content"] == HTTPD


def test_documents_2_and_4_an_update_is_version_2_and_becomes_the_default_when_told(ssm, write):
    update = ["update-document", "--name", "Edited", "--document-version", "$LATEST", "--content"]
    ssm("create-document", "--name", "Edited", "--content", write(document(shell("one", "true"))))
    changed = write(document(shell("one", "false")))
    updated = ssm(*update, changed)["DocumentDescription"]
    assert (updated["LatestVersion"], updated["DefaultVersion"]) == ("2", "1")
    with pytest.raises(Failed, match="DuplicateDocumentContent"):
        ssm(*update, changed)
    ssm("update-document-default-version", "--name", "Edited", "--document-version", "2")
    assert ssm("describe-document", "--name", "Edited")["Document"]["DocumentVersion"] == "2"


def test_documents_3_schema_1_2_cannot_be_updated(ssm, write):
    old = {"runCommand": ["true"], "id": "0.aws:runShellScript"}
    content = {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [old]}}}
    ssm("create-document", "--name", "Old", "--content", write(content))
    with pytest.raises(Failed, match="InvalidDocumentSchemaVersion"):
        ssm("update-document", "--name", "Old", "--content", write({**content, "description": "new"}))


def test_documents_5_reserved_and_short_names_are_refused(ssm, write):
    for name in ("AWS-Foo", "ab"):
        with pytest.raises(Failed, match="ValidationException"):
            ssm("create-document", "--name", name, "--content", write(document(shell("one", "true"))))


def test_documents_6_a_shared_document_cannot_be_deleted(ssm, write):
    share = ["modify-document-permission", "--name", "Shared", "--permission-type", "Share"]
    ssm("create-document", "--name", "Shared", "--content", write(document(shell("one", "true"))))
    ssm(*share, "--account-ids-to-add", "111122223333")
    with pytest.raises(Failed, match="InvalidDocumentOperation"):
        ssm("delete-document", "--name", "Shared")
    ssm(*share, "--account-ids-to-remove", "111122223333")
    ssm("delete-document", "--name", "Shared")
    with pytest.raises(Failed, match=r"InvalidDocument\)"):
        ssm("delete-document", "--name", "Shared")


def test_documents_7_owner_and_tag_find_exactly_the_tagged(ssm, write):
    content = write(document(shell("one", "true")))
    ssm("create-document", "--name", "Tagged", "--content", content, "--tags", "Key=OS,Value=Linux")
    ssm("create-document", "--name", "Plain", "--content", content)
    found = ssm("list-documents", "--filters", "Key=Owner,Values=Self", "Key=tag:OS,Values=Linux")
    assert [one["Name"] for one in found["DocumentIdentifiers"]] == ["Tagged"]


def test_documents_8_a_hash_pins_the_content_that_is_run(site, ssm, write, node):
    text = json.dumps(document(shell("one", "echo pinned")))
    pinned = ["--document-name", "Pinned", "--document-hash", hashlib.sha256(text.encode()).hexdigest()]
    ssm("create-document", "--name", "Pinned", "--content", write(text))
    command_id = send(ssm, node, *pinned, "--document-hash-type", "Sha256")
    assert site.finished(command_id, node)["StandardOutputContent"] == "pinned\n"
    changed = write(document(shell("one", "echo changed")))
    ssm("update-document", "--name", "Pinned", "--document-version", "1", "--content", changed)
    ssm("update-document-default-version", "--name", "Pinned", "--document-version", "2")
    before = len(ssm("list-commands")["Commands"])
    with pytest.raises(Failed, match=r"InvalidDocument\)"):
        send(ssm, node, *pinned, "--document-hash-type", "Sha256")
    assert len(ssm("list-commands")["Commands"]) == before


def test_documents_9_an_arn_of_nothing_is_no_document_and_nothing_that_can_be_deleted(ssm):
    arn = "arn:aws:ssm:us-east-1:000000000001:document/None"
    with pytest.raises(Failed, match=r"InvalidDocument\)"):
        ssm("get-document", "--name", arn)
    with pytest.raises(Failed, match="ValidationException"):
        ssm("delete-document", "--name", arn)


def test_documents_10_the_step_for_the_other_platform_is_skipped_and_a_success(site, ssm, write, node):
    steps = [shell("onLinux", "uname -s", platform="Linux"), shell("onWindows", "ver", platform="Windows")]
    ssm("create-document", "--name", "Both", "--content", write(document(*steps)))
    command_id = send(ssm, node, "--document-name", "Both")
    assert site.finished(command_id, node)["Status"] == "Success"
    skipped = invocation(ssm, command_id, node, "--plugin-name", "onWindows")
    assert (skipped["Status"], skipped["ResponseCode"]) == ("Success", 0)
    assert "skipped due to unsatisfied preconditions" in skipped["StandardOutputContent"]
    ran = invocation(ssm, command_id, node, "--plugin-name", "onLinux")
    assert (ran["Status"], ran["StandardOutputContent"]) == ("Success", "Linux\n")
    (listed,) = ssm("list-command-invocations", "--command-id", command_id, "--details")["CommandInvocations"]
    assert [(one["Name"], one["Status"]) for one in listed["CommandPlugins"]] == [
        ("onLinux", "Success"),
        ("onWindows", "Success"),
    ]


def test_commands_1_a_script_shows_who_ran_it(site, ssm, node):
    script = ["--document-name", "AWS-RunShellScript", "--parameters", "commands=id"]
    command_id = send(ssm, node, *script)
    site.finished(command_id, node)
    shown = invocation(ssm, command_id, node)
    assert (shown["Status"], shown["ResponseCode"]) == ("Success", 0)
    assert "uid=0(root)" in shown["StandardOutputContent"]
    assert shown["PluginName"] == "aws:runShellScript"


def test_commands_2_a_failing_script_is_an_error_of_the_command(site, ssm, node):
    command_id = send(
        ssm, node, "--document-name", "AWS-RunShellScript", "--parameters", 'commands=["exit 7"]'
    )
    found = site.finished(command_id, node)
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 7)
    (command,) = ssm("list-commands", "--command-id", command_id)["Commands"]
    assert (command["ErrorCount"], command["StatusDetails"]) == (1, "Failed")


# 3, 4, 7, 9 and 12 take groups of nodes or a bucket: test_run_command.py. 6 takes a minute of a clock that a
# test can move: tests/commands/test_scenarios.py.


def test_commands_5_a_tag_that_no_node_has_is_told(ssm):
    sent = ssm(
        *("send-command", "--document-name", "AWS-RunShellScript", "--parameters", "commands=id"),
        *("--targets", "Key=tag:Nobody,Values=has-it"),
    )["Command"]
    deadline = time.monotonic() + 10
    command = sent
    while command["StatusDetails"] in ("Pending", "InProgress"):
        assert time.monotonic() < deadline, command
        (command,) = ssm("list-commands", "--command-id", sent["CommandId"])["Commands"]
    assert (command["StatusDetails"], command["TargetCount"]) == ("NoInstancesInTag", 0)


def test_commands_8_cancelling_ends_the_script_within_seconds(site, ssm, node, tmp_path):
    pid = tmp_path / "pid"
    words = ["--document-name", "AWS-RunShellScript", "--parameters"]
    command_id = send(ssm, node, *words, f'commands=["echo $$ > {pid}; exec sleep 600"]')
    while not pid.exists() or not pid.read_text():
        time.sleep(0.02)
    started = time.monotonic()
    ssm("cancel-command", "--command-id", command_id)
    found = site.finished(command_id, node)
    assert found["StatusDetails"] == "Cancelled" and time.monotonic() - started < 10
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_commands_10_word_by_a_topic_waits_for_topics(ssm, node):
    topic = "NotificationArn=arn:aws:sns:us-east-1:000000000001:t,NotificationEvents=Success"
    with pytest.raises(Failed, match=r"InvalidNotificationConfig.*Simple Notification Service"):
        send(
            *(ssm, node, "--document-name", "AWS-RunShellScript", "--parameters", "commands=id"),
            *("--notification-config", f"{topic},NotificationType=Command"),
            *("--service-role-arn", "arn:aws:iam::000000000001:role/service-role/SSMServiceRole"),
        )


def test_commands_11_a_script_that_asks_for_a_restart_runs_again_after_it(site, ssm, tmp_path):
    boot, asked, state = tmp_path / "boot", tmp_path / "asked", tmp_path / "first"
    boot.write_text("one")
    node = site.enrol(
        "restarting",
        boot_id_file=str(boot),
        reboot_command=["/bin/sh", "-c", f"echo restart >> {asked}"],
    )
    script = f"[ -e {state} ] && {{ echo again; exit 0; }}; touch {state}; exit 194"
    words = ["--document-name", "AWS-RunShellScript", "--parameters", f'commands=["{script}"]']
    command_id = send(ssm, node, *words)
    while not asked.exists():
        time.sleep(0.02)
    assert invocation(ssm, command_id, node)["Status"] == "InProgress"
    site.agents["restarting"].kill()
    site.agents["restarting"].wait()
    boot.write_text("two")
    site.start_agent("restarting")
    found = site.finished(command_id, node)
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "again\n")
    assert asked.read_text() == "restart\n"
