"""In what standing somebody asks: of which organization, as its management account or as who else may."""

from collections.abc import Callable, Mapping, Sequence

from hostreeve.api.call import Call
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization
from hostreeve.platform.organizations.store import trees

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
    """The organization whose structure the caller may read: as its manager."""
    return manager(call, action, *resources, context=context)


def policy_writer(
    call: Call, action: str, *resources: Resource, context: Context | None = None
) -> Organization:
    """The organization whose policies the caller may change: as its manager."""
    return manager(call, action, *resources, context=context)


def of(call: Call) -> Organization:
    """The caller's organization. AWSOrganizationsNotInUseException for an account that stands alone."""
    found = trees.of_account(call.tx, call.principal.account)
    if found is None:
        raise refusals.not_in_use()
    return found


def require_tagging(call: Call, organization: Organization, arn: str, keys: Sequence[str]) -> None:
    """Who gives tags to what it makes must also be allowed to tag."""
    if keys:
        call.require("organizations:TagResource", [arn])


def _require(
    call: Call,
    organization: Organization,
    action: str,
    resources: Sequence[Resource],
    context: Context | None,
) -> None:
    arns = [resource(organization) for resource in resources or (anything,)]
    call.require(f"organizations:{action}", arns, context)
