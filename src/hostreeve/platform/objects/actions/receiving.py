"""A body on its way in: checked against what its sender said of it, then on disk, before any transaction."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hostreeve.api.errors import common
from hostreeve.gateway.signature_checksums import checksum
from hostreeve.kernel.world import World
from hostreeve.platform.objects.model.checksums import MEMBERS, UNKNOWN, is_well_formed
from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.store import files


def received(world: World, request: dict[str, Any]) -> dict[str, Any]:
    """The request with a `Content` in the place of its body. BadDigest, InvalidDigest."""
    body = request.get("Body", b"")
    checked = check_digests(body, request)
    return {**request, "Body": replace(files.write(world, [body]), checksums=checked)}


def check_digests(body: bytes, request: Mapping[str, Any]) -> dict[str, str]:
    """The checksums that the request states, by member name, all of them found true."""
    _check_md5(body, request.get("ContentMD5"))
    for name in UNKNOWN:
        if name in request:
            raise common.NotImplemented(f"{name} is a checksum that this server does not know.")
    found: dict[str, str] = {}
    for algorithm, name in MEMBERS.items():
        stated = request.get(name)
        if stated is None:
            continue
        header = f"x-amz-checksum-{algorithm.lower()}"
        if not is_well_formed(algorithm, stated):
            raise refusal("InvalidRequest", f"Value for {header} header is invalid.")
        if checksum(header, body) != stated:
            raise refusal(
                "BadDigest", f"The {algorithm} you specified did not match the calculated checksum."
            )
        found[name] = stated
    if len(found) > 1:
        raise refusal("InvalidRequest", "Expecting a single x-amz-checksum- header.")
    return found


def _check_md5(body: bytes, stated: str | None) -> None:
    if stated is None:
        return
    try:
        digest = base64.b64decode(stated, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise refusal("InvalidDigest", **{"Content-MD5": stated})
    if hashlib.md5(body, usedforsecurity=False).digest() != digest:
        raise refusal("BadDigest", "The Content-MD5 you specified did not match what we received.")
