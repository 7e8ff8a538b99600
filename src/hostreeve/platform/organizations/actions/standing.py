"""In what standing somebody asks: of which organization, as its management account or as who else may."""

from collections.abc import Callable, Mapping, Sequence

from hostreeve.api.call import Call, ResourcePolicy
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization
from hostreeve.platform.organizations.store import delegations, trees

Resource = Callable[[Organization], str]
Context = Mapping[str, list[str]]


def anything(organization: Organization) -> str:
    return "*"


def member(call: Call, action: str, *resources: Resource, context: Context | None = None) -> Organization:
    """The caller's organization, for what every account of it may do if its policies say so."""
    found = of(call)
    _require(call, found, action, resources, context)
    return found


def manager(call: Call, action: str, *resources: Resource, context: Context | None = None) -> Organization:
    """The organization that the caller manages. AccessDeniedException for its other accounts."""
    found = of(call)
    if call.principal.account != found.management_account:
        raise refusals.not_allowed()
    _require(call, found, action, resources, context)
    return found


def reader(call: Call, action: str, *resources: Resource, context: Context | None = None) -> Organization:
    """The organization whose structure the caller may read: as its manager, as a delegated administrator of
    any service, or because the organization's own policy says so."""
    found = of(call)
    account = call.principal.account
    if account == found.management_account or delegations.of_account(call.tx, found.organization_id, account):
        _require(call, found, action, resources, context)
    else:
        _require_by_policy(call, found, action, resources, context)
    return found


def policy_writer(
    call: Call, action: str, *resources: Resource, context: Context | None = None
) -> Organization:
    """The organization whose policies the caller may change: as its manager, or because the organization's
    own policy says so."""
    found = of(call)
    if call.principal.account == found.management_account:
        _require(call, found, action, resources, context)
    else:
        _require_by_policy(call, found, action, resources, context)
    return found


def of(call: Call) -> Organization:
    """The caller's organization. AWSOrganizationsNotInUseException for an account that stands alone."""
    found = trees.of_account(call.tx, call.principal.account)
    if found is None:
        raise refusals.not_in_use()
    return found


def require_tagging(call: Call, organization: Organization, arn: str, keys: Sequence[str]) -> None:
    """Who gives tags to what it makes must also be allowed to tag."""
    if not keys:
        return
    if call.principal.account == organization.management_account:
        call.require("organizations:TagResource", [arn])
    else:
        _require_by_policy(call, organization, "TagResource", [lambda _: arn], None)


def _require(
    call: Call,
    organization: Organization,
    action: str,
    resources: Sequence[Resource],
    context: Context | None,
) -> None:
    call.require(f"organizations:{action}", _arns(organization, resources), context)


def _require_by_policy(
    call: Call,
    organization: Organization,
    action: str,
    resources: Sequence[Resource],
    context: Context | None,
) -> None:
    """The organization belongs to its management account: the caller's own policies must allow, too."""
    own = delegations.own_policy(call.tx, organization.organization_id)
    if own is None:
        raise refusals.not_allowed()
    policy = ResourcePolicy(organization.management_account, own.content)
    call.require(f"organizations:{action}", _arns(organization, resources), context, policy=policy)


def _arns(organization: Organization, resources: Sequence[Resource]) -> list[str]:
    return [resource(organization) for resource in resources or (anything,)]
