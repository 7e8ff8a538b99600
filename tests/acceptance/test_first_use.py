"""What a new user does first, with the plain AWS command line and real processes."""

import os
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import HOSTREEVE

pytestmark = pytest.mark.slow


def test_the_aws_command_line_runs_a_command_on_a_real_node(site):
    node_id = site.enrol()
    nodes = site.aws("ssm", "describe-instance-information")["InstanceInformationList"]
    assert [(n["InstanceId"], n["PingStatus"], n["PlatformType"]) for n in nodes] == [
        (node_id, "Online", "Linux")
    ]
    sent = site.aws(
        *("ssm", "send-command", "--document-name", "AWS-RunShellScript"),
        *("--targets", f"Key=InstanceIds,Values={node_id}", "--parameters", "commands=uname -a"),
    )
    command_id = sent["Command"]["CommandId"]
    site.finished(command_id, node_id)
    shown = site.aws("ssm", "get-command-invocation", "--command-id", command_id, "--instance-id", node_id)
    assert (shown["Status"], shown["ResponseCode"], shown["PluginName"]) == (
        "Success",
        0,
        "aws:runShellScript",
    )
    assert shown["StandardOutputContent"] == subprocess.check_output(["uname", "-a"], text=True)


def test_a_failing_script_shows_its_exit_code_and_its_error(site):
    node_id = site.enrol()
    command_id = site.run(node_id, "echo out; echo wrong >&2; exit 7")
    found = site.finished(command_id, node_id)
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 7)
    assert found["StandardOutputContent"] == "out\n" and found["StandardErrorContent"].startswith("wrong\n")
    command = site.client("ssm").list_commands(CommandId=command_id)["Commands"][0]
    assert (command["Status"], command["ErrorCount"], command["CompletedCount"]) == ("Failed", 1, 1)


def test_cancelling_kills_the_script_on_the_node(site, tmp_path):
    node_id = site.enrol()
    command_id = site.run(node_id, f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    site.client("ssm").cancel_command(CommandId=command_id)
    assert site.finished(command_id, node_id)["Status"] == "Cancelled"
    assert not _lives((tmp_path / "pid").read_text().strip())


def test_killing_the_agent_in_the_middle_loses_and_repeats_nothing(site, tmp_path):
    node_id = site.enrol()
    script = f"echo run >> {tmp_path}/runs; for i in $(seq 30); do echo line $i; sleep 0.1; done; echo end"
    command_id = site.run(node_id, script)
    while not (tmp_path / "runs").exists():
        time.sleep(0.02)
    time.sleep(0.5)
    site.agents["one"].send_signal(signal.SIGKILL)
    site.agents["one"].wait()
    time.sleep(1)
    site.start_agent()
    found = site.finished(command_id, node_id)
    assert found["Status"] == "Success"
    assert found["StandardOutputContent"].splitlines() == [*(f"line {i}" for i in range(1, 31)), "end"]
    assert (tmp_path / "runs").read_text() == "run\n"


def test_output_arrives_while_the_script_runs_and_is_kept_whole(site):
    node_id = site.enrol()
    shown = site.hostreeve(
        *("run", "for i in $(seq 20000); do echo line number $i of the output; done"),
        *("--instance-ids", node_id, "--json"),
    )
    assert "line number 20000 of the output" in shown


def test_the_exit_code_of_run_tells_whether_a_node_failed(site):
    node_id = site.enrol()
    site.hostreeve("run", "true", "--instance-ids", node_id)
    site.hostreeve("run", "false", "--instance-ids", node_id, status=1)
    site.hostreeve("run", "true", "--targets", "tag:Nobody=has-it", status=3)


def test_a_second_server_on_the_same_folder_is_refused(site):
    command = [*HOSTREEVE, "serve", "--state", site.plane.state, "--port", "1", "--listen", "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "hostreeve.db" in done.stderr
    assert site.aws("sts", "get-caller-identity")["Account"]


def test_a_backup_taken_while_serving_restores_into_an_empty_folder(site, tmp_path):
    node_id = site.enrol()
    s3 = site.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a/b", Body=b"content")
    backup, restored = tmp_path / "saved.tar", tmp_path / "restored"
    subprocess.run([*HOSTREEVE, "backup", "--state", site.plane.state, backup], check=True, timeout=60)
    with tarfile.open(backup) as archive:
        assert "admin.env" not in archive.getnames() and "master.key" in archive.getnames()
    assert site.plane.credentials.secret_access_key.encode() not in backup.read_bytes()
    subprocess.run([*HOSTREEVE, "restore", "--state", restored, backup], check=True, timeout=60)
    from tools.bench.control_plane import serving

    with serving(restored) as plane:
        assert plane.credentials == site.plane.credentials
        site.plane = plane
        nodes = site.aws("ssm", "describe-instance-information")["InstanceInformationList"]
        assert [n["InstanceId"] for n in nodes] == [node_id]
        assert site.client("s3").get_object(Bucket="kept", Key="a/b")["Body"].read() == b"content"
    assert backup.stat().st_mode & 0o077 == 0


def test_member_accounts_see_nothing_of_each_other(site):
    site.enrol()
    import json

    import boto3

    made = json.loads(site.hostreeve("account", "create", "--account-id", "123456789012", "--json"))
    assert made == json.loads(site.hostreeve("account", "create", "--account-id", "123456789012", "--json"))
    member = boto3.client(
        "ssm",
        region_name="us-east-1",
        endpoint_url=site.plane.url,
        aws_access_key_id=made[0]["AccessKeyId"],
        aws_secret_access_key=made[0]["SecretAccessKey"],
        verify=site.plane.ca,
    )
    assert member.describe_instance_information()["InstanceInformationList"] == []
    assert site.client("ssm").describe_instance_information()["InstanceInformationList"] != []


def test_a_terminated_server_is_gone_within_five_seconds(site):
    site.enrol()
    started = time.monotonic()
    os.kill(site.plane.process_id, signal.SIGTERM)
    while (site.plane.state / "ready").exists():
        assert time.monotonic() - started < 5
        time.sleep(0.05)


def _lives(process_id):
    """Whether it still runs; a zombie that its parent has not collected does not."""
    try:
        stat = (Path("/proc") / process_id / "stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
