"""What nodes report that they could have, taken in; the catalog that comes of it, listed and judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.paging import Page
from hostreeve.api.service_models import service
from hostreeve.capabilities import nodes
from hostreeve.capabilities.patches.model import judging, offer, systems
from hostreeve.capabilities.patches.model.baseline import Baseline
from hostreeve.capabilities.patches.model.judging import Deployment
from hostreeve.capabilities.patches.model.offer import DAY_MS, FAMILIES, Version
from hostreeve.capabilities.patches.store import offers as store
from hostreeve.capabilities.patches.store.offers import Entry, Offered
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("hostreeve"))

KEPT_MS = 90 * DAY_MS
"""How long a version stays in the catalog that nobody reports any more."""
REPORT_BYTES_MAX = 4 * 1024 * 1024
"""Of one node, as it is kept: plans look at fifty nodes together."""
CATALOG_MAX = 200_000
"""Versions of one account and Region. Beyond it, new ones are not listed until old ones are forgotten."""
_REPORTED: Mapping[str, store.Property] = {
    "CLASSIFICATION": "classification",
    "SEVERITY": "severity",
    "PRIORITY": "priority",
}
LOOKED_AT_ONCE = 500
LOOKED_AT_MAX = 5_000
"""A page that found little in so many versions is short, and says where to go on."""


def take(call: Call, request: Mapping[str, Any]) -> None:
    """ReportPatches.

    AccessDeniedException for another node, InvalidInstanceId, UnsupportedOperatingSystem,
    InvalidItemContentException, ItemSizeLimitExceededException.
    """
    node_id, system = request["InstanceId"], (request["OperatingSystem"], request["Product"])
    if call.principal.node_id not in (None, node_id):
        raise error.AccessDeniedException(
            f"User: {call.principal.arn} is not authorized to act for the managed node {node_id}."
        )
    if not nodes.exists(call.tx, call.scope, node_id):
        raise error.InvalidInstanceId(f"There is no managed node {node_id}.")
    if system[0] not in FAMILIES:
        raise error.UnsupportedOperatingSystem(f"Nobody reports patches of {system[0]} here.")
    try:
        read = [offer.read(each) for each in request["Patches"]]
    except ValueError as wrong:
        raise error.InvalidItemContentException(f"Patches: {wrong}.") from None
    size = len(msgspec.msgpack.encode(read))
    if size > REPORT_BYTES_MAX:
        raise error.ItemSizeLimitExceededException(
            f"The Patches have {size} bytes together, and may have {REPORT_BYTES_MAX}."
        )
    offered = Offered(
        node_id=node_id,
        operating_system=system[0],
        product=system[1],
        operation=request["Operation"],
        snapshot_id=request.get("SnapshotId", ""),
        wants_reboot=int(request.get("RebootRequired", False)),
        reported_ms=call.now_ms,
        offers=read,
    )
    store.keep(call.tx, call.scope, offered)
    _catalogue(call, system, [each.version for each in read])


def _catalogue(call: Call, system: tuple[str, str], versions: Sequence[Version]) -> None:
    digest = offer.digest_of(*system, versions)
    if store.set_seen_ms(call.tx, call.scope, digest) > call.now_ms - DAY_MS:
        return
    store.see_set(call.tx, call.scope, digest, call.now_ms)
    if store.size(call.tx, call.scope) + len(versions) <= CATALOG_MAX:
        store.add(call.tx, call.scope, system, versions, call.now_ms)


def node_left(tx: Transaction, scope: Scope, node_id: str) -> None:
    store.drop(tx, scope, node_id)


def forget(tx: Transaction, now_ms: int, limit: int) -> int:
    """Drop a batch of what nobody reports any more; how much it was."""
    return store.forget(tx, now_ms - KEPT_MS, limit)


def listed(
    call: Call, page: Page, which: Mapping[str, Any], passes: Callable[[Entry], bool]
) -> tuple[list[Entry], str | None]:
    """A page of the catalog's versions that pass, and the token of the next. `which` narrows the look
    (`system`, `products`)."""
    after = page.parts(str, str, str)
    found: list[Entry] = []
    looked_at = 0
    while looked_at < LOOKED_AT_MAX:
        entries = store.catalog(call.tx, call.scope, **which, after=after, limit=LOOKED_AT_ONCE)
        found += (entry for entry in entries if passes(entry))
        if len(found) > page.limit:
            return found[: page.limit], page.token(found, lambda entry: entry.place)
        if len(entries) < LOOKED_AT_ONCE:
            return found, None
        looked_at += len(entries)
        after = entries[-1].place
    return found, page.token_at(after)


def effective(
    call: Call, baseline: Baseline, page: Page
) -> tuple[list[tuple[Entry | str, Deployment]], str | None]:
    """What a baseline says of the catalog's versions that it selects; of those that its lists name and
    nobody reported, the name."""
    if baseline.operating_system not in FAMILIES:
        return _named(baseline), None
    rules = judging.rules_of(baseline, call.scope)
    said: dict[tuple[str, str, str], Deployment] = {}

    def is_selected(entry: Entry) -> bool:
        system = (entry.operating_system, entry.product)
        deployment = judging.deployment(rules, system, entry.version, call.now_ms)
        if deployment is not None:
            said[entry.place] = deployment
        return deployment is not None

    entries, token = listed(call, page, {"system": baseline.operating_system}, is_selected)
    return [(entry, said[entry.place]) for entry in entries], token


def _named(baseline: Baseline) -> list[tuple[Entry | str, Deployment]]:
    """Of an operating system whose patches nobody reports: the lists themselves. Rejected beats approved."""
    rejected = set(baseline.rejected)
    approved: Iterator[tuple[Entry | str, Deployment]] = (
        (name, Deployment("EXPLICIT_APPROVED", baseline.approved_level, None))
        for name in baseline.approved
        if name not in rejected
    )
    return [
        *approved,
        *((name, Deployment("EXPLICIT_REJECTED", "UNSPECIFIED", None)) for name in baseline.rejected),
    ]


def properties(call: Call, system: str, member: str) -> list[str]:
    """The values that a property of an operating system's patches has: known ones, and reported ones."""
    known = set(systems.KNOWN.get((system, member), ()))
    if member == "PRODUCT":
        return sorted(known | set(store.products(call.tx, call.scope, system)))
    reported = _REPORTED.get(member)
    if reported is not None:
        known |= set(store.values(call.tx, call.scope, system, reported))
    return sorted(known)
