"""Whole output into S3: where it lies, who writes it, and what is shown of it."""

import asyncio

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.capabilities.commands import worker
from hostreeve.platform import objects
from tests.commands.estate import SHELL, result

BUCKET = "outputs"
ACCOUNT = "arn:aws:s3:::" + BUCKET


@pytest.fixture
def store(estate, tmp_path):
    objects.keep_in(tmp_path / "objects")
    now_ms = estate.world.now_ms()
    estate.database.write_sync(lambda tx: objects.create_bucket(tx, estate.scope, BUCKET, now_ms))
    return estate


def put(estate, at_most=100):
    """Let the worker work until nothing is due."""
    for _ in range(at_most):
        if not asyncio.run(worker.put_outputs(estate.database, estate.world, estate.ask)):
            return
    raise AssertionError("the worker never came to rest")


def stored(estate, key):
    found = estate.database.read_sync(lambda tx: objects.read(tx, estate.scope, BUCKET, key))
    return found.whole() if found else None


def streamed(estate, command, node, text, **members):
    """A step of our agent's: its output live, then its result, and how much there was."""
    for offset in range(0, len(text), 65_536):
        estate.output(command, node, offset, text[offset : offset + 65_536])
    reply = {
        "documentStatus": "Success",
        "runtimeStatus": {SHELL: result(standardOutput="", **members)},
        "hostreeve": {"steps": {SHELL: {"stdoutBytes": len(text), "stderrBytes": 0}}},
    }
    estate.reply_document(command, node, reply)


def test_the_whole_output_lies_where_awss_agent_would_put_it(store):
    node = store.node()
    command = store.send(node, OutputS3BucketName=BUCKET, OutputS3KeyPrefix="runs/nightly/")
    store.acknowledge(command, node)
    text = bytes(range(256)) * 1000
    streamed(store, command, node, text)
    put(store)
    place = f"runs/nightly/{command}/{node}/awsrunShellScript/0.awsrunShellScript"
    assert stored(store, f"{place}/stdout") == text
    # A stream that stayed empty is no object.
    assert stored(store, f"{place}/stderr") is None
    url = f"https://s3.us-east-1.amazonaws.com/{BUCKET}/{place}"
    found = store.invocation(command, node)
    assert (found["StandardOutputUrl"], found["StandardErrorUrl"]) == (f"{url}/stdout", f"{url}/stderr")
    (listed,) = store.call("ListCommandInvocations", CommandId=command, Details=True)["CommandInvocations"]
    assert listed["StandardOutputUrl"] == listed["CommandPlugins"][0]["StandardOutputUrl"] == f"{url}/stdout"
    shown = store.command(command)
    assert (shown["OutputS3BucketName"], shown["OutputS3KeyPrefix"]) == (BUCKET, "runs/nightly")


def test_output_that_is_still_on_its_way_is_waited_for(store):
    node = store.node()
    command = store.send(node, OutputS3BucketName=BUCKET)
    store.output(command, node, 0, b"one ")
    reply = {
        "documentStatus": "Success",
        "runtimeStatus": {SHELL: result()},
        "hostreeve": {"steps": {SHELL: {"stdoutBytes": 8, "stderrBytes": 0}}},
    }
    store.reply_document(command, node, reply)
    put(store)
    key = f"{command}/{node}/awsrunShellScript/0.awsrunShellScript/stdout"
    assert stored(store, key) is None
    store.output(command, node, 4, b"two!")
    store.world.advance(1)
    put(store)
    assert stored(store, key) == b"one two!"


def test_what_never_came_does_not_keep_back_what_did(store):
    node = store.node()
    command = store.send(node, OutputS3BucketName=BUCKET)
    store.acknowledge(command, node)
    store.output(command, node, 0, b"before it died")
    store.world.advance(7201)
    store.tick()
    put(store)
    store.world.advance(601)
    put(store)
    key = f"{command}/{node}/awsrunShellScript/0.awsrunShellScript/stdout"
    assert stored(store, key) == b"before it died"


def test_the_official_agent_is_told_the_place_and_uploads_by_itself(store):
    node = store.node()
    command = store.send(node, OutputS3BucketName=BUCKET, OutputS3KeyPrefix="p")
    payload = store.payload(command)
    assert (payload["OutputS3BucketName"], payload["OutputS3KeyPrefix"]) == (BUCKET, "p")
    store.acknowledge(command, node)
    store.reply(command, node, "Success", **{SHELL: result(standardOutput="cut", output="cut")})
    put(store)
    key = f"p/{command}/{node}/awsrunShellScript/0.awsrunShellScript/stdout"
    assert stored(store, key) is None


def test_a_step_of_a_newer_document_is_named_by_its_name(store):
    content = (
        '{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"installHttpd",'
        '"inputs":{"runCommand":["x"]}},{"action":"aws:runShellScript","name":"second",'
        '"inputs":{"runCommand":["x"]}}]}'
    )
    store.call("CreateDocument", Name="Two", Content=content, DocumentType="Command")
    node = store.node()
    command = store.send(node, DocumentName="Two", OutputS3BucketName=BUCKET)
    store.output(command, node, 0, b"out", step_id="installHttpd")
    store.reply(command, node, "Success", installHttpd=result())
    put(store)
    assert stored(store, f"{command}/{node}/awsrunShellScript/installHttpd/stdout") == b"out"
    # An address of the invocation as a whole exists only where there is one step.
    (listed,) = store.call("ListCommandInvocations", CommandId=command)["CommandInvocations"]
    assert listed["StandardOutputUrl"] == ""
    one = store.invocation(command, node, PluginName="installHttpd")
    assert one["StandardOutputUrl"].endswith("/awsrunShellScript/installHttpd/stdout")


def test_who_may_not_write_there_is_told_and_the_command_succeeds_all_the_same(store):
    node = store.node()
    command = store.send(node, OutputS3BucketName=BUCKET)
    store.acknowledge(command, node)
    key = f"{command}/{node}/awsrunShellScript/0.awsrunShellScript/stdout"
    store.denied.add(f"{ACCOUNT}/{key}")
    streamed(store, command, node, b"secret")
    put(store)
    assert stored(store, key) is None
    (listed,) = store.call("ListCommandInvocations", CommandId=command)["CommandInvocations"]
    assert listed["Status"] == "Success"
    assert "could not be written to S3" in listed["TraceOutput"] and "s3:PutObject" in listed["TraceOutput"]


def test_a_bucket_that_is_gone_by_then_is_told(store):
    node = store.node()
    command = store.send(node, OutputS3BucketName=BUCKET)
    store.database.write_sync(lambda tx: tx.run("DELETE FROM object_buckets"))
    streamed(store, command, node, b"text")
    put(store)
    (listed,) = store.call("ListCommandInvocations", CommandId=command)["CommandInvocations"]
    assert listed["Status"] == "Success" and "could not be written to S3" in listed["TraceOutput"]


@pytest.mark.parametrize(
    "asked", [{"OutputS3BucketName": "another"}, {"OutputS3KeyPrefix": "p"}, {"OutputS3BucketName": "a\x00b"}]
)
def test_a_place_that_is_none_is_an_invalid_output_folder(store, asked):
    with pytest.raises(AwsError) as refused:
        store.send(store.node(), **asked)
    assert refused.value.code == "InvalidOutputFolder"
