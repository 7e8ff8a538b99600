"""What botocore signs is accepted, and nothing that differs from it by one byte."""

import re
from datetime import UTC, datetime
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostreeve.api.errors import AwsError
from hostreeve.contract import sigv4
from hostreeve.gateway.http import HttpRequest
from tests.sampling import examples
from tests.signature.make import (
    HOST,
    KEY_ID,
    NOW_MS,
    SECRET,
    TOKEN,
    by_botocore,
    frozen,
    refused,
    verify,
)

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
segments = st.lists(
    texts | st.sampled_from([".", "..", "", "a b", "ü~/-", "%2F", "a+b", "a=b&c"]), max_size=5
)
paths = segments.map(lambda parts: "/" + "/".join(quote(part, safe="-._~") for part in parts))
queries = st.lists(st.tuples(texts.filter(bool), texts), max_size=4).map(
    lambda pairs: "&".join(f"{quote(k, safe='-._~')}={quote(v, safe='-._~')}" for k, v in pairs)
)
names = st.from_regex(r"x-amz-meta-[a-z0-9]{1,8}", fullmatch=True)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
headers = st.dictionaries(names, values, max_size=3)
bodies = st.binary(max_size=64)
anything = settings(
    max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _moment(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen(monkeypatch)


def target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


@given(paths, queries, headers, bodies, st.sampled_from([None, TOKEN]))
@anything
def test_whatever_botocore_signs_is_accepted(path, query, headers, body, token):
    http = by_botocore(SigV4Auth, "ssm", path=target(path, query), headers=headers, body=body, token=token)
    assert verify(http).session_token == token


@given(paths, queries, headers, bodies)
@anything
def test_whatever_botocore_signs_for_s3_is_accepted(path, query, headers, body):
    http = by_botocore(S3SigV4Auth, "s3", method="PUT", path=target(path, query), headers=headers, body=body)
    claim = verify(http, "s3", "s3")
    assert (claim.access_key_id, claim.region) == (KEY_ID, "us-east-1")


@given(paths, queries, bodies, st.integers(1, 604800))
@anything
def test_whatever_botocore_presigns_for_s3_is_accepted_until_it_expires(path, query, body, expires_s):
    http = by_botocore(S3SigV4QueryAuth, "s3", method="PUT", path=target(path, query), expires=expires_s)
    http.body = body
    assert verify(http, "s3", "s3", NOW_MS + expires_s * 1000).session_token == TOKEN
    late = refused(http, "s3", "s3", NOW_MS + (expires_s + 1) * 1000)
    assert (late.code, late.status, late.message) == ("AccessDenied", 403, "Request has expired")


@given(paths, queries)
@anything
def test_whatever_botocore_presigns_for_others_is_accepted(path, query):
    http = by_botocore(SigV4QueryAuth, "sts", method="GET", path=target(path, query), expires=60)
    verify(http, "query", "sts")


@given(paths, queries, headers, bodies, st.sampled_from(["ssm", "s3", "ssmmessages"]))
@anything
def test_our_signer_writes_what_botocore_writes(path, query, headers, body, service):
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    request = AWSRequest("POST", f"https://{HOST}{target(path, query)}", headers=headers, data=body)
    signer(Credentials(KEY_ID, SECRET, TOKEN), service, "us-east-1").add_auth(request)
    ours = sigv4.sign_headers(
        sigv4.Outgoing("POST", path, query, {"Host": HOST, **headers}, body),
        sigv4.Credentials(KEY_ID, SECRET, TOKEN),
        region="us-east-1",
        service=service,
        now_ms=NOW_MS,
    )
    assert ours["Authorization"] == request.headers["Authorization"]


@given(headers, bodies, st.data())
@anything
def test_one_changed_byte_anywhere_is_refused(headers, body, data):
    http = by_botocore(SigV4Auth, "ssm", path="/a/b?x=1&y=2", headers=headers, body=body or b"{}")
    part = data.draw(st.sampled_from(["method", "path", "query", "body", "header"]))
    if part == "header":
        index = data.draw(
            st.sampled_from([i for i, (name, _) in enumerate(http.headers) if name != "content-length"])
        )
        name, value = http.headers[index]
        http.headers[index] = (name, tampered(data, value) if value else "a")
    elif part == "body":
        at = data.draw(st.integers(0, len(http.body) - 1))
        http.body = http.body[:at] + bytes([http.body[at] ^ 1]) + http.body[at + 1 :]
    else:
        setattr(http, part, tampered(data, getattr(http, part)))
    try:
        # The access key id is no part of what is signed: who changes it is looked up as somebody else.
        assert verify(http).access_key_id != KEY_ID
    except AwsError as error:
        assert error.status in (400, 403)


def tampered(data, text: str) -> str:
    """Another text that no canonical form takes for the same one."""
    at = data.draw(st.integers(0, len(text) - 1))
    other = "Q" if text[at] != "Q" else "R"
    return text[:at] + other + text[at + 1 :]


def test_a_date_header_in_place_of_x_amz_date_is_enough():
    http = by_botocore(SigV4Auth, "ssm", headers={"Date": "set by the signer"}, body=b"{}")
    assert http.header("x-amz-date") is None and re.match(r"\w{3}, ", http.header("date") or "")
    moment = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    assert verify(http).date == moment.strftime("%Y%m%dT%H%M%SZ")


def test_an_unsigned_payload_is_for_s3_alone():
    at_s3 = by_botocore(
        S3SigV4Auth,
        "s3",
        method="PUT",
        path="/bucket/key",
        headers={"Content-MD5": "x"},
        body=b"abc",
        context={"has_streaming_input": True},
    )
    assert at_s3.header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD"
    at_s3.body = b"anything"
    verify(at_s3, "s3", "s3")
    elsewhere = by_botocore(SigV4Auth, "ssm", body=b"abc", payload_signing_enabled=False)
    assert refused(elsewhere).code == "InvalidSignatureException"


def test_folded_spaces_and_repeated_headers_are_signed_as_one_line():
    http = by_botocore(SigV4Auth, "ssm", headers={"X-Amz-Meta-A": "one  two\t three"}, body=b"{}")
    verify(http)
    twice = by_botocore(SigV4Auth, "ssm", headers={"X-Amz-Meta-A": "one,two"}, body=b"{}")
    twice.headers = [pair for pair in twice.headers if pair[0] != "x-amz-meta-a"]
    verify(
        HttpRequest(
            "POST", "/", "", [*twice.headers, ("x-amz-meta-a", "one"), ("x-amz-meta-a", "two")], b"{}"
        )
    )


def test_the_oracle_really_is_botocore():
    assert botocore.auth.SigV4Auth is SigV4Auth


def test_a_payload_hash_that_a_presigned_request_does_not_cover_counts_for_nothing():
    http = by_botocore(S3SigV4QueryAuth, "s3", method="PUT", path="/bucket/key")
    http.headers.append(("x-amz-content-sha256", sigv4.EMPTY_SHA256))
    http.body = b"anything"
    verify(http, "s3", "s3")
