"""Machines, activations and nodes for tests."""

import base64
import functools
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hostreeve.app import compose
from hostreeve.capabilities.nodes.model import MachineKey
from hostreeve.capabilities.nodes.operations import ssm
from hostreeve.capabilities.nodes.store import nodes as store
from hostreeve.platform import groups, identity
from tests.calls import ACCOUNT, ADMIN, SCOPE, Caller

SCHEMAS = list(compose.SCHEMAS)
"""All of them: who hears of nodes that leave looks into tables of its own."""
ROLE = "SSMServiceRole"


@functools.cache
def public_key(number: int, bits: int = 2048) -> str:
    """Base64 of a machine's public key; the same number is the same machine."""
    return _text(rsa.generate_private_key(65537, bits).public_key())


@functools.cache
def elliptic_key() -> str:
    return _text(ec.generate_private_key(ec.SECP256R1()).public_key())


def _text(key: Any) -> str:
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def caller(database: Any, world: Any) -> Caller:
    """An account with its default node role, and someone to call."""
    call = Caller(database, world)
    database.write_sync(
        lambda tx: identity.bootstrap(tx, call.keys, world, account=ACCOUNT, now_ms=world.now_ms())
    )
    return call


def activation(call: Caller, **request: Any) -> dict[str, str]:
    return call(ssm, "CreateActivation", ADMIN, **({"IamRole": ROLE} | request))


def register(call: Caller, activated: dict[str, str], machine: int = 1, **request: Any) -> str:
    answer = call(
        ssm,
        "RegisterManagedInstance",
        ADMIN,
        **({"Fingerprint": f"fingerprint-{machine}", "PublicKey": public_key(machine)} | activated | request),
    )
    return str(answer["InstanceId"])


def node(call: Caller, number: int, *, tags: dict[str, str] | None = None, **reported: str) -> str:
    """A node put straight into the store; `reported` are columns that its agent would report."""
    node_id = f"mi-{number:017x}"
    key = MachineKey(
        account=SCOPE.account,
        region=SCOPE.region,
        node_id=node_id,
        iam_role=reported.pop("iam_role", ROLE),
        fingerprint="f",
        public_key=b"k%d" % number,
        key_changed_ms=0,
    )
    activation_id = reported.pop("activation_id", "00000000-0000-4000-8000-000000000000")
    name = reported.pop("name", "")
    now_ms = call.world.now_ms()

    def unit(tx: Any) -> None:
        store.insert(tx, key, activation_id=activation_id, name=name, now_ms=now_ms)
        if reported:
            store.report(tx, SCOPE, node_id, reported, now_ms)
        if tags:
            groups.set_tags(tx, SCOPE, SCOPE.arn("ssm", f"managed-instance/{node_id}"), tags)

    call.database.write_sync(unit)
    return node_id
