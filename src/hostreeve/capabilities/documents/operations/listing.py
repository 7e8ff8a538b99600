"""Lists of documents: one's own, AWS's and what others share, narrowed by filters."""

import heapq
from collections.abc import Iterator
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.model import owned
from hostreeve.capabilities.documents.model.document import (
    OWNER_AMAZON,
    DocumentVersion,
    identified,
    reference,
)
from hostreeve.capabilities.documents.model.sharing import EVERYBODY, as_guest
from hostreeve.capabilities.documents.operations.service import next_page, ssm, tag_list
from hostreeve.capabilities.documents.store import documents as store
from hostreeve.capabilities.documents.store import sharing as shares
from hostreeve.platform import groups

_OWNERS = ("Self", "Amazon", "Public", "Private", "ThirdParty")
_KEYS = frozenset({"Owner", "Name", "PlatformTypes", "DocumentType", "TargetType", "SearchKeyword"})


@ssm.reads("ListDocuments", on=anything)
def list_documents(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    page = paging.read(request, error=error.InvalidNextToken)
    wanted = _filters(request)
    found: list[DocumentVersion] = []
    for document in _visible(call, page.after, wanted.pop("Owner", [""])[0]):
        if all(_matches(call, document, key, values) for key, values in wanted.items()):
            found.append(document)
            if len(found) > page.limit:
                break
    token = page.token(found, lambda one: one.name)
    tags = groups.tags_of_many(call.tx, call.scope, [one.arn for one in found[: page.limit]])
    listed = [identified(one) | {"Tags": tag_list(tags.get(one.arn, {}))} for one in found[: page.limit]]
    return {"DocumentIdentifiers": listed} | next_page(token)


def _filters(request: dict[str, Any]) -> dict[str, list[str]]:
    """Both forms of filters as one: key to values. All keys must match, by any of their values."""
    wanted: dict[str, list[str]] = {}
    for one in request.get("DocumentFilterList", []):
        wanted.setdefault(one["key"], []).append(one["value"])
    for one in request.get("Filters", []):
        key, values = one.get("Key", ""), one.get("Values") or []
        if key in wanted:
            raise error.InvalidFilterKey(f"The filter {key} is given twice.")
        wanted[key] = values
    tags = [key for key in wanted if key.startswith("tag:") and len(key) > len("tag:")]
    unknown = set(wanted) - _KEYS
    if unknown - set(tags) or len(tags) > 1:
        raise error.InvalidFilterKey(f"The filter {min(unknown)} is not valid here.")
    empty = [key for key, values in wanted.items() if not values and key not in tags]
    if empty:
        raise error.ValidationException(f"The filter {empty[0]} needs values.")
    if any(owner not in _OWNERS for owner in wanted.get("Owner", [])) or len(wanted.get("Owner", [])) > 1:
        raise error.ValidationException(f"The filter Owner takes one of {', '.join(_OWNERS)}.")
    return wanted


def _visible(call: Call, after: str, owner: str) -> Iterator[DocumentVersion]:
    """Every document that the account sees and `owner` ("" for any) selects, by the name it is shown by.

    Private is what is one's own or shared with this very account; Public what everybody may use.
    """
    streams: list[Iterator[DocumentVersion]] = []
    if owner in ("", "Self", "Private"):
        streams.append(store.walk(call.tx, call.scope, after=after))
    if owner in ("", "Amazon", "Public"):
        streams.append(_amazon(call, after))
    if owner in ("", "Private"):
        streams.append(_shared(call, after, call.scope.account))
    if owner in ("", "Public", "ThirdParty"):
        streams.append(_shared(call, after, EVERYBODY))
    last = ""
    for document in heapq.merge(*streams, key=lambda one: one.name):
        if document.name != last:
            yield document
        last = document.name


def _amazon(call: Call, after: str) -> Iterator[DocumentVersion]:
    for name in owned.names():
        if name > after:
            document = owned.find(name, call.scope.region)
            assert document is not None, f"{name} is listed among the owned documents but has no version"
            yield document


def _shared(call: Call, after: str, guest: str) -> Iterator[DocumentVersion]:
    """What others share with the account or with everybody, as guests see it, by ARN."""
    start = reference(after) if after.startswith("arn:") else None
    behind = (start.account or "", start.name) if start else ("", "")
    if after and start is None and after > "arn:":
        return
    for document in shares.walk_shared(call.tx, call.scope, guest, after=behind):
        yield as_guest(document)


def _matches(call: Call, document: DocumentVersion, key: str, values: list[str]) -> bool:
    if key.startswith("tag:"):
        if document.owner != call.scope.account:
            return False
        tags = groups.tags_of(call.tx, call.scope, document.arn)
        value = tags.get(key.removeprefix("tag:"))
        return value is not None and (not values or value in values)
    if key == "Name":
        return any(name.startswith(value) for value in values for name in (document.name, document.bare_name))
    if key == "PlatformTypes":
        return any(value in document.platform_types for value in values)
    if key == "DocumentType":
        return document.document_type in values
    if key == "TargetType":
        return document.target_type in values
    return any(_is_about(document, value.lower()) for value in values)


def _is_about(document: DocumentVersion, word: str) -> bool:
    """A console's search: the word stands in the name, in the name that is displayed, or in the owner's."""
    owner = document.owner if document.owner == OWNER_AMAZON else ""
    return any(word in text.lower() for text in (document.name, document.display_name or "", owner))
