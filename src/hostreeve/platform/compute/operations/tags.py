"""Tags of EC2's resources: CreateTags, DeleteTags, DescribeTags."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform import groups
from hostreeve.platform.compute.actions import instances, tagging
from hostreeve.platform.compute.model import filters as model
from hostreeve.platform.compute.operations.service import dry_run, ec2, error, page_of

RESOURCES_MAX = 1000


@ec2.writes("CreateTags", asks=True)
def create_tags(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """All resources get all tags, or none gets any."""
    tags = {each.get("Key", ""): each.get("Value", "") for each in request["Tags"]}
    tagging.require(call, "ec2:CreateTags", _resources(request), groups.tag_facts(tags))
    dry_run(request)
    if not tags:
        raise error.MissingParameter("The request must contain the parameter Tags")
    for key, value in tags.items():
        _check(key, value)
    tagging.tag(call, request["Resources"], tags)
    return {}


@ec2.writes("DeleteTags", asks=True)
def delete_tags(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Tags that are not there, or that have another value than the one given, are no error."""
    tags = request.get("Tags") or None
    keys = [each.get("Key", "") for each in tags or ()]
    tagging.require(call, "ec2:DeleteTags", _resources(request), {"aws:TagKeys": keys} if keys else {})
    dry_run(request)
    for key in keys:
        _check(key, "")
    tagging.untag(call, request["Resources"], tags)
    return {}


def _resources(request: Mapping[str, Any]) -> list[str]:
    found = list(request["Resources"])
    if not found:
        raise error.MissingParameter("The request must contain the parameter resourceIdSet")
    if len(found) > RESOURCES_MAX:
        raise error.InvalidParameterValue(f"At most {RESOURCES_MAX} resources are tagged at once.")
    return found


def _check(key: str, value: str) -> None:
    if not 1 <= len(key) <= 128 or "\x00" in key:
        raise error.InvalidParameterValue(
            f"Tag key exceeds the maximum length of 128 characters: '{key[:128]}'"
            if key
            else "Tag key cannot be empty."
        )
    if len(value) > 256 or "\x00" in value:
        raise error.InvalidParameterValue("Tag value exceeds the maximum length of 256 characters.")


class _Tag(NamedTuple):
    resource_id: str
    key: str
    value: str


_FILTERS = ("key", "resource-id", "resource-type", "value")


@ec2.reads("DescribeTags", on=anything)
def describe_tags(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Tags by resource and key."""
    dry_run(request)
    page, filters = page_of(request), model.read(request.get("Filters", []))
    for name, _ in filters:
        if name not in _FILTERS and not name.startswith("tag:"):
            raise error.InvalidParameterValue(f"The filter '{name[:100]}' is invalid")
    after = page.parts(str, str)
    found: list[_Tag] = []
    for tag in _tags(call, _of_instances(filters), after[0]):
        if (tag.resource_id, tag.key) > after and _passes(tag, filters):
            found.append(tag)
        if len(found) > page.limit:
            break
    return {
        "Tags": [
            {
                "Key": each.key,
                "Value": each.value,
                "ResourceId": each.resource_id,
                "ResourceType": "instance",
            }
            for each in found[: page.limit]
        ],
        "NextToken": page.token(found, lambda each: (each.resource_id, each.key)),
    }


def _tags(call: Call, filters: Sequence[tuple[str, list[str]]], last: str) -> Iterator[_Tag]:
    """The tags of the instances that pass, from `last` on."""
    # The page before may have ended within the tags of one instance, so that one comes again.
    after, first = "", last
    if first:
        again = instances.select(call, [*filters, ("instance-id", [first])], limit=1)
        yield from _of(again)
        after = first
    while some := instances.select(call, filters, after=after, limit=instances.CHUNK):
        yield from _of(some)
        after = some[-1][0].instance_id


def _of(found: Sequence[instances.Found]) -> Iterator[_Tag]:
    for instance, tags in found:
        for key in sorted(tags):
            yield _Tag(instance.instance_id, key, tags[key])


def _of_instances(filters: Sequence[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """The same filters as far as they are about instances."""
    names = {"resource-id": "instance-id", "key": "tag-key"}
    about = [(names.get(name, name), values) for name, values in filters]
    return [(name, values) for name, values in about if model.knows(name)]


def _passes(tag: _Tag, filters: Sequence[tuple[str, list[str]]]) -> bool:
    shown = {
        "key": tag.key,
        "resource-id": tag.resource_id,
        "resource-type": "instance",
        "value": tag.value,
    }
    for name, values in filters:
        if name in shown:
            if not model.fits(shown[name], values):
                return False
        elif name != f"tag:{tag.key}" or not model.fits(tag.value, values):
            return False
    return True
