"""Everything about who may do what in an account, in one paged list."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity import managed
from hostreeve.platform.identity.model import Identity, Kind, ManagedPolicy
from hostreeve.platform.identity.operations import (
    groups,
    instance_profiles,
    managed_policies,
    policy_versions,
    roles,
    users,
)
from hostreeve.platform.identity.operations.service import (
    boundary_shown,
    encoded,
    iam,
    managed_policy,
    page_of,
    shown_tags,
)
from hostreeve.platform.identity.store import identities, overviews, policies

Row = Identity | ManagedPolicy
ORDER: tuple[str, ...] = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")
_KIND: dict[str, Kind] = {"User": "user", "Group": "group", "Role": "role"}
_LISTED: dict[Kind, Callable[[Transaction, Identity], dict[str, Any]]] = {
    "user": lambda tx, user: users.listed(user),
    "group": lambda tx, group: groups.described(group),
    "role": roles.listed,
}
_LISTS = {"user": "UserDetailList", "group": "GroupDetailList", "role": "RoleDetailList"}


class _Place(NamedTuple):
    """Where in the list something stands: which kind, and its name."""

    rank: int
    name: str


@iam.reads("GetAccountAuthorizationDetails", on=anything)
def get_account_authorization_details(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Users, groups, roles, the account's policies and those of AWS that it uses, by kind and name."""
    page = page_of(request)
    after = _Place(*page.parts(int, str))
    rows = list(_rows(call, request.get("Filter") or ORDER, after, page.limit + 1))
    shown = [row for _, row in rows[: page.limit]]
    answer: dict[str, Any] = {
        _LISTS[kind]: _details(call, [row for row in shown if isinstance(row, Identity) and row.kind == kind])
        for kind in _LISTED
    }
    answer["Policies"] = _policies(call, [row for row in shown if isinstance(row, ManagedPolicy)])
    token = page.token(rows, lambda row: row[0])
    answer["IsTruncated"] = bool(token)
    return answer | {"Marker": token} if token else answer


def _rows(
    call: Call, wanted: Sequence[str], after: _Place, limit: int
) -> Iterator[tuple[tuple[int, str], Row]]:
    """No more than `limit`, behind the place `after`."""
    for rank, word in enumerate(ORDER):
        if word not in wanted or rank < after.rank or limit <= 0:
            continue
        name = after.name if rank == after.rank else ""
        found = _of_kind(call, word, name, limit)
        limit -= len(found)
        yield from (((rank, row.name.lower()), row) for row in found)


def _of_kind(call: Call, word: str, after: str, limit: int) -> Sequence[Row]:
    kind = _KIND.get(word)
    if kind is not None:
        return identities.listed(call.tx, call.scope, kind, path_prefix="/", after=after, limit=limit)
    if word == "LocalManagedPolicy":
        found = policies.listed(call.tx, call.scope)
    else:
        used = managed_policies.uses(call)
        names = {*used.attached, *used.boundaries}
        found = [policy for arn, policy in managed.policies().items() if arn in names]
    behind = sorted((each for each in found if each.name.lower() > after), key=lambda each: each.name.lower())
    return behind[:limit]


def _details(call: Call, found: Sequence[Identity]) -> list[dict[str, Any]]:
    """What lists show of users, groups or roles, and what they may do."""
    if not found:
        return []
    ids, kind = [each.identity_id for each in found], found[0].kind
    inline = overviews.inline(call.tx, call.scope, ids)
    attached = overviews.attached(call.tx, call.scope, ids)
    more = _more(call, kind, ids)
    word = kind.capitalize()
    return [
        _LISTED[kind](call.tx, each)
        | {
            f"{word}PolicyList": [
                {"PolicyName": name, "PolicyDocument": encoded(document)}
                for name, document in inline.get(each.identity_id, {}).items()
            ],
            "AttachedManagedPolicies": [
                {"PolicyName": policy.name, "PolicyArn": policy.arn}
                for arn in attached.get(each.identity_id, [])
                if (policy := managed_policy(call, arn))
            ],
        }
        | more(each)
        for each in found
    ]


def _more(call: Call, kind: Kind, ids: Sequence[str]) -> Callable[[Identity], dict[str, Any]]:
    """What only users or roles have."""
    if kind == "group":
        return lambda group: {}
    if kind == "user":
        names = overviews.groups(call.tx, call.scope, ids)
        return lambda user: {"GroupList": names.get(user.identity_id, [])} | _marks(user)
    profiles = overviews.profiles(call.tx, call.scope, ids)
    used = overviews.role_uses(call.tx, call.scope, ids)

    def of_role(role: Identity) -> dict[str, Any]:
        last = used.get(role.identity_id)
        held = profiles.get(role.identity_id, [])
        return {
            "InstanceProfileList": [instance_profiles.listed(call.tx, profile, role) for profile in held],
            "RoleLastUsed": {"LastUsedDate": last[0] / 1000, "Region": last[1]} if last else {},
        } | _marks(role)

    return of_role


def _marks(identity: Identity) -> dict[str, Any]:
    return boundary_shown(identity) | ({"Tags": shown_tags(identity.tags)} if identity.tags else {})


def _policies(call: Call, found: Sequence[ManagedPolicy]) -> list[dict[str, Any]]:
    if not found:
        return []
    uses = managed_policies.uses(call)
    return [
        managed_policies.described(policy, uses)
        | ({"Description": policy.description} if policy.description else {})
        | {
            "PolicyVersionList": [
                policy_versions.listed(policy, version) | {"Document": encoded(version.document)}
                for version in policy_versions.versions_of(call, policy)
            ]
        }
        for policy in found
    ]
