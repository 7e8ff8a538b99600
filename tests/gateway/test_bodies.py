"""Bodies on their way hold a bounded memory, and strangers next to none of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from hostreeve.gateway.bodies import Bodies, Crowded, TooLarge
from hostreeve.gateway.http import HttpRequest
from hostreeve.kernel import limits
from tests.house import House, house_at

PIECE = b" " * 65_536
SIGNED = "AWS4-HMAC-SHA256 Credential={}/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=00"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_at(f"sqlite:///{tmp_path_factory.mktemp('bodies')}/house.db") as made:
        yield made


class Upload:
    """A request whose body comes in pieces of 64 KB; `read` counts those that somebody asked for."""

    def __init__(self, house: House, pieces: int, path: str = "/", client: str = "a", **headers: str) -> None:
        self.house = house
        self.pieces, self.read = pieces, 0
        self.most_held = 0
        self.leaves_after = pieces
        self.sent: list[dict[str, Any]] = []
        given = {"host": "here", "content-type": "application/x-amz-json-1.1", **headers}
        self.scope = {
            "type": "http",
            "method": "POST",
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in given.items()],
            "client": (client, 1),
        }

    async def receive(self) -> dict[str, Any]:
        self.most_held = max(self.most_held, self.house.app.asgi.bodies.held_bytes)
        if self.read == self.leaves_after < self.pieces:
            return {"type": "http.disconnect"}
        self.read += 1
        return {"type": "http.request", "body": PIECE, "more_body": self.read < self.pieces}

    async def send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)

    def run(self) -> "Upload":
        self.house.loop.run_until_complete(self.house.app.asgi(self.scope, self.receive, self.send))
        assert self.house.app.asgi.bodies.held_bytes == 0
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(event.get("body", b"") for event in self.sent)


def signed(key_id: str, service: str = "ssm") -> dict[str, str]:
    target = {"x_amz_target": "AmazonSSM.PutParameter"} if service == "ssm" else {}
    written = SIGNED.format(key_id, service)
    return {"authorization": written, "x_amz_date": "20261128T000000Z", **target}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x_amz_target": "AmazonSSM.PutParameter"}, b"MissingAuthenticationTokenException"),
        ({}, b"MissingAuthenticationToken"),
        (signed("AKIAAAAAAAAAAAAAAAAA"), b"UnrecognizedClientException"),
        (signed("mi-00000000000000000"), b"AccessDeniedException"),
        (signed("AKIAAAAAAAAAAAAAAAAA", "s3"), b"InvalidAccessKeyId"),
        ({**signed("x"), "authorization": "AWS4-nonsense"}, b"IncompleteSignature"),
    ],
)
def test_a_strangers_long_body_is_refused_before_it_is_read(house, headers, code):
    upload = Upload(house, pieces=200, **headers).run()
    assert upload.read <= 4 and upload.most_held <= limits.REQUEST_BODY_OF_STRANGERS_BYTES_MAX + len(PIECE)
    assert 400 <= upload.status < 404 and code in upload.body + str(upload.headers).encode()
    assert upload.headers[b"connection"] == b"close"


def test_a_long_body_under_a_key_that_exists_is_read_and_its_signature_decides(house):
    upload = Upload(house, pieces=20, **signed(house.key[0])).run()
    assert upload.read == 20 and b"InvalidSignatureException" in upload.body
    assert upload.most_held > 18 * len(PIECE)
    assert b"connection" not in upload.headers


def test_a_strangers_short_body_is_read_and_answered_as_ever(house):
    upload = Upload(house, pieces=2, **signed("AKIAAAAAAAAAAAAAAAAA")).run()
    assert upload.read == 2 and b"UnrecognizedClientException" in upload.body


def test_a_body_over_the_limit_is_refused_while_it_comes(house):
    upload = Upload(house, pieces=1000, **signed(house.key[0])).run()
    assert upload.status == 413 and upload.read == limits.REQUEST_BODY_BYTES_MAX // len(PIECE) + 1


def test_pages_take_no_long_body(house):
    upload = Upload(house, pieces=100, path="/healthz").run()
    assert upload.status == 413 and upload.read <= 4


@pytest.mark.parametrize(
    ("service", "status", "code"), [("ssm", 400, "ThrottlingException"), ("s3", 503, "SlowDown")]
)
def test_when_the_memory_is_spent_clients_are_told_to_come_again(house, service, status, code):
    bodies = house.app.asgi.bodies
    count = limits.REQUEST_BODIES_BYTES_MAX // limits.REQUEST_BODY_BYTES_MAX
    others = [bodies.of(f"client {n % 2}") for n in range(count)]
    for held in others:
        held.take(limits.REQUEST_BODY_BYTES_MAX)
    refused = bodies.refused
    upload = Upload(house, pieces=20, **signed(house.key[0], service=service))
    house.loop.run_until_complete(house.app.asgi(upload.scope, upload.receive, upload.send))
    assert (upload.status, upload.headers[b"retry-after"]) == (status, b"1")
    assert code.encode() in upload.body and bodies.refused == refused + 1
    for held in others:
        with held:
            pass
    assert code.encode() not in Upload(house, pieces=2, **signed(house.key[0], service=service)).run().body


def test_one_client_leaves_room_for_the_others():
    bodies = Bodies(bytes_max=100, client_bytes_max=60)
    with bodies.of("a") as greedy, bodies.of("a") as more, bodies.of("b") as other:
        greedy.take(50)
        with pytest.raises(Crowded):
            more.take(20)
        other.take(50)
        with pytest.raises(Crowded):
            other.take(1)
    assert (bodies.held_bytes, bodies.refused) == (0, 2)
    bodies.of("a").take(60)


def test_a_body_is_never_larger_than_its_limit():
    with Bodies().of("a") as held:
        held.take(limits.REQUEST_BODY_BYTES_MAX)
        with pytest.raises(TooLarge):
            held.take(1)


def test_who_leaves_in_the_middle_gives_its_room_back_and_nothing_runs(house):
    upload = Upload(house, pieces=10, **signed(house.key[0]))
    upload.leaves_after = 5
    upload.run()
    assert upload.sent == []


def test_what_bodies_hold_is_told(house):
    told = house.loop.run_until_complete(house.app.asgi.respond(HttpRequest("GET", "/metrics", "", [])))
    assert b"hostreeve_bodies_bytes 0.0" in told.body and b"hostreeve_bodies_refused_total" in told.body
