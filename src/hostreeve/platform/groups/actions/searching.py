"""Which resources a query finds, or a group has: looked up at use, never stored."""

from collections.abc import Sequence
from typing import NamedTuple

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.groups.actions import kinds
from hostreeve.platform.groups.model.group import Group
from hostreeve.platform.groups.model.queries import Query, TagFilter, allows
from hostreeve.platform.groups.model.tagging import Kind
from hostreeve.platform.groups.store import groups as group_rows
from hostreeve.platform.groups.store import searching as rows
from hostreeve.platform.groups.store import tags as tag_rows


class Resource(NamedTuple):
    """A resource, and CloudFormation's name of its type."""

    arn: str
    type_name: str

    def described(self) -> dict[str, str]:
        """The shape ResourceIdentifier."""
        return {"ResourceArn": self.arn, "ResourceType": self.type_name}


class QueryError(NamedTuple):
    """Why a query finds less than its author thinks."""

    code: str
    message: str

    def described(self) -> dict[str, str]:
        return {"ErrorCode": self.code, "Message": self.message}


def search(
    tx: Transaction, scope: Scope, query: Query, *, types: Sequence[str] = (), after: str = "", limit: int
) -> list[Resource]:
    """Resources behind `after` that the query finds, by ARN; `types` narrows it."""
    if query.stack:
        return []
    wanted = [
        kind
        for kind in kinds.kinds()
        if allows(query.types, kind.type_name) and allows(types, kind.type_name)
    ]
    return tagged(tx, scope, query.filters, wanted, after=after, limit=limit)


def tagged(
    tx: Transaction,
    scope: Scope,
    filters: Sequence[TagFilter],
    among: Sequence[Kind],
    *,
    after: str = "",
    limit: int,
) -> list[Resource]:
    """Resources of these kinds behind `after` that pass the filters; without filters, all that have tags."""
    found = [
        Resource(arn, _kind_of(arn, prefixes).type_name)
        for home, prefixes in kinds.by_home(scope, among).items()
        for arn in rows.matching(tx, home, filters, list(prefixes), after=after, limit=limit)
    ]
    return sorted(found)[:limit]


def tags_of(tx: Transaction, scope: Scope, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of several resources that are found from an account and Region; those without are missing."""
    found: dict[str, dict[str, str]] = {}
    for home in kinds.by_home(scope, kinds.kinds()) if arns else ():
        found |= tag_rows.tags_of_many(tx, home, arns)
    return found


def keys(tx: Transaction, scope: Scope, *, after: str, limit: int) -> list[str]:
    """The keys behind `after` of all tags of these resources, in order."""
    found: set[str] = set()
    for home, prefixes in kinds.by_home(scope, kinds.kinds()).items():
        found.update(rows.keys(tx, home, prefixes=list(prefixes), after=after, limit=limit))
    return sorted(found)[:limit]


def values_of(tx: Transaction, scope: Scope, key: str, *, after: str | None, limit: int) -> list[str]:
    """The values behind `after` (None: from the first) of one key, in order."""
    found: set[str] = set()
    for home, prefixes in kinds.by_home(scope, kinds.kinds()).items():
        found.update(rows.values_of(tx, home, key, prefixes=list(prefixes), after=after, limit=limit))
    return sorted(found)[:limit]


def _kind_of(arn: str, prefixes: dict[str, Kind]) -> Kind:
    return next(kind for prefix, kind in prefixes.items() if arn.startswith(prefix))


def members(
    tx: Transaction, scope: Scope, group: Group, *, types: Sequence[str] = (), after: str = "", limit: int
) -> list[Resource]:
    """The members of a group behind `after`, by ARN; `types` narrows."""
    query = group.read_query
    if query is not None:
        return search(tx, scope, query, types=types, after=after, limit=limit)
    named = [kind.type_name for kind in kinds.kinds() if allows(types, kind.type_name)]
    if not named:
        return []
    listed = group_rows.members(tx, scope, group.name, after=after, limit=limit, types=named if types else ())
    return [Resource(*member) for member in listed]


def among_members(tx: Transaction, scope: Scope, group: Group, arns: Sequence[str]) -> list[str]:
    """Those of the ARNs that are named as members of a group without a query, in order."""
    return group_rows.among_members(tx, scope, group.name, arns)


def errors(query: Query | None) -> list[QueryError]:
    """What keeps a query from finding all that it names."""
    if query is None:
        return []
    if query.stack:
        return [QueryError("CLOUDFORMATION_STACK_NOT_EXISTING", f"The stack {query.stack} does not exist.")]
    return [
        QueryError("RESOURCE_TYPE_NOT_SUPPORTED", f"Resources of type {each} are not known here.")
        for each in query.types
        if kinds.named(each) is None
    ]
