"""Compliance, as AWS callers see it."""

from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import Operations, anything
from hostreeve.capabilities import nodes
from hostreeve.capabilities.compliance.actions import summing, taking
from hostreeve.kernel.scope import Scope

ssm = Operations("ssm")
error = ssm.errors


def _resource(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [nodes.node_arn(scope, request["ResourceId"])]


@ssm.writes("PutComplianceItems", on=_resource)
def put_compliance_items(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """All items of a type in the place of those before; with PARTIAL those of one association."""
    taking.take(call, request)
    return {}


@ssm.reads("ListComplianceItems", on=anything)
def list_compliance_items(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The items of one node, or of all."""
    page = paging.read(request, error=error.InvalidNextToken)
    items, token = summing.listed(call, request, page)
    return {"ComplianceItems": items} | _following(token)


@ssm.reads("ListComplianceSummaries", on=anything)
def list_compliance_summaries(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """How many nodes comply, by type."""
    page = paging.read(request, error=error.InvalidNextToken)
    summaries = [each for each in summing.by_type(call, request) if each["ComplianceType"] > page.after]
    token = page.token(summaries, lambda each: str(each["ComplianceType"]))
    return {"ComplianceSummaryItems": summaries[: page.limit]} | _following(token)


@ssm.reads("ListResourceComplianceSummaries", on=anything)
def list_resource_compliance_summaries(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """How each node complies, by type."""
    page = paging.read(request, error=error.InvalidNextToken)
    summaries, token = summing.by_resource(call, request, page)
    return {"ResourceComplianceSummaryItems": summaries} | _following(token)


def _following(token: str | None) -> dict[str, Any]:
    return {"NextToken": token} if token else {}
