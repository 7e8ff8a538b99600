"""Invitations: sent by an organization, answered by the account, over after fifteen days."""

import re
from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform import groups
from hostreeve.platform.organizations.actions import membership
from hostreeve.platform.organizations.lifecycle import MAY_BECOME, OPEN_MS, SHOWN_MS, State
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.handshakes import Handshake, new_handshake_id
from hostreeve.platform.organizations.model.organization import Account, Organization, is_account
from hostreeve.platform.organizations.store import accounts, handshakes, trees

error = refusals.error
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def invite(
    call: Call, organization: Organization, party: Mapping[str, str], *, notes: str, tags: dict[str, str]
) -> Handshake:
    account = _invited(call, party)
    if account is not None and account.organization_id == organization.organization_id:
        raise refusals.handshake_constraint(
            "ALREADY_IN_AN_ORGANIZATION", "The account is a member of the organization already."
        )
    if account is not None and account.status != "ACTIVE":
        raise refusals.invalid("INVALID_PARTY_TYPE_TARGET", f"The account {account.account} is closed.")
    parties = [party["Id"], *(known_as(account) if account else ())]
    if handshakes.is_open(call.tx, organization.organization_id, parties, now_ms=call.now_ms):
        raise error.DuplicateHandshakeException(
            "An invitation for this account is open already. Cancel it first to send another."
        )
    handshake = Handshake(
        handshake_id=new_handshake_id(call.world),
        organization_id=organization.organization_id,
        party_type="ACCOUNT" if party["Type"] == "ACCOUNT" else "EMAIL",
        party_id=party["Id"],
        notes=notes,
        tags=tags,
        requested_ms=call.now_ms,
        expires_ms=call.now_ms + OPEN_MS,
        forget_ms=call.now_ms + OPEN_MS + SHOWN_MS,
    )
    handshakes.insert(call.tx, handshake)
    return handshake


def _invited(call: Call, party: Mapping[str, str]) -> Account | None:
    """The account that is meant. None for an address that no account has (yet)."""
    if party["Type"] == "EMAIL":
        if not _EMAIL.fullmatch(party["Id"]):
            raise refusals.invalid(
                "INVALID_EMAIL_ADDRESS_TARGET", f"{party['Id']} is no e-mail address of an account."
            )
        return accounts.find_by_email(call.tx, party["Id"])
    if party["Type"] != "ACCOUNT" or not is_account(party["Id"]):
        raise refusals.invalid(
            "INVALID_PARTY_TYPE_TARGET", "An invitation goes to an account or to its e-mail address."
        )
    found = accounts.find(call.tx, party["Id"])
    if found is None:
        raise refusals.invalid(
            "INVALID_PARTY_TYPE_TARGET", f"There is no account {party['Id']} in this installation."
        )
    return found


def known_as(account: Account) -> list[str]:
    """By what an invitation may name the account."""
    return [account.account, account.email]


def received(call: Call, action: str, handshake_id: str) -> tuple[Handshake, Organization]:
    """An invitation for the caller's account, and whose it is."""
    return _found(call, action, handshake_id, of_sender=False)


def sent(call: Call, action: str, handshake_id: str) -> tuple[Handshake, Organization]:
    """An invitation by the organization that the caller manages."""
    return _found(call, action, handshake_id, of_sender=True)


def either(call: Call, action: str, handshake_id: str) -> tuple[Handshake, Organization]:
    """An invitation that the caller's account received, or its organization sent."""
    return _found(call, action, handshake_id, of_sender=None)


def _found(
    call: Call, action: str, handshake_id: str, *, of_sender: bool | None
) -> tuple[Handshake, Organization]:
    """Whoever may not do this at all is told so first, whether there is the invitation or not."""
    handshake = handshakes.find(call.tx, handshake_id, now_ms=call.now_ms)
    organization = trees.organization(call.tx, handshake.organization_id) if handshake else None
    mine = accounts.find(call.tx, call.principal.account)
    is_sender = organization is not None and organization.management_account == call.principal.account
    is_receiver = handshake is not None and mine is not None and handshake.party_id in known_as(mine)
    is_mine = (is_sender and of_sender is not False) or (is_receiver and of_sender is not True)
    if organization is None or handshake is None or not is_mine:
        unknown = call.scope.arn("organizations", f"handshake/*/invite/{handshake_id}")
        call.require(f"organizations:{action}", [unknown])
        raise error.HandshakeNotFoundException(
            "We can't find a handshake with the HandshakeId that you specified."
        )
    call.require(f"organizations:{action}", [organization.handshake_arn(handshake_id)])
    return handshake, organization


def accept(call: Call, handshake: Handshake, organization: Organization) -> Handshake:
    """The account joins. One that is in another organization leaves it, if it may."""
    accepted = _become(call, handshake, State.ACCEPTED)
    account = accounts.find(call.tx, call.principal.account)
    assert account is not None, "who calls has an account"
    if account.organization_id:
        other = trees.organization(call.tx, account.organization_id)
        assert other is not None, "the organization of an account is there"
        call.require("organizations:LeaveOrganization", ["*"])
        membership.leave(call.tx, other, account)
        account = accounts.find(call.tx, account.account) or account
    membership.enter(call.tx, organization, account, now_ms=call.now_ms)
    groups.set_tags(call.tx, organization.scope, organization.account_arn(account.account), handshake.tags)
    return accepted


def decline(call: Call, handshake: Handshake) -> Handshake:
    return _become(call, handshake, State.DECLINED)


def cancel(call: Call, handshake: Handshake) -> Handshake:
    return _become(call, handshake, State.CANCELED)


def _become(call: Call, handshake: Handshake, state: State) -> Handshake:
    now = State(handshake.state_at(call.now_ms))
    if now is state:
        raise error.HandshakeAlreadyInStateException(f"The handshake is {state} already.")
    changed = state in MAY_BECOME[now] and handshakes.become(
        call.tx, handshake.handshake_id, now, state, forget_ms=call.now_ms + SHOWN_MS
    )
    if not changed:
        raise error.InvalidHandshakeTransitionException(f"The handshake is {now} and can't become {state}.")
    found = handshakes.find(call.tx, handshake.handshake_id, now_ms=call.now_ms)
    assert found is not None, "it is shown for another thirty days"
    return found


def shown(call: Call, handshake: Handshake, organization: Organization) -> dict[str, Any]:
    owner = accounts.find(call.tx, organization.management_account)
    of = {"Id": organization.organization_id, "Type": "ORGANIZATION"}
    about = [
        {"Type": "MASTER_EMAIL", "Value": owner.email if owner else ""},
        {"Type": "MASTER_NAME", "Value": owner.name if owner else ""},
        {"Type": "ORGANIZATION_FEATURE_SET", "Value": "ALL"},
    ]
    resources: list[dict[str, Any]] = [
        {"Type": "ORGANIZATION", "Value": organization.organization_id, "Resources": about},
        {"Type": handshake.party_type, "Value": handshake.party_id},
    ]
    if handshake.notes:
        resources.append({"Type": "NOTES", "Value": handshake.notes})
    return {
        "Id": handshake.handshake_id,
        "Arn": organization.handshake_arn(handshake.handshake_id),
        "Parties": [of, {"Id": handshake.party_id, "Type": handshake.party_type}],
        "State": handshake.state_at(call.now_ms),
        "RequestedTimestamp": handshake.requested_ms / 1000,
        "ExpirationTimestamp": handshake.expires_ms / 1000,
        "Action": "INVITE",
        "Resources": resources,
    }
