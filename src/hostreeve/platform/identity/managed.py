"""The policies that AWS manages, written from what they are documented to be for. Data: the file beside."""

import base64
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from hostreeve.kernel.scope import PARTITION
from hostreeve.platform.identity.model import POLICY_ID, SERVICE_LINKED_PATH, ManagedPolicy

OWNER = "aws"
PREFIX = f"arn:{PARTITION}:iam::{OWNER}:policy/"
ADMINISTRATOR_ACCESS = f"{PREFIX}AdministratorAccess"
NODE_CORE = f"{PREFIX}AmazonSSMManagedInstanceCore"

_WRITTEN_MS = 1_767_225_600_000
"""Shown as their CreateDate: the start of 2026."""


def service_policy(name: str) -> str:
    """The ARN of a policy that only a service's own role may have."""
    return f"{PREFIX}aws-service-role/{name}"


def is_for_services(policy: ManagedPolicy) -> bool:
    return policy.account == OWNER and policy.path.startswith(SERVICE_LINKED_PATH)


@cache
def policies() -> Mapping[str, ManagedPolicy]:
    """All of them by ARN, in the order of their names."""
    raw = msgspec.json.decode((Path(__file__).parent / "managed_policies.json").read_bytes())
    found = [_policy(name, entry) for name, entry in sorted(raw.items())]
    return {policy.arn: policy for policy in found}


def _policy(name: str, entry: Mapping[str, object]) -> ManagedPolicy:
    document = {"Version": "2012-10-17", "Statement": entry["Statement"]}
    return ManagedPolicy(
        account=OWNER,
        name=name,
        path=str(entry.get("Path", "/")),
        policy_id=POLICY_ID + base64.b32encode(sha256(name.encode()).digest()[:10]).decode(),
        document=msgspec.json.format(msgspec.json.encode(document), indent=2).decode(),
        description=str(entry["Description"]),
        created_ms=_WRITTEN_MS,
        updated_ms=_WRITTEN_MS,
    )
