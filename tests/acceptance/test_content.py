"""Content that a real node fetches and runs: from our object store, by http, by git, and other documents."""

import json
import subprocess
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tools.bench.control_plane import serving

from tests.acceptance.conftest import Site

pytestmark = pytest.mark.slow

SCRIPT = b"#!/bin/sh\necho ran with $1\n"


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
def bucket(site):
    """A bucket with a script, which the node's role may read."""
    s3, allowed = site.client("s3"), {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"]}
    s3.create_bucket(Bucket="scripts")
    s3.put_object(Bucket="scripts", Key="tools/hello.sh", Body=SCRIPT)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": "*"}]})
    site.client("iam").put_role_policy(RoleName="SSMServiceRole", PolicyName="read", PolicyDocument=policy)
    return "scripts"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository on http, as a plain web server serves it."""
    folder = tmp_path_factory.mktemp("git")
    work, bare = folder / "work", folder / "served" / "tools.git"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", work]
    subprocess.run(["git", "init", "-q", "-b", "main", work], check=True)
    (work / "hello.sh").write_bytes(SCRIPT)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", work, bare], check=True)
    subprocess.run(["git", "-C", bare, "update-server-info"], check=True)
    handler = partial(QuietHandler, directory=folder / "served")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/tools.git"
    server.shutdown()
    server.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Nobody reads it."""


def ran(site, node, name, parameters=None):
    """The invocation of a document once it has ended, and what its steps printed."""
    ssm = site.client("ssm")
    sent = ssm.send_command(DocumentName=name, InstanceIds=[node], Parameters=parameters or {})
    command_id = sent["Command"]["CommandId"]
    ended = site.finished(command_id, node, 60)
    listed = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"][0]
    return ended["Status"], "".join(each["Output"] for each in listed["CommandPlugins"])


def fetched(site, node, source_type, source, destination):
    """Download, then run what came, in a document made for it."""
    steps = [
        {
            "action": "aws:downloadContent",
            "name": "download",
            "inputs": {
                "sourceType": source_type,
                "sourceInfo": json.dumps(source),
                "destinationPath": destination,
            },
        },
        {
            "action": "aws:runShellScript",
            "name": "runIt",
            "inputs": {"runCommand": ["sh hello.sh $(basename $PWD)"], "workingDirectory": destination},
        },
    ]
    name = f"Fetch-{time.monotonic_ns()}"
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": steps})
    site.client("ssm").create_document(Name=name, Content=content)
    return ran(site, node, name)


def test_a_script_comes_from_the_object_store_by_its_address(site, node, bucket, tmp_path):
    source = {"path": f"https://s3.us-east-1.amazonaws.com/{bucket}/tools/hello.sh"}
    status, printed = fetched(site, node, "S3", source, f"{tmp_path}/s3/")
    assert status == "Success" and "ran with s3" in printed, printed


def test_a_script_comes_by_a_presigned_address(site, node, bucket, tmp_path):
    s3 = site.client("s3", signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "tools/hello.sh"})
    (tmp_path / "presigned").mkdir()
    status, printed = fetched(site, node, "HTTP", {"url": url}, f"{tmp_path}/presigned")
    assert status == "Success" and "ran with presigned" in printed, printed


def test_a_script_comes_from_a_repository(site, node, repository, tmp_path):
    source = {"repository": repository, "getOptions": "branch:main"}
    status, printed = fetched(site, node, "Git", source, f"{tmp_path}/git")
    assert status == "Success" and "ran with git" in printed, printed
    gone = {"repository": repository.replace("tools", "none")}
    status, printed = fetched(site, node, "Git", gone, f"{tmp_path}/gone")
    assert status == "Failed" and "none.git" in printed, printed


def test_a_remote_script_runs_by_awss_document(site, node, bucket):
    source = {"path": f"https://s3.amazonaws.com/{bucket}/tools/hello.sh"}
    status, printed = ran(
        *(site, node, "AWS-RunRemoteScript"),
        {
            "sourceType": ["S3"],
            "sourceInfo": [json.dumps(source)],
            "commandLine": ["hello.sh 'two words'"],
        },
    )
    assert status == "Success" and "ran with two words" in printed, printed


def test_a_document_runs_by_awss_document_with_its_parameters(site, node):
    step = {
        "action": "aws:runShellScript",
        "name": "sayIt",
        "inputs": {"runCommand": ["echo hello {{ who }}"]},
    }
    content = {"schemaVersion": "2.2", "parameters": {"who": {"type": "String"}}, "mainSteps": [step]}
    site.client("ssm").create_document(Name="Greeting", Content=json.dumps(content))
    status, printed = ran(
        *(site, node, "AWS-RunDocument"),
        {
            "sourceType": ["SSMDocument"],
            "sourceInfo": ['{"name": "Greeting"}'],
            "documentParameters": ['{"who": "there"}'],
        },
    )
    assert status == "Success" and "hello there" in printed, printed


@pytest.mark.parametrize(
    ("document", "parameters", "says"),
    [
        ("AWS-RunDockerAction", {"action": ["Ps"]}, "docker"),
        ("AWS-RunSaltState", {"stateurl": ["https://127.0.0.1/state"]}, "Salt"),
        ("AWS-RunAnsiblePlaybook", {"playbook": ["- hosts: all"]}, "Ansible"),
        ("AWS-RunInspecChecks", {"sourceType": ["S3"], "sourceInfo": ['{"path": "s3://none/x"}']}, "none"),
        ("AWS-RunPowerShellScript", {"commands": ["Get-Date"]}, "PowerShell"),
    ],
)
def test_a_document_that_needs_what_is_not_there_says_so(site, node, document, parameters, says):
    status, printed = ran(site, node, document, parameters)
    assert status == "Failed", printed
    assert says.lower() in printed.lower(), printed
