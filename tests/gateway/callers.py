"""Requests of every operation that we have, as botocore writes them, signed by whom a test likes."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.serialize import create_serializer

from hostreeve.api.service_models import service
from hostreeve.app.compose import OPERATIONS
from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.routing import KNOWN
from tests.house import ENDPOINT, House
from tests.wire.made import CannotMakeError, Maker, for_botocore
from tests.wire.test_oracle import oracle

EVERY = sorted(OPERATIONS)
_oracles: dict[str, Any] = {}


@dataclass
class Callers:
    """`say(key, service, operation)` sends a valid request of the operation and answers (status, body)."""

    house: House
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def made(
        self, name: str, operation: str, members: Mapping[str, Any] | None = None, *, full: bool = False
    ) -> dict[str, Any]:
        """A request that the model finds valid; `members` replace those that the operation has."""
        shape = service(name).operation(operation).input
        if shape is None:
            return {}
        request: dict[str, Any] = {}
        for _ in range(20):
            try:
                request = Maker(
                    self.chance, full=full, answer=False, protocol=service(name).protocols[-1]
                ).make(shape)
                break
            except CannotMakeError:
                continue
        return request | {key: value for key, value in (members or {}).items() if key in shape.members}

    def http(self, name: str, operation: str, request: Mapping[str, Any]) -> HttpRequest:
        """The request as it is before it is signed."""
        model = service(name)
        if name not in _oracles:
            _oracles[name] = oracle(name)
        shape = model.operation(operation).input
        serializer = create_serializer(model.protocols[-1], include_validation=False)
        serialized = serializer.serialize_to_request(
            for_botocore(shape, dict(request)) if shape else {}, _oracles[name].operation_model(operation)
        )
        prepare_request_dict(serialized, ENDPOINT)
        prepared = create_request_object(serialized).prepare()
        url = urlsplit(prepared.url)
        headers = [
            (key.lower(), value.decode() if isinstance(value, bytes) else value)
            for key, value in prepared.headers.items()
        ]
        headers.append(("host", url.netloc))
        body = urlencode(prepared.body) if isinstance(prepared.body, dict) else prepared.body or b""
        return HttpRequest(
            prepared.method,
            url.path or "/",
            url.query,
            headers,
            body.encode() if isinstance(body, str) else body,
            client="192.0.2.7",
        )

    def signed(self, http: HttpRequest, name: str, key: tuple[str, ...]) -> HttpRequest:
        """The same request with a signature. Of several headers of one name, the last is signed."""
        access_key_id, secret, *token = key
        headers = dict(http.headers)
        headers.pop("authorization", None)
        signed = sign_headers(
            Outgoing(http.method, http.path, http.query, headers, http.body, None),
            Credentials(access_key_id, secret, token[0] if token else None),
            region="us-east-1",
            service=KNOWN[name].signing_name,
            now_ms=self.house.world.now_ms(),
        )
        http.headers = [(key.lower(), value) for key, value in signed.items()]
        return http

    def say(
        self, key: tuple[str, ...], name: str, operation: str, members: Mapping[str, Any] | None = None
    ) -> tuple[int, bytes]:
        http = self.http(name, operation, self.made(name, operation, members))
        answer = self.house.request(self.signed(http, name, key))
        return answer.status, answer.body + repr(answer.headers).encode()


def least(callers, name, operation, members=None):
    """Only what the operation must be given, beside `members`."""
    made = callers.made(name, operation, members)
    shape = OPERATIONS[name, operation].model.input
    needed = (shape.required if shape else frozenset()) | set(members or ())
    return {member: value for member, value in made.items() if member in needed}


def is_an_error_of_aws(status: int, body: bytes) -> bool:
    return status < 500 or (status in (501, 503) and b"NotImplemented" in body)
