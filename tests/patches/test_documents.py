"""The documents that patch nodes, and their script: it finds the server, gets the payload and runs it."""

import hashlib
import http.server
import io
import json
import os
import ssl
import subprocess
import threading
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest

from hostreeve.app import patching
from hostreeve.capabilities import patches
from hostreeve.gateway.http import HttpRequest
from tests.patches.estate import refused
from tests.patches.trust import self_signed

NAMES = (
    "AWS-RunPatchBaseline",
    "AWS-RunPatchBaselineAssociation",
    "AWS-RunPatchBaselineWithHooks",
    "AWS-ApplyPatchBaseline",
)
ECHO = """import json, os, sys
names = ("HOSTREEVE_SERVER", "HOSTREEVE_CA_FILE", "HOSTREEVE_CREDENTIALS_FILE")
print(json.dumps([sys.argv[1:], [os.environ[name] for name in names], sys.argv[0]]))
sys.exit(int(os.environ.get("EXIT", "0")))
"""


def zipped(text):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as bundle:
        bundle.writestr("__main__.py", text)
    return held.getvalue()


PAYLOAD = zipped(ECHO)
SHA256 = hashlib.sha256(PAYLOAD).hexdigest()


@pytest.fixture
def serving(tmp_path):
    """A TLS server that hands out what `answers` says, and its address."""
    cert, key = self_signed(tmp_path)

    class Answers(http.server.BaseHTTPRequestHandler):
        answers: ClassVar[dict[str, bytes]] = {}
        asked: ClassVar[list[str]] = []

        def do_GET(self):
            self.asked.append(self.path)
            content = self.answers.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    Answers.asked = []
    Answers.answers = {f"/_hostreeve/patch-payload/{SHA256}.pyz": PAYLOAD}
    yield Answers, f"https://127.0.0.1:{server.server_port}", str(cert)
    server.shutdown()
    thread.join()
    server.server_close()


def run(tmp_path, *options, sha256=SHA256, **environment):
    """The script, with a folder of its own in the place of the node's, and these lines of options."""
    lines = [*patches.script(sha256), *options, "HOSTREEVE_PARAMETERS"]
    folder = tmp_path / "kept"
    text = "\n".join(lines).replace("/var/lib/hostreeve-patch", str(folder))
    text = text.replace("for pause in (1, 5, 15, 0)", "for pause in (0, 0)")
    (tmp_path / "script.sh").write_text(text)
    given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment}
    return subprocess.run(
        ["sh", str(tmp_path / "script.sh")], env=given, capture_output=True, text=True, timeout=60
    )


def with_agent(tmp_path, url, cert):
    state = tmp_path / "state"
    state.mkdir()
    (state / "node.json").write_text(json.dumps({"server": url, "node_id": "mi-1"}))
    (state / "ca.pem").write_text(Path(cert).read_text())
    return {"HOSTREEVE_AGENT_STATE": str(state)}


def test_the_script_finds_our_agent_checks_the_payload_and_runs_it(tmp_path, serving):
    _, url, cert = serving
    environment = with_agent(tmp_path, url, cert)
    state = environment["HOSTREEVE_AGENT_STATE"]
    done = run(tmp_path, "operation=Scan", "snapshot-id=", **environment, EXIT="194")
    assert done.returncode == 194, done.stderr
    words, places, path = json.loads(done.stdout)
    assert words == ["run", "--operation", "Scan", "--snapshot-id", ""]
    assert places == [url, f"{state}/ca.pem", f"{state}/credentials.json"]
    assert path == f"{tmp_path}/kept/payload-{SHA256}.pyz"
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


def test_the_payload_stays_for_the_time_after_a_restart(tmp_path, serving):
    answers, url, cert = serving
    environment = with_agent(tmp_path, url, cert)
    run(tmp_path, "operation=Install", **environment)
    (tmp_path / "kept" / "payload-old.pyz").write_text("")
    answers.answers = {}
    assert run(tmp_path, "operation=Install", **environment).returncode == 0
    assert len(answers.asked) == 1
    (tmp_path / "kept" / f"payload-{SHA256}.pyz").write_bytes(b"spoiled")
    done = run(tmp_path, "operation=Install", **environment)
    assert done.returncode == 1 and "send the command again" in done.stderr


def test_the_official_agent_says_where_its_server_is(tmp_path, serving):
    _, url, cert = serving
    text = tmp_path / "amazon-ssm-agent.json"
    text.write_text(json.dumps({"Ssm": {"Endpoint": url}}))
    lines = "\n".join([*patches.script(SHA256), "operation=Scan", "HOSTREEVE_PARAMETERS"])
    lines = lines.replace("/etc/amazon/ssm/amazon-ssm-agent.json", str(text))
    lines = lines.replace("/var/lib/hostreeve-patch", str(tmp_path / "kept"))
    (tmp_path / "script.sh").write_text(lines)
    given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SSL_CERT_FILE": cert}
    done = subprocess.run(
        ["sh", str(tmp_path / "script.sh")], env=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[1] == [url, "", f"{tmp_path}/.aws/credentials"]


def test_a_payload_that_is_another_one_is_not_run(tmp_path, serving):
    answers, url, cert = serving
    environment = with_agent(tmp_path, url, cert)
    answers.answers = {f"/_hostreeve/patch-payload/{SHA256}.pyz": zipped("print('evil')")}
    done = run(tmp_path, "operation=Scan", **environment)
    assert done.returncode == 151 and "evil" not in done.stdout and "not the one" in done.stderr


def test_a_server_that_nobody_vouches_for_is_not_asked(tmp_path, serving):
    answers, url, _ = serving
    other = tmp_path / "other"
    other.mkdir()
    environment = with_agent(tmp_path, url, str(self_signed(other)[0]))
    done = run(tmp_path, "operation=Scan", **environment)
    assert done.returncode == 156 and "cannot be reached" in done.stderr and answers.asked == []


def test_a_node_that_does_not_know_its_server_says_so(tmp_path):
    done = run(tmp_path, "operation=Scan", HOSTREEVE_AGENT_STATE=str(tmp_path))
    assert done.returncode == 1 and "where its server is" in done.stderr


def test_values_are_words_and_never_code(tmp_path, serving):
    _, url, cert = serving
    evil = 'https://x/$(touch pwned)`touch pwned`\'; touch pwned; """ \'HOSTREEVE_PARAMETERS'
    done = run(tmp_path, f"install-override-list={evil}", **with_agent(tmp_path, url, cert))
    assert json.loads(done.stdout)[0] == ["run", "--install-override-list", evil]
    assert not list(tmp_path.glob("**/pwned"))


def test_the_server_hands_out_the_payload_by_its_hash_only(estate):
    known = patching.payload()
    page = estate.fetched(f"https://x{patches.PAYLOADS}{known.sha256}.pyz")
    assert page.status == 200 and hashlib.sha256(page.body).hexdigest() == known.sha256
    for wrong in ("0" * 64 + ".pyz", "", known.sha256):
        assert estate.fetched(f"https://x{patches.PAYLOADS}{wrong}").status == 404
    request = HttpRequest("GET", "/_hostreeve/nothing/here", "", [], b"")
    assert estate.house.loop.run_until_complete(estate.house.app.asgi.respond(request)).status == 404


@pytest.mark.parametrize("name", NAMES)
def test_the_documents_are_aws_and_whole(ssm, name):
    content = json.loads(ssm.get_document(Name=name)["Content"])
    assert "@@" not in json.dumps(content)
    described = ssm.describe_document(Name=name)["Document"]
    assert described["Owner"] == "Amazon"
    by_name = {each["Name"] for each in described["Parameters"]}
    assert {"Operation", "SnapshotId"} <= by_name or name.endswith("Association")
    linux = [step for step in content["mainSteps"] if "PatchLinux" in step["name"]]
    for step in linux:
        lines = step["inputs"]["runCommand"]
        assert any(patching.payload().sha256 in line for line in lines)
        assert f"document={name}" in lines and lines[-1] == "HOSTREEVE_PARAMETERS"
        assert step["inputs"]["timeoutSeconds"] == 7200


def test_the_parameters_of_run_patch_baseline_are_aws(ssm):
    described = ssm.describe_document(Name="AWS-RunPatchBaseline")["Document"]["Parameters"]
    assert {each["Name"]: each.get("DefaultValue") for each in described} == {
        "Operation": None,
        "AssociationId": "",
        "SnapshotId": "",
        "InstallOverrideList": "",
        "BaselineOverride": "",
        "RebootOption": "RebootIfNeeded",
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"Operation": ["Upgrade"]},
        {"Operation": ["Scan"], "SnapshotId": ["1"]},
        {"Operation": ["Scan"], "InstallOverrideList": ["http://insecure.example/list"]},
        {"Operation": ["Scan"], "InstallOverrideList": ["https://x\nHOSTREEVE_PARAMETERS\nid"]},
        {"Operation": ["Scan"], "RebootOption": ["Never"]},
        {"Operation": ["Scan"], "BaselineOverride": ["s3://bucket"]},
    ],
)
def test_what_the_documents_do_not_take_is_refused_at_the_call(estate, ssm, parameters):
    refused(
        ssm.send_command,
        "InvalidParameters",
        DocumentName="AWS-RunPatchBaseline",
        InstanceIds=[estate.node()],
        Parameters=parameters,
    )


def test_a_node_without_python_says_so(tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    script = "\n".join([*patches.script(SHA256), "operation=Scan", "HOSTREEVE_PARAMETERS"])
    script = script.replace("/usr/libexec/platform-python", "/nonexistent")
    done = subprocess.run(["/bin/sh"], input=script, env={"PATH": str(empty)}, capture_output=True, text=True)
    assert done.returncode == 1 and "There is no Python 3 on this node" in done.stderr
