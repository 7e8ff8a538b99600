"""Changing parameters: a new one, a new version, none any more."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from hostreeve.api.call import Call
from hostreeve.api.patterns import Pattern
from hostreeve.capabilities.parameters.actions import images, keeping, secrets, telling
from hostreeve.capabilities.parameters.actions.reaching import error, not_found, own, reserved
from hostreeve.capabilities.parameters.model import names, policies, values
from hostreeve.capabilities.parameters.model.names import Named
from hostreeve.capabilities.parameters.model.parameter import ADVANCED, SECURE, Parameter
from hostreeve.capabilities.parameters.model.policies import Policy
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, settings

PUT = "ssm:PutParameter"
EXISTS = (
    "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
)
NO_TYPE = "A parameter type is required when you create a parameter."
TAGS_AND_OVERWRITE = (
    "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
    "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
    "RemoveTagsFromResource."
)
NO_POLICIES = "Parameter policies need the advanced-parameter tier."
DOWNGRADE = (
    "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
    "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
    "parameter and recreate it as a standard parameter."
)
OTHER_TYPE = (
    "Parameter Store does not support changing a parameter type: this parameter is a {current}, not a "
    "{wanted}. Create a new parameter with a name of its own."
)


def put(call: Call, request: Mapping[str, Any]) -> Parameter:
    """Create a parameter, or with Overwrite append a version to it."""
    named = _named(call, request)
    current = store.find(call.tx, named.scope, named.path)
    _check_request(request, named, current)
    value = request["Value"].encode()
    kept = policies.renewed(current.policies) if current else ()
    attached = _policies(request["Policies"], call.now_ms) if "Policies" in request else kept
    made = Parameter(
        account=named.account,
        region=named.region,
        path=named.path,
        name=current.name if current else named.name,
        version=current.version + 1 if current else 1,
        type=current.type if current else request["Type"],
        tier=_tier(call, request, current, value, attached),
        data_type=request.get("DataType") or (current.data_type if current else values.TEXT),
        key_id="",
        description=_carried(request, current, "Description", "description"),
        allowed_pattern=_carried(request, current, "AllowedPattern", "allowed_pattern"),
        policies=attached,
        modified_ms=call.now_ms,
        modified_by=call.principal.arn,
        value=value,
    )
    _check_made(made, request)
    made = _sealed(call, made, _carried(request, current, "KeyId", "key_id"))
    tags = _tags(call, made, request)
    if made.data_type == values.IMAGE:
        return images.offer(call.tx, made, tags, overwrites=bool(request.get("Overwrite")))
    if current:
        keeping.append(call.tx, made)
    else:
        keeping.create(call.tx, made, tags)
    telling.changed(call.tx, made, "Update" if current else "Create", call.now_ms)
    return made


def delete(call: Call, text: str, action: str) -> Parameter:
    """The parameter that is gone now. ParameterNotFound."""
    named = own(call, action, text)
    found = store.find(call.tx, named.scope, named.path) if named and not named.selector else None
    if found is None:
        raise not_found(text)
    remove(call.tx, found)
    telling.changed(call.tx, found, "Delete", call.now_ms)
    return found


def remove(tx: Transaction, parameter: Parameter) -> None:
    store.delete(tx, parameter.scope, parameter.path)
    groups.forget(tx, parameter.scope, parameter.arn)


def _named(call: Call, request: Mapping[str, Any]) -> Named:
    """The name, once it is known that the caller may write there. Reserved names are refused first."""
    if ":" in request["Name"]:
        raise error.ValidationException(names.PREFIXED)
    named = names.read(call.scope.account, call.scope.region, request["Name"])
    context = {
        "ssm:Overwrite": ["true" if request.get("Overwrite") else "false"],
        "ssm:Policies": ["true" if request.get("Policies") else "false"],
    }
    if request.get("Tags"):
        context["aws:TagKeys"] = [tag["Key"] for tag in request["Tags"]]
        context |= {f"aws:RequestTag/{tag['Key']}": [tag["Value"]] for tag in request["Tags"]}
    allowed = own(call, PUT, request["Name"], context)
    wrong = names.wrong_with(named)
    if wrong or named is None:
        raise error.ValidationException(wrong)
    if names.is_reserved(named):
        raise reserved(named.name) if names.is_closed(named) else error.ValidationException(names.PREFIXED)
    if names.levels(named) > names.LEVELS_MAX:
        raise error.HierarchyLevelLimitExceededException(
            f"A parameter name can have {names.LEVELS_MAX} levels; this one has {names.levels(named)}."
        )
    assert allowed == named, f"leave was asked for {allowed}, not for {named}"
    return named


def _check_request(request: Mapping[str, Any], named: Named, current: Parameter | None) -> None:
    """What can be said before anything new is made."""
    if request.get("Tags") and request.get("Overwrite"):
        raise error.ValidationException(TAGS_AND_OVERWRITE)
    if current and not request.get("Overwrite"):
        raise error.ParameterAlreadyExists(EXISTS)
    type_ = request.get("Type") or (current.type if current else None)
    if type_ is None:
        raise error.ValidationException(NO_TYPE)
    if current and type_ != current.type:
        raise error.HierarchyTypeMismatchException(OTHER_TYPE.format(current=current.type, wanted=type_))
    if request.get("KeyId") and type_ != SECURE:
        raise error.ValidationException("KeyId is required for SecureString type parameter only.")
    if named.is_public and type_ == SECURE:
        raise error.UnsupportedParameterType("What is public cannot be a SecureString.")
    if named.is_public and request.get("Tags"):
        raise error.ValidationException("What is public belongs to no account and has no tags.")
    wrong = values.wrong_with_value(request["Value"].encode(), request["Value"])
    if wrong:
        raise error.ValidationException(wrong)


def _check_made(made: Parameter, request: Mapping[str, Any]) -> None:
    """What can be said once it is known what the version would be."""
    if len(made.value) > values.VALUE_BYTES_MAX[made.tier]:
        raise error.ValidationException(values.TOO_LARGE)
    if made.policies and made.tier != ADVANCED:
        raise error.ValidationException(NO_POLICIES)
    wrong = values.wrong_with_data_type(made.data_type, made.type, made.path)
    if wrong:
        raise error.ValidationException(wrong)
    _check_pattern(made.allowed_pattern, request["Value"])


def _check_pattern(pattern: str, value: str) -> None:
    if not pattern:
        return
    try:
        compiled = Pattern(pattern)
    except ValueError as wrong:
        raise error.InvalidAllowedPatternException(f"The allowed pattern can't be used: {wrong}.") from None
    try:
        matches = compiled.matches(value)
    except ValueError as wrong:
        raise error.InvalidAllowedPatternException(f"The allowed pattern can't be used: {wrong}.") from None
    if not matches:
        raise error.ParameterPatternMismatchException(
            f"Parameter value, cannot be validated against allowedPattern: {pattern}"
        )


def _policies(text: str, now_ms: int) -> tuple[Policy, ...]:
    try:
        return policies.read(text, now_ms)
    except policies.Refused as wrong:
        _refuse(wrong.code, str(wrong))


def _refuse(code: str, message: str) -> NoReturn:
    raise getattr(error, code)(message)


def _tier(
    call: Call,
    request: Mapping[str, Any],
    current: Parameter | None,
    value: bytes,
    attached: Sequence[Policy],
) -> str:
    wanted = request.get("Tier")
    if wanted is None and current is None:
        wanted = settings.value_of(call.tx, call.scope, values.DEFAULT_TIER)
    try:
        return values.tier_of(
            wanted,
            current.tier if current else None,
            size_bytes=len(value),
            has_policies=bool(attached),
        )
    except values.Downgrade:
        raise error.ValidationException(DOWNGRADE) from None


def _carried(request: Mapping[str, Any], current: Parameter | None, member: str, attribute: str) -> str:
    """What the request says, else what the version before said. An empty text ends it."""
    if member in request:
        return str(request[member])
    return str(getattr(current, attribute)) if current else ""


def _sealed(call: Call, made: Parameter, key_id: str) -> Parameter:
    # A new version stays under its key unless told otherwise: Terraform names the key only when it changes.
    return secrets.sealed(call, made, key_id or secrets.DEFAULT_KEY) if made.is_secure else made


def _tags(call: Call, made: Parameter, request: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a new parameter, if the caller may give it some."""
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
    if tags:
        call.require("ssm:AddTagsToResource", [made.arn])
    return tags
