"""Lists of parameters: by filters, under a path, and those that others share."""

from collections.abc import Sequence

from hostreeve.api.call import Call
from hostreeve.capabilities.parameters.model.filters import Filter
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.store import listing
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.capabilities.parameters.store.listing import LOOKED_AT_MAX
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

Place = tuple[int, str]
"""Where a list goes on: the run of paths (or 0), and the last path looked at in it."""


def filtered(
    call: Call, filters: Sequence[Filter], *, after: Place, limit: int
) -> tuple[list[Parameter], Place | None]:
    """A page of the account's parameters that all filters let through, and where the next one begins."""
    tags = [each for each in filters if each.key.startswith("tag:")]
    others = [each for each in filters if each not in tags]
    if tags:
        return _tagged(call, tags, others, after=after[1], limit=limit)
    spans, rest = listing.spans(others)
    found: list[Parameter] = []
    number, path = max(after[0], 0), after[1]
    while number < len(spans):
        piece = listing.walk(call.tx, call.scope, spans[number], rest, after=path, limit=limit - len(found))
        found += piece.parameters
        if piece.seen is not None:
            return found, (number, piece.seen)
        number, path = number + 1, ""
        if len(found) == limit:
            break
    return found, (number, "") if number < len(spans) else None


def under(
    tx: Transaction,
    scope: Scope,
    path: str,
    filters: Sequence[Filter],
    *,
    recursive: bool,
    page: tuple[str, int],
) -> tuple[list[Parameter], str | None]:
    """A page (after, limit) of what lies below a path, and how far the list was looked at.

    Of parameters chosen by label it is the version that carries it.
    """
    after, limit = page
    wanted = next((each for each in filters if each.key == "Label"), None)
    others = [each for each in filters if each is not wanted]
    if wanted is not None:
        return _labelled(tx, scope, path, [wanted, *others], recursive=recursive, page=page)
    span = listing.below(path) if recursive else listing.children(path)
    found = listing.walk(tx, scope, span, others, after=after, limit=limit)
    return found.parameters, found.seen


def _labelled(
    tx: Transaction,
    scope: Scope,
    path: str,
    filters: Sequence[Filter],
    *,
    recursive: bool,
    page: tuple[str, int],
) -> tuple[list[Parameter], str | None]:
    (after, limit), (wanted, *others) = page, filters
    span = listing.below(path)
    marked, seen = listing.labelled(tx, scope, span, wanted.values, after=after)
    if not recursive:
        marked = [(at, number) for at, number in marked if (at.rpartition("/")[0] or "/") == path]
    versions = dict(reversed(marked))
    shown = sorted(versions)[:limit]
    if len(versions) > limit:
        seen = shown[-1]
    found: list[Parameter] = []
    for current in listing.among(tx, scope, shown, others):
        number = versions[current.path]
        past = [current] if number == current.version else store.past_versions(tx, current, exactly=number)
        found += past
    return found, seen


def _tagged(
    call: Call, tags: Sequence[Filter], others: Sequence[Filter], *, after: str, limit: int
) -> tuple[list[Parameter], Place | None]:
    """Tags lead: those of the first filter are walked, the others only looked up."""
    prefix = call.scope.arn("ssm", "parameter")
    first, *more = tags
    arns = _arns(call, prefix, first, after=prefix + after, limit=LOOKED_AT_MAX)
    seen = arns[-1].removeprefix(prefix) if len(arns) == LOOKED_AT_MAX else None
    for each in more:
        arns = _arns(call, prefix, each, among=arns)
    found = listing.among(call.tx, call.scope, [arn.removeprefix(prefix) for arn in arns], others)
    if len(found) > limit:
        found = found[:limit]
        seen = found[-1].path
    return found, None if seen is None else (0, seen)


def _arns(
    call: Call,
    prefix: str,
    each: Filter,
    *,
    after: str = "",
    limit: int = LOOKED_AT_MAX,
    among: Sequence[str] | None = None,
) -> list[str]:
    return groups.arns_tagged(
        call.tx,
        call.scope,
        # Documents and nodes have tags too; a parameter's ARN goes on with a slash.
        f"{prefix}/",
        each.key.removeprefix("tag:"),
        each.values or None,
        after=after,
        limit=limit,
        among=among,
    )
