"""The command line as an operator types it: a real server, a real node, the real program."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tools.bench.control_plane import serving

pytestmark = pytest.mark.slow
HOSTREEVE = [sys.executable, "-m", "hostreeve"]


@pytest.fixture(scope="module")
def plane():
    with serving() as plane:
        yield plane


def environment(plane):
    kept = {name: value for name, value in plane.environment().items() if name != "AWS_PROFILE"}
    return {**kept, "NO_COLOR": "1"}


def typed(plane, *words, **more):
    done = subprocess.run(
        [*HOSTREEVE, *words],
        env={**environment(plane), **more},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def node(plane, tmp_path_factory):
    """The id and folder of a node that is enrolled as `hostreeve activate` says, and connected."""
    state = tmp_path_factory.mktemp("node") / "agent"
    status, out, err = typed(plane, "activate", "--name", "web-1", "--tag", "Role=web", "--json")
    assert status == 0, err
    found = json.loads(out)
    words = found["EnrolCommand"].replace("/var/lib/hostreeve-agent", str(state)).split()[1:]
    words[words.index("--server") + 1] = plane.url
    subprocess.run([*HOSTREEVE, *words], check=True, capture_output=True, timeout=60)
    agent = subprocess.Popen([*HOSTREEVE, "agent", "run", "--state", state], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            nodes = json.loads(typed(plane, "nodes", "--json")[1])
            if nodes and nodes[0]["PingStatus"] == "Online":
                break
            assert agent.poll() is None and time.monotonic() < deadline, nodes
            time.sleep(0.1)
        yield nodes[0]["InstanceId"], state
    finally:
        agent.terminate()
        agent.wait(10)


def test_the_node_is_in_the_list(plane, node):
    status, out, _ = typed(plane, "nodes", "--filter", "tag:Role=web")
    assert status == 0
    assert out.splitlines()[1].split()[:3] == [node[0], "web-1", "Online"]


def test_a_command_runs_and_its_output_is_whole(plane, node):
    script = "seq 20000; echo wrong >&2"
    status, out, err = typed(plane, "run", script, "--targets", "tag:Role=web")
    assert status == 0, err
    assert out == "".join(f"{node[0]} | {n}\n" for n in range(1, 20001))
    assert f"{node[0]} | wrong\n" in err and "1 Success" in err


def test_output_is_there_before_the_command_has_ended(plane, node):
    program = subprocess.Popen(
        [*HOSTREEVE, "run", "echo first; sleep 3; echo last", "--instance-ids", node[0]],
        env=environment(plane),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    began = time.monotonic()
    assert program.stdout.readline() == f"{node[0]} | first\n"
    assert time.monotonic() - began < 2.5
    assert program.communicate(timeout=30)[0] == f"{node[0]} | last\n"
    assert program.returncode == 0


def test_a_failing_command_in_json(plane, node):
    status, out, _ = typed(
        plane, "run", "echo out; echo err >&2; exit 7", "--instance-ids", node[0], "--json"
    )
    (found,) = json.loads(out)["Nodes"]
    assert status == 1
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 7)
    assert found["StandardOutput"] == "out\n" and found["StandardError"].startswith("err\n")
    assert found["seconds"] >= 0


def test_ctrl_c_cancels_the_command_on_the_node(plane, node, tmp_path):
    program = subprocess.Popen(
        [*HOSTREEVE, "run", f"echo $$ > {tmp_path}/pid; exec sleep 600", "--instance-ids", node[0]],
        env=environment(plane),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    err = program.communicate(timeout=30)[1]
    assert program.returncode == 130 and "1 Cancelled" in err
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_nothing_matched_and_nothing_sent_are_both_three(plane, node):
    assert typed(plane, "run", "uptime", "--targets", "tag:Role=nobody")[0] == 3
    status, _, err = typed(plane, "run", "uptime", "--instance-ids", "mi-00000000000000000")
    assert status == 3 and "InvalidInstanceId" in err


def test_an_account_is_made_once_and_works_at_once(plane, node):
    first = typed(plane, "account", "create", "--account-id", "123456789012", "--json")
    (account,) = json.loads(first[1])
    assert set(account) == {"AccountId", "AccessKeyId", "SecretAccessKey"}
    assert json.loads(typed(plane, "account", "create", "--account-id", "123456789012", "--json")[1]) == [
        account
    ]
    keys = {"AWS_ACCESS_KEY_ID": account["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": account["SecretAccessKey"]}
    assert json.loads(typed(plane, "nodes", "--json", **keys)[1]) == []
    assert len(json.loads(typed(plane, "account", "create", "--count", "2", "--json")[1])) == 2
    listed = json.loads(typed(plane, "account", "list", "--json")[1])
    assert "123456789012" in {each["AccountId"] for each in listed}


def test_wrong_credentials_are_told_with_the_next_step(plane):
    status, _, err = typed(plane, "nodes", AWS_SECRET_ACCESS_KEY="wrong")
    assert status == 1 and "next: The secret access key does not fit" in err
    status, _, err = typed(plane, "nodes", AWS_ACCESS_KEY_ID="AKIANOBODYNOBODY0000")
    assert status == 1 and "next: The access key is not known" in err


def test_the_doctor_finds_server_client_and_node_well(plane, node):
    status, out, err = typed(plane, "doctor", "--state", str(plane.state), "--agent-state", str(node[1]))
    assert status == 0, out + err
    assert "✗" not in out and "it runs (process id" in out and "the server knows this node and its key" in out
