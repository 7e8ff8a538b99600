"""StartExecutionPreview: what an execution would touch, by the rights of who asks, and nothing is begun."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError, ServiceErrors, common
from hostreeve.api.service_models import service
from hostreeve.capabilities import documents
from hostreeve.capabilities.automations.actions import placing, starting, targeting
from hostreeve.capabilities.automations.model import locations, preview
from hostreeve.capabilities.automations.model.preview import Preview
from hostreeve.capabilities.automations.model.runbook import opened
from hostreeve.capabilities.automations.store import previews

error = ServiceErrors(service("ssm"))

UNITS = "Previews of organizational units are not available in this version: name the accounts."


def begin(call: Call, request: Mapping[str, Any]) -> str:
    """Answers the preview's id. ValidationException for what could not be started either; targets that cannot
    be resolved make a preview that has failed."""
    inputs = (request.get("ExecutionInputs") or {}).get("Automation") or {}
    try:
        document = starting.document_of(call, request)
        placing.check_doors(inputs)
        _check(document, inputs)
    except AwsError as refused:
        raise common.ValidationException(refused.message) from None
    one = _looked_at(call, document, inputs)
    previews.insert(call.tx, call.scope, one)
    return one.preview_id


def _check(document: documents.DocumentVersion, inputs: Mapping[str, Any]) -> None:
    given = dict(inputs.get("Parameters") or {})
    by_target = {inputs.get("TargetParameterName"), *(n for m in inputs.get("TargetMaps") or [] for n in m)}
    declared = {n: p for n, p in document.parameters.items() if n in given or n not in by_target}
    try:
        documents.check_values(declared, given)
    except ValueError as unfit:
        raise common.ValidationException(str(unfit)) from None
    if inputs.get("Targets"):
        targeting.check(inputs["Targets"])
        if inputs.get("TargetParameterName") not in document.parameters:
            raise common.ValidationException("TargetParameterName must be a parameter of the document.")
    for entry in inputs.get("TargetLocations") or []:
        why = placing.wrong_in(entry)
        if why or locations.units_of(entry["Accounts"]):
            raise common.ValidationException(why or UNITS)


def _looked_at(call: Call, document: documents.DocumentVersion, inputs: Mapping[str, Any]) -> Preview:
    made: dict[str, Any] = {"preview_id": call.world.uuid(), "created_ms": call.now_ms}
    entries = inputs.get("TargetLocations") or []
    regions = [region for entry in entries for region in entry["Regions"]] or [call.scope.region]
    accounts = {
        account
        for entry in entries
        for account in entry["Accounts"]
        if account not in (entry.get("ExcludeAccounts") or [])
    }
    try:
        targets = _targets(call, document, inputs)
    except AwsError as refused:
        return Preview(**made, failure=f"{refused.code}: {refused.message}")
    return Preview(
        **made,
        steps=preview.counted(opened(document.body)),
        regions=tuple(dict.fromkeys(regions))[:50],
        targets=targets,
        accounts=len(accounts) or 1,
    )


def _targets(call: Call, document: documents.DocumentVersion, inputs: Mapping[str, Any]) -> dict[str, int]:
    """Resources of this account and Region; those of other locations are theirs to look up."""
    kind = (document.target_type or "").removeprefix("/") or "Any"
    if inputs.get("TargetMaps"):
        return {kind: len(inputs["TargetMaps"])}
    if not inputs.get("Targets") or inputs.get("TargetLocations"):
        return {}
    return {kind: len(targeting.resolved(call, inputs["Targets"], document.target_type or ""))}
