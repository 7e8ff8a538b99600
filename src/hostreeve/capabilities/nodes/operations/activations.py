"""Activations: an id and a code with which machines become managed nodes."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.nodes.actions.finding import TAGGABLE
from hostreeve.capabilities.nodes.actions.joining import require_role
from hostreeve.capabilities.nodes.model import (
    ACTIVATION_DEFAULT_MS,
    ACTIVATION_MAX_MS,
    REGISTRATIONS_DEFAULT,
    Activation,
    code_hash,
    new_activation_code,
)
from hostreeve.capabilities.nodes.operations.service import error, ssm
from hostreeve.capabilities.nodes.store import activations as store
from hostreeve.platform import groups
from hostreeve.platform.groups import RESERVED, TAGS_MAX


@ssm.writes("CreateActivation", on=anything)
def create_activation(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The only time that the code is told: it is stored as a hash."""
    require_role(call, request["IamRole"])
    tags = _tags(request)
    groups.refuse_unruly(call.tx, call.scope.account, TAGGABLE.service_type, tags)
    code = new_activation_code(call.world)
    activation = Activation(
        account=call.scope.account,
        region=call.scope.region,
        activation_id=call.world.uuid(),
        code_hash=code_hash(code),
        description=request.get("Description", ""),
        default_instance_name=request.get("DefaultInstanceName", ""),
        iam_role=request["IamRole"],
        registration_limit=request.get("RegistrationLimit", REGISTRATIONS_DEFAULT),
        registrations_count=0,
        expires_ms=_expiry_ms(call, request),
        created_ms=call.now_ms,
        tags=tags,
    )
    store.insert(call.tx, activation)
    return {"ActivationId": activation.activation_id, "ActivationCode": code}


@ssm.reads("DescribeActivations", on=anything)
def describe_activations(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, error=error.InvalidNextToken)
    filters = [
        (each.get("FilterKey", ""), each.get("FilterValues", [])) for each in request.get("Filters", [])
    ]
    if any(name not in store.FILTERS or not values for name, values in filters):
        raise error.InvalidFilter("A filter needs a key and at least one value.")
    found = store.select(call.tx, call.scope, filters, after=page.parts(int, str), limit=page.limit + 1)
    return {
        "ActivationList": [_described(each, call.now_ms) for each in found[: page.limit]],
        "NextToken": page.token(found, lambda each: (each.created_ms, each.activation_id)),
    }


@ssm.writes("DeleteActivation", on=anything)
def delete_activation(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """No machine registers with it any more; those that did remain."""
    if not store.delete(call.tx, call.scope, request["ActivationId"]):
        raise error.InvalidActivation(f"There is no activation {request['ActivationId']}.")
    return {}


def _expiry_ms(call: Call, request: dict[str, Any]) -> int:
    if "ExpirationDate" not in request:
        return call.now_ms + ACTIVATION_DEFAULT_MS
    expires_ms = round(float(request["ExpirationDate"]) * 1000)
    if not call.now_ms < expires_ms <= call.now_ms + ACTIVATION_MAX_MS:
        raise error.ValidationException("The expiration date must lie in the next 30 days.")
    return expires_ms


def _tags(request: dict[str, Any]) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    if len(tags) > TAGS_MAX:
        raise error.ValidationException(f"A node has at most {TAGS_MAX} tags.")
    if any(key.lower().startswith(RESERVED) for key in tags):
        raise error.ValidationException(f"Tag keys that begin with {RESERVED} are reserved.")
    return tags


def _described(activation: Activation, now_ms: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "ActivationId": activation.activation_id,
        "IamRole": activation.iam_role,
        "RegistrationLimit": activation.registration_limit,
        "RegistrationsCount": activation.registrations_count,
        "ExpirationDate": activation.expires_ms / 1000,
        "Expired": activation.expires_ms <= now_ms,
        "CreatedDate": activation.created_ms / 1000,
        "Tags": [{"Key": key, "Value": value} for key, value in activation.tags.items()],
    }
    texts = {
        "Description": activation.description,
        "DefaultInstanceName": activation.default_instance_name,
    }
    return described | {name: text for name, text in texts.items() if text}
