"""What parameters there are, without their values."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.parameters.actions import listing, sharing
from hostreeve.capabilities.parameters.model import filters
from hostreeve.capabilities.parameters.model.parameter import described
from hostreeve.capabilities.parameters.operations.service import error, ssm, token_at


@ssm.reads("DescribeParameters", on=anything)
def describe_parameters(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The account's own parameters, or with Shared those that others share with it."""
    page = paging.read(request, error=error.InvalidNextToken)
    wanted = filters.described(request)
    if request.get("Shared"):
        owner, path = page.parts(str, str)
        others, following = sharing.shared(
            call.tx, call.principal, call.scope, after=(owner, path), limit=page.limit
        )
        # A shared parameter is named by its ARN: its plain name would mean one's own.
        chosen = (one for one in others if all(filters.matches(each, one) for each in wanted))
        listed = [described(one) | {"Name": one.arn} for one in chosen]
        return {"Parameters": listed} | token_at(page, following)
    number, path = page.parts(int, str)
    found, place = listing.filtered(call, wanted, after=(number, path), limit=page.limit)
    return {"Parameters": [described(one) for one in found]} | token_at(page, place)
