"""Snapshots: what a node patches by, one for all who name the same id, and the address it is fetched from."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call, Sealer
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.patches.actions import resolving
from hostreeve.capabilities.patches.actions.resolving import Resolved
from hostreeve.capabilities.patches.model import baseline as model
from hostreeve.capabilities.patches.model import snapshot
from hostreeve.capabilities.patches.model.baseline import Baseline
from hostreeve.capabilities.patches.store import snapshots as store
from hostreeve.capabilities.patches.store.snapshots import Key
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

FOLDER = "/_hostreeve/patch-snapshots/"
"""Where the server hands out snapshots: behind it stands a ticket."""
_PURPOSE = "patch-snapshot"
_TICKET_CHARS_MAX = 4096
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What an address of a snapshot holds, sealed."""

    account: str
    region: str
    key: Key
    until_ms: int


def deploy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """GetDeployablePatchSnapshotForInstance: freeze what counts for the node now, or find what was frozen."""
    node_id, snapshot_id = request["InstanceId"], request["SnapshotId"].lower()
    # AWS: "must be run from the instance using the instance credentials".
    if call.principal.node_id != node_id:
        raise error.AccessDeniedException(f"Only {node_id} itself may ask for what it is patched by.")
    resolved = _resolved(call, node_id)
    override = request.get("BaselineOverride")
    if override is not None:
        resolved = _overridden(call, resolved, override)
    kind = "override" if override is not None else "baseline"
    key = Key(snapshot_id, resolved.system.operating_system, resolved.patch_group, kind)
    made = snapshot.content(resolved.baseline, call.scope, resolved.patch_group)
    store.keep(
        call.tx,
        call.scope,
        key,
        msgspec.json.encode(made).decode(),
        now_ms=call.now_ms,
        older_than_ms=call.now_ms - snapshot.KEPT_MS,
    )
    return {
        "InstanceId": node_id,
        "SnapshotId": request["SnapshotId"],
        "SnapshotDownloadUrl": _address(call, key),
        "Product": resolved.system.product,
    }


def _resolved(call: Call, node_id: str) -> Resolved:
    node = nodes.find(call.tx, call.scope, node_id)
    resolved = resolving.for_node(call.tx, call.scope, node) if node is not None else None
    if node is None or resolved is None:
        runs = f"{node.platform_name} {node.platform_version}".strip() if node is not None else ""
        raise error.UnsupportedOperatingSystem(
            f"There are no patch baselines for what {node_id} runs: {runs or 'its agent has not said'}."
        )
    return resolved


def _overridden(call: Call, resolved: Resolved, override: Mapping[str, Any]) -> Resolved:
    system = override.get("OperatingSystem", resolved.system.operating_system)
    if system != resolved.system.operating_system:
        raise error.UnsupportedOperatingSystem(
            f"The BaselineOverride is for {system}, the node runs {resolved.system.operating_system}."
        )
    baseline = Baseline(
        baseline_id="",
        name="BaselineOverride",
        operating_system=system,
        created_ms=call.now_ms,
        modified_ms=call.now_ms,
        **model.given(override),
    )
    try:
        model.check(baseline)
    except ValueError as wrong:
        raise error.ValidationException(f"BaselineOverride: {wrong}.") from None
    return Resolved(baseline, "", resolved.system)


def _address(call: Call, key: Key) -> str:
    ticket = Ticket(call.scope.account, call.scope.region, key, call.now_ms + snapshot.URL_VALID_MS)
    sealed = call.keys.seal(_PURPOSE, msgspec.json.encode(ticket))
    # The name by which the caller reached us is one by which it reaches us again.
    if not _HOST.fullmatch(call.host):
        raise error.ValidationException("The request's Host header is no name of a server.")
    return f"https://{call.host}{FOLDER}{base64.urlsafe_b64encode(sealed).decode()}"


def opened(keys: Sealer, path: str) -> Ticket | None:
    """The ticket in an address; None when it is none of ours."""
    text = path.removeprefix(FOLDER)
    if len(text) > _TICKET_CHARS_MAX:
        return None
    try:
        return msgspec.json.decode(keys.unseal(_PURPOSE, base64.urlsafe_b64decode(text)), type=Ticket)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def handed_out(tx: Transaction, ticket: Ticket, now_ms: int) -> bytes | None:
    """The content that a ticket is for; None when the ticket or the snapshot is too old."""
    scope = Scope(ticket.account, ticket.region)
    found = store.find(tx, scope, ticket.key) if ticket.until_ms > now_ms else None
    return found[0].encode() if found else None


def forget(tx: Transaction, now_ms: int, limit: int) -> int:
    """Drop a batch of those that no address can be for; how many they were."""
    return store.forget(tx, now_ms - snapshot.KEPT_MS - snapshot.URL_VALID_MS, limit)
