"""Reads a snapshot: the baseline as GetDeployablePatchSnapshotForInstance hands it out, or as
GetPatchBaseline shows it (which is how a BaselineOverride is written)."""

from datetime import date
from typing import Any, Dict, List, Optional, Tuple

from hostreeve.patcher.model import LEVELS, Baseline, Rule, Snapshot, Source

_EPOCH = date(1970, 1, 1)
Filters = Tuple[Tuple[str, Tuple[str, ...]], ...]


class Unusable(Exception):
    """The snapshot or list is not what it should be."""


def read_snapshot(found: Any, product: str = "") -> Snapshot:
    """Of the parsed JSON. Unusable when a member has another form."""
    members = _lowered(_object(found, "the snapshot"))
    baseline = read_baseline(members.get("patchBaseline", members))
    return Snapshot(
        baseline,
        _text(members, "patchGroup"),
        _text(members, "snapshotId"),
        product or _text(members, "product"),
    )


def read_baseline(found: Any) -> Baseline:
    """Of the parsed JSON, its members in either spelling. Unusable when one has another form."""
    members = _lowered(_object(found, "the baseline"))
    return Baseline(
        id=_text(members, "baselineId"),
        name=_text(members, "name"),
        global_filters=_filters(members.get("globalFilters")),
        rules=tuple(_rule(each) for each in _within(members.get("approvalRules"), "rules", "patchRules")),
        approved=_texts(members, "approvedPatches"),
        approved_level=_level(members, "approvedPatchesComplianceLevel"),
        approved_with_non_security=members.get("approvedPatchesEnableNonSecurity") is True,
        rejected=_texts(members, "rejectedPatches"),
        rejected_action=_text(members, "rejectedPatchesAction") or "ALLOW_AS_DEPENDENCY",
        sources=tuple(_source(each) for each in _list(members.get("sources"), "sources")),
    )


def day_of(text: str) -> int:
    """Of YYYY-MM-DD. Unusable when it is no such date."""
    try:
        year, month, day = (int(part) for part in text.split("-"))
        return (date(year, month, day) - _EPOCH).days
    except ValueError:
        raise Unusable("%r is no date" % text[:40]) from None


def _rule(found: Any) -> Rule:
    members = _lowered(_object(found, "a rule"))
    after = members.get("approveAfterDays")
    if after is not None and (not isinstance(after, int) or isinstance(after, bool)):
        raise Unusable("approveAfterDays must be a number")
    until = _text(members, "approveUntilDate")
    return Rule(
        _filters(members.get("filterGroup") or members.get("patchFilterGroup")),
        _level(members, "complianceLevel"),
        after,
        day_of(until) if until else None,
        members.get("enableNonSecurity") is True,
    )


def _filters(found: Any) -> Filters:
    read = []
    for each in _within(found, "filters", "patchFilters"):
        members = _lowered(_object(each, "a filter"))
        read.append((_text(members, "key").upper(), _texts(members, "values")))
    return tuple(read)


def _source(found: Any) -> Source:
    members = _lowered(_object(found, "a source"))
    return Source(_text(members, "name"), _texts(members, "products"), _text(members, "configuration"))


def _within(found: Any, *names: str) -> List[Any]:
    """The list that an object has under one of these names; nothing when it is absent."""
    if found is None:
        return []
    members = _lowered(_object(found, names[0]))
    return _list(next((members[name] for name in names if members.get(name)), None), names[0])


def _lowered(members: Dict[str, Any]) -> Dict[str, Any]:
    return {name[:1].lower() + name[1:]: value for name, value in members.items()}


def _object(found: Any, what: str) -> Dict[str, Any]:
    if not isinstance(found, dict):
        raise Unusable("%s must be an object" % what)
    return found


def _list(found: Any, what: str) -> List[Any]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unusable("%s must be a list" % what)
    return found


def _text(members: Dict[str, Any], name: str) -> str:
    found: Optional[Any] = members.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Unusable("%s must be a text" % name)
    return found


def _texts(members: Dict[str, Any], name: str) -> Tuple[str, ...]:
    found = _list(members.get(name), name)
    if not all(isinstance(each, str) for each in found):
        raise Unusable("%s must be a list of texts" % name)
    return tuple(found)


def _level(members: Dict[str, Any], name: str) -> str:
    level = _text(members, name) or LEVELS[0]
    if level not in LEVELS:
        raise Unusable("%s is %r, which is no compliance level" % (name, level[:40]))
    return level
