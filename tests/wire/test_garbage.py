"""Whatever arrives, the answer is a request or an AWS error: never an exception of ours, never a wait."""

import random
import time

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import service
from hostreeve.gateway import protocols
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.routing import Router
from tests.wire.made import CannotMakeError, Maker
from tests.wire.test_oracle import EVERYTHING, create_serializer, for_botocore, oracle, sent

ROUTER = Router()
MODELS = {}
PIECES = [
    b"",
    b"\x00",
    b"\xff",
    b'"',
    b"{",
    b"[" * 500,
    b"<",
    b"&",
    b"=",
    b"%",
    b"%zz",
    b"9" * 5000,
    b"null",
    b"\\ud800",
]
PIECES += [
    b"<!DOCTYPE a>",
    b"-",
    b".1",
    b"e999",
    b"/",
    b"//",
    b"?",
    b"\r\n",
    b"\xf7\xbf",
    b"\xbf",
    b"true",
    b"a" * 9000,
]


def whole(chance):
    """A valid request of some operation."""
    name, operation, protocol = chance.choice(EVERYTHING)
    model = service(name)
    shape = model.operation(operation).input
    request = (
        Maker(chance, full=chance.random() < 0.3, answer=False, protocol=protocol).make(shape)
        if shape
        else {}
    )
    shown = for_botocore(shape, request) if shape else {}
    if name not in MODELS:
        MODELS[name] = oracle(name)
    serializer = create_serializer(protocol, include_validation=False)
    serialized = serializer.serialize_to_request(shown, MODELS[name].operation_model(operation))
    return sent(serialized, model.signing_name)


def broken(chance, http):
    """The request with one part spoilt."""
    part = chance.choice(["body"] * 5 + ["path", "query", "header", "method", "cut"])
    if part == "body":
        http.body = spoilt(chance, http.body)
    elif part == "cut":
        http.body = http.body[: chance.randrange(len(http.body) + 1)]
    elif part in ("path", "query"):
        text = spoilt(chance, getattr(http, part).encode("latin-1", "replace")).decode("latin-1")
        setattr(http, part, "/" + text if part == "path" else text)
    elif part == "method":
        http.method = chance.choice(["GET", "PUT", "POST", "DELETE", "HEAD", "BREW", ""])
    else:
        at = chance.randrange(len(http.headers))
        key, value = http.headers[at]
        http.headers[at] = (key, spoilt(chance, value.encode("latin-1", "replace")).decode("latin-1"))
    return http


def spoilt(chance, content):
    start = chance.randrange(len(content) + 1)
    end = min(len(content), start + chance.choice([0, 0, 1, 5, 50]))
    return content[:start] + chance.choice(PIECES) + content[end:]


def answered(http: HttpRequest):
    try:
        route = ROUTER.route(http)
        protocol = route.protocol
        protocols.read_request(route.operation, http, route.labels, route.protocol)
    except AwsError as error:
        spoken, protocol = ROUTER.spoken(http)
        response = protocols.write_error(spoken, error, "request-1", protocol)
        assert 400 <= response.status <= 501
        assert error.status != 500


@pytest.mark.parametrize("seed", range(10))
def test_spoilt_requests_are_read_or_refused(seed):
    chance = random.Random(seed)
    for _ in range(200):
        try:
            http = whole(chance)
        except CannotMakeError:
            continue
        for _ in range(3):
            http = broken(chance, http)
            began = time.process_time()
            answered(http)
            assert time.process_time() - began < 1, http


LARGE = [
    ("s3", "PUT", "/b", "tagging", b"<Tagging>" + b"x<a/>" * 60_000 + b"</Tagging>"),
    ("s3", "PUT", "/b", "tagging", b"<Tagging><TagSet>" + b"<Tag/>" * 60_000 + b"</TagSet></Tagging>"),
    ("iam", "POST", "/", "", b"Action=TagUser&Version=2010-05-08" + b"&a=" * 400_000),
    ("iam", "POST", "/", "", b"Action=TagUser&Version=2010-05-08&UserName=" + b"a" * 500_000),
    ("iam", "POST", "/", "", b"Action=" + b"&Action" * 150_000),
    ("appconfig", "GET", "/" + "a/" * 500_000, "", b""),
    ("appconfig", "GET", "/applications", "a&" * 500_000, b""),
    ("scheduler", "GET", "/schedules/" + "%" * 500_000, "", b""),
]


@pytest.mark.parametrize("case", LARGE, ids=lambda case: f"{case[0]} {case[2][:20]}")
def test_a_large_request_takes_no_time_beyond_its_size(case):
    name, method, path, query, body = case
    scope = f"Credential=A/20260101/r/{name}/aws4_request"
    headers = [("authorization", scope), ("content-type", "application/x-www-form-urlencoded")]
    began = time.process_time()
    answered(HttpRequest(method, path, query, headers, body))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("depth", range(10, 500, 35))
def test_a_recursive_request_of_any_depth_is_read_or_refused(depth):
    body = b'{"Aggregators":[' + b'{"Aggregators":[' * depth + b"]}" * depth + b"]}"
    headers = [("x-amz-target", "AmazonSSM.GetInventory"), ("content-type", "application/x-amz-json-1.1")]
    answered(HttpRequest("POST", "/", "", headers, body))


def test_a_large_json_request_with_many_failures_has_an_error_of_moderate_size():
    tags = ",".join(['{"Key":"","Value":""}'] * 50_000)
    body = f'{{"ResourceType":"Document","ResourceId":"d","Tags":[{tags}]}}'.encode()
    headers = [
        ("x-amz-target", "AmazonSSM.AddTagsToResource"),
        ("content-type", "application/x-amz-json-1.1"),
    ]
    http = HttpRequest("POST", "/", "", headers, body)
    route = ROUTER.route(http)
    with pytest.raises(AwsError) as raised:
        protocols.read_request(route.operation, http, route.labels, route.protocol)
    assert len(raised.value.message) < 50_000
