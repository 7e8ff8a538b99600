"""Putting, labelling and deleting parameters."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.capabilities.parameters.actions import changing, labelling
from hostreeve.capabilities.parameters.operations.service import error, ssm


@ssm.writes("PutParameter", asks=True)
def put_parameter(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Create a parameter or, with Overwrite, append a version to it."""
    made = changing.put(call, request)
    return {"Version": made.version, "Tier": made.tier}


@ssm.writes("LabelParameterVersion", asks=True)
def label_parameter_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    version, bad = labelling.label(call, request["Name"], request["Labels"], request.get("ParameterVersion"))
    return {"InvalidLabels": bad, "ParameterVersion": version}


@ssm.writes("UnlabelParameterVersion", asks=True)
def unlabel_parameter_version(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    removed, bad = labelling.unlabel(call, request["Name"], request["Labels"], request["ParameterVersion"])
    return {"RemovedLabels": removed, "InvalidLabels": bad}


@ssm.writes("DeleteParameter", asks=True)
def delete_parameter(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    changing.delete(call, request["Name"], "ssm:DeleteParameter")
    return {}


@ssm.writes("DeleteParameters", asks=True)
def delete_parameters(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Up to ten at once, all or none as far as leave goes; what is not there is no error."""
    deleted: list[str] = []
    missing: list[str] = []
    for name in dict.fromkeys(request["Names"]):
        try:
            changing.delete(call, name, "ssm:DeleteParameters")
        except error.ParameterNotFound:
            missing.append(name)
        else:
            deleted.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": missing}
