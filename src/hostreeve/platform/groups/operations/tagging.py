"""The Resource Groups Tagging API: tags of all kinds of resource, through one service.

Whoever tags needs the right to this service's operation and the right to the one that the resource's own
service has for it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.api.operations import Operations, anything
from hostreeve.platform.groups.actions import kinds, policing, searching
from hostreeve.platform.groups.actions.searching import Resource
from hostreeve.platform.groups.model.queries import TagFilter
from hostreeve.platform.groups.model.tag_rules import Compliance, compliance
from hostreeve.platform.groups.model.tagging import RESERVED, Kind

tagging = Operations("resourcegroupstaggingapi")
error = tagging.errors

PAGE = 50
PAGE_MAX = 100
TAGS_PAGE = 100
TAGS_PAGE_MAX = 500
NAMES_PAGE = 500
"""Keys or values of one answer."""

_TYPE = re.compile(r"[a-z0-9-]+(:[a-zA-Z0-9/._-]+)?")
_ALONE = ("TagFilters", "ResourceTypeFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken")


@tagging.reads("GetResources", on=anything, action="tag:GetResources")
def get_resources(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Resources that have tags, by ARN."""
    if request.get("ExcludeCompliantResources") and not request.get("IncludeComplianceDetails"):
        raise error.InvalidParameterException(
            "ExcludeCompliantResources is for requests with IncludeComplianceDetails."
        )
    if "ResourceARNList" in request:
        return _by_arn(call, request)
    page = _page(request, PAGE, PAGE_MAX)
    filters = [_filter(each) for each in request.get("TagFilters", [])]
    found = searching.tagged(
        call.tx,
        call.scope,
        filters,
        _wanted(request.get("ResourceTypeFilters", [])),
        after=page.after,
        limit=page.limit + 1,
    )
    tags = _tags_of(call, found)
    shown = _within(found[: page.limit], tags, request.get("TagsPerPage"))
    return {
        # A page that the number of tags cut short ends where it was cut.
        "PaginationToken": replace(page, limit=len(shown)).token(found, lambda each: each.arn) or "",
        "ResourceTagMappingList": _mappings(call, request, [each.arn for each in shown], tags),
    }


def _by_arn(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    beside = [member for member in _ALONE if request.get(member)]
    if beside:
        raise error.InvalidParameterException(f"ResourceARNList cannot be combined with {beside[0]}.")
    arns = list(dict.fromkeys(request["ResourceARNList"]))
    here = [Resource(arn, "") for arn in arns if kinds.of_arn(call.scope, arn)]
    tags = _tags_of(call, here)
    found = [each.arn for each in here if each.arn in tags]
    return {
        "PaginationToken": "",
        "ResourceTagMappingList": _mappings(call, request, found, tags),
    }


def _filter(given: Mapping[str, Any]) -> TagFilter:
    if not given.get("Key"):
        raise error.InvalidParameterException("Each of TagFilters needs a Key.")
    return TagFilter((given["Key"],), tuple(given.get("Values", [])))


def _wanted(filters: Sequence[str]) -> list[Kind]:
    """The kinds that `service` or `service:resourcetype` name. One that nobody has finds nothing."""
    for each in filters:
        if not _TYPE.fullmatch(each):
            raise error.InvalidParameterException(
                f"A resource type is written service or service:resourcetype, not {each[:100]}."
            )
    return [kind for kind in kinds.kinds() if not filters or _is_one_of(kind, filters)]


def _is_one_of(kind: Kind, filters: Sequence[str]) -> bool:
    return kind.service_type in filters or kind.service_type.partition(":")[0] in filters


def _within(found: list[Resource], tags: Mapping[str, Mapping[str, str]], most: int | None) -> list[Resource]:
    """As many of these as have at most so many tags together, and one at least."""
    if most is None:
        return found
    if not TAGS_PAGE <= most <= TAGS_PAGE_MAX or most % TAGS_PAGE:
        raise error.InvalidParameterException(
            f"TagsPerPage is a multiple of {TAGS_PAGE}, at most {TAGS_PAGE_MAX}."
        )
    total = 0
    for place, each in enumerate(found):
        total += len(tags.get(each.arn, {}))
        if total > most and place:
            return found[:place]
    return found


def _tags_of(call: Call, found: Sequence[Resource]) -> dict[str, dict[str, str]]:
    return searching.tags_of(call.tx, call.scope, [each.arn for each in found])


def _mappings(
    call: Call, request: Mapping[str, Any], arns: Sequence[str], tags: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Resources with their tags; if asked, with what the account's tag policies say of them.

    Without those that comply, a page may be shorter than asked for, or empty, and others follow.
    """
    if not request.get("IncludeComplianceDetails"):
        return [_mapping(arn, tags) for arn in arns]
    rules = policing.rules_of(call.tx, call.scope.account)
    judged = [(arn, compliance(rules, tags.get(arn, {}))) for arn in arns]
    return [
        _mapping(arn, tags) | {"ComplianceDetails": _details(found)}
        for arn, found in judged
        if not (found and request.get("ExcludeCompliantResources"))
    ]


def _details(found: Compliance) -> dict[str, Any]:
    return {
        "NoncompliantKeys": list(found.keys),
        "KeysWithNoncompliantValues": list(found.values),
        "ComplianceStatus": bool(found),
    }


def _mapping(arn: str, tags: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    listed = [{"Key": key, "Value": value} for key, value in tags.get(arn, {}).items()]
    return {"ResourceARN": arn, "Tags": listed}


def _page(request: Mapping[str, Any], default: int, most: int) -> paging.Page:
    limit = request.get("ResourcesPerPage")
    if limit is not None and not 1 <= limit <= most:
        raise error.InvalidParameterException(f"ResourcesPerPage is 1 to {most}.")
    return paging.read(
        request,
        maximum=most,
        default=default,
        limit_member="ResourcesPerPage",
        token_member="PaginationToken",
        error=error.InvalidParameterException,
    )


@tagging.reads("GetTagKeys", on=anything, action="tag:GetTagKeys")
def get_tag_keys(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """All keys in use, by name."""
    page = _page(request, NAMES_PAGE, NAMES_PAGE)
    found = searching.keys(call.tx, call.scope, after=page.after, limit=page.limit + 1)
    return {"TagKeys": found[: page.limit], "PaginationToken": page.token(found, str) or ""}


@tagging.reads("GetTagValues", on=anything, action="tag:GetTagValues")
def get_tag_values(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """All values of one key, by name."""
    page = _page(request, NAMES_PAGE, NAMES_PAGE)
    after = page.after if request.get("PaginationToken") else None
    found = searching.values_of(call.tx, call.scope, request["Key"], after=after, limit=page.limit + 1)
    return {"TagValues": found[: page.limit], "PaginationToken": page.token(found, str) or ""}


@tagging.writes("TagResources", on=anything, action="tag:TagResources")
def tag_resources(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Each resource succeeds or fails by itself; the failed ones are named."""
    tags = request["Tags"]
    _refuse_reserved(list(tags))
    failed = {arn: why for arn in request["ResourceARNList"] if (why := _tag(call, arn, tags=tags))}
    return {"FailedResourcesMap": failed}


@tagging.writes("UntagResources", on=anything, action="tag:UntagResources")
def untag_resources(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    keys = request["TagKeys"]
    _refuse_reserved(keys)
    failed = {arn: why for arn in request["ResourceARNList"] if (why := _tag(call, arn, gone=keys))}
    return {"FailedResourcesMap": failed}


def _tag(
    call: Call, arn: str, *, tags: Mapping[str, str] | None = None, gone: Sequence[str] = ()
) -> dict[str, Any] | None:
    """What went wrong, or None."""
    kind = kinds.of_arn(call.scope, arn)
    try:
        if kind is None:
            raise error.InvalidParameterException(
                "Resources of this kind, or of another account or Region, cannot be tagged here."
            )
        if tags:
            kind.tag(call, arn, tags)
        if gone:
            kind.untag(call, arn, gone)
    except AwsError as refused:
        return {"StatusCode": refused.status, "ErrorCode": refused.code, "ErrorMessage": refused.message}
    return None


def _refuse_reserved(keys: Sequence[str]) -> None:
    reserved = [key for key in keys if key.lower().startswith(RESERVED)]
    if reserved:
        raise error.InvalidParameterException(
            f"Tag keys that begin with {RESERVED} are reserved: {reserved[0]}"
        )
