"""Baselines made, changed, found and deleted."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.patches.model import baseline as model
from hostreeve.capabilities.patches.model import predefined, systems
from hostreeve.capabilities.patches.model.baseline import Baseline
from hostreeve.capabilities.patches.model.quotas import quota
from hostreeve.capabilities.patches.store import baselines as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))

TOKEN = "ClientToken"


def known(tx: Transaction, scope: Scope, named: str) -> Baseline | None:
    """The baseline that a caller names: by id or ARN an own one, by ARN only one of AWS's."""
    given = named.rpartition("/")[2]
    aws = predefined.every().get(given)
    if aws is not None:
        return aws if named == model.aws_arn(scope.region, given) else None
    if named not in (given, model.baseline_arn(scope, given)):
        return None
    return store.find(tx, scope, given)


def kept(tx: Transaction, scope: Scope, baseline_id: str) -> Baseline | None:
    """The baseline that a row names."""
    return predefined.every().get(baseline_id) or store.find(tx, scope, baseline_id)


def found(call: Call, named: str) -> Baseline:
    """DoesNotExistException when there is none."""
    baseline = known(call.tx, call.scope, named)
    if baseline is None:
        raise error.DoesNotExistException(f"Patch baseline {named} does not exist.")
    return baseline


def exists(tx: Transaction, scope: Scope, baseline_id: str) -> bool:
    """Whether it can be tagged: an own one."""
    return store.find(tx, scope, baseline_id) is not None


def create(call: Call, request: Mapping[str, Any]) -> str:
    """Make a baseline; its id. The same ClientToken with the same request gives the same one again."""
    token = request.get(TOKEN)
    rest = {member: value for member, value in request.items() if member != TOKEN}
    asked = hashlib.sha256(msgspec.json.encode(rest, order="sorted")).hexdigest()
    before = store.made_with(call.tx, call.scope, token) if token else None
    if before is not None:
        if before[1] != asked:
            raise error.IdempotentParameterMismatch("The ClientToken was used before, with other parameters.")
        return before[0]
    most = quota("patch-baselines")
    if len(store.every(call.tx, call.scope)) >= most:
        raise error.ResourceLimitExceededException(f"An account can have {most} patch baselines.")
    baseline = Baseline(
        baseline_id=model.new_baseline_id(call.world),
        operating_system=request.get("OperatingSystem", systems.DEFAULT),
        created_ms=call.now_ms,
        modified_ms=call.now_ms,
        **model.given(request),
    )
    _check(baseline)
    store.insert(call.tx, call.scope, baseline, token=token, asked=asked)
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    if tags:
        arn = model.baseline_arn(call.scope, baseline.baseline_id)
        groups.tag_new(call, arn, tags, called="patch baseline")
    return baseline.baseline_id


def update(call: Call, request: Mapping[str, Any]) -> Baseline:
    """Change what the request names; with Replace, what it does not name is as if it never had been."""
    before = found(call, request["BaselineId"])
    _refuse_aws(before, "changed")
    given = model.given(request)
    if request.get("Replace"):
        if "name" not in given:
            raise error.ValidationException("With Replace, Name must be given.")
        baseline = Baseline(
            baseline_id=before.baseline_id,
            operating_system=before.operating_system,
            created_ms=before.created_ms,
            modified_ms=call.now_ms,
            **given,
        )
    else:
        baseline = msgspec.structs.replace(before, **given, modified_ms=call.now_ms)
    _check(baseline)
    store.replace(call.tx, call.scope, baseline)
    return baseline


def delete(call: Call, named: str) -> None:
    """Forget a baseline. No error when there is none; ResourceInUseException while a patch group or the
    account's default is it."""
    baseline = known(call.tx, call.scope, named)
    if baseline is None:
        return
    _refuse_aws(baseline, "deleted")
    registered = store.groups_of(call.tx, call.scope, baseline.baseline_id)
    if registered:
        raise error.ResourceInUseException(
            f"Patch baseline {named} is registered for the patch group {registered[0]}."
        )
    if store.defaults(call.tx, call.scope).get(baseline.operating_system) == baseline.baseline_id:
        raise error.ResourceInUseException(
            f"Patch baseline {named} is the default for {baseline.operating_system}."
        )
    store.delete(call.tx, call.scope, baseline.baseline_id)
    groups.forget(call.tx, call.scope, model.baseline_arn(call.scope, baseline.baseline_id))


def _refuse_aws(baseline: Baseline, done: str) -> None:
    if baseline.is_aws:
        raise error.ValidationException(f"{baseline.name} is AWS's own and cannot be {done}.")


def _check(baseline: Baseline) -> None:
    try:
        model.check(baseline)
    except ValueError as wrong:
        raise error.ValidationException(f"{wrong}.") from None
