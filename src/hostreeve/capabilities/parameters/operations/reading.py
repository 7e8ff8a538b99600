"""One parameter, several, those under a path, and the past of one."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.capabilities.parameters.actions import listing, reading
from hostreeve.capabilities.parameters.actions.reaching import not_found, reach
from hostreeve.capabilities.parameters.model import filters, names
from hostreeve.capabilities.parameters.model.parameter import past, shown
from hostreeve.capabilities.parameters.operations.service import error, ssm, token_at
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.kernel.scope import Scope


@ssm.reads("GetParameter", asks=True)
def get_parameter(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The value that a name, with or without a selector, stands for."""
    found, named = reading.fetch(call, request["Name"], "ssm:GetParameter")
    value = reading.value(call, found, decrypted=request.get("WithDecryption", False))
    return {"Parameter": shown(found, value, named.selector)}


@ssm.reads("GetParameters", asks=True)
def get_parameters(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Up to ten values at once; what is not there is no error."""
    texts = request["Names"]
    if len(set(texts)) < len(texts):
        raise error.ValidationException("Duplicate parameter names are not supported in a request.")
    asked = reading.fetch_many(call, texts, "ssm:GetParameters")
    decrypted = request.get("WithDecryption", False)
    found = [
        shown(parameter, reading.value(call, parameter, decrypted=decrypted), named.selector)
        for _, named, parameter in asked
        if parameter is not None
    ]
    there = {text for text, _, parameter in asked if parameter is not None}
    return {
        "Parameters": sorted(found, key=lambda one: (one["Name"], one["Version"])),
        "InvalidParameters": [text for text in texts if text not in there],
    }


@ssm.reads("GetParametersByPath", asks=True)
def get_parameters_by_path(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What lies below a path. Leave is asked for the path alone: whoever may read it may read all below."""
    recursive = request.get("Recursive", False)
    context = {"ssm:Recursive": ["true" if recursive else "false"]}
    call.require("ssm:GetParametersByPath", [names.path_arn(call.scope, request["Path"])], context)
    path = filters.check_path(request["Path"])
    page = paging.read(request, maximum=10, error=error.InvalidNextToken)
    scope = Scope("", call.scope.region) if f"{path}/".startswith(names.PUBLIC) else call.scope
    wanted = filters.by_path(request)
    (after,) = page.parts(str)
    found, seen = listing.under(call.tx, scope, path, wanted, recursive=recursive, page=(after, page.limit))
    decrypted = request.get("WithDecryption", False)
    return {
        "Parameters": [shown(one, reading.value(call, one, decrypted=decrypted)) for one in found]
    } | token_at(page, seen)


@ssm.reads("GetParameterHistory", asks=True)
def get_parameter_history(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Every version that is kept, the oldest first."""
    page = paging.read(request, error=error.InvalidNextToken)
    (after,) = page.parts(int)
    named = reach(call, "ssm:GetParameterHistory", request["Name"])
    current = store.find(call.tx, named.scope, named.path) if named and not named.selector else None
    if current is None:
        raise not_found(request["Name"])
    found = store.past_versions(call.tx, current, after=after, limit=page.limit + 1)
    if len(found) <= page.limit and current.version > after:
        found.append(current)
    marks = store.labels(call.tx, current.scope, current.path)
    decrypted = request.get("WithDecryption", False)
    listed = [
        past(
            one,
            reading.value(call, one, decrypted=decrypted),
            [label for label, number in marks.items() if number == one.version],
        )
        for one in found[: page.limit]
    ]
    token = page.token(found, lambda one: one.version)
    return {"Parameters": listed} | ({"NextToken": token} if token else {})
