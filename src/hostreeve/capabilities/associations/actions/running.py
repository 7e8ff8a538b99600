"""Associations applied: started when due, taken over when they ended, and brought to nodes that come."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from hostreeve.api.call import Call, Principal, Sealer
from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import calendars, commands, documents, nodes
from hostreeve.capabilities.associations import lifecycle
from hostreeve.capabilities.associations.actions import automating, complying, polling, telling
from hostreeve.capabilities.associations.actions.changing import CHANNEL, changed, timing_of
from hostreeve.capabilities.associations.lifecycle import Status
from hostreeve.capabilities.associations.model.association import (
    MAX_CONCURRENCY,
    MAX_ERRORS,
    Association,
    Execution,
    NodeState,
)
from hostreeve.capabilities.associations.store import associations as store
from hostreeve.capabilities.associations.store import executions
from hostreeve.kernel.scope import PARTITION, Scope
from hostreeve.kernel.world import World
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction

error = ServiceErrors(service("ssm"))

OWNER = "association"
DETAIL_CHARS_MAX = 256
NODES_AT_ONCE = 500
HOUR_MS = 3_600_000
_NODE_STATUS = {
    commands.Status.SUCCESS: Status.SUCCESS,
    commands.Status.FAILED: Status.FAILED,
    commands.Status.EXECUTION_TIMED_OUT: Status.TIMED_OUT,
    commands.Status.DELIVERY_TIMED_OUT: Status.TIMED_OUT,
    commands.Status.CANCELLED: Status.CANCELLED,
    # Nodes that rate control or the document did not let have it wait for the next time.
    commands.Status.TERMINATED: Status.SKIPPED,
    commands.Status.INVALID_PLATFORM: Status.SKIPPED,
    commands.Status.UNDELIVERABLE: Status.FAILED,
    commands.Status.ACCESS_DENIED: Status.FAILED,
}


def ended(tx: Transaction, scope: Scope, execution_id: str, now_ms: int) -> None:
    """A command that an association sent has ended (`commands.follow`)."""
    executions.make_due(tx, scope, execution_id, now_ms)
    tx.wake(CHANNEL)


def document_changed(tx: Transaction, scope: Scope, name: str, now_ms: int) -> None:
    """What a document says by default has changed (`documents.announce`)."""
    _apply_again(tx, scope, store.following(tx, scope, f"document:{name}"), now_ms)


def latest_changed(tx: Transaction, scope: Scope, name: str, now_ms: int) -> None:
    """Another version of a document is its newest one (`documents.announce`)."""
    _apply_again(tx, scope, store.following(tx, scope, f"latest:{name}"), now_ms)


def parameter_changed(tx: Transaction, scope: Scope, followed: str, now_ms: int) -> None:
    """A reference to a parameter stands for another value (`parameters.announce`)."""
    _apply_again(tx, scope, store.following_parameter(tx, scope, f"parameter:{followed}"), now_ms)


def _apply_again(tx: Transaction, scope: Scope, association_ids: list[str], now_ms: int) -> None:
    for one in store.find_many(tx, scope, association_ids).values() if association_ids else ():
        changed(tx, one, now_ms)


def advance(
    tx: Transaction, scope: Scope, association_id: str, *, world: World, keys: Sealer, now_ms: int
) -> bool:
    """Do what an association's time asks for. False when there was nothing."""
    one = store.find(tx, scope, association_id)
    if one is None:
        return False
    running = executions.open_ones(tx, scope, association_id)
    shut = closed(tx, one, now_ms)
    plan = lifecycle.plan(
        timing_of(one), due_ms=one.due_ms, now_ms=now_ms, is_running=bool(running), closed=shut
    )
    if one.due_ms != plan.due_ms:
        store.move(tx, scope, association_id, due_ms=plan.due_ms, reckoned_ms=now_ms)
    if plan.replaces:
        for earlier in running:
            _give_up(tx, earlier, now_ms)
    if plan.skip:
        skipped = _execution(one, world, now_ms, Status.SKIPPED, plan.skip)
        executions.insert(tx, skipped)
        store.move(tx, scope, association_id, detailed_status=plan.skip)
    if plan.launch:
        launch(tx, one, one.targets, world=world, keys=keys, now_ms=now_ms)
    return plan.launch or bool(plan.skip)


def reckon_anew(tx: Transaction, scope: Scope, association_id: str, now_ms: int) -> bool:
    """The clock has jumped back: what comes next under it may be sooner than was reckoned."""
    one = store.find(tx, scope, association_id)
    if one is None:
        return False
    until = (now_ms + lifecycle.CORRECTION_MS_MAX + 1, "0")
    newest = executions.newest(tx, scope, association_id, before=until, limit=1)
    due_ms = lifecycle.due_again_ms(
        timing_of(one),
        due_ms=one.due_ms,
        reckoned_ms=one.reckoned_ms,
        last_ms=newest[0].created_ms if newest else 0,
        now_ms=now_ms,
    )
    store.move(tx, scope, association_id, due_ms=due_ms, reckoned_ms=now_ms)
    return True


def closed(tx: Transaction, one: Association, now_ms: int) -> str:
    """Why it may not be applied now, or nothing."""
    try:
        is_open = calendars.is_open(tx, one.scope, one.wanted.get("CalendarNames", []), now_ms)
    except AwsError as wrong:
        # A calendar that is gone or broken is no permission.
        return wrong.code
    return "" if is_open else "CalendarClosed"


def _give_up(tx: Transaction, earlier: Execution, now_ms: int) -> None:
    """The next time has come: what still runs has had its time."""
    if automating.is_automation(earlier):
        automating.cancel(tx, earlier, now_ms)
    elif earlier.command_id:
        commands.cancel(tx, earlier.scope, earlier.command_id, now_ms)
    executions.move(
        tx,
        earlier,
        status=str(Status.TIMED_OUT),
        detailed_status=str(Status.TIMED_OUT),
        changed_ms=now_ms,
        due_ms=None,
    )


def launch(
    tx: Transaction,
    one: Association,
    targets: Sequence[Mapping[str, Any]],
    *,
    world: World,
    keys: Sealer,
    now_ms: int,
) -> Execution:
    """Apply an association to targets, as a command. What cannot be sent is an execution that failed."""
    execution = _execution(one, world, now_ms, Status.IN_PROGRESS, str(Status.IN_PROGRESS))
    executions.insert(tx, execution)
    call = _call(tx, one.scope, world, keys, now_ms)
    try:
        document = documents.resolve(call.tx, one.scope, one.name, one.wanted.get("DocumentVersion"))
        if document.document_type not in documents.ON_NODES:
            begun = automating.start(call, one, execution, targets, world)
            return _going(tx, one, replace(execution, command_id=begun), now_ms)
        if polling.is_for_agents(document):
            handed = _hand_out(tx, one, execution, targets, now_ms)
            if not handed.to_send:
                return execution
            if not handed.is_all or len(handed.to_send) <= NODES_AT_ONCE:
                targets = [{"Key": "InstanceIds", "Values": handed.to_send}]
            if handed.found:
                # Those that find it by themselves have this execution, those that are sent it another.
                execution = _execution(one, world, now_ms, Status.IN_PROGRESS, str(Status.IN_PROGRESS))
                executions.insert(tx, execution)
        request = _request(call, one, document, targets)
        sent = commands.send(call, request, owner=f"{OWNER}:{execution.execution_id}") if request else None
    except AwsError as refused:
        _fail(tx, one, execution, f"{refused.code}: {refused.message}"[:DETAIL_CHARS_MAX], now_ms)
        return execution
    if sent is None:
        executions.move(tx, execution, due_ms=now_ms)
        return execution
    return _going(tx, one, replace(execution, command_id=sent.command.command_id), now_ms)


def _going(tx: Transaction, one: Association, execution: Execution, now_ms: int) -> Execution:
    """It has begun; the association shows so, and it has its time."""
    hours = one.wanted.get("Duration")
    executions.move(
        tx,
        execution,
        command_id=execution.command_id,
        due_ms=now_ms if _has_ended(tx, execution) else now_ms + hours * HOUR_MS if hours else None,
    )
    store.move(
        tx,
        one.scope,
        one.association_id,
        status=str(Status.PENDING),
        detailed_status=str(Status.IN_PROGRESS),
        last_execution_ms=now_ms,
    )
    telling.tell(tx, replace(one, status=str(Status.PENDING), last_execution_ms=now_ms), now_ms)
    return execution


def _has_ended(tx: Transaction, execution: Execution) -> bool:
    found = commands.command(tx, execution.scope, execution.command_id)
    return found is not None and found.status == commands.CommandStatus.LIMIT_EXCEEDED


def _fail(tx: Transaction, one: Association, execution: Execution, why: str, now_ms: int) -> None:
    failed = str(Status.FAILED)
    executions.move(tx, execution, status=failed, detailed_status=why, changed_ms=now_ms, due_ms=None)
    store.move(
        tx, one.scope, one.association_id, status=failed, detailed_status=why, last_execution_ms=now_ms
    )
    telling.tell(tx, replace(one, status=failed, last_execution_ms=now_ms), now_ms)


def _execution(one: Association, world: World, now_ms: int, status: Status, detailed: str) -> Execution:
    return Execution(
        account=one.account,
        region=one.region,
        association_id=one.association_id,
        execution_id=world.uuid(),
        version=one.version,
        command_id="",
        created_ms=now_ms,
        changed_ms=now_ms,
        status=str(status),
        detailed_status=detailed,
        counts={},
    )


def _hand_out(
    tx: Transaction,
    one: Association,
    execution: Execution,
    targets: Sequence[Mapping[str, Any]],
    now_ms: int,
) -> polling.Handed:
    handed = polling.hand_out(tx, one, execution, list(targets))
    changes = {"status": str(Status.PENDING), "detailed_status": str(Status.IN_PROGRESS)}
    store.move(tx, one.scope, one.association_id, **changes, last_execution_ms=now_ms)
    if handed.found or not handed.to_send:
        polling.settle(tx, one.scope, one.association_id, execution.execution_id, now_ms)
    return handed


def _request(
    call: Call, one: Association, document: documents.DocumentVersion, targets: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """SendCommand's members; None when it names nodes and none of them is there."""
    wanted = one.wanted
    request: dict[str, Any] = {
        "DocumentName": one.name,
        "Parameters": wanted.get("Parameters", {}),
        "MaxConcurrency": wanted.get("MaxConcurrency", MAX_CONCURRENCY),
        "MaxErrors": wanted.get("MaxErrors", MAX_ERRORS),
        "Comment": f"association {one.association_id}",
    }
    if "DocumentVersion" in wanted:
        request["DocumentVersion"] = wanted["DocumentVersion"]
    location = wanted.get("OutputLocation", {}).get("S3Location", {})
    request |= {member: location[member] for member in _OUTPUT if member in location}
    if not targets:
        return None
    if len(targets) > 1 or targets[0]["Key"].lower() != "instanceids" or nodes.EVERY in targets[0]["Values"]:
        return request | {"Targets": list(targets)}
    found = nodes.find_many(call.tx, one.scope, targets[0]["Values"])
    fit = (node for node in found.values() if node.platform_type in ("", *document.platform_types))
    ids = sorted(node.node_id for node in fit)
    return request | {"InstanceIds": ids} if ids else None


_OUTPUT = ("OutputS3BucketName", "OutputS3KeyPrefix", "OutputS3Region")


def _call(tx: Transaction, scope: Scope, world: World, keys: Sealer, now_ms: int) -> Call:
    """Systems Manager itself: what it may do was asked when the association was made."""
    arn = f"arn:{PARTITION}:sts::{scope.account}:assumed-role/AWSServiceRoleForAmazonSSM/StateManager"

    def emit(detail_type: str, aggregate: str, detail: Mapping[str, Any]) -> None:
        outbox.put(tx, scope, detail_type=detail_type, aggregate=aggregate, detail=detail, now_ms=now_ms)

    return Call(
        tx=tx,
        scope=scope,
        principal=Principal(scope.account, arn, "AWSServiceRoleForAmazonSSM", ""),
        world=world,
        now_ms=now_ms,
        request_id="",
        require=lambda *_, **__: None,
        emit=emit,
        keys=keys,
    )


def take_over(tx: Transaction, scope: Scope, association_id: str, execution_id: str, now_ms: int) -> bool:
    """Look at an execution whose command ended, or whose time is over. False when there is nothing to do."""
    execution = executions.find(tx, scope, association_id, execution_id)
    one = store.find(tx, scope, association_id)
    if execution is None or one is None or execution.status not in lifecycle.OPEN:
        executions.make_due_never(tx, scope, execution_id)
        return False
    if automating.is_automation(execution):
        return _take_over_automation(tx, one, execution, now_ms)
    found = commands.command(tx, scope, execution.command_id) if execution.command_id else None
    if found is not None and found.status in ("Pending", "InProgress", "Cancelling"):
        commands.cancel(tx, scope, execution.command_id, now_ms)
        executions.move(tx, execution, due_ms=None)
        return True
    listed = _listed(tx, execution)
    counts = dict(execution.counts)
    if not execution.command_id:
        counts = executions.tally_of(tx, scope, association_id, execution_id)
    for each in listed:
        status = str(_NODE_STATUS.get(each.status, Status.FAILED))
        counts[status] = counts.get(status, 0) + 1
    executions.note(tx, scope, [_state(execution, each) for each in listed])
    for each in listed:
        telling.tell_node(tx, one, _state(execution, each), now_ms)
        complying.note(tx, one, _state(execution, each), now_ms, command_id=execution.command_id)
    if len(listed) == NODES_AT_ONCE:
        executions.move(tx, execution, counts=counts, noted_to=listed[-1].node_id)
        return True
    _conclude(tx, one, replace(execution, counts=counts), found, now_ms)
    return True


def _take_over_automation(tx: Transaction, one: Association, execution: Execution, now_ms: int) -> bool:
    counts = automating.outcome(tx, execution)
    if counts is None:
        automating.cancel(tx, execution, now_ms)
        executions.move(tx, execution, due_ms=None)
    else:
        _conclude(tx, one, replace(execution, counts=counts), None, now_ms)
    return True


def _listed(tx: Transaction, execution: Execution) -> list[commands.Invocation]:
    if not execution.command_id:
        return []
    return commands.invocations(tx, execution.scope, execution.command_id, execution.noted_to, NODES_AT_ONCE)


def _state(execution: Execution, on: commands.Invocation) -> NodeState:
    status = _NODE_STATUS.get(on.status, Status.FAILED)
    return NodeState(
        association_id=execution.association_id,
        node_id=on.node_id,
        version=execution.version,
        execution_id=execution.execution_id,
        status=str(status),
        detailed_status=str(on.status),
        executed_ms=execution.created_ms,
        error_code="" if status is Status.SUCCESS else str(on.status)[:10],
        summary=f"1 out of 1 plugin processed, {int(status is Status.SUCCESS)} success.",
    )


def _conclude(
    tx: Transaction, one: Association, execution: Execution, found: commands.CommandRow | None, now_ms: int
) -> None:
    status, detailed = lifecycle.verdict(execution.counts)
    if found is not None and found.status == commands.CommandStatus.LIMIT_EXCEEDED:
        status, detailed = Status.FAILED, str(found.status)
    executions.move(
        tx,
        execution,
        status=str(status),
        detailed_status=detailed,
        counts=execution.counts,
        changed_ms=now_ms,
        due_ms=None,
    )
    if executions.open_ones(tx, one.scope, one.association_id):
        return
    counts = executions.tally(tx, one.scope, one.association_id)
    status, overall = lifecycle.verdict(counts) if counts else (status, detailed)
    changes: dict[str, Any] = {"status": str(status), "detailed_status": overall, "counts": counts}
    if status is Status.SUCCESS:
        changes["last_success_ms"] = execution.created_ms
    store.move(tx, one.scope, one.association_id, **changes)
    telling.tell(tx, replace(one, status=str(status), counts=counts), now_ms)
