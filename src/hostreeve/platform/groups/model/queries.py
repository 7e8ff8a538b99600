"""What a group's members are, as a query says it: by tags, or by the stack that made them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service

error = ServiceErrors(service("resource-groups"))

TAGS, STACK = "TAG_FILTERS_1_0", "CLOUDFORMATION_STACK_1_0"
ALL_TYPES = "AWS::AllSupported"

KEYS_MAX, VALUES_MAX = 50, 20
"""Of one query and of one key, as the tagging API's GetResources takes them."""

_TYPE = re.compile(r"AWS::(AllSupported|[a-zA-Z0-9]+::[a-zA-Z0-9]+)")
_STACK = re.compile(r"arn:aws[\w-]*:cloudformation:[\w-]+:\d{12}:stack/[^/\s]+/[^/\s]+")


class TagFilter(Struct, frozen=True):
    """A tag with one of the keys (none: any) and one of the values (none: any)."""

    keys: tuple[str, ...]
    values: tuple[str, ...] = ()


class Query(Struct, frozen=True, kw_only=True):
    """A query, read. `types` are CloudFormation's names, empty for all; `stack` is the ARN of its stack."""

    types: tuple[str, ...] = ()
    filters: tuple[TagFilter, ...] = ()
    stack: str = ""


def read(asked: Mapping[str, Any]) -> Query:
    """The query of a request's ResourceQuery. BadRequestException says what is wrong with it."""
    try:
        found = msgspec.json.decode(asked["Query"])
    except (msgspec.DecodeError, RecursionError):
        raise _wrong("it is no JSON") from None
    if not isinstance(found, dict):
        raise _wrong("it is no JSON object")
    if asked["Type"] == STACK:
        _check_members(found, {"ResourceTypeFilters", "StackIdentifier"})
        stack = found.get("StackIdentifier")
        if not isinstance(stack, str) or not _STACK.fullmatch(stack):
            raise _wrong("StackIdentifier must be the ARN of a CloudFormation stack")
        return Query(types=_types(found), stack=stack)
    _check_members(found, {"ResourceTypeFilters", "TagFilters"})
    return Query(types=_types(found), filters=_filters(found.get("TagFilters", [])))


def _check_members(found: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise _wrong(f"it has the unknown member {unknown[0][:100]}")


def _types(found: Mapping[str, Any]) -> tuple[str, ...]:
    types = found.get("ResourceTypeFilters")
    if not _are_texts(types) or not types:
        raise _wrong(f"ResourceTypeFilters must list resource types such as {ALL_TYPES}")
    for each in types:
        if not _TYPE.fullmatch(each):
            raise _wrong(f"{each[:100]} is no resource type")
    if ALL_TYPES in types:
        return ()
    return tuple(dict.fromkeys(types))


def _filters(given: Any) -> tuple[TagFilter, ...]:
    if not isinstance(given, list):
        raise _wrong("TagFilters must be a list")
    if len(given) > KEYS_MAX:
        raise _wrong(f"TagFilters can have {KEYS_MAX} keys")
    return tuple(_filter(each) for each in given)


def _filter(each: Any) -> TagFilter:
    if not isinstance(each, dict) or not set(each) <= {"Key", "Values"}:
        raise _wrong("each of TagFilters must have Key and may have Values")
    key, values = each.get("Key"), each.get("Values", [])
    if not isinstance(key, str) or not 1 <= len(key) <= 128 or "\x00" in key:
        raise _wrong("a tag's Key must have 1 to 128 characters")
    if not _are_texts(values) or len(values) > VALUES_MAX:
        raise _wrong(f"Values of {key} must list at most {VALUES_MAX} texts")
    if any(len(value) > 256 or "\x00" in value for value in values):
        raise _wrong(f"a value of {key} is no tag's value: those have at most 256 characters")
    return TagFilter((key,), tuple(values))


def _are_texts(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def _wrong(reason: str) -> Exception:
    refused: Exception = error.BadRequestException(f"Query not valid: {reason}.")
    return refused


def allows(types: Sequence[str], type_name: str) -> bool:
    """Whether a list of types, in any case, has this one; the empty list is all."""
    return not types or type_name.lower() in {each.lower() for each in types}
