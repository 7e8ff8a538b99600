"""What the operations share: their tables, pages, and how things are shown."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.platform.organizations.actions import tree
from hostreeve.platform.organizations.model.organization import Account, Organization, Unit

organizations = Operations("organizations")
hostreeve = Operations("hostreeve")
error = organizations.errors
Row = TypeVar("Row")

PAGE = 20


def page_of(request: Mapping[str, Any]) -> paging.Page:
    return paging.read(request, maximum=PAGE, error=error.InvalidInputException)


def paged(
    member: str,
    page: paging.Page,
    rows: list[Row],
    key: Callable[[Row], paging.Key],
    show: Callable[[Row], Any],
) -> dict[str, Any]:
    """An answer with one page of a list, from one row more than the page holds."""
    return {member: [show(row) for row in rows[: page.limit]], "NextToken": page.token(rows, key)}


def paged_here(
    member: str,
    request: Mapping[str, Any],
    rows: list[Row],
    key: Callable[[Row], str],
    show: Callable[[Row], Any],
) -> dict[str, Any]:
    """The same from a short list that was read whole; it is put into the order of the key."""
    page = page_of(request)
    behind = sorted((row for row in rows if key(row) > page.after), key=key)
    return paged(member, page, behind[: page.limit + 1], key, show)


def shown_account(call: Call, organization: Organization, account: Account) -> dict[str, Any]:
    path = tree.path_of(call.tx, organization, account.account)
    return {
        **account_facts(organization, account),
        "Paths": ["/".join([organization.organization_id, *path, ""])],
    }


def account_facts(organization: Organization, account: Account) -> dict[str, Any]:
    return {
        "Id": account.account,
        "Arn": organization.account_arn(account.account),
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": account.status,
        "JoinedMethod": account.joined_method,
        "JoinedTimestamp": account.joined_ms / 1000,
    }


def shown_unit(organization: Organization, unit: Unit) -> dict[str, Any]:
    return {"Id": unit.unit_id, "Arn": organization.unit_arn(unit.unit_id), "Name": unit.name}
