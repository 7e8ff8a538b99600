"""A rate-controlled execution: it begins one child per target, as many at once as it may, and counts them."""

from msgspec.structs import replace

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.capabilities.automations import lifecycle
from hostreeve.capabilities.automations.actions import acting, ending, starting, stopping
from hostreeve.capabilities.automations.actions.house import House
from hostreeve.capabilities.automations.model.execution import Execution
from hostreeve.capabilities.automations.model.status import Status, Verdict
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.persistence.database import Transaction

TOO_MANY = "MaxErrors was exceeded: {errors} of {begun} executions that were begun failed or timed out."
CANCELLED_AT_ONCE = 200


def advance(tx: Transaction, one: Execution, *, house: House, now_ms: int) -> bool:
    """Begin as many children as there is room for, or end. False when it now waits for them."""
    is_stopping = bool(one.state.stop)
    if is_stopping:
        for child in rows.open_children(tx, one.scope, one.execution_id, CANCELLED_AT_ONCE):
            stopping.cancel(tx, child, now_ms)
    found = lifecycle.spread(
        one.tally,
        max_concurrency=one.asked.max_concurrency,
        max_errors=one.asked.max_errors,
        is_stopping=is_stopping,
    )
    if found.conclude is not None:
        _conclude(tx, one, found.conclude, now_ms)
        return True
    if not found.begin:
        rows.make_due(tx, one.scope, one.execution_id, None)
        return False
    try:
        who = acting.who_acts(tx, one, now_ms)
    except AwsError as refused:
        # The role is gone: nobody is there to begin the others.
        why = f"{refused.code}: {refused.message}"
        rows.save(
            tx, one, replace(one, state=replace(one.state, stop=stopping.CANCEL, failure=why), due_ms=now_ms)
        )
        return True
    call = acting.call_as(tx, one, who, world=house.world, keys=house.keys, now_ms=now_ms)
    _begin(call, one, found.begin)
    return True


def _begin(call: Call, one: Execution, count: int) -> None:
    rows.count(call.tx, one.scope, one.execution_id, "begun", count, call.now_ms)
    for target in rows.targets(call.tx, one.scope, one.execution_id, one.tally.begun, count):
        child = starting.begin_child(call, one, target)
        if child.has_ended:
            ending.told(call.tx, child, call.now_ms)


def _conclude(tx: Transaction, one: Execution, verdict: Verdict, now_ms: int) -> None:
    status, failure = Status(str(verdict)), one.state.failure
    if failure:
        status = Status.FAILED
    elif one.state.stop:
        status = Status.CANCELLED
    if status is Status.FAILED and not failure:
        failure = TOO_MANY.format(errors=one.tally.errors, begun=one.tally.begun)
    after = replace(one, status=status, state=replace(one.state, failure=failure))
    ending.ended(tx, one, after, None, now_ms)
