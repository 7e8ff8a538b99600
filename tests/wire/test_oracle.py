"""botocore as oracle: what it sends we understand, what we answer it understands, in every operation."""

import random
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.gateway import protocols
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.routing import KNOWN, Router
from tests.wire.made import CannotMakeError, Maker, comparable, for_botocore

ROUTER = Router()
ENDPOINT = "https://localhost:8443"
TWINS = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
}
"""Operations of S3 that look the same on the wire as another: deprecated ones, and another endpoint's."""

EVERYTHING = [
    (name, operation, protocol)
    for name in KNOWN
    for protocol in service(name).protocols
    for operation in service(name).operation_names
]
SAMPLE = random.Random(20).sample(EVERYTHING, 300)
AMBIGUOUS = {"PutBucketNotification", "GetBucketNotification"}
"""Deprecated forms that give two members one name on the wire."""
STREAMS = {"SelectObjectContent", "GetLogObject", "StartLiveTail", "InvokeWithResponseStream"}


def oracle(name):
    model = service(name)
    raw = {o: dict(model.operation(o).traits) for o in model.operation_names}
    return ServiceModel(
        {"metadata": dict(model.metadata), "operations": raw, "shapes": dict(model.shapes)}, name
    )


@pytest.fixture(scope="module")
def oracles():
    made = {}
    return lambda name: made.get(name) or made.setdefault(name, oracle(name))


def sent(serialized, signing_name):
    """What botocore puts on the wire, as our server sees it."""
    prepare_request_dict(serialized, ENDPOINT)
    request = create_request_object(serialized).prepare()
    url = urlsplit(request.url)
    headers = [(k.lower(), v.decode() if isinstance(v, bytes) else v) for k, v in request.headers.items()]
    headers.append(("host", url.netloc))
    scope = f"Credential=AKID/20260101/us-east-1/{signing_name}/aws4_request"
    headers.append(("authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"))
    body = request.body
    if isinstance(body, dict):
        body = urlencode(body)
    body = body.encode() if isinstance(body, str) else body or b""
    return HttpRequest(request.method, url.path, url.query, headers, body)


def received(response):
    headers = HeadersDict(response.headers)
    return {"headers": headers, "status_code": response.status, "body": response.body, "context": {}}


def answering(name, protocol):
    return service(name).metadata.get("outputProtocol", protocol)


def check_request(name, operation_name, protocol, oracles, *, full):
    model = service(name)
    operation = model.operation(operation_name)
    chance = random.Random(f"{name} {operation_name} {full}")
    maker = Maker(chance, full=full, answer=False, protocol=protocol)
    request = maker.make(operation.input) if operation.input else {}
    serializer = create_serializer(protocol, include_validation=False)
    shown = for_botocore(operation.input, request) if operation.input else {}
    http = sent(
        serializer.serialize_to_request(shown, oracles(name).operation_model(operation_name)),
        model.signing_name,
    )
    route = ROUTER.route(http)
    assert route.service is model
    assert route.protocol == protocol
    assert route.operation.name == TWINS.get(operation_name, operation_name)
    if operation_name in STREAMS:
        with pytest.raises(AwsError) as refused:
            protocols.read_request(operation, http, route.labels, protocol)
        assert refused.value.code == "NotImplemented"
        return
    got = protocols.read_request(operation, http, route.labels, protocol)
    if operation.input:
        for name in set(got) - set(request):
            # The length is on the wire whether asked for or not, and an absent body may be an empty object.
            if name == "ContentLength" or (name == operation.input.payload and not got[name]):
                del got[name]
        assert comparable(operation.input, got) == comparable(operation.input, request)


def check_answer(name, operation_name, protocol, oracles, *, full):
    operation = service(name).operation(operation_name)
    if operation_name in STREAMS:
        return
    answering_protocol = answering(name, protocol)
    chance = random.Random(f"{name} {operation_name} answer {full}")
    maker = Maker(chance, full=full, answer=True, protocol=answering_protocol)
    answer = maker.make(operation.output) if operation.output else {}
    response = protocols.write_response(operation, dict(answer), "request-1", protocol)
    assert response.status < 300
    shape = oracles(name).operation_model(operation_name).output_shape
    got = create_parser(answering_protocol).parse(received(response), shape)
    metadata = got.pop("ResponseMetadata")
    if operation.output is None:
        return
    assert metadata["RequestId"] == "request-1"
    for member, shape_of_member in operation.output.members.items():
        if member not in answer and (member == "ContentType" or shape_of_member.location == "statusCode"):
            got.pop(member, None)
    payload = operation.output.payload
    if payload and operation.output.members[payload].type == "blob" and payload in answer:
        answer[payload] = answer[payload].decode()
    if operation_name == "GetBucketLocation":
        assert answer.get("LocationConstraint", "").encode() in response.body
        return
    assert comparable(operation.output, without_empty(operation.output, got)) == comparable(
        operation.output, answer
    )


def without_empty(shape, got):
    """botocore gives an empty dictionary or text for a part of an answer that was not sent."""
    return {
        k: v
        for k, v in got.items()
        if not (shape.members[k].location == "headers" and v == {})
        and not (k == shape.payload and v in ("", {}, b""))
    }


def check_errors(name, operation_name, protocol, oracles):
    model = service(name)
    types = ServiceErrors(model)
    answering_protocol = answering(name, protocol)
    parser = create_parser(answering_protocol)
    for shape_name in model.operation(operation_name).error_shapes:
        shape = model.errors[shape_name]
        maker = Maker(random.Random(shape_name), full=True, answer=True, protocol=answering_protocol)
        members = {k: v for k, v in maker.make(shape).items() if k.lower() not in ("message", "code", "type")}
        error = getattr(types, shape_name)("So & <so>", **members)
        response = protocols.write_error(model, error, "request-1", protocol)
        assert 400 <= response.status < 600, shape_name
        if model.metadata.get("outputProtocol"):
            assert f"<{error.code}>".encode() in response.body
            continue
        got = parser.parse(received(response), None)
        assert got["Error"]["Message"] == "So & <so>"
        assert got["ResponseMetadata"]["RequestId"] == "request-1"
        found = oracles(name).shape_for_error_code(got["Error"]["Code"])
        assert found is not None, got
        assert found.name == shape_name or found.error_code == error.code
        if found.name != shape_name:
            continue
        parsed = parser.parse(received(response), found)
        assert comparable(shape, {k: parsed[k] for k in members}) == comparable(shape, members)


def check(case, oracles):
    if case[1] in AMBIGUOUS:
        return
    for full in (True, False):
        check_request(*case, oracles, full=full)
        check_answer(*case, oracles, full=full)
    check_errors(*case, oracles)


@pytest.mark.parametrize("case", SAMPLE, ids="-".join)
def test_botocore_and_we_understand_each_other(case, oracles):
    check(case, oracles)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(KNOWN))
def test_botocore_and_we_understand_each_other_in_every_operation(name, oracles):
    failed = []
    for case in EVERYTHING:
        if case[0] == name:
            try:
                check(case, oracles)
            except (AssertionError, AwsError, CannotMakeError) as e:
                failed.append((case, repr(e)[:500]))
    assert not failed


def test_the_table_of_services_is_what_the_models_say():
    for name, known in KNOWN.items():
        model = service(name)
        assert model.signing_name == known.signing_name
        assert model.target_prefix == known.target_prefix
        is_query = {"query", "ec2"} & set(model.protocols)
        assert known.version == (model.metadata["apiVersion"] if is_query else None)
