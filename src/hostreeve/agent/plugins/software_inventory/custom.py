"""Custom inventory: what files on the node say, one type each."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from hostreeve.agent.plugins.software_inventory.root import Row

_NAME = re.compile(r"Custom:[A-Z][A-Za-z0-9_:\-]*")
_VERSION = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}")
TYPES_MAX = 20


class Custom(NamedTuple):
    type_name: str
    schema_version: str
    rows: List[Row]


def folders(state: str, node_id: str) -> List[Path]:
    """Where such files may lie: ours and the official agents'."""
    return [
        Path(state) / "inventory" / "custom",
        Path(f"/var/lib/amazon/ssm/{node_id}/inventory/custom"),
        Path(f"/opt/aws/ssm/data/{node_id}/inventory/custom"),
    ]


def gather(places: List[Path]) -> Tuple[List[Custom], List[str]]:
    """What the files (`*.json`) say, and what is wrong with those that say nothing usable."""
    found: Dict[str, Custom] = {}
    wrong = []
    for path in (path for place in places for path in _files(place)):
        try:
            one = _read(path)
            if one.type_name in found:
                raise ValueError(f"{one.type_name} is in another file too")
            if len(found) == TYPES_MAX:
                raise ValueError(f"there are more than {TYPES_MAX} types")
            found[one.type_name] = one
        except (OSError, ValueError) as trouble:
            wrong.append(f"{path}: {trouble}")
    return list(found.values()), wrong


def _files(place: Path) -> List[Path]:
    try:
        return sorted(place.glob("*.json"))
    except OSError:
        return []


def _read(path: Path) -> Custom:
    """ValueError when it is not what AWS describes."""
    given = json.loads(path.read_bytes())
    if not isinstance(given, dict):
        raise ValueError("it must be an object with SchemaVersion, TypeName and Content")
    name, version, content = given.get("TypeName"), given.get("SchemaVersion"), given.get("Content")
    if not isinstance(name, str) or len(name) > 100 or not _NAME.fullmatch(name):
        raise ValueError(
            f"TypeName is {name!r}; it must be Custom: and a name that begins with a capital letter"
        )
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise ValueError(f"SchemaVersion is {version!r}; it must be like 1.0")
    rows: List[Any] = content if isinstance(content, list) else [content]
    if not all(_is_row(row) for row in rows):
        raise ValueError("Content must be an object with texts, or a list of such objects")
    return Custom(name, version, rows)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(value, str) for value in row.values())
