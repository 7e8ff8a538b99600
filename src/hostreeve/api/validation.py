"""What a request must satisfy beyond its types, with every failure worded as AWS words it."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from hostreeve.api.service_models import Shape
from hostreeve.api.validation_patterns import compiled

SHOWN = 1024
"""Characters of an offending value that an error repeats."""
MOST_TOLD = 100
"""Failures that one error tells: a body can hold more than anybody reads."""

NOT_NULL = "Member must not be null"


def problems(shape: Shape, value: dict[str, Any]) -> list[str]:
    """Every constraint that a request fails, in the model's order; empty when it is valid."""
    return list(islice(_structure(shape, value, ""), MOST_TOLD))


def missing_members(shape: Shape, value: dict[str, Any]) -> list[str]:
    """The wire names of the top-level members that are required and absent."""
    return [shape.members[n].wire_name or n for n in shape.members if n in shape.required and n not in value]


def message(failed: list[str]) -> str:
    """AWS's sentence around the failures."""
    count = len(failed)
    return f"{count} validation error{'' if count == 1 else 's'} detected: {'; '.join(failed)}"


def _structure(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    if shape.is_document:
        return
    if shape.is_union and len(value) != 1:
        yield _failure(shape, value, path or _lower(shape.name), "Member must have exactly one member set")
    required = shape.required
    for name, member in shape.members.items():
        here = f"{path}.{_lower(name)}" if path else _lower(name)
        if name in value:
            yield from _any(member, value[name], here)
        elif name in required:
            yield f"Value null at '{here}' failed to satisfy constraint: Member must not be null"


def _any(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type
    for broken in broken_constraints(shape, value):
        yield _failure(shape, value, path, broken)
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        yield from _list(shape, value, path)
    elif kind == "map":
        yield from _map(shape, value, path)


def _list(shape: Shape, value: list[Any], path: str) -> Iterator[str]:
    member = shape.member
    if member.type in ("structure", "list", "map"):
        for index, item in enumerate(value, 1):
            if item is None:
                yield f"Value null at '{path}.{index}.member' failed to satisfy constraint: {NOT_NULL}"
            else:
                yield from _any(member, item, f"{path}.{index}.member")
    elif any(_is_broken(member, item) for item in value):
        # AWS shows the whole list and every constraint of its elements, not the broken one alone.
        every = ", ".join(_constraints(member)) or "Member must not be null"
        yield _failure(shape, value, path, f"Member must satisfy constraint: [{every}]")


def _map(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    if any(_is_broken(shape.key, key) for key in value):
        every = ", ".join(_constraints(shape.key))
        yield _failure(shape, value, path, f"Map keys must satisfy constraint: [{every}]")
    held = shape.value
    if held.type in ("structure", "list", "map"):
        for key, item in value.items():
            if item is None:
                yield f"Value null at '{path}.{key}.member' failed to satisfy constraint: {NOT_NULL}"
            else:
                yield from _any(held, item, f"{path}.{key}.member")
    elif any(_is_broken(held, item) for item in value.values()):
        every = ", ".join(_constraints(held)) or "Member must not be null"
        yield _failure(shape, value, path, f"Map value must satisfy constraint: [{every}]")


def _is_broken(shape: Shape, value: Any) -> bool:
    return value is None or next(broken_constraints(shape, value), None) is not None


def broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    """The constraints of the shape itself (not of what it contains) that a value fails, in AWS's words."""
    own = shape.own
    kind = shape.type
    if kind in ("string", "blob", "list", "map"):
        size = len(value)
        if "max" in own and size > own["max"]:
            yield _longest(own["max"])
        if "min" in own and size < own["min"]:
            yield _shortest(own["min"])
        if kind == "string":
            # A value over its length is not matched: the pattern could take for ever.
            if (
                "pattern" in own
                and size <= own.get("max", size)
                and not compiled(own["pattern"]).search(value)
            ):
                yield _matching(own["pattern"])
            if "enum" in own and value not in own["enum"]:
                yield _one_of(own["enum"])
    elif kind in ("integer", "long", "float", "double"):
        if "max" in own and value > own["max"]:
            yield _most(own["max"])
        if "min" in own and value < own["min"]:
            yield _least(own["min"])


def _constraints(shape: Shape) -> list[str]:
    """Every constraint of a shape, whether broken or not."""
    own = shape.own
    numeric = shape.type in ("integer", "long", "float", "double")
    found = []
    if "max" in own:
        found.append(_most(own["max"]) if numeric else _longest(own["max"]))
    if "min" in own:
        found.append(_least(own["min"]) if numeric else _shortest(own["min"]))
    if "pattern" in own:
        found.append(_matching(own["pattern"]))
    if "enum" in own:
        found.append(_one_of(own["enum"]))
    return found


def _longest(limit: int) -> str:
    return f"Member must have length less than or equal to {limit}"


def _shortest(limit: int) -> str:
    return f"Member must have length greater than or equal to {limit}"


def _most(limit: float) -> str:
    return f"Member must have value less than or equal to {limit}"


def _least(limit: float) -> str:
    return f"Member must have value greater than or equal to {limit}"


def _matching(pattern: str) -> str:
    return f"Member must satisfy regular expression pattern: {pattern}"


def _one_of(values: list[str]) -> str:
    return f"Member must satisfy enum value set: [{', '.join(values)}]"


def _failure(shape: Shape, value: Any, path: str, broken: str) -> str:
    if shape.own.get("sensitive"):
        return f"Value at '{path}' failed to satisfy constraint: {broken}"
    return f"Value '{_shown(shape, value)[:SHOWN]}' at '{path}' failed to satisfy constraint: {broken}"


def _shown(shape: Shape, value: Any) -> str:
    """A value as Java prints it. Sensitive parts are starred out."""
    if shape.own.get("sensitive"):
        return "***"
    if value is None:
        return "null"
    kind = shape.type
    if kind == "list":
        return "[" + ", ".join(_shown(shape.member, item) for item in value) + "]"
    if kind == "map":
        pairs = (f"{_shown(shape.key, k)}={_shown(shape.value, v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if kind == "structure" and not shape.is_document:
        parts = (
            f"{_lower(n)}={_shown(m, value[n]) if n in value else 'null'}" for n, m in shape.members.items()
        )
        return f"{shape.name}({', '.join(parts)})"
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "blob":
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
