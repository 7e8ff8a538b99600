"""What of a request or an answer may be written down: AWS's models say what is secret, and we know more."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hostreeve.api.service_models import OperationModel, Shape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
ITEMS_MAX = 50
"""Of a list; how many more there were is told in words."""
"""What CloudTrail writes in the place of a secret."""

SECRET_NAMES = frozenset(
    {
        "activationcode",
        "agentsecret",
        "authenticationcode1",
        "authenticationcode2",
        "authorizationcode",
        "base32stringseed",
        "clientsecret",
        "newpassword",
        "oldpassword",
        "password",
        "plaintext",
        "privatekey",
        "privatekeyplaintext",
        "qrcodepng",
        "samlassertion",
        "secret",
        "secretaccesskey",
        "secretbinary",
        "secretstring",
        "sessiontoken",
        "snapshotdownloadurl",
        "streamurl",
        "tokencode",
        "tokenvalue",
        "webidentitytoken",
    }
)
"""Members that are secret in every service, in small letters; the models do not mark all of them."""

SECRET_OF_SERVICE = {("ec2messages", "payload"), ("ssmmessages", "token"), ("sts", "tokencode")}
"""Members that are secret in one service only."""

Shown = Callable[[Any], Any]
_shapes: dict[int, Shown] = {}
_models: dict[int, tuple[Shown, Shown]] = {}


def request_shown(model: OperationModel, request: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """CloudTrail's `requestParameters`: member names begin small, secrets are hidden, bytes left out."""
    if not request:
        return None
    shown: dict[str, Any] = _of_model(model)[0](request)
    return shown or None


def answer_shown(model: OperationModel, answer: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """CloudTrail's `responseElements`, likewise."""
    if not answer:
        return None
    shown: dict[str, Any] = _of_model(model)[1](answer)
    return shown or None


def _of_model(model: OperationModel) -> tuple[Shown, Shown]:
    found = _models.get(id(model))
    if found is None:
        asked, told = model.input, model.output
        found = (_structure(asked) if asked else _nothing, _structure(told) if told else _nothing)
        # A model lives as long as the process.
        _models[id(model)] = found
    return found


def _nothing(value: Any) -> Any:
    return {}


def _hidden(value: Any) -> Any:
    return HIDDEN


def _as_is(value: Any) -> Any:
    return value


def _left_out(value: Any) -> Any:
    return msgspec.UNSET


def is_secret(shape: Shape, name: str) -> bool:
    """Whether a member of this name and shape must not be written down."""
    small = name.lower()
    if shape.traits.get("sensitive") or small in SECRET_NAMES:
        return True
    return (shape.service.name, small) in SECRET_OF_SERVICE


def _shown(shape: Shape, name: str = "") -> Shown:
    if is_secret(shape, name):
        return _hidden
    match shape.type:
        case "structure":
            return _structure(shape)
        case "list":
            return _list(shape, name)
        case "map":
            return _map(shape, name)
        case "blob":
            return _left_out
        case _:
            return _as_is


def _structure(shape: Shape) -> Shown:
    found = _shapes.get(id(shape))
    if found is not None:
        return found
    members: dict[str, tuple[str, Shown]] | None = None

    def shown(value: Any) -> Any:
        nonlocal members
        if members is None:
            members = {n: (n[:1].lower() + n[1:], _shown(m, n)) for n, m in shape.members.items()}
        if not isinstance(value, Mapping):
            return msgspec.UNSET
        told: dict[str, Any] = {}
        for name, each in value.items():
            known = members.get(name)
            if known is not None and each is not None:
                made = known[1](each)
                if made is not msgspec.UNSET:
                    told[known[0]] = made
        return told

    _shapes[id(shape)] = shown
    return shown


def _list(shape: Shape, name: str) -> Shown:
    each = _shown(shape.member, name)

    def shown(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return msgspec.UNSET
        made = [each(item) for item in value[:ITEMS_MAX] if item is not None]
        told = [item for item in made if item is not msgspec.UNSET]
        # What a node tells of a thousand packages is data; that it was told is what is recorded.
        return [*told, f"and {len(value) - ITEMS_MAX} more"] if len(value) > ITEMS_MAX else told

    return shown


def _map(shape: Shape, name: str) -> Shown:
    if shape.key.traits.get("sensitive"):
        return _hidden
    each = _shown(shape.value, name)

    def shown(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return msgspec.UNSET
        made = {key: each(item) for key, item in value.items() if item is not None}
        return {key: item for key, item in made.items() if item is not msgspec.UNSET}

    return shown
