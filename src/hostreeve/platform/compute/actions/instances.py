"""What is done to instances: adopted, described, terminated."""

from collections.abc import Callable, Mapping, Sequence

from hostreeve.api.call import Call
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups
from hostreeve.platform.compute.actions.machines import the_machines
from hostreeve.platform.compute.model import filters as model
from hostreeve.platform.compute.model import instance as instances
from hostreeve.platform.compute.model.instance import ARCHITECTURES, LINGERS_MS, TERMINATED, Instance
from hostreeve.platform.compute.store import instances as rows

CHUNK = 500
"""Instances looked at together."""

Filters = Sequence[tuple[str, list[str]]]
Found = tuple[Instance, dict[str, str]]


def adopt(
    tx: Transaction, scope: Scope, world: World, *, role: str, architecture: str, now_ms: int
) -> Instance:
    """A machine that nobody launched here becomes an instance."""
    instance = Instance(
        account=scope.account,
        region=scope.region,
        instance_id=instances.new_id(world),
        reservation_id=instances.new_reservation_id(world),
        architecture=architecture if architecture in ARCHITECTURES else ARCHITECTURES[0],
        role=role,
        launched_ms=now_ms,
    )
    rows.insert(tx, instance)
    return instance


def find_many(tx: Transaction, scope: Scope, ids: Sequence[str]) -> dict[str, Instance]:
    """Those of the instances that are known, by id, terminated ones too."""
    found = rows.select(tx, scope, among=ids, limit=len(ids)) if ids else []
    return {instance.instance_id: instance for instance in found}


def report(tx: Transaction, scope: Scope, instance_id: str, said: Mapping[str, str]) -> None:
    """What the machine says of itself: `private_ip`, `private_dns`, `platform`."""
    rows.report(tx, scope, instance_id, said)


def terminate(call: Call, instance: Instance) -> str:
    """The machine is let go; it runs on, but not as an instance. The state before."""
    if rows.terminate(call.tx, call.scope, instance.instance_id, call.now_ms):
        the_machines().let_go(call, instance.instance_id)
        detail = {"instance-id": instance.instance_id, "state": TERMINATED}
        call.emit("EC2 Instance State-change Notification", instance.instance_id, detail)
    _forget_ended(call)
    return instance.state


def _forget_ended(call: Call) -> None:
    before_ms = call.now_ms - LINGERS_MS
    for instance_id in rows.terminated_before(call.tx, call.scope, before_ms, CHUNK):
        rows.delete(call.tx, call.scope, instance_id)
        groups.forget(call.tx, call.scope, call.scope.machine_arn(instance_id))


def select(
    call: Call,
    filters: Filters,
    *,
    ids: Sequence[str] | None = None,
    after: str = "",
    limit: int,
    also: Callable[[Instance], bool] = lambda _: True,
) -> list[Found]:
    """The first `limit` instances behind `after` that pass all filters and `also`, by id, with their tags."""
    exact = next((set(v) for name, v in filters if name == "instance-id" and model.is_exact(v)), None)
    among = set(ids) if ids is not None else None
    if exact is not None:
        among = exact if among is None else among & exact
    found: list[Found] = []
    while len(found) < limit:
        some = _some(call, filters, None if among is None else sorted(among), after)
        if not some:
            break
        after = some[-1].instance_id
        tags = _tags(call, some)
        since_ms = call.now_ms - LINGERS_MS
        found += (
            (each, tags[each.instance_id])
            for each in some
            if (each.terminated_ms is None or each.terminated_ms >= since_ms)
            and also(each)
            and all(model.passes(each, tags[each.instance_id], name, values) for name, values in filters)
        )
    return found[:limit]


def _some(call: Call, filters: Filters, among: Sequence[str] | None, after: str) -> list[Instance]:
    """Some instances behind `after` that may pass, never all that there are: by a tag if one is exact."""
    tag = next((f for f in filters if f[0].startswith("tag:") and f[1] and model.is_exact(f[1])), None)
    if among is not None or tag is None:
        return rows.select(call.tx, call.scope, after=after, limit=CHUNK, among=among)
    wanted = groups.TagFilter((tag[0].removeprefix("tag:"),), tuple(tag[1]))
    prefix = call.scope.machine_arn("i-")
    begin = call.scope.machine_arn(after) if after else ""
    arns = groups.arns_matching(call.tx, call.scope, [wanted], [prefix], after=begin, limit=CHUNK)
    return rows.select(call.tx, call.scope, limit=CHUNK, among=[arn.rpartition("/")[2] for arn in arns])


def _tags(call: Call, some: Sequence[Instance]) -> dict[str, dict[str, str]]:
    tags = groups.tags_of_many(call.tx, call.scope, [each.arn for each in some])
    return {each.instance_id: tags.get(each.arn, {}) for each in some}
