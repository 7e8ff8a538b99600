"""Requests from case files: how they fail, word for word, or what is read from them."""

import json
from pathlib import Path

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.gateway import protocols
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.routing import KNOWN, Router

ROUTER = Router()
CASES = [case for path in Path(__file__).parent.glob("cases/*.json") for case in json.loads(path.read_text())]


def sent(case):
    headers = [("host", "localhost:8443"), *case.get("headers", {}).items()]
    method, path = case.get("method", "POST"), case.get("path", "/")
    kind = None
    if "target" in case:
        headers.append(("x-amz-target", case["target"]))
        kind = "application/x-amz-json-1.1"
    elif "cbor" in case:
        service, _, operation = case["cbor"].partition(".")
        path = f"/service/{service}/operation/{operation}"
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
        kind = "application/cbor"
    elif "service" in case:
        name = KNOWN[case["service"]].signing_name if case["service"] in KNOWN else case["service"]
        scope = f"Credential=AKID/20260101/us-east-1/{name}/aws4_request"
        headers.append(("authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"))
        known = KNOWN.get(case["service"])
        is_form = "form" in case or (known is not None and known.version is not None)
        kind = "application/x-www-form-urlencoded" if is_form else "application/json"
    if case.get("content_type", kind):
        headers.append(("content-type", case.get("content_type", kind)))
    return HttpRequest(method, path, case.get("query", ""), headers, body_of(case))


def body_of(case):
    if "json" in case:
        return json.dumps(case["json"]).encode()
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "latin" in case:
        return case["latin"].encode("latin-1")
    if "repeat" in case:
        how = case["repeat"]
        return (how["before"] + how["text"] * how["times"] + how["after"]).encode("latin-1")
    return case.get("form", case.get("body", "")).encode()


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return {"bytes": value.decode()} if isinstance(value, bytes) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"].replace(" ", "_"))
def test_case(case):
    http = sent(case)
    if "request" in case:
        route = ROUTER.route(http)
        got = protocols.read_request(route.operation, http, route.labels, route.protocol)
        assert plain(got) == case["request"]
        return
    with pytest.raises(AwsError) as raised:
        route = ROUTER.route(http)
        protocols.read_request(route.operation, http, route.labels, route.protocol)
    error = raised.value
    assert error.code == case.get("code", "ValidationException")
    assert error.status == case.get("status", 501 if error.code == "NotImplemented" else 400)
    if "message" in case:
        assert error.message == case["message"]
    service, protocol = ROUTER.spoken(http)
    response = protocols.write_error(service, error, "request-1", protocol)
    assert error.code.encode() in response.body or ("x-amzn-errortype", error.code) in response.headers
