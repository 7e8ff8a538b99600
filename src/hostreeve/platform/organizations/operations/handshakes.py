"""Invitations, as those see them who send them and those who get them."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.organizations.actions import inviting, standing, tagging
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.handshakes import Handshake
from hostreeve.platform.organizations.operations.service import organizations, page_of, paged
from hostreeve.platform.organizations.store import accounts, handshakes, trees


@organizations.writes("InviteAccountToOrganization", asks=True)
def invite_account_to_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The account sees it with ListHandshakesForAccount; no mail is sent."""
    found = standing.manager(
        call, "InviteAccountToOrganization", lambda each: each.account_arn(request["Target"]["Id"])
    )
    tags = tagging.asked(request)
    standing.require_tagging(call, found, found.account_arn("*"), list(tags))
    handshake = inviting.invite(call, found, request["Target"], notes=request.get("Notes", ""), tags=tags)
    return {"Handshake": inviting.shown(call, handshake, found)}


@organizations.writes("AcceptHandshake", asks=True)
def accept_handshake(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    handshake, sender = inviting.received(call, "AcceptHandshake", request["HandshakeId"])
    return {"Handshake": inviting.shown(call, inviting.accept(call, handshake, sender), sender)}


@organizations.writes("DeclineHandshake", asks=True)
def decline_handshake(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    handshake, sender = inviting.received(call, "DeclineHandshake", request["HandshakeId"])
    return {"Handshake": inviting.shown(call, inviting.decline(call, handshake), sender)}


@organizations.writes("CancelHandshake", asks=True)
def cancel_handshake(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    handshake, sender = inviting.sent(call, "CancelHandshake", request["HandshakeId"])
    return {"Handshake": inviting.shown(call, inviting.cancel(call, handshake), sender)}


@organizations.reads("DescribeHandshake", asks=True)
def describe_handshake(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    handshake, sender = inviting.either(call, "DescribeHandshake", request["HandshakeId"])
    return {"Handshake": inviting.shown(call, handshake, sender)}


@organizations.reads("ListHandshakesForAccount", asks=True)
def list_handshakes_for_account(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Those that it received, also while it stands alone."""
    call.require("organizations:ListHandshakesForAccount", ["*"])
    mine = accounts.find(call.tx, call.principal.account)
    page = page_of(request)
    parties = inviting.known_as(mine) if mine and _wants_invitations(request) else []
    rows = handshakes.received(call.tx, parties, now_ms=call.now_ms, after=page.after, limit=page.limit + 1)
    return paged("Handshakes", page, rows, lambda each: each.handshake_id, lambda each: _shown(call, each))


@organizations.reads("ListHandshakesForOrganization", asks=True)
def list_handshakes_for_organization(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Those that it sent."""
    found = standing.reader(call, "ListHandshakesForOrganization")
    page = page_of(request)
    rows = handshakes.sent(
        call.tx,
        found.organization_id if _wants_invitations(request) else "",
        now_ms=call.now_ms,
        after=page.after,
        limit=page.limit + 1,
    )
    return paged("Handshakes", page, rows, lambda each: each.handshake_id, lambda each: _shown(call, each))


@organizations.writes("EnableAllFeatures", asks=True)
def enable_all_features(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """There is no organization here without them."""
    standing.manager(call, "EnableAllFeatures")
    raise refusals.handshake_constraint(
        "ORGANIZATION_ALREADY_HAS_ALL_FEATURES", "The organization has all features already."
    )


def _wants_invitations(request: dict[str, Any]) -> bool:
    """All handshakes here are invitations, and none belongs to another."""
    wanted = request.get("Filter") or {}
    if len(wanted) > 1:
        raise refusals.invalid("MAX_LIMIT_EXCEEDED_FILTER", "You can specify only one filter.")
    return bool(wanted.get("ActionType", "INVITE") == "INVITE" and "ParentHandshakeId" not in wanted)


def _shown(call: Call, handshake: Handshake) -> dict[str, Any]:
    sender = trees.organization(call.tx, handshake.organization_id)
    assert sender is not None, "the invitations of an organization go with it"
    return inviting.shown(call, handshake, sender)
