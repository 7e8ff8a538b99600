"""Filters of lists: what may be asked, read into conditions that the store and the tags can answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.parameters.model.names import parent_of, read
from hostreeve.capabilities.parameters.model.parameter import Parameter

error = ServiceErrors(service("ssm"))

_DESCRIBES: Mapping[str, tuple[str, ...]] = {
    "Name": ("BeginsWith", "Equals", "Contains"),
    "Type": ("BeginsWith", "Equals"),
    "KeyId": ("BeginsWith", "Equals"),
    "Path": ("Recursive", "OneLevel"),
    "Tier": ("Equals",),
    "DataType": ("Equals",),
}
_BY_PATH: Mapping[str, tuple[str, ...]] = {
    "Type": ("BeginsWith", "Equals"),
    "KeyId": ("BeginsWith", "Equals"),
    "Label": ("Equals",),
}
_KNOWN = {
    "Type": ("String", "StringList", "SecureString"),
    "Tier": ("Standard", "Advanced", "Intelligent-Tiering"),
}


class Filter(Struct, frozen=True):
    """One condition: `key` of a parameter is like any of `values` in this `way`. Tags may have none."""

    key: str
    way: str
    values: tuple[str, ...]


def described(request: Mapping[str, Any]) -> list[Filter]:
    """The filters of DescribeParameters, in either of the two forms. All of them must hold."""
    old, new = request.get("Filters"), request.get("ParameterFilters")
    if old and new:
        raise error.ValidationException("You can use either Filters or ParameterFilters in a single request.")
    if old:
        found = [Filter(each["Key"], "BeginsWith", tuple(each["Values"])) for each in old]
        _refuse_doubles([each.key for each in found])
        return found
    return _filters(new or [], _DESCRIBES, tags=True)


def by_path(request: Mapping[str, Any]) -> list[Filter]:
    """The filters of GetParametersByPath."""
    return _filters(request.get("ParameterFilters") or [], _BY_PATH, tags=False)


def _filters(
    given: Sequence[Mapping[str, Any]], allowed: Mapping[str, tuple[str, ...]], *, tags: bool
) -> list[Filter]:
    _refuse_doubles([each["Key"] for each in given])
    return [_filter(each, allowed, tags=tags) for each in given]


def _filter(given: Mapping[str, Any], allowed: Mapping[str, tuple[str, ...]], *, tags: bool) -> Filter:
    key, values = given["Key"], tuple(given.get("Values") or ())
    is_tag = key.startswith("tag:")
    ways = ("Equals",) if is_tag and tags else allowed.get(key)
    if ways is None:
        raise error.InvalidFilterKey(f"The filter key {key} is not valid here.")
    way = given.get("Option") or ("OneLevel" if key == "Path" else "Equals")
    if way not in ways:
        options = ", ".join(ways)
        raise error.InvalidFilterOption(
            f"The following filter option is not valid: {way}. Valid options include: [{options}]"
        )
    if not values and not is_tag:
        raise error.InvalidFilterValue(f"The following filter values are missing : null for filter key {key}")
    _check_values(key, way, values)
    return Filter(key, way, values)


def _check_values(key: str, way: str, values: tuple[str, ...]) -> None:
    known = _KNOWN.get(key) if way == "Equals" else None
    wrong = [value for value in values if known and value not in known]
    if wrong:
        raise error.InvalidFilterValue(f"The filter {key} does not take the value {wrong[0]!r}.")
    if key == "Path":
        for value in values:
            check_path(value)


def matches(each: Filter, parameter: Parameter) -> bool:
    """Whether another account's parameter passes. Names may be ARNs; tags are its owner's business."""
    if each.key.startswith("tag:"):
        return False
    if each.key == "Path":
        return any(_is_below(parameter.path, check_path(value), each.way) for value in each.values)
    texts = {
        "Name": (parameter.name, parameter.path, parameter.arn),
        "Type": (parameter.type,),
        "KeyId": (parameter.key_id,),
        "Tier": (parameter.tier,),
        "DataType": (parameter.data_type,),
    }[each.key]
    return any(_WAYS[each.way](text, value) for text in texts for value in each.values)


_WAYS: Mapping[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "BeginsWith": str.startswith,
    "Contains": str.__contains__,
}


def _is_below(path: str, above: str, way: str) -> bool:
    return path.startswith(f"{above.rstrip('/')}/") if way == "Recursive" else parent_of(path) == above


def check_path(path: str) -> str:
    """The path without its last slash. ValidationException when it is none."""
    trimmed = path.rstrip("/") or "/"
    named = read("", "", trimmed)
    if not path.startswith("/") or "//" in path or named is None or named.selector:
        raise _no_path(path)
    return trimmed


def _no_path(path: str) -> AwsError:
    return error.ValidationException(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a "
        'forward slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only '
        "letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). "
        f"Path: {path[:128]!r}"
    )


def _refuse_doubles(keys: Sequence[str]) -> None:
    doubles = [key for key in keys if keys.count(key) > 1]
    if doubles:
        raise error.InvalidFilterKey(f"The filter {doubles[0]} is given more than once.")
