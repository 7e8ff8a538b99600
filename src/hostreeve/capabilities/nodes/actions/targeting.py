"""Which nodes targets choose: by id, by tag, by what a resource group has."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hostreeve.capabilities.nodes.model import Node, node_arn
from hostreeve.capabilities.nodes.store import nodes
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

GROUP, GROUP_TYPES = "resource-groups:Name", "resource-groups:ResourceTypeFilters"
EVERY = "*"
PAGE_MIN = 200
"""Resources looked at together: the targets beside may leave few of them."""

INSTANCE, MANAGED = "aws::ec2::instance", "aws::ssm::managedinstance"
_TYPES = (INSTANCE, MANAGED)


class _Chosen(Struct, frozen=True):
    """Targets, read: all filters must pass, `ids` (None: any) must have the id, `group` (None: none) must
    have it as a member. `types` are lower-case names of types (empty: any). `is_every`: all nodes, less those
    that something else leaves out."""

    filters: tuple[groups.TagFilter, ...] = ()
    is_every: bool = False
    ids: frozenset[str] | None = None
    group: groups.Group | None = None
    types: frozenset[str] = frozenset()

    def prefixes(self, scope: Scope) -> list[str]:
        """Where the ARNs of nodes that may be chosen begin, in the order of the nodes' ids."""
        # A group that asks for managed instances has EC2's among them.
        is_any = not self.types or MANAGED in self.types
        instance, managed = node_arn(scope, "i-"), node_arn(scope, "mi-")
        return ([instance] if is_any or INSTANCE in self.types else []) + ([managed] if is_any else [])


def targeted(
    tx: Transaction, scope: Scope, targets: Sequence[Mapping[str, Any]], after: str, limit: int
) -> list[Node]:
    """The first `limit` nodes behind `after`, by id, that every target (`{"Key", "Values"}`) chooses.

    Keys: `InstanceIds` (`*`: all), `tag:<key>` (no values: any), `tag-key`, `resource-groups:Name` (a group
    that is not there chooses nobody) and, to narrow that, `resource-groups:ResourceTypeFilters`. ValueError
    for others.
    """
    chosen = _read(tx, scope, targets) if targets else None
    found: list[Node] = []
    while chosen is not None and len(found) < limit:
        size = max(limit - len(found), PAGE_MIN)
        ids, after = _page(tx, scope, chosen, after, size)
        present = nodes.find_many(tx, scope, ids, 0)
        found += (present[node_id] for node_id in ids if node_id in present)
        if not after:
            break
    return found[:limit]


def group_named(targets: Iterable[Mapping[str, Any]]) -> str:
    """The name of the resource group among the targets, or nothing."""
    return next((str(target["Values"][0]) for target in targets if target["Key"] == GROUP), "")


def _read(tx: Transaction, scope: Scope, targets: Sequence[Mapping[str, Any]]) -> _Chosen | None:
    """None: there is nobody."""
    chosen: _Chosen | None = _Chosen()
    for target in targets:
        key, values = str(target["Key"]), list(target["Values"])
        if chosen is None:
            return None
        if key.lower() == "instanceids" and EVERY in values:
            chosen = replace(chosen, is_every=True)
        elif key.lower() == "instanceids":
            ids = frozenset(values)
            chosen = replace(chosen, ids=ids if chosen.ids is None else chosen.ids & ids)
        elif key.startswith("tag:"):
            one = groups.TagFilter((key.removeprefix("tag:"),), tuple(values))
            chosen = replace(chosen, filters=(*chosen.filters, one))
        elif key == "tag-key":
            chosen = replace(chosen, filters=(*chosen.filters, groups.TagFilter(tuple(values))))
        elif key == GROUP:
            chosen = _with_group(chosen, groups.find_group(tx, scope, values[0]))
        elif key == GROUP_TYPES:
            chosen = _narrowed(chosen, values)
        else:
            raise ValueError(f"nodes cannot be targeted by {key}")
    return chosen


def _with_group(chosen: _Chosen, group: groups.Group | None) -> _Chosen | None:
    query = group.read_query if group is not None else None
    if group is None or (query is not None and query.stack):
        return None
    if query is None:
        return replace(chosen, group=group)
    # The query takes the group's place: both are looked up in the tags, and a query finds nothing untagged.
    filters = query.filters or (groups.TagFilter(()),)
    return _narrowed(replace(chosen, filters=(*chosen.filters, *filters)), query.types)


def _narrowed(chosen: _Chosen, types: Iterable[str]) -> _Chosen | None:
    wanted = frozenset(each.lower() for each in types)
    if not wanted:
        return chosen
    if MANAGED in wanted:
        wanted |= {INSTANCE}
    left = wanted & chosen.types if chosen.types else wanted
    return replace(chosen, types=left) if left else None


def _page(tx: Transaction, scope: Scope, chosen: _Chosen, after: str, size: int) -> tuple[list[str], str]:
    """Some ids behind `after` that are chosen, and where to go on (empty: these were the last)."""
    prefixes = chosen.prefixes(scope)
    last = ""
    if chosen.ids is not None:
        named = (node_arn(scope, each) for each in sorted(chosen.ids) if each > after)
        arns = [arn for arn in named if arn.startswith(tuple(prefixes))]
    elif chosen.group is not None:
        begin = node_arn(scope, after) if after else ""
        listed = groups.members(tx, scope, chosen.group, types=_TYPES, after=begin, limit=size)
        arns = [each.arn for each in listed if each.arn.startswith(tuple(prefixes))]
        last = _id_of(listed[-1].arn) if len(listed) >= size else ""
    elif chosen.is_every and not chosen.filters:
        every = [one.node_id for one in nodes.select(tx, scope, [], after=after, limit=size, now_ms=0)]
        ids = [each for each in every if node_arn(scope, each).startswith(tuple(prefixes))]
        return ids, every[-1] if len(every) >= size else ""
    else:
        begin = node_arn(scope, after) if after else ""
        arns = groups.arns_matching(tx, scope, chosen.filters, prefixes, after=begin, limit=size)
        return [_id_of(arn) for arn in arns], _id_of(arns[-1]) if len(arns) >= size else ""
    if chosen.ids is not None and chosen.group is not None:
        arns = groups.among_members(tx, scope, chosen.group, arns)
    if chosen.filters and arns:
        arns = groups.arns_matching(tx, scope, chosen.filters, prefixes, among=arns, limit=len(arns))
    return [_id_of(arn) for arn in arns], last


def _id_of(arn: str) -> str:
    return arn.rpartition("/")[2]
