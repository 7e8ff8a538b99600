"""One installation per test, and words for what its callers are refused."""

import pytest

from hostreeve.api.errors import AwsError
from tests.identity.caller import SCHEMAS as SLICES
from tests.identity.caller import Site

SCHEMAS = SLICES


@pytest.fixture
def site(database_with, world):
    return Site(database_with(SLICES), world)


@pytest.fixture
def root(site):
    return site.admin.organizations("ListRoots")["Roots"][0]["Id"]


def refused(code, reason=None):
    """The call in this block answers the error, with this Reason beside it."""
    return pytest.raises(
        AwsError, check=lambda error: error.code == code and error.members.get("Reason") == reason
    )


def unit(site, parent, name, **more):
    made = site.admin.organizations("CreateOrganizationalUnit", ParentId=parent, Name=name, **more)
    return made["OrganizationalUnit"]["Id"]


def everything(caller, operation, member, **request):
    """All pages of a list."""
    found, token = [], {}
    while True:
        page = caller.organizations(operation, **request, **token)
        found += page[member]
        if not page.get("NextToken"):
            return found
        token = {"NextToken": page["NextToken"]}
