"""Previews begun and shown."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.automations.actions import previewing, starting
from hostreeve.capabilities.automations.operations.service import error, ssm
from hostreeve.capabilities.automations.store import previews


@ssm.writes("StartExecutionPreview", asks=True)
def start_execution_preview(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    call.require("ssm:StartExecutionPreview", [starting.definition_arn(call, request)])
    return {"ExecutionPreviewId": previewing.begin(call, request)}


@ssm.reads("GetExecutionPreview", on=anything)
def get_execution_preview(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = previews.find(call.tx, call.scope, request["ExecutionPreviewId"].lower())
    if found is None:
        raise error.ResourceNotFoundException(f"There is no preview {request['ExecutionPreviewId']}.")
    return found.shown()
