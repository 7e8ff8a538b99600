"""What of a step's inputs is written down: secrets that it hands to an operation are not."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import Shape
from hostreeve.gateway.within import named
from hostreeve.platform import audit

CALLS = frozenset({"aws:executeAwsApi", "aws:assertAwsResourceProperty", "aws:waitForAwsResourceProperty"})


def shown(action: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs as they may be seen: members that the operation's model knows as secrets are hidden."""
    if action not in CALLS:
        return inputs
    try:
        shape = named(str(inputs.get("Service", "")), str(inputs.get("Api", ""))).input
    except AwsError:
        # The step fails with it in a moment.
        shape = None
    return _masked(shape, inputs) if shape is not None else inputs


def _masked(shape: Shape, value: Any) -> Any:
    if isinstance(value, list) and shape.type == "list":
        return [_masked(shape.member, item) for item in value]
    if isinstance(value, dict) and shape.type == "map":
        return {name: _masked(shape.value, item) for name, item in value.items()}
    if not isinstance(value, Mapping) or shape.type != "structure":
        return value
    members = {name.lower(): member for name, member in shape.members.items()}
    found = {}
    for name, item in value.items():
        member = members.get(name.lower())
        if member is not None and audit.is_secret(member, name):
            found[name] = audit.HIDDEN
        else:
            found[name] = item if member is None else _masked(member, item)
    return found
