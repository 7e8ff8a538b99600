"""Where a run's baseline and lists come from: the server, an object, a page, a file."""

import json
import re
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
_TAG = re.compile(r"Key=([^,]+),Values=(.*)\Z")


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
    tagged = _tagged(order.baseline_tags, system, server) if order.baseline_tags else None
    if order.baseline_override:
        members["BaselineOverride"] = _override(order.baseline_override, system, server)
    elif tagged is not None:
        members["BaselineOverride"] = _cut(tagged)
    try:
        answer = server.call("AmazonSSM.GetDeployablePatchSnapshotForInstance", members)
        page = server.page(str(answer.get("SnapshotDownloadUrl") or ""))
    except (Refused, Unreachable) as wrong:
        sentence = "the server hands out no patch snapshot: %s" % wrong
        raise Failure(failure.SNAPSHOT_UNAVAILABLE, sentence) from None
    try:
        found = json.loads(page.decode("utf-8"))
    except ValueError:
        raise Failure(failure.SNAPSHOT_UNREADABLE, "the patch snapshot is not JSON") from None
    if tagged is not None and isinstance(found, dict) and isinstance(found.get("patchBaseline"), dict):
        # The snapshot of an override has no name; this one is a baseline that has.
        found["patchBaseline"].update(baselineId=tagged.get("BaselineId"), name=tagged.get("Name"))
    return found, str(answer.get("Product") or system.product)


def _tagged(text: str, system: System, server: Server) -> Optional[Dict[str, Any]]:
    """The baseline of this host's system that has the tag; None when there is none, Failure when several."""
    matched = _TAG.match(text)
    if not matched:
        sentence = "BaselineTags must be written Key=name,Values=value"
        raise Failure(failure.SNAPSHOT_UNAVAILABLE, sentence)
    asked = {
        "ResourceTypeFilters": ["ssm:patchbaseline"],
        "TagFilters": [{"Key": matched.group(1), "Values": [matched.group(2)]}],
    }
    try:
        answer = server.call("ResourceGroupsTaggingAPI_20170126.GetResources", asked, "tagging")
        arns = [str(each["ResourceARN"]) for each in answer.get("ResourceTagMappingList") or []]
        baselines = [_baseline(arn, server) for arn in arns]
    except (Refused, Unreachable, KeyError, TypeError) as wrong:
        sentence = "the baseline with the tag %s cannot be found: %s" % (text, wrong)
        raise Failure(failure.SNAPSHOT_UNAVAILABLE, sentence) from None
    ours = [each for each in baselines if each.get("OperatingSystem") == system.operating_system]
    if len(ours) > 1:
        sentence = "%d baselines for %s have the tag %s" % (len(ours), system.operating_system, text)
        raise Failure(failure.SNAPSHOT_UNAVAILABLE, sentence)
    return ours[0] if ours else None


def _baseline(arn: str, server: Server) -> Dict[str, Any]:
    return server.call("AmazonSSM.GetPatchBaseline", {"BaselineId": arn.rpartition("/")[2]})


def _cut(found: Dict[str, Any]) -> Dict[str, Any]:
    """What the operation takes of a baseline."""
    return {name: found[name] for name in OVERRIDE_MEMBERS if found.get(name) is not None}


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
            return _cut(each)
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
