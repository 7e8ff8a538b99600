"""Accounts come and go: invited, joined, left, removed, closed; organizations begin and end."""

import pytest

from tests.identity.caller import allow, deny, policy
from tests.organizations.conftest import everything, refused, unit
from tests.organizations.test_policies import CONTROL, attach, attached, created

DAY_S = 24 * 3600


@pytest.fixture
def alone(site):
    """An administrator whose account stands alone, and its id."""
    admin, account = site.member()
    admin.organizations("LeaveOrganization")
    return admin, account


def invite(site, account, kind="ACCOUNT", **more):
    target = {"Id": account, "Type": kind}
    return site.admin.organizations("InviteAccountToOrganization", Target=target, **more)["Handshake"]


def accept(caller, handshake):
    return caller.organizations("AcceptHandshake", HandshakeId=handshake["Id"])["Handshake"]


def members(site):
    return {each["Id"] for each in everything(site.admin, "ListAccounts", "Accounts")}


def test_an_account_that_left_stands_alone(site, alone):
    admin, account = alone
    assert account not in members(site)
    for operation in ("DescribeOrganization", "LeaveOrganization", "ListRoots"):
        with refused("AWSOrganizationsNotInUseException"):
            admin.organizations(operation)
    with refused("AccountNotFoundException"):
        site.admin.organizations("DescribeAccount", AccountId=account)
    assert admin.iam("ListUsers")["Users"], "it goes on working"


def test_an_invitation_is_sent_seen_and_accepted(site, alone, root):
    admin, account = alone
    tags = [{"Key": "Team", "Value": "a"}]
    sent = invite(site, account, Notes="Welcome", Tags=tags)
    assert sent["State"] == "OPEN" and sent["Action"] == "INVITE" and sent["Id"].startswith("h-")
    assert {"Type": "NOTES", "Value": "Welcome"} in sent["Resources"]
    assert {"Id": account, "Type": "ACCOUNT"} in sent["Parties"]
    assert everything(admin, "ListHandshakesForAccount", "Handshakes") == [sent]
    assert everything(site.admin, "ListHandshakesForOrganization", "Handshakes") == [sent]
    for caller in (admin, site.admin):
        shown = caller.organizations("DescribeHandshake", HandshakeId=sent["Id"])["Handshake"]
        assert shown == sent
    assert accept(admin, sent)["State"] == "ACCEPTED"
    found = site.admin.organizations("DescribeAccount", AccountId=account)["Account"]
    assert (found["JoinedMethod"], found["Paths"][0].split("/")[1]) == ("INVITED", root)
    assert site.admin.organizations("ListTagsForResource", ResourceId=account)["Tags"] == tags
    with refused("HandshakeAlreadyInStateException"):
        accept(admin, sent)


def test_an_invitation_finds_an_account_by_its_address(site, alone):
    admin, account = alone
    sent = invite(site, f"{account}@hostreeve.invalid", "EMAIL")
    with refused("DuplicateHandshakeException"):
        invite(site, account)
    accept(admin, sent)
    assert account in members(site)


def test_an_invitation_is_declined_or_cancelled_once(site, alone):
    admin, account = alone
    first = invite(site, account)
    with refused("HandshakeNotFoundException"):
        admin.organizations("CancelHandshake", HandshakeId=first["Id"])
    declined = admin.organizations("DeclineHandshake", HandshakeId=first["Id"])["Handshake"]
    assert declined["State"] == "DECLINED"
    with refused("InvalidHandshakeTransitionException"):
        accept(admin, first)
    second = invite(site, account)
    with refused("HandshakeNotFoundException"):
        site.admin.organizations("DeclineHandshake", HandshakeId=second["Id"])
    site.admin.organizations("CancelHandshake", HandshakeId=second["Id"])
    with refused("HandshakeAlreadyInStateException"):
        site.admin.organizations("CancelHandshake", HandshakeId=second["Id"])
    with refused("InvalidHandshakeTransitionException"):
        admin.organizations("DeclineHandshake", HandshakeId=second["Id"])


def test_an_invitation_expires_and_is_forgotten_in_time(site, alone, world):
    admin, account = alone
    sent = invite(site, account)
    world.advance(15 * DAY_S)
    shown = admin.organizations("DescribeHandshake", HandshakeId=sent["Id"])["Handshake"]
    assert shown["State"] == "EXPIRED"
    with refused("InvalidHandshakeTransitionException"):
        accept(admin, sent)
    again = invite(site, account)
    world.advance(30 * DAY_S)
    site.tick()
    for handshake in (sent, again):
        with refused(
            "HandshakeNotFoundException" if handshake is sent else "InvalidHandshakeTransitionException"
        ):
            accept(admin, handshake)


def test_invitations_are_filtered_by_what_they_are(site, alone):
    admin, account = alone
    invite(site, account)
    for kind, count in (("INVITE", 1), ("ENABLE_ALL_FEATURES", 0)):
        for caller, operation in (
            (admin, "ListHandshakesForAccount"),
            (site.admin, "ListHandshakesForOrganization"),
        ):
            assert len(everything(caller, operation, "Handshakes", Filter={"ActionType": kind})) == count
    with refused("InvalidInputException", "MAX_LIMIT_EXCEEDED_FILTER"):
        admin.organizations(
            "ListHandshakesForAccount",
            Filter={"ActionType": "INVITE", "ParentHandshakeId": "h-00000000"},
        )


def test_who_cannot_be_invited_is_told_why(site, alone):
    _, account = alone
    _, here = site.member()
    for party, kind, code, reason in (
        (here, "ACCOUNT", "HandshakeConstraintViolationException", "ALREADY_IN_AN_ORGANIZATION"),
        ("123456789012", "ACCOUNT", "InvalidInputException", "INVALID_PARTY_TYPE_TARGET"),
        (account, "ORGANIZATION", "InvalidInputException", "INVALID_PARTY_TYPE_TARGET"),
        ("nobody", "EMAIL", "InvalidInputException", "INVALID_EMAIL_ADDRESS_TARGET"),
    ):
        with refused(code, reason):
            invite(site, party, kind)
    assert invite(site, "later@example.com", "EMAIL")["State"] == "OPEN"


def test_nobody_answers_the_invitation_of_another(site, alone):
    _, account = alone
    other, _ = site.member()
    sent = invite(site, account)
    for operation in ("AcceptHandshake", "DeclineHandshake", "CancelHandshake", "DescribeHandshake"):
        with refused("HandshakeNotFoundException"):
            other.organizations(operation, HandshakeId=sent["Id"])


def test_answering_needs_a_policy(site, alone):
    admin, account = alone
    sent = invite(site, account)
    ann = site.user("ann", allow("organizations:Describe*"), by=admin)
    assert ann.organizations("DescribeHandshake", HandshakeId=sent["Id"])
    with refused("AccessDeniedException"):
        accept(ann, sent)
    with refused("AccessDeniedException"):
        ann.organizations("ListHandshakesForAccount")


def test_what_limits_an_account_comes_and_goes_with_its_membership(site, root):
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)
    attach(site, created(site, policy(deny("iam:*"))), root)
    admin, account = site.member()
    with refused("AccessDeniedException"):
        admin.may("iam:CreateUser")
    site.admin.organizations("RemoveAccountFromOrganization", AccountId=account)
    admin.may("iam:CreateUser")
    accept(admin, invite(site, account))
    with refused("AccessDeniedException"):
        admin.may("iam:CreateUser")
    assert attached(site, account) == ["p-FullAWSAccess"]


def test_the_management_account_stays(site):
    with refused("MasterCannotLeaveOrganizationException"):
        site.admin.organizations("LeaveOrganization")
    with refused("MasterCannotLeaveOrganizationException"):
        site.admin.organizations("RemoveAccountFromOrganization", AccountId=site.account)
    with refused("AccountNotFoundException"):
        site.admin.organizations("RemoveAccountFromOrganization", AccountId="123456789012")


def test_an_account_that_stands_alone_may_have_an_organization_of_its_own(site, alone, root):
    admin, account = alone
    made = admin.organizations("CreateOrganization")["Organization"]
    assert made["MasterAccountId"] == account
    with refused("AlreadyInOrganizationException"):
        admin.organizations("CreateOrganization")
    own_root = admin.organizations("ListRoots")["Roots"][0]["Id"]
    assert own_root != root
    with refused("ParentNotFoundException"):
        admin.organizations("ListAccountsForParent", ParentId=root)
    with refused("AccountNotFoundException"):
        site.admin.organizations("DescribeAccount", AccountId=account)
    unit(Named(admin), own_root, "Mine")
    asked = admin.organizations("CreateAccount", Email="m@example.com", AccountName="M")
    site.tick()
    request = asked["CreateAccountStatus"]["Id"]
    status = admin.organizations("DescribeCreateAccountStatus", CreateAccountRequestId=request)
    assert status["CreateAccountStatus"]["State"] == "SUCCEEDED"
    with refused("CreateAccountStatusNotFoundException"):
        site.admin.organizations("DescribeCreateAccountStatus", CreateAccountRequestId=request)


class Named:
    """A site in which another administers."""

    def __init__(self, admin):
        self.admin = admin


def test_an_organization_ends_when_it_is_empty(site, root):
    _, account = site.member()
    with refused("OrganizationNotEmptyException"):
        site.admin.organizations("DeleteOrganization")
    site.admin.organizations("RemoveAccountFromOrganization", AccountId=account)
    tags = [{"Key": "Team", "Value": "a"}]
    unit(site, root, "Left", Tags=tags)
    created(site, Tags=tags)
    site.admin.organizations("DeleteOrganization")
    with refused("AWSOrganizationsNotInUseException"):
        site.admin.organizations("DescribeOrganization")
    with refused("AWSOrganizationsNotInUseException"):
        site.member()
    again = site.admin.organizations("CreateOrganization", FeatureSet="ALL")["Organization"]
    assert again["MasterAccountId"] == site.account
    new_root = site.admin.organizations("ListRoots")["Roots"][0]["Id"]
    assert site.admin.organizations("ListChildren", ParentId=new_root, ChildType="ORGANIZATIONAL_UNIT") == {
        "Children": [],
        "NextToken": None,
    }
    site.member()


def test_organizations_without_all_features_are_not_made(site, alone):
    admin, _ = alone
    with refused("InvalidInputException", "INVALID_ENUM"):
        admin.organizations("CreateOrganization", FeatureSet="CONSOLIDATED_BILLING")
    with refused("HandshakeConstraintViolationException", "ORGANIZATION_ALREADY_HAS_ALL_FEATURES"):
        site.admin.organizations("EnableAllFeatures")


def test_a_member_may_accept_the_invitation_of_another_organization(site, alone):
    admin, account = alone
    admin.organizations("CreateOrganization")
    mover, moving = site.member()
    target = {"Id": moving, "Type": "ACCOUNT"}
    sent = admin.organizations("InviteAccountToOrganization", Target=target)["Handshake"]
    held = site.user("held", allow("*"), deny("organizations:LeaveOrganization"), by=mover)
    with refused("AccessDeniedException"):
        accept(held, sent)
    accept(mover, sent)
    assert mover.organizations("DescribeOrganization")["Organization"]["MasterAccountId"] == account
    assert moving not in members(site)


def test_a_closed_account_stops_at_once_and_is_gone_after_ninety_days(site, world, root):
    admin, account = site.member()
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    session = site.assume(site.admin, role)
    assert admin.arn() and session.arn()
    site.admin.organizations("CloseAccount", AccountId=account)
    for caller in (admin, session):
        with refused("InvalidClientTokenId"):
            caller.arn()
    with refused("AccessDeniedException"):
        site.assume(site.admin, role)

    def status():
        return site.admin.organizations("DescribeAccount", AccountId=account)["Account"]["Status"]

    assert status() == "PENDING_CLOSURE"
    with refused("ConflictException"):
        site.admin.organizations("CloseAccount", AccountId=account)
    site.tick()
    assert status() == "SUSPENDED"
    with refused("AccountAlreadyClosedException"):
        site.admin.organizations("CloseAccount", AccountId=account)
    with refused("ConstraintViolationException", "ACCOUNT_CREATION_NOT_COMPLETE"):
        site.admin.organizations("RemoveAccountFromOrganization", AccountId=account)
    world.advance(90 * DAY_S)
    site.tick()
    with refused("AccountNotFoundException"):
        status()
    with refused("InvalidClientTokenId"):
        admin.arn()
    with refused("InvalidInputException", "INVALID_PARTY_TYPE_TARGET"):
        invite(site, account)


def test_what_cannot_be_closed_is_told_why(site):
    with refused("ConstraintViolationException", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"):
        site.admin.organizations("CloseAccount", AccountId=site.account)
    with refused("AccountNotFoundException"):
        site.admin.organizations("CloseAccount", AccountId="123456789012")
    admin, account = site.member()
    with refused("AccessDeniedException"):
        admin.organizations("CloseAccount", AccountId=account)
