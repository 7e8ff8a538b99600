"""Requests as clients sign them: botocore's signers, and what their requests look like on arrival."""

from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hostreeve.api.errors import AwsError
from hostreeve.contract import sigv4
from hostreeve.gateway import signature
from hostreeve.gateway.http import HttpRequest

NOW_MS = 1_800_000_000_000
KEY_ID, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/with+signs=="
HOST = "reeve.example.com:8443"


def arrived(request: AWSRequest) -> HttpRequest:
    """A signed botocore request as the server sees it."""
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = [("host", HOST)] if "host" not in {name.lower() for name in prepared.headers} else []
    for name, value in prepared.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        headers.append((name.lower(), text.strip()))
    body = prepared.body or b""
    return HttpRequest(
        prepared.method, parts.path, parts.query, headers, body.encode() if isinstance(body, str) else body
    )


def by_botocore(
    signer: Any,
    service: str,
    *,
    method: str = "POST",
    path: str = "/",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    **more: Any,
) -> HttpRequest:
    """One request signed by a botocore signer class, temporary credentials unless `token` says otherwise."""
    token = more.pop("token", TOKEN)
    request = AWSRequest(method=method, url=f"https://{HOST}{path}", headers=headers or {}, data=body)
    request.context["payload_signing_enabled"] = more.pop("payload_signing_enabled", True)
    request.context.update(more.pop("context", {}))
    signer(Credentials(KEY_ID, SECRET, token), service, "us-east-1", **more).add_auth(request)
    return arrived(request)


def by_us(
    service: str = "ssm",
    *,
    method: str = "POST",
    target: str = "/",
    headers: dict[str, str] | None = None,
    body: bytes = b"{}",
    now_ms: int = NOW_MS,
) -> HttpRequest:
    """One request signed by our own signer, without a session token."""
    path, _, query = target.partition("?")
    outgoing = sigv4.Outgoing(method, path, query, {"Host": HOST, **(headers or {})}, body)
    credentials = sigv4.Credentials(KEY_ID, SECRET)
    signed = sigv4.sign_headers(outgoing, credentials, region="us-east-1", service=service, now_ms=now_ms)
    return HttpRequest(method, path, query, [(name.lower(), value) for name, value in signed.items()], body)


def verify(
    http: HttpRequest, family: str = "json", service: str = "ssm", now_ms: int = NOW_MS
) -> signature.Claim:
    claim = signature.read(http, family)
    signature.verify(claim, http, SECRET, now_ms, service=service)
    return claim


def refused(http: HttpRequest, family: str = "json", service: str = "ssm", now_ms: int = NOW_MS) -> AwsError:
    """The error with which a request is refused; the test fails when it is not."""
    with pytest.raises(AwsError) as caught:
        verify(http, family, service, now_ms)
    return caught.value


def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's clock stands at NOW_MS: it offers no other way to sign for a given moment."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(NOW_MS / 1000, UTC).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: moment)


def replaced(http: HttpRequest, name: str, value: str | None) -> HttpRequest:
    """The request with a header set anew, or gone."""
    headers = [(key, old) for key, old in http.headers if key != name]
    if value is not None:
        headers.append((name, value))
    return HttpRequest(http.method, http.path, http.query, headers, http.body)
