"""Executions begun: by callers, by what in this system runs runbooks for them, by steps and by parents."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import documents, parameters
from hostreeve.capabilities.automations.actions import acting, placing, queueing, targeting, telling
from hostreeve.capabilities.automations.model import references, values
from hostreeve.capabilities.automations.model.execution import (
    AUTO,
    DEPTH_MAX,
    MAX_CONCURRENCY,
    MAX_ERRORS,
    Asked,
    Execution,
    State,
)
from hostreeve.capabilities.automations.model.runbook import Runbook, opened
from hostreeve.capabilities.automations.model.status import Status, Tally
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.kernel.scope import PARTITION
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))

CHANNEL = "automations"
"""The bus channel that wakes the worker."""
ACTION = "ssm:StartAutomationExecution"
TAGS_MAX = 5
ROLE = "AutomationAssumeRole"


class Origin(Struct, frozen=True, kw_only=True):
    """What in this system begins an execution: `owner` (`kind:reference`) is told of its end. Across accounts
    it brings the `document` along and says which role the runbook assumes, whatever its content says."""

    owner: str = ""
    association_id: str = ""
    parent: Execution | None = None
    parent_step: str = ""
    document: placing.Carried | None = None
    assume_role: str = ""


def start(call: Call, request: Mapping[str, Any], origin: Origin | None = None) -> Execution:
    """StartAutomationExecution. With the same ClientToken again: the execution that it began before."""
    origin = origin or Origin()
    call.require(ACTION, [definition_arn(call, request)])
    token, asked_for = (request.get("ClientToken") or "").lower(), ""
    if token:
        asked_for = _digest(request)
        known = rows.find_token(call.tx, call.scope, token)
        if known is not None:
            return _again(call, known, asked_for)
    placing.check_doors(request)
    document = origin.document or document_of(call, request)
    runbook = opened(document.body)
    given = {name.strip(): list(texts) for name, texts in (request.get("Parameters") or {}).items()}
    asked = _asked(call, request, document, origin, given)
    if asked.depth > DEPTH_MAX:
        raise error.InvalidAutomationExecutionParametersException(
            f"Executions begin one another at most {DEPTH_MAX} deep."
        )
    if asked.locations:
        targets, asked = None, _located(call, document, runbook, asked)
    else:
        targets = _targets(call, request, document, asked)
        asked = _understood(call, runbook, asked, targets)
    one = _execution(call, asked, runbook, len(targets or ()))
    _insert(call, one, document)
    if targets is not None:
        rows.insert_targets(call.tx, call.scope, one.execution_id, targets)
    if token:
        rows.keep_token(call.tx, one, token, asked_for)
    _tag(call, one, request)
    return one


def check_role_of(call: Call, document: documents.DocumentVersion, given: Mapping[str, list[str]]) -> None:
    """For who begins the runbook later on the caller's behalf: what `start` asks about the role."""
    role = _role_arn(opened(document.body), given)
    if role:
        acting.check_role(call, role)


def begin_child(call: Call, parent: Execution, target: Any) -> Execution:
    """The child of a rate-controlled execution for one of its targets. One that cannot begin has failed."""
    more = target if isinstance(target, dict) else {parent.asked.target_parameter: [target]}
    given = parent.asked.parameters | more
    shown = target if isinstance(target, str) else values.joined(more)
    asked = replace(
        parent.asked,
        parent_id=parent.execution_id,
        parent_step="",
        depth=parent.asked.depth + 1,
        is_spread=False,
        target=shown,
        targets=[],
        target_maps=[],
        parameters=given,
        owner="",
    )
    body = rows.runbook(call.tx, call.scope, asked.hash)
    runbook = opened(body)
    try:
        typed, defaults = _values(call, runbook, given)
    except AwsError as refused:
        failed = _execution(call, asked, runbook, 0)
        failed = replace(
            failed,
            status=Status.FAILED,
            state=replace(failed.state, failure=f"{refused.code}: {refused.message}"),
            ended_ms=call.now_ms,
            due_ms=None,
            holds_slot=False,
        )
        rows.insert(call.tx, failed)
        telling.execution(call.tx, failed, call.now_ms)
        return failed
    one = _execution(call, replace(asked, values=typed, defaults=defaults), runbook, 0)
    rows.insert(call.tx, one)
    telling.execution(call.tx, one, call.now_ms)
    call.tx.wake(CHANNEL)
    return one


def definition_arn(call: Call, request: Mapping[str, Any]) -> str:
    """The runbook as policies name it."""
    name = str(request["DocumentName"])
    owner = name.split(":")[4] if name.count(":") >= 5 else call.scope.account
    version = request.get("DocumentVersion") or "$DEFAULT"
    return (
        f"arn:{PARTITION}:ssm:{call.scope.region}:{owner}"
        f":automation-definition/{name.rpartition('/')[2]}:{version}"
    )


def _again(call: Call, known: tuple[str, str], asked_for: str) -> Execution:
    if known[0] != asked_for:
        raise error.IdempotentParameterMismatch("The ClientToken was used before, with other parameters.")
    found = rows.find(call.tx, call.scope, known[1])
    assert found is not None, "a token outlived the execution that it began"
    return found


def _digest(request: Mapping[str, Any]) -> str:
    rest = {member: value for member, value in request.items() if member != "ClientToken"}
    return hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()


def document_of(call: Call, request: Mapping[str, Any]) -> documents.DocumentVersion:
    name = request["DocumentName"]
    try:
        found = documents.resolve(call.tx, call.scope, name, request.get("DocumentVersion"))
    except AwsError as wrong:
        if wrong.code == "InvalidDocumentVersion":
            raise error.AutomationDefinitionVersionNotFoundException(wrong.message) from None
        if wrong.code == "InvalidDocument":
            raise error.AutomationDefinitionNotFoundException(wrong.message) from None
        raise
    if found.document_type != "Automation":
        raise error.AutomationDefinitionNotFoundException(
            f"Document {name} is of type {found.document_type}; an execution needs an Automation document."
        )
    return found


def _asked(
    call: Call,
    request: Mapping[str, Any],
    document: placing.Document,
    origin: Origin,
    given: dict[str, list[str]],
) -> Asked:
    parent = origin.parent
    return Asked(
        document_name=document.name,
        document_version=str(document.version),
        document_arn=document.arn,
        hash=hashlib.sha256(document.body.encode()).hexdigest(),
        mode=request.get("Mode") or AUTO,
        principal=msgspec.to_builtins(call.principal),
        source_ip=call.source_ip,
        assume_role=origin.assume_role,
        owner=origin.owner,
        association_id=origin.association_id,
        parent_id=parent.execution_id if parent else "",
        parent_step=origin.parent_step,
        depth=parent.asked.depth + 1 if parent else 0,
        target_parameter=request.get("TargetParameterName") or "",
        targets=list(request.get("Targets") or []),
        target_maps=list(request.get("TargetMaps") or []),
        max_concurrency=request.get("MaxConcurrency") or MAX_CONCURRENCY,
        max_errors=request.get("MaxErrors") or MAX_ERRORS,
        is_spread=any(request.get(member) for member in ("Targets", "TargetMaps", "TargetLocations")),
        locations=list(request.get("TargetLocations") or []),
        target_type=document.target_type or "",
        parameters=given,
    )


def _targets(
    call: Call, request: Mapping[str, Any], document: placing.Document, asked: Asked
) -> list[Any] | None:
    """What each child is for; None for an execution without children of its own."""
    wrong = error.InvalidAutomationExecutionParametersException
    if not asked.is_spread:
        beside = [m for m in ("TargetParameterName", "MaxConcurrency", "MaxErrors") if request.get(m)]
        if beside:
            raise wrong(f"{beside[0]} goes with Targets or TargetMaps only.")
        return None
    _check_spread(document, asked)
    if asked.target_maps:
        for number, each in enumerate(asked.target_maps):
            unknown = sorted(set(each) - set(document.parameters))
            if unknown:
                raise wrong(f"TargetMaps[{number}]: the document has no parameter {unknown[0][:50]}.")
        return list(asked.target_maps)
    targeting.check(asked.targets)
    role = asked.assume_role or _role_arn(opened(document.body), asked.parameters)
    found = targeting.resolved(_as_role(call, role), asked.targets, document.target_type or "")
    return list(found)


def _located(call: Call, document: placing.Document, runbook: Runbook, asked: Asked) -> Asked:
    """What is carried to the locations: checked as far as it can be here, and the role that reaches them."""
    placing.check(asked)
    for each in placing.targeted(asked):
        _check_spread(document, each)
    by_target = {asked.target_parameter, *(name for each in asked.target_maps for name in each)}
    declared = {n: p for n, p in runbook.parameters.items() if n not in by_target or n in asked.parameters}
    try:
        documents.check_values(declared, asked.parameters)
    except ValueError as unfit:
        raise error.InvalidAutomationExecutionParametersException(_sentence(unfit)) from None
    role = _role_arn(runbook, asked.parameters)
    if role:
        acting.check_role(call, role)
    return replace(asked, assume_role=role)


def _check_spread(document: placing.Document, asked: Asked) -> None:
    """Whether the targets can be given to the runbook at all."""
    wrong = error.InvalidAutomationExecutionParametersException
    if asked.targets and asked.target_maps:
        raise wrong("Targets and TargetMaps exclude each other.")
    if asked.mode != AUTO:
        raise wrong("Mode Interactive does not go with Targets or TargetMaps.")
    name = asked.target_parameter
    if asked.targets and not name:
        raise wrong("Targets need TargetParameterName.")
    if name == ROLE or (name and name not in document.parameters):
        raise wrong(f"TargetParameterName: {name} is not a parameter that targets can be given to.")
    if name in asked.parameters:
        raise wrong(f"{name} is given its values by the targets, so Parameters must not have it.")


def _as_role(call: Call, role_arn: str) -> Call:
    """Targets are looked up with the rights of who will work on them."""
    if not role_arn:
        return call
    acting.check_role(call, role_arn)
    return acting.call_with_role(call, role_arn)


def _role_arn(runbook: Runbook, given: Mapping[str, list[str]]) -> str:
    """The role that the runbook names, or its parameter does."""
    found = references.REFERENCE.fullmatch(runbook.assume_role.strip())
    if found is None:
        return runbook.assume_role
    texts = given.get(found[1])
    if texts:
        return texts[0]
    default = runbook.parameters.get(found[1], {}).get("default") or ""
    return default if isinstance(default, str) else ""


def _understood(call: Call, runbook: Runbook, asked: Asked, targets: list[Any] | None) -> Asked:
    """With the values of all parameters, and the role once it is clear that it can be assumed."""
    given = dict(asked.parameters)
    if targets:
        first = targets[0]
        given |= first if isinstance(first, dict) else {asked.target_parameter: [first]}
    elif targets is not None:
        # Nothing to do, and nothing to check but what was given.
        declared = {n: p for n, p in runbook.parameters.items() if n != asked.target_parameter}
        runbook = replace(runbook, parameters=declared)
    role = asked.assume_role or _role_arn(runbook, given)
    if role:
        acting.check_role(call, role)
    typed, defaults = _values(acting.call_with_role(call, role) if role else call, runbook, given)
    if targets:
        typed = {name: value for name, value in typed.items() if name in asked.parameters or name in defaults}
    return replace(asked, values=typed, defaults=defaults, assume_role=role)


def _values(
    call: Call, runbook: Runbook, given: Mapping[str, list[str]]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The typed values, and the names of those that are the document's own."""
    wrong = error.InvalidAutomationExecutionParametersException
    declared = runbook.parameters
    try:
        typed = documents.check_values(declared, given)
        defaults = tuple(sorted(name for name in typed if name not in given))
        for name in defaults:
            typed[name] = _stored(call, declared[name]["type"], typed[name])
        documents.recheck_values(declared, {name: typed[name] for name in defaults})
    except ValueError as unfit:
        raise wrong(_sentence(unfit)) from None
    except AwsError as unfit:
        if unfit.code != "InvalidParameters":
            raise
        raise wrong(unfit.message) from None
    return typed, defaults


def _sentence(unfit: ValueError) -> str:
    return f"{str(unfit)[:1].upper()}{str(unfit)[1:]}."


def _stored(call: Call, type_: str, default: Any) -> Any:
    """A default with `{{ssm:name}}` put in: a text, or the comma-separated list of a StringList."""
    if isinstance(default, list):
        return [_stored(call, "String", item) for item in default]
    if not isinstance(default, str) or not parameters.references([default]):
        return default
    found = parameters.resolve_references(call, call.scope, default)
    return found.split(",") if type_ == "StringList" or type_.startswith("List<") else found


def _execution(call: Call, asked: Asked, runbook: Runbook, total: int) -> Execution:
    declared = {name: each.get("default") for name, each in runbook.variables.items()}
    has_room = queueing.has_room(call.tx, call.scope) if not asked.is_spread else True
    return Execution(
        account=call.scope.account,
        region=call.scope.region,
        execution_id=call.world.uuid(),
        status=Status.IN_PROGRESS if has_room else Status.PENDING,
        asked=asked,
        state=State(variables={name: value for name, value in declared.items() if value is not None}),
        holds_slot=has_room and not asked.is_spread,
        tally=Tally(total=total),
        started_ms=call.now_ms,
        due_ms=call.now_ms if has_room else None,
    )


def _insert(call: Call, one: Execution, document: placing.Document) -> None:
    if one.status is Status.PENDING:
        queueing.require_place(call.tx, call.scope)
    rows.keep_runbook(call.tx, call.scope, one.asked.hash, document.body)
    rows.insert(call.tx, one)
    telling.execution(call.tx, one, call.now_ms)
    call.tx.wake(CHANNEL)


def _tag(call: Call, one: Execution, request: Mapping[str, Any]) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    if not tags:
        return
    if len(tags) > TAGS_MAX or any(key.lower().startswith(groups.RESERVED) for key in tags):
        raise error.InvalidAutomationExecutionParametersException(
            f"At most {TAGS_MAX} tags, and none that begins with {groups.RESERVED}."
        )
    call.require("ssm:AddTagsToResource", [one.arn], groups.tag_facts(tags))
    groups.set_tags(call.tx, call.scope, one.arn, tags)
