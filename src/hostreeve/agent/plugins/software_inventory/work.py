"""The work of aws:softwareInventory: gather, leave out what the server knows already, tell the rest."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from hostreeve.agent.plugins.control_plane import ControlPlane, Denied
from hostreeve.agent.plugins.software_inventory import (
    ENABLED,
    applications,
    custom,
    details,
    files,
    network,
    services,
)
from hostreeve.agent.plugins.software_inventory.root import ENTRIES_MAX, Root, Row
from hostreeve.agent.plugins.task import Task
from hostreeve.agent.plugins.worker import StepFailed, complain, say

TYPE_BYTES_MAX, TOTAL_BYTES_MAX = 3_072 * 1024, 10_240 * 1024
"""What official agents send at most (agent-protocol.md §9.1)."""
RESEND = ("ItemContentMismatchException", "InvalidItemContentException")
ITEMS_AT_ONCE = 30
HASHES = "inventory.json"
CUSTOM = "Custom:"


class Gathered(NamedTuple):
    type_name: str
    schema_version: str
    rows: List[Row]

    @property
    def content(self) -> bytes:
        return json.dumps(self.rows, sort_keys=True, separators=(",", ":")).encode()


def work(task: Task) -> int:
    """0 when everything that was wanted was told. What is wrong with a part does not keep the rest back."""
    server = ControlPlane(task.state)
    found, wrong = gather(task.inputs, Root(), custom.folders(task.state, server.node.node_id))
    if not found and not wrong:
        say("Nothing was asked for: no kind of inventory is Enabled.")
        return 0
    _check_size(found)
    remembered = Path(task.state) / HASHES
    own = [each for each in found if each.type_name.startswith(CUSTOM)]
    tell(server, [each for each in found if each not in own], remembered)
    try:
        # By themselves: what a file on this node says wrongly keeps nothing else back.
        tell(server, own, remembered)
    except StepFailed as trouble:
        wrong.append(str(trouble))
    for each in wrong:
        complain(each)
    return 1 if wrong else 0


def gather(inputs: Dict[str, Any], root: Root, places: List[Path]) -> Tuple[List[Gathered], List[str]]:
    """What is there of each kind that is wanted, and what could not be gathered."""
    found: List[Gathered] = []
    wrong: List[str] = []
    for switch, type_name, version, look in _KINDS:
        if inputs[switch] == ENABLED:
            _take(found, wrong, Gathered(type_name, version, []), partial(look, root))
    if inputs["files"]:
        _take(found, wrong, Gathered("AWS:File", "1.0", []), partial(files.gather, root, inputs["files"]))
    if inputs["customInventory"] == ENABLED:
        given = inputs["customInventoryDirectory"]
        made, trouble = custom.gather([Path(given)] if given else places)
        found += [Gathered(*each) for each in made]
        wrong += trouble
    return found, wrong


def _take(found: List[Gathered], wrong: List[str], empty: Gathered, look: Callable[[], List[Row]]) -> None:
    try:
        rows = look()
    except StepFailed as trouble:
        wrong.append(f"{empty.type_name}: {trouble}")
        return
    if len(rows) > ENTRIES_MAX:
        wrong.append(f"{empty.type_name}: {len(rows)} entries, of which at most {ENTRIES_MAX} can be told")
        return
    found.append(empty._replace(rows=rows))


def _components(root: Root) -> List[Row]:
    return applications.components(applications.gather(root))


_KINDS: Tuple[Tuple[str, str, str, Callable[[Root], List[Row]]], ...] = (
    ("applications", "AWS:Application", "1.1", applications.gather),
    ("awsComponents", "AWS:AWSComponent", "1.0", _components),
    ("networkConfig", "AWS:Network", "1.0", network.gather),
    ("services", "AWS:Service", "1.0", services.gather),
    ("instanceDetailedInformation", "AWS:InstanceDetailedInformation", "1.0", details.gather),
)
"""What there is on Linux. Of Windows' kinds, and of EC2's bills, there is nothing here."""


def _check_size(found: List[Gathered]) -> None:
    total = 0
    for each in found:
        size = len(each.content)
        total += size
        if size > TYPE_BYTES_MAX:
            raise StepFailed(f"{each.type_name} has {size} bytes; at most {TYPE_BYTES_MAX} can be told")
    if total > TOTAL_BYTES_MAX:
        raise StepFailed(f"this inventory has {total} bytes; at most {TOTAL_BYTES_MAX} can be told")


def tell(server: Any, found: List[Gathered], remembered: Path) -> None:
    """PutInventory. What is as it was the last time is told by its hash alone; when the server knows it
    otherwise, everything is told. StepFailed when it refuses."""
    known = _remembered(remembered)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for start in range(0, len(found), ITEMS_AT_ONCE):
        part = found[start : start + ITEMS_AT_ONCE]
        try:
            _put(server, part, known, moment)
        except Denied as refused:
            if refused.code not in RESEND:
                raise StepFailed(f"the server did not take the inventory: {refused}") from None
            say("The server knows this node's inventory otherwise: everything is told again.")
            _put_whole(server, part, moment)
    _remember(remembered, {each.type_name: _hash(each) for each in found})


def _put_whole(server: Any, part: List[Gathered], moment: str) -> None:
    try:
        _put(server, part, {}, moment)
    except Denied as refused:
        raise StepFailed(f"the server did not take the inventory: {refused}") from None


def _put(server: Any, part: List[Gathered], known: Dict[str, str], moment: str) -> None:
    items = []
    for each in part:
        item: Dict[str, Any] = {
            "TypeName": each.type_name,
            "SchemaVersion": each.schema_version,
            "CaptureTime": moment,
            "ContentHash": _hash(each),
        }
        if known.get(each.type_name) != item["ContentHash"]:
            item["Content"] = each.rows
        items.append(item)
    server.call("PutInventory", {"InstanceId": server.node.node_id, "Items": items})
    for number, each in enumerate(part):
        how = "told" if "Content" in items[number] else "as it was"
        say(f"{each.type_name}: {len(each.rows)} entries, {how}")


def _hash(one: Gathered) -> str:
    """As official agents write it; it protects nothing."""
    return base64.b64encode(hashlib.new("md5", one.content, usedforsecurity=False).digest()).decode()


def _remembered(path: Path) -> Dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(path.read_bytes())
        if isinstance(kept, dict):
            return {str(name): str(value) for name, value in kept.items()}
    return {}


def _remember(path: Path, hashes: Dict[str, str]) -> None:
    """What is lost costs one more whole inventory."""
    written = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump({**_remembered(path), **hashes}, file)
        written.replace(path)
