"""Errors and awkward values on the wire, byte for byte where a client looks at the bytes."""

import json

import pytest

from hostreeve.api.errors import ServiceErrors, common
from hostreeve.api.service_models import service
from hostreeve.gateway import protocols
from hostreeve.gateway.protocols import cbor, timestamps
from hostreeve.gateway.protocols.refusals import UnreadableError


def written(name, error, protocol=None):
    return protocols.write_error(service(name), error, "request-1", protocol)


def test_a_json_error_names_its_type_and_carries_its_members():
    errors = ServiceErrors(service("ssm"))
    response = written("ssm", errors.ItemSizeLimitExceededException("no", TypeName="AWS:Tag"))
    assert response.status == 400
    assert json.loads(response.body) == {
        "__type": "ItemSizeLimitExceededException",
        "Message": "no",
        "TypeName": "AWS:Tag",
    }
    assert ("content-type", "application/x-amz-json-1.1") in response.headers
    assert ("x-amzn-requestid", "request-1") in response.headers


def test_the_official_agent_finds_the_code_as_an_element_in_the_answer_of_ssmmessages():
    response = written("ssmmessages", common.AccessDeniedException("not <yours>"))
    assert b"<AccessDeniedException>" in response.body
    assert b"not &lt;yours&gt;" in response.body


def test_ssmmessages_takes_json_and_gives_xml_with_201():
    operation = service("ssmmessages").operation("CreateControlChannel")
    answer = {"MessageSchemaVersion": "1.0", "TokenValue": "t&t"}
    response = protocols.write_response(operation, answer, "request-1", "rest-json")
    assert response.status == 201
    assert b"<TokenValue>t&amp;t</TokenValue>" in response.body


def test_a_query_error_has_aws_frame():
    body = written("iam", ServiceErrors(service("iam")).NoSuchEntityException("gone")).body.decode()
    assert "<Type>Sender</Type><Code>NoSuchEntity</Code><Message>gone</Message>" in body
    assert "<RequestId>request-1</RequestId></ErrorResponse>" in body
    assert 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"' in body


def test_an_ec2_error_has_a_frame_of_its_own():
    body = written("ec2", common.InternalFailure("oh")).body.decode()
    assert body.endswith(
        "<Response><Errors><Error><Code>InternalFailure</Code><Message>oh</Message></Error></Errors>"
        "<RequestID>request-1</RequestID></Response>"
    )


def test_an_s3_error_may_name_what_its_model_does_not_declare():
    errors = ServiceErrors(service("s3"))
    response = written("s3", errors.NoSuchBucket("gone", BucketName="b&b"))
    assert (
        b"<Code>NoSuchBucket</Code><Message>gone</Message><BucketName>b&amp;b</BucketName>" in response.body
    )
    assert ("x-amz-request-id", "request-1") in response.headers


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor"])
def test_a_service_that_once_spoke_query_tells_its_old_codes_in_a_header(protocol):
    error = ServiceErrors(service("cloudwatch")).InvalidParameterValueException("no")
    response = written("cloudwatch", error, protocol)
    assert ("x-amzn-query-error", "InvalidParameterValue;Sender") in response.headers
    body = json.loads(response.body) if protocol == "json" else cbor.decode(response.body)
    assert body == {"__type": "InvalidParameterValueException", "message": "no"}


def test_an_error_without_a_service_is_written_in_every_protocol():
    for protocol in ("json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"):
        response = protocols.write_error(None, common.ThrottlingException("slow"), "request-1", protocol)
        assert response.status == 400
        assert b"slow" in response.body


def test_a_header_cannot_be_smuggled_into_an_answer():
    operation = service("s3").operation("HeadObject")
    answer = {"ContentType": "a\r\nx-evil: 1", "Metadata": {"k\r\n": "v\nw"}}
    response = protocols.write_response(operation, answer, "request-1", "rest-xml")
    assert not any(c in name + value for name, value in response.headers for c in "\r\n")


def test_what_xml_cannot_hold_is_replaced_and_line_ends_survive():
    operation = service("iam").operation("GetUser")
    answer = {"User": {"UserName": "a\x00\x1b\ufffe\r\n<&>"}}
    body = protocols.write_response(operation, answer, "request-1", "query").body
    assert "<UserName>a\ufffd\ufffd\ufffd&#xD;\n&lt;&amp;&gt;</UserName>".encode() in body


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-02T03:04:05Z", 1767323045.0),
        ("2026-01-02T03:04:05.250Z", 1767323045.25),
        ("2026-01-02T04:04:05+01:00", 1767323045.0),
        ("2026-01-02T03:04:05", 1767323045.0),
        ("2026-01-02", 1767312000.0),
        ("Fri, 02 Jan 2026 03:04:05 GMT", 1767323045.0),
        ("1767323045", 1767323045.0),
        ("1767323045.25", 1767323045.25),
        ("-1", -1.0),
    ],
)
def test_a_moment_is_read_in_any_notation(text, seconds):
    assert timestamps.parsed(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "now", "nan", "inf", "1e400", "2026-13-01", "2026-01-02T25:00:00Z", "9" * 400]
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(UnreadableError):
        timestamps.parsed(text)


@pytest.mark.parametrize(
    ("seconds", "notation", "text"),
    [
        (1767323045, "iso8601", "2026-01-02T03:04:05Z"),
        (1767323045.25, "iso8601", "2026-01-02T03:04:05.250Z"),
        (1767323045.9999, "iso8601", "2026-01-02T03:04:06Z"),
        (1767323045.9, "rfc822", "Fri, 02 Jan 2026 03:04:05 GMT"),
        (1767323045.0, "unixTimestamp", "1767323045"),
        (1767323045.25, "unixTimestamp", "1767323045.25"),
        (-1, "iso8601", "1969-12-31T23:59:59Z"),
    ],
)
def test_a_moment_is_written_as_each_place_wants_it(seconds, notation, text):
    assert timestamps.written(seconds, notation) == text
