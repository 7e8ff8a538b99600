"""The unmodified official agent with our object store: its output goes there, and scripts come from there."""

import hashlib
import io
import json
import time
import zipfile

import pytest

from tests.acceptance.conftest import Site
from tests.official_agent.official import S3_HOST, OfficialAgent, Server, wait_for

pytestmark = pytest.mark.slow

LARGE_BYTES = 5_500_000
"""More than the 5 MB of one part; the agent writes its output byte by byte, so not much more."""
SCRIPT = "echo came from {}; echo $1\n"


@pytest.fixture(scope="module")
def plane(programs, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        yield server, Site(server.start(), server.state.parent)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def site(plane):
    return plane[1]


@pytest.fixture(scope="module")
def server(plane):
    return plane[0]


@pytest.fixture(scope="module")
def node_id(plane, programs, tmp_path_factory):
    """A node whose agent finds buckets by host names below S3_HOST, as AWS's are below theirs."""
    server, site = plane
    endpoint = f"{S3_HOST}:{server.port}"
    agent = OfficialAgent(site, tmp_path_factory.mktemp("agent"), programs, s3_endpoint=endpoint)
    try:
        registered = agent.register()
        agent.start()
        site.wait_connected(registered)
        yield registered
    finally:
        agent.close()


@pytest.fixture(scope="module")
def bucket(site):
    """As at AWS a node's role may write into no bucket until it is told so."""
    site.client("s3").create_bucket(Bucket="outputs")
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    forbidden = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::outputs/forbidden/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed, forbidden]})
    site.client("iam").put_role_policy(RoleName="SSMServiceRole", PolicyName="buckets", PolicyDocument=policy)
    return "outputs"


def stored(site, bucket, prefix):
    """{key: content} below a prefix."""
    s3 = site.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed}


def run_document(site, node_id, steps, version="2.2", **more):
    """Run a document of these steps; {step: (status, output)} once it has ended."""
    ssm = site.client("ssm")
    name = f"Steps-{time.monotonic_ns()}"
    ssm.create_document(Name=name, Content=json.dumps({"schemaVersion": version, "mainSteps": steps}))
    sent = ssm.send_command(DocumentName=name, InstanceIds=[node_id], **more)
    command_id = sent["Command"]["CommandId"]
    site.finished(command_id, node_id, 120)
    found = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"][0]
    return {each["Name"]: (each["Status"], each["Output"]) for each in found["CommandPlugins"]}


def download(source_type, source, destination):
    inputs = {"sourceType": source_type, "sourceInfo": json.dumps(source), "destinationPath": destination}
    return {"action": "aws:downloadContent", "name": "download", "inputs": inputs}


def shell(*lines, name="run"):
    return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": list(lines)}}


@pytest.mark.parametrize("size", [100_000, LARGE_BYTES], ids=["one request", "several parts"])
def test_the_whole_output_lies_in_the_bucket(site, server, node_id, bucket, size):
    script = f"head -c {size} /dev/zero | tr '\\0' x; echo wrong >&2"
    command_id = site.run(node_id, script, OutputS3BucketName=bucket, OutputS3KeyPrefix="runs")
    found = site.finished(command_id, node_id, 300)
    assert (found["Status"], len(found["StandardOutputContent"])) == ("Success", 24_000)
    folder = f"runs/{command_id}/{node_id}/awsrunShellScript/0.awsrunShellScript"
    assert found["StandardOutputUrl"] == f"https://s3.us-east-1.amazonaws.com/{bucket}/{folder}/stdout"
    there = stored(site, bucket, f"runs/{command_id}/")
    assert set(there) == {f"{folder}/stdout", f"{folder}/stderr"}
    assert hashlib.sha256(there[f"{folder}/stdout"]).digest() == hashlib.sha256(b"x" * size).digest()
    assert there[f"{folder}/stderr"] == b"wrong\n"
    assert site.client("s3").head_object(Bucket=bucket, Key=f"{folder}/stdout")["ContentType"] == "text/plain"
    assert server.complaints() == []


def test_steps_of_a_newer_document_are_named_by_their_names(site, node_id, bucket):
    sent = {"OutputS3BucketName": bucket, "OutputS3KeyPrefix": "steps"}
    run_document(site, node_id, [shell("echo one", name="one"), shell("true", name="silent")], **sent)
    (key,) = stored(site, bucket, "steps/")
    assert key.endswith(f"/{node_id}/awsrunShellScript/one/stdout")


def test_a_bucket_with_a_dot_in_its_name_is_reached_by_path(site, node_id, bucket):
    site.client("s3").create_bucket(Bucket="out.puts")
    command_id = site.run(node_id, "echo dotted", OutputS3BucketName="out.puts")
    assert site.finished(command_id, node_id, 120)["Status"] == "Success"
    assert list(stored(site, "out.puts", "").values()) == [b"dotted\n"]


def test_a_node_that_may_not_write_there_has_succeeded_all_the_same(site, node_id, bucket):
    command_id = site.run(node_id, "echo said", OutputS3BucketName=bucket, OutputS3KeyPrefix="forbidden")
    found = site.finished(command_id, node_id, 300)
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "said\n")
    assert stored(site, bucket, "forbidden/") == {}


def test_scripts_and_folders_come_from_the_bucket(site, node_id, bucket, tmp_path):
    s3 = site.client("s3")
    s3.create_bucket(Bucket="scripts")
    for key in ("one/a.sh", "one/deep/b.sh"):
        s3.put_object(Bucket="scripts", Key=key, Body=SCRIPT.format(key).encode())
    host = "https://s3.us-east-1.amazonaws.com/scripts"
    single = [
        download("S3", {"path": f"{host}/one/a.sh"}, f"{tmp_path}/single/"),
        shell(f"sh {tmp_path}/single/a.sh hello"),
    ]
    shown = run_document(site, node_id, single)
    assert shown["run"] == ("Success", "came from one/a.sh\nhello\n"), shown
    folder = [
        download("S3", {"path": f"{host}/one/"}, f"{tmp_path}/folder/"),
        shell(f"sh {tmp_path}/folder/deep/b.sh deep"),
    ]
    shown = run_document(site, node_id, folder)
    assert shown["run"] == ("Success", "came from one/deep/b.sh\ndeep\n"), shown
    missing = run_document(site, node_id, [download("S3", {"path": f"{host}/none.sh"}, f"{tmp_path}/x")])
    assert missing["download"][0] == "Failed"


def test_a_package_is_installed_and_removed(site, server, node_id, bucket, tmp_path):
    ssm, s3, mark = site.client("ssm"), site.client("s3"), tmp_path / "installed"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("install.sh", f"#!/bin/sh\necho installed $BWS_PLATFORM_NAME; touch {mark}\n")
        zipped.writestr("uninstall.sh", f"#!/bin/sh\nrm {mark}\n")
    s3.put_object(Bucket=bucket, Key="packages/tool.zip", Body=archive.getvalue())
    manifest = {
        "schemaVersion": "2.0",
        "version": "1.0.0",
        "packages": {"_any": {"_any": {"_any": {"file": "tool.zip"}}}},
        "files": {"tool.zip": {"checksums": {"sha256": hashlib.sha256(archive.getvalue()).hexdigest()}}},
    }
    ssm.create_document(
        Name="Tool",
        DocumentType="Package",
        VersionName="1.0.0",
        Content=json.dumps(manifest),
        Attachments=[{"Key": "SourceUrl", "Values": [f"s3://{bucket}/packages"]}],
    )
    wait_for(lambda: ssm.describe_document(Name="Tool")["Document"]["Status"] == "Active")

    def configure(action):
        inputs = {"name": "Tool", "action": action}
        return {"action": "aws:configurePackage", "name": "package", "inputs": inputs}

    shown = run_document(site, node_id, [configure("Install")])
    assert shown["package"][0] == "Success" and "installed" in shown["package"][1], shown
    assert mark.exists()
    shown = run_document(site, node_id, [configure("Uninstall")])
    assert shown["package"][0] == "Success", shown
    assert not mark.exists()
    assert server.complaints() == []


def test_documents_are_fetched_and_run_within_documents(site, node_id, tmp_path):
    ssm = site.client("ssm")
    inner = {
        "schemaVersion": "2.2",
        "parameters": {"who": {"type": "String", "default": "world"}},
        "mainSteps": [shell("echo hello {{ who }}")],
    }
    ssm.create_document(Name="Inner", Content=json.dumps(inner))
    changed = {**inner, "mainSteps": [shell("echo version two for {{ who }}")]}
    ssm.update_document(Name="Inner", Content=json.dumps(changed), DocumentVersion="$LATEST")

    def inside(path, name):
        inputs = {"documentType": "SSMDocument", "documentPath": path, "documentParameters": {"who": "bob"}}
        return {"action": "aws:runDocument", "name": name, "inputs": inputs}

    shown = run_document(site, node_id, [inside("Inner", "default"), inside("Inner:2", "second")])
    assert shown["default"] == ("Success", "hello bob\n"), shown
    assert shown["second"] == ("Success", "version two for bob\n"), shown
    fetched = [
        download("SSMDocument", {"name": "Inner:2"}, f"{tmp_path}/document/"),
        shell(f"cat {tmp_path}/document/*"),
    ]
    shown = run_document(site, node_id, fetched)
    assert json.loads(shown["run"][1]) == changed, shown
