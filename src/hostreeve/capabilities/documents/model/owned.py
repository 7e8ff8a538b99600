"""The documents that AWS owns and every account sees: files `owned/<name>/<version>.json`, never written.

Where a script's lines are another slice's to know, a line of the file stands for them (`furnish`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from hostreeve.capabilities.documents.model import content as contents
from hostreeve.capabilities.documents.model.document import OWNER_AMAZON, DocumentVersion, drafted
from hostreeve.kernel.scope import PARTITION

FOLDER = Path(__file__).parent.parent / "owned"
Lines = Callable[[], Sequence[str]]
_furnished: dict[str, Lines] = {}


def furnish(line: str, lines: Lines) -> None:
    """Told once, by whoever knows them: the lines that this line of a document's script stands for."""
    _furnished[line] = lines
    find.cache_clear()


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir()))


@cache
def find(name: str, region: str, version: int | None = None) -> DocumentVersion | None:
    """The version (default: the newest, which is the default too), or None."""
    if name not in names():
        return None
    newest = max(int(path.stem) for path in (FOLDER / name).glob("*.json"))
    path = FOLDER / name / f"{version or newest}.json"
    if not path.exists():
        return None
    envelope = msgspec.json.decode(path.read_bytes())
    text = msgspec.json.format(msgspec.json.encode(_whole(envelope["content"])), indent=2).decode()
    draft = drafted(envelope["documentType"], text, "JSON")
    return DocumentVersion(
        name=name,
        # AWS's own documents have an ARN without an account.
        arn=f"arn:{PARTITION}:ssm:{region}::document/{name}",
        owner=OWNER_AMAZON,
        version=version or newest,
        default_version=newest,
        latest_version=newest,
        document_type=envelope["documentType"],
        schema_version=draft.schema_version,
        format="JSON",
        text=text,
        body=draft.body,
        hash=contents.sha256(text),
        created_ms=round(datetime.fromisoformat(envelope["created"]).timestamp() * 1000),
        platform_types=tuple(draft.platform_types),
        target_type=envelope.get("targetType"),
    )


def _whole(content: Any) -> Any:
    """With the lines that single lines stand for."""
    if isinstance(content, dict):
        return {name: _whole(value) for name, value in content.items()}
    if not isinstance(content, list):
        return content
    whole: list[Any] = []
    for each in content:
        lines = _furnished.get(each) if isinstance(each, str) else None
        whole += lines() if lines else [_whole(each)]
    return whole
