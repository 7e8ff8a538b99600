"""What nobody should send, sent to a real server and through it to a real node."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from tools.bench.control_plane import serving

from tests.acceptance.conftest import Site

pytestmark = pytest.mark.slow

PATIENCE_S = 10
"""For one answer on a busy machine; what would take no bounded time takes minutes."""


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
    return site.client("ssm", parameter_validation=False)


def refused(call, **request):
    """The error's code; the answer came in bounded time, and was no fault of the server's."""
    began = time.monotonic()
    with pytest.raises(ClientError) as wrong:
        call(**request)
    assert time.monotonic() - began < PATIENCE_S
    assert wrong.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert len(wrong.value.response["Error"]["Message"]) < 4096
    return wrong.value.response["Error"]["Code"]


def document(*steps, **more):
    return json.dumps({"schemaVersion": "2.2", "mainSteps": list(steps), **more})


def shell(*lines, name="main", **inputs):
    return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": list(lines), **inputs}}


def inner(name, **inputs):
    return {
        "action": "aws:runDocument",
        "name": "inner",
        "inputs": {"documentType": "SSMDocument", "documentPath": name, **inputs},
    }


def ran(site, node, name, **values):
    """How the only step of a document ended on the node."""
    sent = site.client("ssm").send_command(DocumentName=name, InstanceIds=[node], Parameters=values)
    return site.finished(sent["Command"]["CommandId"], node)


ID = "mi-{:017x}".format
MANY = [ID(number) for number in range(10_000)]
SEND = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        ({"InstanceIds": MANY}, "ValidationException"),
        ({"Targets": [{"Key": "InstanceIds", "Values": MANY}]}, "ValidationException"),
        ({"Targets": [{"Key": "tag:Role", "Values": MANY}]}, "ValidationException"),
        ({"Targets": [{"Key": "tag:Role", "Values": ["web"]}] * 10_000}, "ValidationException"),
        ({"Targets": [{"Key": "tag:" + "x" * 10_000, "Values": ["web"]}]}, "ValidationException"),
        ({"Targets": [{"Key": "InstanceIds", "Values": ["*"]}]}, "InvalidInstanceId"),
        ({"InstanceIds": MANY[:50]}, "InvalidInstanceId"),
    ],
    ids=["ids", "ids as a target", "values", "keys", "a long key", "a star", "fifty unknown"],
)
def test_targets_beyond_all_measure_are_refused_at_once(ssm, targets, code):
    assert refused(ssm.send_command, **SEND, **targets) == code
    assert ssm.list_commands()["Commands"] == []


@pytest.mark.parametrize(
    "value",
    [
        "single ' double \" back ` slash \\ dollar $HOME $(id) ; & | > < * ? ~ !",
        "lines\nof\r\ntext\twith tabs",
        "{{ braces }} {{{{ {{ssm }} ${x} $$ %s %(x)s {0}",
        "grüße 日本語 🙂 \u200f\u202e",
        "'; touch {mark}; echo '",
        "$(touch {mark})`touch {mark}`",
        "-n -e --help",
        "",
        "\x01\x02\x1b[31m\x7f",
    ],
    ids=[
        "quotes",
        "lines",
        "braces",
        "letters",
        "a way out",
        "substitution",
        "options",
        "nothing",
        "controls",
    ],
)
def test_a_value_passed_as_a_variable_arrives_as_it_is(site, ssm, node, tmp_path, value):
    """The safe way of passing values; what is inserted into a script as text is its author's risk."""
    mark = tmp_path / "mark"
    value = value.replace("{mark}", str(mark))
    declared = {"text": {"type": "String", "interpolationType": "ENV_VAR"}}
    name = f"Variable-{time.monotonic_ns()}"
    content = document(shell('printf %s "{{ text }}"'), parameters=declared)
    ssm.create_document(Name=name, Content=content)
    found = ran(site, node, name, text=[value])
    assert (found["Status"], found["StandardErrorContent"]) == ("Success", "")
    # A carriage return is part of the value, and of what a text file may hold.
    assert found["StandardOutputContent"] == value
    assert not mark.exists()


def test_a_script_of_nearly_64_kb_runs_whole_and_a_larger_one_is_refused(site, ssm, node):
    line = "x" * 60_000
    found = site.finished(site.run(node, f"printf %s '{line}' | wc -c"), node)
    assert found["StandardOutputContent"] == "60000\n"
    large = {"commands": ["true # " + "x" * 70_000]}
    assert (
        refused(ssm.send_command, **{**SEND, "Parameters": large}, InstanceIds=[node])
        == "MaxDocumentSizeExceeded"
    )


def test_a_nul_is_refused_before_anything_is_sent(ssm, node):
    """No text of AWS's may hold one, and no program can be given it."""
    before = ssm.list_commands()["Commands"]
    request = {**SEND, "Parameters": {"commands": ["echo a\0b"]}, "InstanceIds": [node]}
    assert refused(ssm.send_command, **request) == "SerializationException"
    assert ssm.list_commands()["Commands"] == before


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (DEEP, "MaxDocumentSizeExceeded"),
        (DEEP[70_000:130_000], "InvalidDocumentContent"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "InvalidDocumentContent"),
        ("{" * 60_000, "InvalidDocumentContent"),
        (document(shell("{{" * 25_000)), None),
        (document(shell("{{ " * 15_000 + "}}" * 7_000)), None),
        (document(*[shell("true", name=f"s{n}") for n in range(500)]), None),
        (document(shell("x" * 70_000)), "MaxDocumentSizeExceeded"),
    ],
    ids=["huge", "deep list", "deep object", "braces", "open references", "nested", "steps", "long line"],
)
def test_documents_that_are_huge_deep_or_full_of_braces_are_judged_in_bounded_time(ssm, content, code):
    name = f"Bad-{time.monotonic_ns()}"
    began = time.monotonic()
    try:
        ssm.create_document(Name=name, Content=content)
        found = None
    except ClientError as wrong:
        assert wrong.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        found = wrong.response["Error"]["Code"]
    assert time.monotonic() - began < PATIENCE_S
    assert found in (code, "InvalidDocumentContent") if code is None else found == code


def test_a_script_full_of_braces_is_run_as_it_is(site, ssm, node):
    braces = "{{" * 5_000
    ssm.create_document(Name="Braces", Content=document(shell(f"echo '{braces}' | wc -c")))
    assert ran(site, node, "Braces")["StandardOutputContent"] == f"{len(braces) + 1}\n"


def test_documents_that_run_one_another_for_ever_end(site, ssm, node):
    ssm.create_document(Name="Self", Content=document(inner("Self")))
    ssm.create_document(Name="Ring-A", Content=document(inner("Ring-B")))
    ssm.create_document(Name="Ring-B", Content=document(inner("Ring-A")))
    for depth, name in enumerate(("Deep-4", "Deep-3", "Deep-2", "Deep-1")):
        step = inner(f"Deep-{5 - depth}") if depth else shell("echo bottom")
        ssm.create_document(Name=name, Content=document(step))
    for name in ("Self", "Ring-A"):
        found = ran(site, node, name)
        assert found["Status"] == "Failed" and "runs itself" in found["StandardErrorContent"], found
    reached = ran(site, node, "Deep-1")
    assert reached["Status"] == "Success" and "bottom" in reached["StandardOutputContent"], reached
    ssm.create_document(Name="Deep-0", Content=document(inner("Deep-1")))
    too_deep = ran(site, node, "Deep-0")
    assert too_deep["Status"] == "Failed" and "depth" in too_deep["StandardErrorContent"], too_deep


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"Comment": "x" * 101}, "ValidationException"),
        ({"TimeoutSeconds": 29}, "ValidationException"),
        ({"TimeoutSeconds": 2_592_001}, "ValidationException"),
        ({"TimeoutSeconds": "soon"}, "SerializationException"),
        ({"MaxConcurrency": "0"}, "ValidationException"),
        ({"MaxErrors": "-1"}, "ValidationException"),
        ({"MaxConcurrency": "5 "}, "ValidationException"),
        ({"DocumentHash": "x" * 257}, "ValidationException"),
        ({"DocumentVersion": "0"}, "ValidationException"),
        ({"Parameters": {"commands": [None]}}, "ValidationException"),
        ({"Parameters": {f"p{n}": ["x"] for n in range(5_000)}}, "InvalidParameters"),
        ({"DocumentName": "../../etc/passwd"}, "InvalidDocument"),
        ({"DocumentName": "a b"}, "ValidationException"),
        ({"DocumentName": "a\0b"}, "SerializationException"),
        ({"OutputS3BucketName": "No_Such_Bucket"}, "InvalidOutputFolder"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_members_that_make_no_sense_are_refused_with_awss_code(ssm, node, more, code):
    assert refused(ssm.send_command, **{**SEND, "InstanceIds": [node], **more}) == code
