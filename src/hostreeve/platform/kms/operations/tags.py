"""Tags of keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform import groups
from hostreeve.platform.kms.actions import finding, making
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.model.refusals import error
from hostreeve.platform.kms.operations.service import kms, page_of, paged

TAGS_PAGE = 50


@kms.writes("TagResource", asks=True)
def tag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    tags = asked_tags(request["Tags"])
    use = Use("kms:TagResource", facts=request_facts(tags))
    making.tag(call, finding.managed(call, request["KeyId"], use, "kept").key, tags)
    return {}


@kms.writes("UntagResource", asks=True)
def untag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    use = Use("kms:UntagResource", facts={"aws:TagKeys": list(request["TagKeys"])})
    key = finding.managed(call, request["KeyId"], use, "kept").key
    _refuse_reserved(request["TagKeys"])
    groups.remove_tags(call.tx, key.scope, key.arn, request["TagKeys"])
    return {}


@kms.reads("ListResourceTags", asks=True)
def list_resource_tags(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = finding.managed(call, request["KeyId"], Use("kms:ListResourceTags")).key
    page = page_of(request, maximum=TAGS_PAGE, default=TAGS_PAGE)
    tags = groups.tags_of(call.tx, key.scope, key.arn)
    behind = [(name, value) for name, value in tags.items() if name > page.after]
    return paged("Tags", page, behind, lambda tag: tag[0], _shown)


def asked_tags(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The tags of a request. TagException for reserved ones and for one given twice."""
    tags = {tag["TagKey"]: tag["TagValue"] for tag in given}
    if len(tags) < len(given):
        raise error.TagException("A tag key is given twice.")
    _refuse_reserved(list(tags))
    return tags


def request_facts(tags: Mapping[str, str]) -> dict[str, list[str]]:
    """The condition keys of a request that brings these tags."""
    facts = {f"aws:RequestTag/{name}": [value] for name, value in tags.items()}
    return facts | {"aws:TagKeys": list(tags)} if tags else facts


def _refuse_reserved(keys: Sequence[str]) -> None:
    reserved = [key for key in keys if key.lower().startswith(groups.RESERVED)]
    if reserved:
        raise error.TagException(f"Tag keys that begin with {groups.RESERVED} are reserved: {reserved[0]}")


def _shown(tag: tuple[str, str]) -> dict[str, str]:
    return {"TagKey": tag[0], "TagValue": tag[1]}
