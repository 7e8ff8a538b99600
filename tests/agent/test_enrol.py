"""Enrolment, credentials, the machine key's replacement, polling, status: what stands around the commands."""

from __future__ import annotations

import ast
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.agent.agent_process import SOURCE, AgentProcess
from tests.agent.fake_server import NODE_ID, REGION, FakeServer, Job, command_content, shell_document

from hostreeve.agent.zipapp import build_zipapp
from hostreeve.contract import jobs

STEP = "aws:runShellScript"


def test_enrolment_leaves_a_private_folder_that_says_who_this_node_is(server: FakeServer, tmp_path: Path):
    agent = AgentProcess(tmp_path / "deep" / "node", server)
    done = agent.enrol()
    assert done.returncode == 0 and NODE_ID in done.stdout
    node = json.loads((agent.state / "node.json").read_text())
    assert (node["node_id"], node["region"], node["account"]) == (NODE_ID, REGION, "000000000001")
    assert stat.S_IMODE(agent.state.stat().st_mode) == 0o700
    for file in ("key.pem", "node.json"):
        assert stat.S_IMODE((agent.state / file).stat().st_mode) == 0o600
    registered = next(members for what, members in server.seen if what == "RegisterManagedInstance")
    assert set(registered) == {"ActivationCode", "ActivationId", "Fingerprint", "PublicKey", "PublicKeyType"}
    assert len(registered["PublicKey"]) == 392 and len(registered["Fingerprint"]) == 36


def test_a_machine_that_is_to_be_an_instance_says_so_and_what_it_is(server: FakeServer, tmp_path: Path):
    agent = AgentProcess(tmp_path / "node", server)
    assert agent.enrol("right-code-0123456789", "--as-instance").returncode == 0
    registered = next(members for what, members in server.seen if what == "RegisterManagedInstance")
    assert registered["ResourceType"] == "EC2Instance"
    assert registered["Architecture"] in ("x86_64", "arm64", "i386", os.uname().machine)


def test_enrolling_twice_needs_force_and_then_starts_afresh(server: FakeServer, enrolled: AgentProcess):
    refused = enrolled.enrol()
    assert refused.returncode == 1 and "already enrolled" in refused.stderr and "--force" in refused.stderr
    (enrolled.state / "journal").write_bytes(b"old")
    key = (enrolled.state / "key.pem").read_bytes()
    assert enrolled.enrol("right-code-0123456789", "--force").returncode == 0
    assert (enrolled.state / "key.pem").read_bytes() != key
    assert not (enrolled.state / "journal").exists()


def test_a_failed_enrolment_anew_leaves_the_old_one_usable(server: FakeServer, enrolled: AgentProcess):
    assert enrolled.enrol("wrong-code-0123456789", "--force").returncode == 1
    enrolled.start()
    assert server.finish(server.run("true"))["documentStatus"] == "Success"


def test_what_is_wrong_is_said_with_the_next_step(server: FakeServer, tmp_path: Path):
    agent = AgentProcess(tmp_path / "node", server)
    refused = agent.enrol("wrong-code-0123456789")
    assert refused.returncode == 1 and "InvalidActivation" in refused.stderr
    assert "create-activation" in refused.stderr
    unenrolled = agent.command("run", "--state", str(agent.state))
    assert unenrolled.returncode == 1 and "enrol --server" in unenrolled.stderr
    usage = agent.command("enrol", "--server", server.url)
    assert usage.returncode == 2 and "--ca" in usage.stderr
    assert agent.command("nonsense").returncode == 2
    assert agent.command("run", "--nonsense").returncode == 2


def test_a_folder_of_others_is_no_state_folder_and_keeps_its_mode(server: FakeServer, tmp_path: Path):
    for mode, status in ((0o777, 1), (0o755, 0)):
        agent = AgentProcess(tmp_path / f"{mode:o}", server)
        agent.state.mkdir()
        (agent.state / "notes").touch()
        agent.state.chmod(mode)
        refused = agent.enrol()
        assert refused.returncode == status, refused.stderr
        assert stat.S_IMODE(agent.state.stat().st_mode) == mode
        assert ("anybody may write" in refused.stderr) == bool(status)


def test_another_authority_is_not_trusted(server: FakeServer, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    stranger = FakeServer(other)
    try:
        agent = AgentProcess(tmp_path / "node", server)
        options = (
            "--activation-id",
            "i",
            "--activation-code",
            "right-code-0123456789",
            "--state",
            str(agent.state),
        )
        refused = agent.command("enrol", "--server", server.url, "--ca", str(stranger.ca), *options)
        assert refused.returncode == 1 and "not trusted" in refused.stderr
        assert not [what for what, _ in server.seen if what == "RegisterManagedInstance"]
        plain = agent.command("enrol", "--server", "http://127.0.0.1:1", "--ca", str(server.ca), *options)
        assert plain.returncode == 1 and "https://" in plain.stderr
        missing = agent.command("enrol", "--server", server.url, "--ca", "/no/ca", *options)
        assert missing.returncode == 1 and "/no/ca" in missing.stderr
    finally:
        stranger.close()


def test_credentials_are_kept_over_a_restart(server: FakeServer, agent: AgentProcess):
    agent.stop()
    agent.start()
    asked = [what for what, _ in server.seen].count("RequestManagedInstanceRoleToken")
    assert asked == 1


def test_credentials_that_the_server_no_longer_knows_are_renewed_at_once(
    server: FakeServer, agent: AgentProcess
):
    opened = [what for what, _ in server.seen].count("open")
    server.will_refuse_credentials = True
    server.stop()
    server.start()
    server.wait(lambda: [what for what, _ in server.seen].count("open") > opened, 15)
    assert [what for what, _ in server.seen].count("RequestManagedInstanceRoleToken") == 2
    assert "GetMessages" not in [what for what, _ in server.seen]


def test_the_machine_key_is_replaced_when_the_server_asks(server: FakeServer, enrolled: AgentProcess):
    before = (enrolled.state / "key.pem").read_bytes()
    server.will_rotate_key = True
    enrolled.start()
    server.wait(lambda: (enrolled.state / "key.pem").read_bytes() != before)
    assert not (enrolled.state / "key.new.pem").exists()
    enrolled.stop()
    (enrolled.state / "credentials.json").unlink()
    enrolled.start()


def test_a_replacement_whose_answer_was_lost_is_found_out(server: FakeServer, enrolled: AgentProcess):
    before = (enrolled.state / "key.pem").read_bytes()
    server.will_rotate_key = server.will_lose_key_answer = True
    enrolled.start()
    server.wait(lambda: (enrolled.state / "key.pem").read_bytes() != before, 15)
    assert not (enrolled.state / "key.new.pem").exists()


def test_a_replacement_that_never_reached_the_server_is_dropped(server: FakeServer, enrolled: AgentProcess):
    before = (enrolled.state / "key.pem").read_bytes()
    (enrolled.state / "key.new.pem").write_bytes(b"half a key")
    enrolled.start()
    assert (enrolled.state / "key.pem").read_bytes() == before
    server.wait(lambda: not (enrolled.state / "key.new.pem").exists())


def test_a_refused_channel_is_replaced_by_polling_and_taken_again(server: FakeServer, enrolled: AgentProcess):
    server.will_open_channels = False
    enrolled.start(wait=False)
    server.wait(lambda: [what for what, _ in server.seen].count("GetMessages"))
    job_id = jobs.job_id("6e3f0b9a-2f1a-4a6e-9b7e-0123456789ab", NODE_ID)
    server.jobs[job_id] = Job(job_id)
    message = {
        "CreatedDate": "2026-11-22T15:35:33.697Z",
        "Destination": NODE_ID,
        "MessageId": job_id,
        "Payload": command_content(shell_document("echo polled"), None, jobs.command_id_of(job_id)),
        "Topic": "aws.ssm.sendCommand.x",
    }
    server.polled = [{"MessageId": 7}, message, message]
    final = server.finish(server.jobs[job_id])
    assert final["runtimeStatus"][STEP]["standardOutput"] == "polled\n"
    assert len({reply for reply in server.jobs[job_id].reply_ids}) == 1
    server.wait(lambda: [what for what, _ in server.seen].count("AcknowledgeMessage") == 2)
    server.wait(lambda: json.loads((enrolled.state / "status.json").read_text())["connection"] == "polling")
    status = json.loads(enrolled.command("status", "--state", str(enrolled.state), "--json").stdout)
    assert status["Connection"] == "polling" and "AccessDenied" in status["Trouble"]


def test_the_state_is_reported_to_the_server(server: FakeServer, agent: AgentProcess):
    server.wait(lambda: [what for what, _ in server.seen].count("UpdateInstanceInformation"))
    members = next(members for what, members in server.seen if what == "UpdateInstanceInformation")
    assert (members["InstanceId"], members["PlatformType"], members["AgentStatus"]) == (
        NODE_ID,
        "Linux",
        "Active",
    )
    assert members["IPAddress"] == "127.0.0.1" and members["ComputerName"] == os.uname().nodename
    assert members["PlatformName"] and members["PlatformVersion"] and members["AgentVersion"]


def test_the_agent_tells_how_it_is(server: FakeServer, agent: AgentProcess):
    status_file = agent.state / "status.json"
    server.wait(lambda: json.loads(status_file.read_text())["connection"] == "channel")
    told = agent.command("status", "--state", str(agent.state), "--json")
    status = json.loads(told.stdout)
    assert told.returncode == 0
    assert (status["NodeId"], status["Connection"], status["IsRunning"]) == (NODE_ID, "channel", True)
    agent.stop()
    told = agent.command("status", "--state", str(agent.state))
    assert told.returncode == 1 and "Connection: none" in told.stdout


def test_it_runs_without_home_path_or_standard_files(server: FakeServer, enrolled: AgentProcess):
    closed = 'exec 0<&- 1>&- 2>&-; exec "$0" -m hostreeve.agent.main run --state "$1"'
    environment = {"PYTHONPATH": str(SOURCE)}
    enrolled.process = subprocess.Popen(
        ["/bin/sh", "-c", closed, sys.executable, str(enrolled.state)], env=environment
    )
    server.wait(lambda: server.is_connected)
    step = server.finish(server.run("echo out; echo err >&2; command -v ls"))["runtimeStatus"][STEP]
    assert (step["standardOutput"].splitlines()[0], step["standardError"]) == ("out", "err\n")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_it_runs_without_root(server: FakeServer, enrolled: AgentProcess):
    # Not below pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        archive, state = Path(place) / "agent.pyz", Path(place) / "node"
        build_zipapp(archive)
        shutil.copytree(enrolled.state, state)
        for path in [state, *state.rglob("*")]:
            os.chown(path, 65534, 65534)
        agent = AgentProcess(state, server)
        agent.program = ["/usr/bin/python3", str(archive)]
        try:
            agent.start(user=65534, group=65534, extra_groups=[])
            assert server.finish(server.run("id -u"))["runtimeStatus"][STEP]["standardOutput"] == "65534\n"
            step = server.finish(server.run("exit 194"))["runtimeStatus"][STEP]
            assert step["status"] == "Failed" and "restart" in step["standardError"]
        finally:
            agent.stop()


def test_an_idle_agent_sleeps(server: FakeServer, agent: AgentProcess):
    time.sleep(1.5)
    status = Path(f"/proc/{agent.process.pid}/status")

    def switches() -> int:
        return int(
            next(line for line in status.read_text().splitlines() if line.startswith("voluntary")).split()[1]
        )

    before = switches()
    time.sleep(2)
    assert switches() == before


def test_it_speaks_every_python_that_is_here(server: FakeServer, tmp_path: Path):
    pythons = [sys.executable, *filter(None, (shutil.which(f"python3.{minor}") for minor in range(9, 16)))]
    for number, python in enumerate(pythons):
        if subprocess.run([python, "-c", "import ssl"], capture_output=True).returncode != 0:
            continue
        agent = AgentProcess(tmp_path / f"node{number}", server, python)
        assert agent.enrol().returncode == 0
        try:
            agent.start()
            assert server.finish(server.run("echo old"))["runtimeStatus"][STEP]["standardOutput"] == "old\n"
        finally:
            agent.stop()


def test_it_is_written_in_the_python_of_3_9_with_the_standard_library_only():
    own = ("hostreeve.agent", "hostreeve.contract", "hostreeve.kernel")
    for room in ("agent", "contract", "kernel"):
        for source in (SOURCE / "hostreeve" / room).rglob("*.py"):
            tree = ast.parse(source.read_text(), feature_version=(3, 9))
            for node in ast.walk(tree):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                for name in names:
                    is_known = name.startswith(own) or name.split(".")[0] in sys.stdlib_module_names
                    # The machine key's child may use it where it is installed.
                    is_known = is_known or (
                        source.name == "machine_key.py" and name.startswith("cryptography")
                    )
                    # Documents in YAML are read where PyYAML is installed, and refused in words elsewhere.
                    is_known = is_known or (source.match("run_document/source.py") and name == "yaml")
                    assert is_known, f"{source}: {name}"


def test_without_the_cryptography_package_openssl_keeps_the_key(tmp_path: Path):
    # An isolated interpreter without site packages has only the openssl program.
    key, run = tmp_path / "key.pem", [sys.executable, "-I", "-S", "-c"]
    start = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from hostreeve.agent.machine_key import main; "
    made = subprocess.run(
        [*run, start + f"main(['generate', {str(key)!r}])"], capture_output=True, check=True
    )
    from base64 import b64decode

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    signed = subprocess.run(
        [*run, start + f"main(['sign', {str(key)!r}])"], input=b"message", capture_output=True, check=True
    )
    public = serialization.load_der_public_key(b64decode(made.stdout))
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    public.verify(b64decode(signed.stdout), b"message", pss, hashes.SHA256())
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
