"""InstallOverrideList: which packages to install, whatever the baseline says. YAML, of which just what such a
list needs is read (nodes have no YAML library), or JSON."""

import json
from typing import Any, Dict, List, Tuple

from hostreeve.patcher.baseline import Unusable
from hostreeve.patcher.model import Wanted

LINES_MAX = 10_000


def read_list(text: str) -> Tuple[Wanted, ...]:
    """Its lines. Unusable when it has another form, says which line, or names nothing."""
    try:
        found: Any = json.loads(text)
        if not isinstance(found, dict) or not isinstance(found.get("patches"), list):
            raise Unusable("the list must be an object with `patches`")
        items: List[Any] = found["patches"]
    except ValueError:
        items = list(_items(text))
    if not items or len(items) > LINES_MAX:
        raise Unusable("the list names %d patches; 1 to %d are possible" % (len(items), LINES_MAX))
    return tuple(_wanted(number, item) for number, item in enumerate(items, 1))


def _wanted(number: int, item: Any) -> Wanted:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not item["id"].strip():
        raise Unusable("patch %d of the list has no id" % number)
    title = item.get("title")
    if title is not None and not isinstance(title, str):
        raise Unusable("the title of patch %d of the list must be a text" % number)
    return Wanted(item["id"].strip(), (title or "").strip())


def _items(text: str) -> List[Dict[str, str]]:
    items: List[Dict[str, str]] = []
    is_inside = False
    for number, line in enumerate(text.splitlines(), 1):
        bare = _without_comment(line)
        if not bare.strip() or bare.strip() in ("---", "..."):
            continue
        stripped = bare.strip()
        is_item = stripped == "-" or stripped.startswith("- ")
        if not bare.startswith((" ", "\t")) and not is_item:
            is_inside = stripped == "patches:"
            continue
        if not is_inside:
            continue
        if is_item:
            items.append({})
            stripped = stripped[1:].strip()
        if stripped:
            _add(items, stripped, number)
    return items


def _add(items: List[Dict[str, str]], text: str, number: int) -> None:
    name, colon, value = text.partition(":")
    if not items or not colon or (value and not value.startswith((" ", "\t"))):
        raise Unusable("line %d of the list cannot be understood: %s" % (number, text[:60]))
    value = value.strip()
    if value[:1] in ("'", '"'):
        if len(value) < 2 or value[-1] != value[0]:
            raise Unusable("line %d of the list has a quote without an end: %s" % (number, text[:60]))
        value = value[1:-1]
    items[-1][name.strip().strip("\"'")] = value


def _without_comment(line: str) -> str:
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line
