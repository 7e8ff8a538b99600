"""The fast path of JSON requests finds valid only what the slow path reads as the same request."""

import random

import msgspec
import pytest

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import service
from hostreeve.api.validation_types import decoder
from hostreeve.gateway import protocols
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.protocols import json_rpc
from hostreeve.gateway.protocols.json_values import write
from tests.wire.made import CannotMakeError, Maker

HEADERS = [("content-type", "application/x-amz-json-1.1")]
SERVICES = [
    "ssm",
    "kms",
    "organizations",
    "events",
    "logs",
    "cloudtrail",
    "stepfunctions",
    "ssm-contacts",
    "ec2messages",
]
ODD = [
    None,
    "",
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    1.0,
    1.5,
    1e300,
    True,
    [],
    {},
    [None],
    "a" * 3000,
    "\x00",
    "é",
    "AAAA",
    [[]],
    {"a": 1},
]


def spoilt(chance, tree):
    """The tree with one value somewhere replaced by an odd one."""
    if isinstance(tree, dict) and tree and chance.random() < 0.8:
        key = chance.choice(list(tree))
        return {**tree, key: spoilt(chance, tree[key])}
    if isinstance(tree, list) and tree and chance.random() < 0.8:
        at = chance.randrange(len(tree))
        return [*tree[:at], spoilt(chance, tree[at]), *tree[at + 1 :]]
    return chance.choice(ODD)


def slowly(operation, http):
    slow = protocols.wire
    fast, json_rpc.read_valid = json_rpc.read_valid, lambda *_: None
    try:
        return slow.read_request(operation, http, {}, "json")
    except AwsError as e:
        return e.code
    finally:
        json_rpc.read_valid = fast


@pytest.mark.parametrize("name", SERVICES)
def test_both_paths_agree(name):
    model = service(name)
    accepted = refused = 0
    for operation_name in model.operation_names:
        operation = model.operation(operation_name)
        if decoder(operation) is None:
            continue
        chance = random.Random(operation_name)
        for turn in range(5):
            try:
                request = Maker(chance, full=chance.random() < 0.5, answer=False, protocol="json").make(
                    operation.input
                )
            except CannotMakeError:
                continue
            tree = write(operation.input, request)
            http = HttpRequest(
                "POST", "/", "", HEADERS, msgspec.json.encode(spoilt(chance, tree) if turn else tree)
            )
            fast = json_rpc.read_valid(operation, http)
            slow = slowly(operation, http)
            if fast is not None:
                assert fast == slow, (operation_name, http.body)
                accepted += 1
            else:
                refused += isinstance(slow, str)
    assert accepted > len(model.operation_names) / 2
    assert refused > len(model.operation_names) / 2


def test_the_operations_of_the_hot_path_have_a_fast_one():
    for name, operation in [
        ("ssm", "GetParameter"),
        ("ssm", "SendCommand"),
        ("ssm", "UpdateInstanceInformation"),
        ("ssm", "PutInventory"),
        ("ec2messages", "GetMessages"),
        ("ec2messages", "SendReply"),
    ]:
        assert decoder(service(name).operation(operation)) is not None, operation
