"""Reading parameters: by name, by several names, under a path; their past, and what their references mean."""

from collections.abc import Sequence

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.capabilities.parameters.actions import secrets
from hostreeve.capabilities.parameters.actions.reaching import error, not_found, reach
from hostreeve.capabilities.parameters.model.names import Named
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.persistence.database import Transaction


def fetch(call: Call, text: str, action: str) -> tuple[Parameter, Named]:
    """The version that `text` selects. ParameterNotFound, ParameterVersionNotFound, AccessDeniedException."""
    named = reach(call, action, text)
    found = find(call.tx, named) if named else None
    if named is None or found is None:
        raise not_found(text)
    return found, named


def fetch_many(call: Call, texts: Sequence[str], action: str) -> list[tuple[str, Named, Parameter | None]]:
    """What each text selects, None where there is nothing. The caller must be allowed to reach them all."""
    asked = [(text, reach(call, action, text)) for text in texts]
    wanted = [(text, named) for text, named in asked if named is not None]
    newest: dict[tuple[str, str], Parameter] = {}
    for scope in {named.scope for _, named in wanted}:
        paths = [named.path for _, named in wanted if named.scope == scope]
        for path, found in store.find_many(call.tx, scope, paths).items():
            newest[scope.account, path] = found
    return [(text, named, _selected(call.tx, named, newest)) for text, named in wanted]


def find(tx: Transaction, named: Named) -> Parameter | None:
    """The version that the selector chooses, the newest without one; None: there is no such parameter.

    ParameterVersionNotFound when the parameter has no such version or label.
    """
    current = store.find(tx, named.scope, named.path)
    if current is None or not named.selector:
        return current
    return _version(tx, current, named)


def value(call: Call, parameter: Parameter, *, decrypted: bool) -> str:
    """The value as it is shown: in clear when it is no secret, or when the caller wants it and may."""
    if parameter.is_secure and decrypted:
        return secrets.opened(call, parameter)
    return parameter.opaque


def version(tx: Transaction, current: Parameter, number: int) -> Parameter | None:
    if number == current.version:
        return current
    return next(iter(store.past_versions(tx, current, exactly=number)), None)


def _selected(tx: Transaction, named: Named, newest: dict[tuple[str, str], Parameter]) -> Parameter | None:
    current = newest.get((named.account, named.path))
    if current is None or not named.selector:
        return current
    try:
        return _version(tx, current, named)
    except error.ParameterVersionNotFound:
        return None


def _version(tx: Transaction, current: Parameter, named: Named) -> Parameter:
    selected = named.selector[1:]
    if selected.isdigit():
        number: int | None = int(selected) if len(selected) < 16 else None
    else:
        number = store.label_version(tx, named.scope, named.path, selected)
    found = version(tx, current, number) if number is not None else None
    if found is None:
        raise no_version(selected, current.name)
    return found


def no_version(selected: str, name: str) -> AwsError:
    kind = "version" if selected.isdigit() else "label"
    return error.ParameterVersionNotFound(
        f"Systems Manager could not find {kind} {selected} of {name}. Verify the {kind} and try again."
    )
