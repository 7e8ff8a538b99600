"""`hostreeve doctor`: each thing that can be wrong is found, named, and followed by the next step."""

import argparse
import json
import os

import apsw
import pytest

from hostreeve.agent import machine_key
from hostreeve.agent.journal import Journal
from hostreeve.agent.state import Node, State
from hostreeve.app.doctor import agent, client, state, store
from hostreeve.app.doctor.arguments import add_command
from hostreeve.app.doctor.findings import is_wrong
from hostreeve.app.state import StateFolder, write_private
from hostreeve.cli.settings import Given, Settings
from hostreeve.gateway import certificates
from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.persistence.database import open_database
from tests.cli.wire import Refusal

SCHEMAS = ("hostreeve.platform.groups",)
CALLER = "<R><Arn>arn:aws:iam::123456789012:user/admin</Arn></R>"


@pytest.fixture
def healthy(server):
    server.pages["/healthz"] = lambda: b"{}"
    server.answers["query"] = lambda body: CALLER
    server.answers["AmazonSSM.DescribeInstanceInformation"] = lambda request: {
        "InstanceInformationList": [{"InstanceId": "mi-1", "PingStatus": "Online"}]
    }
    return server


def of_client(server, world=None, **environ):
    settings = Settings(Given(), server.environ(**environ))
    return by_subject(client.examined(lambda: settings, world or RealWorld()))


def by_subject(findings):
    """The worst finding of each subject."""
    found = {}
    order = ("ok", "warning", "wrong")
    for finding in findings:
        before = found.get(finding.subject)
        assert finding.verdict == "ok" or finding.next_step, finding
        if before is None or order.index(finding.verdict) > order.index(before.verdict):
            found[finding.subject] = finding
    return found


def test_a_healthy_client_is_called_healthy(healthy):
    found = of_client(healthy)
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert "user/admin" in found["identity"].found and found["nodes"].found == "1 Online"


@pytest.mark.parametrize(
    ("environ", "subject", "verdict", "told"),
    [
        ({"AWS_DEFAULT_REGION": ""}, "Region", "wrong", "No Region"),
        ({"AWS_REGION": "eu-west-1"}, "Region", "warning", "differ"),
        ({"AWS_ACCESS_KEY_ID": ""}, "credentials", "wrong", "no credentials"),
        ({"AWS_SESSION_TOKEN": "old"}, "credentials", "wrong", "permanent access key"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "identity", "wrong", "InvalidSignature"),
        ({"AWS_ENDPOINT_URL": ""}, "address", "wrong", "No server"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:1"}, "server", "wrong", "refused"),
        ({"AWS_CA_BUNDLE": "/nonexistent"}, "authority", "wrong", "/nonexistent"),
        ({"AWS_CA_BUNDLE": ""}, "certificate", "wrong", "not accepted"),
    ],
)
def test_what_is_wrong_with_a_shell_is_found(healthy, environ, subject, verdict, told):
    found = of_client(healthy, **environ)
    assert found[subject].verdict == verdict and told in found[subject].found


def test_a_wrong_name_is_told_with_the_names_that_would_do(healthy):
    found = of_client(healthy, AWS_ENDPOINT_URL=f"https://localhost:{healthy.port}")["certificate"]
    assert found.verdict == "wrong" and "It is for server.test, 127.0.0.1" in found.found


class Shifted(RealWorld):
    def __init__(self, seconds):
        self.seconds = seconds

    def now_ms(self):
        return super().now_ms() + self.seconds * 1000


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, "ok"), (90, "warning"), (-90, "warning"), (-1200, "wrong")]
)
def test_clocks_that_differ_are_told(healthy, seconds, verdict):
    clock = of_client(healthy, Shifted(seconds))["clock"]
    assert clock.verdict == verdict
    assert seconds == 0 or ("ahead" if seconds > 0 else "behind") in clock.found


def test_a_certificate_near_its_end_is_told(healthy):
    found = of_client(healthy, Shifted(390 * 86_400))
    assert found["certificate"].verdict == "warning" and "ends in" in found["certificate"].found


def test_a_server_that_is_ill_or_another_one_is_told(healthy):
    healthy.pages.pop("/healthz")
    assert "another server" in of_client(healthy)["health"].next_step


def test_no_node_online_is_worth_a_look(healthy):
    healthy.answers["AmazonSSM.DescribeInstanceInformation"] = lambda request: {
        "InstanceInformationList": [{"InstanceId": "mi-1", "PingStatus": "ConnectionLost"}]
    }
    assert of_client(healthy)["nodes"].verdict == "warning"
    healthy.answers["AmazonSSM.DescribeInstanceInformation"] = lambda request: {}
    assert "hostreeve activate" in of_client(healthy)["nodes"].next_step


@pytest.fixture
def folder(tmp_path):
    folder = StateFolder(tmp_path / "state")
    folder.prepare()
    write_private(folder.master_key, "k" * 32)
    write_private(folder.admin_env, "export AWS_ACCESS_KEY_ID='A'\n")
    certificates.ensure(folder.certificates, ["127.0.0.1"], RealWorld())
    open_database(f"sqlite:///{folder.database}", RealWorld(), SCHEMAS).close()
    return folder


def of_state(folder):
    return by_subject(state.examined(folder, SCHEMAS, RealWorld()))


def test_a_healthy_folder_that_is_not_served_is_told_how_to_be_served(folder):
    found = of_state(folder)
    assert {subject for subject, each in found.items() if each.verdict != "ok"} <= {"process", "disk"}
    assert found["process"].verdict == "warning" and "hostreeve serve" in found["process"].next_step


def test_a_running_server_is_recognised_by_its_lock(folder):
    database = open_database(f"sqlite:///{folder.database}", RealWorld(), SCHEMAS)
    try:
        assert "not said that it is ready" in of_state(folder)["process"].found
        write_private(folder.ready, json.dumps({"Url": "https://x:1", "ProcessId": os.getpid()}))
        assert of_state(folder)["process"].found.endswith("serves https://x:1")
        assert of_state(folder)["database"].verdict == "ok"
    finally:
        database.close()
    assert of_state(folder)["process"].verdict == "wrong"


@pytest.mark.parametrize(
    ("spoil", "subject", "told"),
    [
        (lambda folder: folder.master_key.chmod(0o640), "master key", "mode 0640"),
        (lambda folder: folder.master_key.write_bytes(b"short"), "master key", "does not hold a master key"),
        (lambda folder: folder.master_key.unlink(), "master key", "missing"),
        (lambda folder: folder.root.chmod(0o755), "state folder", "mode 0755"),
        (lambda folder: folder.admin_env.chmod(0o644), "administrator's key", "mode 0644"),
        (
            lambda folder: (folder.certificates / "server.pem").write_text("-"),
            "server certificate",
            "cannot be read",
        ),
        (lambda folder: folder.database.write_bytes(b"not a database" * 999), "database", "cannot be read"),
    ],
    ids=["key mode", "key size", "key gone", "folder mode", "env mode", "certificate", "database"],
)
def test_what_is_wrong_with_a_state_folder_is_found(folder, spoil, subject, told):
    spoil(folder)
    found = of_state(folder)[subject]
    assert found.verdict == "wrong" and told in found.found


def test_a_damaged_page_of_the_database_is_found(folder):
    connection = apsw.Connection(str(folder.database))
    connection.execute("CREATE TABLE extra (a TEXT); CREATE INDEX extra_a ON extra (a)")
    connection.execute(
        "INSERT INTO extra SELECT hex(randomblob(200)) FROM json_each(json_array(1,2,3,4,5,6,7,8,9))"
    )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with folder.database.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"\xff" * 64)
    assert by_subject(store.examined(folder.database, SCHEMAS))["database"].verdict == "wrong"


def test_a_newer_schema_is_told_from_one_to_be_brought_up(folder):
    assert of_state(folder)["schema"].verdict == "ok"
    newer = list(state.examined(folder, (), RealWorld()))
    assert by_subject(newer)["schema"].verdict == "wrong"
    older = by_subject(state.examined(folder, (*SCHEMAS, "hostreeve.messaging"), RealWorld()))["schema"]
    assert older.verdict == "warning"


def test_a_folder_that_is_not_there_is_told(tmp_path):
    (finding,) = state.examined(StateFolder(tmp_path / "none"), SCHEMAS, RealWorld())
    assert finding.verdict == "wrong" and "hostreeve serve" in finding.next_step


@pytest.fixture
def node(healthy, tmp_path):
    kept = State(str(tmp_path / "agent"))
    kept.create()
    kept.keep_node(Node(healthy.url, "mi-00000000000000001", "us-east-1", "fingerprint"))
    kept.ca.write_bytes(healthy.certificates.ca_pem_path.read_bytes())
    machine_key.generate(str(kept.key))
    journal = Journal(kept.journal)
    journal.append({"kind": "taken"})
    journal.close()
    healthy.check = lambda headers, path, body: healthy.calls.append(("signed", headers["authorization"]))
    healthy.answers["AmazonSSM.RequestManagedInstanceRoleToken"] = lambda request: {"AccessKeyId": "A"}
    return kept


def of_node(kept):
    return by_subject(agent.examined(kept.folder, RealWorld()))


def test_a_healthy_node_is_called_healthy_and_its_key_signs_as_the_agents_does(node, healthy):
    found = of_node(node)
    assert {subject for subject, each in found.items() if each.verdict != "ok"} == {"process"}
    assert healthy.requests("AmazonSSM.RequestManagedInstanceRoleToken") == [{"Fingerprint": "fingerprint"}]
    assert "Credential=mi-00000000000000001/" in healthy.requests("signed")[0]


def test_a_node_that_the_server_does_not_know_is_told_to_enrol_again(node, healthy):
    def refuse(request):
        raise Refusal("AccessDeniedException", "unknown node")

    healthy.answers["AmazonSSM.RequestManagedInstanceRoleToken"] = refuse
    found = of_node(node)["credentials"]
    assert found.verdict == "wrong" and "unknown node" in found.found and "enrol" in found.next_step


def test_a_folder_without_an_enrolment_is_told(tmp_path):
    assert by_subject(agent.examined(tmp_path, RealWorld()))["enrolment"].verdict == "wrong"


def test_a_torn_record_of_the_journal_is_told_and_the_file_left_alone(node):
    with node.journal.open("ab") as file:
        file.write(b'0000 {"torn')
    before = node.journal.read_bytes()
    assert of_node(node)["journal"].verdict == "warning"
    assert node.journal.read_bytes() == before


def test_a_node_that_trusts_another_authority_cannot_reach_the_server(node, tmp_path):
    other = certificates.ensure(tmp_path / "other", ["127.0.0.1"], SimulatedWorld())
    node.ca.write_bytes(other.ca_pem_path.read_bytes())
    assert of_node(node)["certificate"].verdict == "wrong"


def doctor(*words):
    parser = argparse.ArgumentParser()
    add_command(parser.add_subparsers())
    arguments = parser.parse_args(["doctor", *words])
    return arguments.func(arguments)


def test_the_command_prints_marks_and_next_steps_and_ends_with_one_when_something_is_wrong(
    healthy, monkeypatch, capsys
):
    for name, value in healthy.environ().items():
        monkeypatch.setenv(name, value)
    assert doctor() == 0
    assert "✓ identity: arn:aws:iam::123456789012:user/admin" in capsys.readouterr().out
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert doctor() == 1
    out = capsys.readouterr().out
    assert "✗ identity" in out and "next: The secret access key does not fit" in out


def test_json_holds_every_finding(healthy, monkeypatch, capsys):
    for name, value in healthy.environ().items():
        monkeypatch.setenv(name, value)
    assert doctor("--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["Healthy"] is True
    assert {
        "About": "Client",
        "Subject": "nodes",
        "Verdict": "ok",
        "Found": "1 Online",
        "NextStep": "",
    } in found["Findings"]


def test_only_wrong_counts_as_wrong():
    from hostreeve.app.doctor.findings import Chapter, ok, warning, wrong

    fine = Chapter("t", [ok("a", "b"), warning("a", "b", "c")])
    assert not is_wrong([fine]) and is_wrong([fine, Chapter("u", [wrong("a", "b", "c")])])
