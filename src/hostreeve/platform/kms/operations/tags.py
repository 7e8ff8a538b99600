"""Tags of keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform import groups
from hostreeve.platform.kms.actions import finding, tagging
from hostreeve.platform.kms.actions.allowing import Use
from hostreeve.platform.kms.model.refusals import error
from hostreeve.platform.kms.operations.service import kms, page_of, paged

TAGS_PAGE = 50


@kms.writes("TagResource", asks=True)
def tag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    tagging.tag(call, request["KeyId"], asked_tags(request["Tags"]))
    return {}


@kms.writes("UntagResource", asks=True)
def untag_resource(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    tagging.untag(call, request["KeyId"], request["TagKeys"])
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
    tagging.refuse_reserved(list(tags))
    return tags


def _shown(tag: tuple[str, str]) -> dict[str, str]:
    return {"TagKey": tag[0], "TagValue": tag[1]}
