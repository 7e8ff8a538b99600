"""Every operation there is, with bodies that nobody would send: refused in AWS's words, and soon."""

import json
import time
from typing import Any

import pytest

from hostreeve.app.compose import OPERATIONS
from tests.gateway.callers import EVERY, Callers, is_an_error_of_aws, least
from tests.house import house_at


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every-operation")
    with house_at(f"sqlite:///{folder}/house.db") as made:
        yield made


@pytest.fixture(scope="module")
def callers(house):
    return Callers(house)


DEEP = 10_000
GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "random": bytes(range(256)) * 40,
    "zeros": b"\x00" * 1000,
    "invalid utf-8": b'{"Name":"\xff\xfe\xc0\xaf"}',
    "half a surrogate": b'{"Name":"\\ud800"}',
    "cut short": b'{"Name":"a","Values":["b"',
    "a list": b"[1,2,3]",
    "null": b"null",
    "a number": b"1" * 5000,
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep elements": b"<a>" * DEEP + b"</a>" * DEEP,
    "an entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "a form": b"Action=&Version=&%zz=%&a.member.999999999.b=c&=",
    "a form of a far index": b"Tags.member.999999999999999999999.Key=a",
    "the same key twice": b'{"Name":"a","Name":"b"}',
}
VALUES: list[Any] = [
    None,
    True,
    -1,
    10**400,
    1e308,
    "",
    "\x00",
    "\ud7ff\uffff",
    "x" * 300_000,
    "${aws:username}",
    "../../etc/passwd",
    [],
    {},
    [None],
    {"a": {"b": []}},
    "%s%n{{}}{0}",
]


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_as_a_body_is_refused_in_aws_words(house, callers, kind):
    wrong = []
    for name, operation in EVERY:
        http = callers.http(name, operation, least(callers, name, operation))
        if http.method in ("GET", "HEAD", "DELETE"):
            continue
        body = GARBAGE[kind]
        if http.body.startswith(b"Action="):
            body = b"&".join(http.body.split(b"&")[:2]) + b"&" + body
        http.body = body
        http.headers = [(k, v) for k, v in http.headers if k not in ("content-length", "content-md5")]
        began = time.process_time()
        answer = house.request(callers.signed(http, name, house.key))
        took_s = time.process_time() - began
        if not is_an_error_of_aws(answer.status, answer.body) or took_s > 2:
            wrong.append((name, operation, answer.status, took_s, answer.body[:200]))
    assert not wrong


JSON_OPERATIONS = [
    op
    for op in EVERY
    if OPERATIONS[op].model.input and OPERATIONS[op].model.input.members and op[0] not in ("iam", "sts", "s3")
]


@pytest.mark.slow
@pytest.mark.parametrize("service_name", sorted({name for name, _ in JSON_OPERATIONS}))
def test_every_member_given_every_wrong_value_is_refused_in_aws_words(house, callers, service_name):
    check_wrong_members(house, callers, [op for op in JSON_OPERATIONS if op[0] == service_name], VALUES)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_members_given_wrong_values_are_refused_in_aws_words(house, callers, value):
    check_wrong_members(house, callers, JSON_OPERATIONS, [value], members_max=1)


def check_wrong_members(house, callers, operations, values, members_max=1000):
    wrong = []
    for name, operation in operations:
        shape = OPERATIONS[name, operation].model.input
        names = sorted(shape.members)
        callers.chance.shuffle(names)
        for member in names[:members_max]:
            for value in values:
                http = callers.http(name, operation, least(callers, name, operation))
                given = json.loads(http.body or b"{}") if http.body.startswith(b"{") else {}
                http.body = json.dumps(given | {member: value}).encode()
                http.headers = [(k, v) for k, v in http.headers if k != "content-length"]
                answer = house.request(callers.signed(http, name, house.key))
                if not is_an_error_of_aws(answer.status, answer.body):
                    wrong.append((name, operation, member, repr(value)[:40], answer.status))
    assert not wrong


def test_a_wrong_content_type_is_refused_or_read(house, callers):
    wrong = []
    for name, operation in EVERY:
        for content_type in ("text/html", "", "application/xml; charset=utf-16", "multipart/form-data"):
            http = callers.http(name, operation, least(callers, name, operation))
            http.headers = [(k, v) for k, v in http.headers if k != "content-type"]
            http.headers.append(("content-type", content_type))
            answer = house.request(callers.signed(http, name, house.key))
            if not is_an_error_of_aws(answer.status, answer.body):
                wrong.append((name, operation, content_type, answer.status))
    assert not wrong
