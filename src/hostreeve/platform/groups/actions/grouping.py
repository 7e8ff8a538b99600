"""What is done to groups: made, changed, given members, deleted; and the tags that groups themselves have."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.groups.actions import kinds, searching
from hostreeve.platform.groups.actions.policing import refuse_unruly
from hostreeve.platform.groups.model import group as model
from hostreeve.platform.groups.model import queries
from hostreeve.platform.groups.model.group import Group
from hostreeve.platform.groups.model.tagging import RESERVED, TAGS_MAX, Kind, tag_facts
from hostreeve.platform.groups.store import groups as rows
from hostreeve.platform.groups.store import tags as tag_rows

error = ServiceErrors(service("resource-groups"))

KIND_NAME = "AWS::ResourceGroups::Group"


def create(call: Call, request: Mapping[str, Any]) -> Group:
    """A new group. BadRequestException when the name is taken or the query makes no sense."""
    name = request["Name"]
    model.check_name(name)
    asked, configuration = request.get("ResourceQuery"), request.get("Configuration")
    if bool(asked) == bool(configuration):
        raise error.BadRequestException("Give either a ResourceQuery or a Configuration.")
    if asked:
        queries.read(asked)
    group = Group(
        account=call.scope.account,
        region=call.scope.region,
        name=name,
        **said(request),
        query_type=asked["Type"] if asked else "",
        query=asked["Query"] if asked else "",
        configuration=model.configured(configuration) if configuration else "",
        created_ms=call.now_ms,
    )
    if not rows.insert(call.tx, group):
        raise error.BadRequestException(f"A group with the name {name} already exists")
    if request.get("Tags"):
        _set_tags(call, group, request["Tags"])
    return group


def said(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a request says of the group in words, by the group's fields."""
    members = {"Description": "description", "Owner": "owner", "DisplayName": "display_name"}
    found = {field: request[member] for member, field in members.items() if member in request}
    return found | ({"criticality": request["Criticality"]} if "Criticality" in request else {})


def fetch(tx: Transaction, scope: Scope, name_or_arn: str) -> Group:
    """The group of that name or ARN. NotFoundException."""
    found = find_group(tx, scope, name_or_arn)
    if found is None:
        raise error.NotFoundException("Cannot find group.")
    return found


def find_group(tx: Transaction, scope: Scope, name_or_arn: str) -> Group | None:
    """The group of that name or ARN, if there is one."""
    name = model.name_of(scope, name_or_arn)
    return rows.find(tx, scope, name) if name else None


def change(call: Call, group: Group, **changes: Any) -> Group:
    """Write what differs. A group keeps its name, and whether a query or a list makes its members."""
    changed = msgspec.structs.replace(group, **changes)
    rows.update(call.tx, changed)
    return changed


def ask_otherwise(call: Call, group: Group, asked: Mapping[str, Any]) -> Group:
    """Give a group another query."""
    if not group.query_type:
        raise error.BadRequestException(f"The group {group.name} has a configuration and no query.")
    queries.read(asked)
    return change(call, group, query_type=asked["Type"], query=asked["Query"])


def configure(call: Call, group: Group, given: Sequence[Mapping[str, Any]]) -> Group:
    """Give a group another configuration."""
    if group.query_type:
        raise error.BadRequestException(f"The group {group.name} has a query and no configuration.")
    if not given:
        raise error.BadRequestException("A group without a query needs a configuration.")
    return change(call, group, configuration=model.configured(given))


def delete(call: Call, group: Group) -> None:
    """The group goes, its members stay. BadRequestException when it is protected and not empty."""
    protected = model.UNLESS_EMPTY in group.parameter(model.PROTECTION)
    if protected and searching.members(call.tx, call.scope, group, limit=1):
        raise error.BadRequestException(f"The group {group.name} may be deleted only when it is empty.")
    rows.delete(call.tx, call.scope, group.name)
    tag_rows.forget(call.tx, call.scope, group.arn)


def put_in(call: Call, group: Group, arns: Sequence[str]) -> dict[str, Any]:
    """Name resources as members; each succeeds or fails by itself."""
    _refuse_query(group, "GroupResources")
    accepted: dict[str, str] = {}
    failed = []
    for arn in dict.fromkeys(arns):
        kind, reason = _fitting(call, group, arn)
        if kind is None:
            failed.append({"ResourceArn": arn, "ErrorCode": "INVALID_RESOURCE", "ErrorMessage": reason})
        else:
            accepted[arn] = kind.type_name
    rows.add_members(call.tx, call.scope, group.name, accepted, call.now_ms)
    return {"Succeeded": list(accepted), "Failed": failed, "Pending": []}


def _fitting(call: Call, group: Group, arn: str) -> tuple[Kind | None, str]:
    kind = kinds.of_arn(call.scope, arn)
    if kind is None:
        return None, "Resources of this kind, or of another account or Region, cannot be in this group."
    allowed = group.parameter(model.ALLOWED_TYPES)
    if not queries.allows(allowed, kind.type_name):
        return None, f"The group's {model.ALLOWED_TYPES} does not have {kind.type_name}."
    if not kind.exists(call.tx, call.scope, arn):
        return None, "There is no such resource."
    return kind, ""


def take_out(call: Call, group: Group, arns: Sequence[str]) -> dict[str, Any]:
    """Those that are no members are no error."""
    _refuse_query(group, "UngroupResources")
    rows.remove_members(call.tx, call.scope, group.name, arns)
    return {"Succeeded": list(dict.fromkeys(arns)), "Failed": [], "Pending": []}


def _refuse_query(group: Group, operation: str) -> None:
    if group.query_type:
        raise error.BadRequestException(
            f"{operation} is for groups with a configuration; the members of {group.name} are what its query "
            "finds."
        )


def tag(call: Call, arn: str, tags: Mapping[str, str]) -> None:
    """Give a group tags, if the caller may."""
    call.require("resource-groups:Tag", [arn], tag_facts(tags))
    _set_tags(call, fetch(call.tx, call.scope, arn), tags)


def untag(call: Call, arn: str, keys: Sequence[str]) -> None:
    call.require("resource-groups:Untag", [arn], {"aws:TagKeys": list(keys)})
    group = fetch(call.tx, call.scope, arn)
    _refuse_reserved(keys)
    tag_rows.remove_tags(call.tx, call.scope, group.arn, keys)


def _set_tags(call: Call, group: Group, tags: Mapping[str, str]) -> None:
    _refuse_reserved(list(tags))
    if len(tag_rows.tags_of(call.tx, call.scope, group.arn) | dict(tags)) > TAGS_MAX:
        raise error.BadRequestException(f"A group has at most {TAGS_MAX} tags.")
    refuse_unruly(call.tx, call.scope.account, KIND.service_type, tags)
    tag_rows.set_tags(call.tx, call.scope, group.arn, tags)


def _refuse_reserved(keys: Sequence[str]) -> None:
    reserved = [key for key in keys if key.lower().startswith(RESERVED)]
    if reserved:
        raise error.BadRequestException(f"Tag keys that begin with {RESERVED} are reserved: {reserved[0]}")


def _exists(tx: Transaction, scope: Scope, arn: str) -> bool:
    return find_group(tx, scope, arn) is not None


KIND = Kind(
    type_name=KIND_NAME,
    service_type="resource-groups:group",
    prefix=lambda scope: model.group_arn(scope, ""),
    exists=_exists,
    tag=tag,
    untag=untag,
)
