"""Which kinds of resource can be tagged: each slice declares its own when the program is composed."""

from hostreeve.platform.groups.model import Taggable

_declared: dict[str, Taggable] = {}


def declare(*taggables: Taggable) -> None:
    """Let callers tag these kinds of resource. The same declaration twice is one."""
    for taggable in taggables:
        known = _declared.setdefault(taggable.resource_type, taggable)
        assert known == taggable, f"two slices claim the resource type {taggable.resource_type}"


def declared(resource_type: str) -> Taggable | None:
    return _declared.get(resource_type)
