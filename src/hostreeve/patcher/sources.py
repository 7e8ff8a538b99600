"""Where a run's baseline and lists come from: the server, an object, a page, a file."""

import json
import uuid
from typing import Any, Dict, Optional, Tuple

from hostreeve.patcher import baseline, failure, lists
from hostreeve.patcher.failure import Failure
from hostreeve.patcher.machine import System
from hostreeve.patcher.model import Snapshot, Wanted
from hostreeve.patcher.options import Order
from hostreeve.patcher.server import Refused, Server, Unreachable

OVERRIDE_MEMBERS = (
    "OperatingSystem",
    "GlobalFilters",
    "ApprovalRules",
    "ApprovedPatches",
    "ApprovedPatchesComplianceLevel",
    "RejectedPatches",
    "RejectedPatchesAction",
    "ApprovedPatchesEnableNonSecurity",
    "Sources",
    "AvailableSecurityUpdatesComplianceStatus",
)
"""What the operation takes of a GetPatchBaseline's answer."""


def snapshot_of(order: Order, system: System, server: Optional[Server], snapshot_id: str) -> Snapshot:
    """The baseline that governs this run. Failure with what is in the way."""
    chosen = snapshot_id or str(uuid.uuid4())
    if server is None:
        found, product = _json_of_file(order.snapshot_file), system.product
    else:
        found, product = _asked(order, system, server, chosen)
    try:
        snapshot = baseline.read_snapshot(found, product)
    except baseline.Unusable as wrong:
        sentence = "the snapshot cannot be understood: %s" % wrong
        raise Failure(failure.SNAPSHOT_UNREADABLE, sentence) from None
    return snapshot._replace(snapshot_id=chosen)


def wanted_of(order: Order, server: Optional[Server]) -> Tuple[Wanted, ...]:
    """The InstallOverrideList, empty when none was given. Failure."""
    where = order.install_override_list
    if not where:
        return ()
    try:
        return lists.read_list(_text_at(where, server, failure.LIST_UNAVAILABLE))
    except baseline.Unusable as wrong:
        raise Failure(failure.LIST_UNREADABLE, "InstallOverrideList %s: %s" % (where, wrong)) from None


def _asked(order: Order, system: System, server: Server, snapshot_id: str) -> Tuple[Any, str]:
    members: Dict[str, Any] = {"InstanceId": server.where.node_id, "SnapshotId": snapshot_id}
    if order.baseline_override:
        members["BaselineOverride"] = _override(order.baseline_override, system, server)
    try:
        answer = server.call("AmazonSSM.GetDeployablePatchSnapshotForInstance", members)
        page = server.page(str(answer.get("SnapshotDownloadUrl") or ""))
    except (Refused, Unreachable) as wrong:
        sentence = "the server hands out no patch snapshot: %s" % wrong
        raise Failure(failure.SNAPSHOT_UNAVAILABLE, sentence) from None
    try:
        return json.loads(page.decode("utf-8")), str(answer.get("Product") or system.product)
    except ValueError:
        raise Failure(failure.SNAPSHOT_UNREADABLE, "the patch snapshot is not JSON") from None


def _override(where: str, system: System, server: Server) -> Dict[str, Any]:
    """The entry of the BaselineOverride file that is for this host's system."""
    try:
        found = json.loads(_text_at(where, server, failure.OVERRIDE_UNAVAILABLE))
    except ValueError:
        raise Failure(failure.OVERRIDE_UNREADABLE, "BaselineOverride %s is not JSON" % where) from None
    entries = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in entries):
        raise Failure(failure.OVERRIDE_UNREADABLE, "BaselineOverride %s is no list of baselines" % where)
    for each in entries:
        if each.get("OperatingSystem") == system.operating_system:
            return {name: each[name] for name in OVERRIDE_MEMBERS if each.get(name) is not None}
    sentence = "BaselineOverride %s has no baseline for %s" % (where, system.operating_system)
    raise Failure(failure.OVERRIDE_HAS_NO_SYSTEM, sentence)


def _text_at(where: str, server: Optional[Server], code: int) -> str:
    try:
        if where.startswith("s3://") and server is not None:
            bucket, _, key = where[len("s3://") :].partition("/")
            return server.stored(bucket, key).decode("utf-8")
        if where.startswith("https://") and server is not None:
            return server.page(where).decode("utf-8")
        if server is None:
            with open(where, encoding="utf-8") as file:
                return file.read()
    except (Refused, Unreachable, OSError) as wrong:
        raise Failure(code, "%s cannot be read: %s" % (where, wrong)) from None
    except UnicodeDecodeError:
        raise Failure(code, "%s is no text" % where) from None
    raise Failure(code, "%s must begin with s3:// or https://" % where)


def _json_of_file(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as wrong:
        raise Failure(failure.SNAPSHOT_UNREADABLE, "%s cannot be read: %s" % (path, wrong)) from None
