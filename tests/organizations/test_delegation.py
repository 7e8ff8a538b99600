"""Trusted services, delegated administrators, and what the organization's own policy lets accounts do."""

import json

import pytest

from tests.identity.caller import allow
from tests.organizations.conftest import everything, refused
from tests.organizations.test_policies import CONTROL, NO_IAM

SSM, CONFIG = "ssm.amazonaws.com", "config.amazonaws.com"


@pytest.fixture
def delegate(site):
    """A delegated administrator of Systems Manager, and its account."""
    admin, account = site.member()
    site.admin.organizations("EnableAWSServiceAccess", ServicePrincipal=SSM)
    site.admin.organizations("RegisterDelegatedAdministrator", AccountId=account, ServicePrincipal=SSM)
    return admin, account


def own_policy(account, *actions, **more):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": [f"organizations:{action}" for action in actions],
        "Resource": "*",
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_services_are_trusted_and_no_longer(site):
    for service in (SSM, CONFIG, SSM):
        site.admin.organizations("EnableAWSServiceAccess", ServicePrincipal=service)
    listed = everything(
        site.admin, "ListAWSServiceAccessForOrganization", "EnabledServicePrincipals", MaxResults=1
    )
    assert [each["ServicePrincipal"] for each in listed] == [CONFIG, SSM]
    assert all(each["DateEnabled"] for each in listed)
    site.admin.organizations("DisableAWSServiceAccess", ServicePrincipal=CONFIG)
    left = site.admin.organizations("ListAWSServiceAccessForOrganization")["EnabledServicePrincipals"]
    assert [each["ServicePrincipal"] for each in left] == [SSM]
    for operation in ("EnableAWSServiceAccess", "DisableAWSServiceAccess"):
        with refused("InvalidInputException", "UNRECOGNIZED_SERVICE_PRINCIPAL"):
            site.admin.organizations(operation, ServicePrincipal="nobody")


def test_a_delegated_administrator_reads_the_organization_and_changes_nothing(site, delegate, root):
    admin, account = delegate
    assert {each["Id"] for each in everything(admin, "ListAccounts", "Accounts")} >= {account, site.account}
    assert admin.organizations("ListAccountsForParent", ParentId=root)["Accounts"]
    assert admin.organizations("ListRoots")["Roots"][0]["Id"] == root
    for operation, request in (
        ("CreateOrganizationalUnit", {"ParentId": root, "Name": "n"}),
        ("CreatePolicy", {"Name": "n", "Description": "", "Type": CONTROL, "Content": NO_IAM}),
        ("CloseAccount", {"AccountId": account}),
        ("EnableAWSServiceAccess", {"ServicePrincipal": CONFIG}),
    ):
        with refused("AccessDeniedException"):
            admin.organizations(operation, **request)
    site.admin.organizations("DeregisterDelegatedAdministrator", AccountId=account, ServicePrincipal=SSM)
    with refused("AccessDeniedException"):
        admin.organizations("ListAccounts")


def test_a_delegated_administrator_needs_a_policy_of_its_own_too(site, delegate):
    admin, _ = delegate
    ann = site.user("ann", allow("organizations:ListRoots"), by=admin)
    assert ann.organizations("ListRoots")["Roots"]
    with refused("AccessDeniedException"):
        ann.organizations("ListAccounts")


def test_delegations_are_listed_from_both_sides(site, delegate):
    _, account = delegate
    _, other = site.member()
    site.admin.organizations("EnableAWSServiceAccess", ServicePrincipal=CONFIG)
    for each in (account, other):
        site.admin.organizations("RegisterDelegatedAdministrator", AccountId=each, ServicePrincipal=CONFIG)
    every = everything(site.admin, "ListDelegatedAdministrators", "DelegatedAdministrators", MaxResults=1)
    assert sorted(each["Id"] for each in every) == sorted([account, other])
    assert all(each["DelegationEnabledDate"] and each["Status"] == "ACTIVE" for each in every)
    of_ssm = site.admin.organizations("ListDelegatedAdministrators", ServicePrincipal=SSM)
    assert [each["Id"] for each in of_ssm["DelegatedAdministrators"]] == [account]
    services = everything(
        site.admin, "ListDelegatedServicesForAccount", "DelegatedServices", AccountId=account
    )
    assert [each["ServicePrincipal"] for each in services] == [CONFIG, SSM]


def test_registering_says_what_is_wrong_with_it(site, delegate):
    _, account = delegate

    def register(account_id, service=SSM):
        site.admin.organizations(
            "RegisterDelegatedAdministrator", AccountId=account_id, ServicePrincipal=service
        )

    with refused("AccountAlreadyRegisteredException"):
        register(account)
    with refused("ConstraintViolationException", "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"):
        register(site.account)
    with refused("AccountNotFoundException"):
        register("123456789012")
    with refused("ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED"):
        register(account, CONFIG)
    with refused("InvalidInputException", "UNRECOGNIZED_SERVICE_PRINCIPAL"):
        register(account, "x")
    _, closed = site.member()
    site.admin.organizations("CloseAccount", AccountId=closed)
    with refused(
        "ConstraintViolationException", "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR"
    ):
        register(closed)


def test_who_is_not_registered_is_said_so(site):
    _, account = site.member()
    with refused("AccountNotRegisteredException"):
        site.admin.organizations("DeregisterDelegatedAdministrator", AccountId=account, ServicePrincipal=SSM)
    with refused("AccountNotRegisteredException"):
        site.admin.organizations("ListDelegatedServicesForAccount", AccountId=account)
    for operation, more in (
        ("DeregisterDelegatedAdministrator", {"ServicePrincipal": SSM}),
        ("ListDelegatedServicesForAccount", {}),
    ):
        with refused("AccountNotFoundException"):
            site.admin.organizations(operation, AccountId="123456789012", **more)


def test_a_delegated_administrator_neither_leaves_nor_closes_nor_is_forgotten(site, delegate):
    admin, account = delegate
    reason = "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    with refused("ConstraintViolationException", reason):
        admin.organizations("LeaveOrganization")
    with refused("ConstraintViolationException", reason):
        site.admin.organizations("RemoveAccountFromOrganization", AccountId=account)
    with refused("ConstraintViolationException", reason):
        site.admin.organizations("CloseAccount", AccountId=account)
    with refused("ConstraintViolationException", "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE"):
        site.admin.organizations("DisableAWSServiceAccess", ServicePrincipal=SSM)


def test_the_organizations_policy_lets_an_account_manage_policies(site, root):
    admin, account = site.member()
    site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=CONTROL)
    content = own_policy(
        account, "CreatePolicy", "AttachPolicy", "ListPolicies", "TagResource", "DescribeOrganizationalUnit"
    )
    put = site.admin.organizations("PutResourcePolicy", Content=content)["ResourcePolicy"]
    assert put["Content"] == content and put["ResourcePolicySummary"]["Id"].startswith("rp-")
    made = admin.organizations(
        "CreatePolicy",
        Name="theirs",
        Description="",
        Type=CONTROL,
        Content=NO_IAM,
        Tags=[{"Key": "a", "Value": "b"}],
    )["Policy"]["PolicySummary"]["Id"]
    admin.organizations("AttachPolicy", PolicyId=made, TargetId=account)
    with refused("AccessDeniedException"):
        admin.organizations("DetachPolicy", PolicyId=made, TargetId=account)
    with refused("AccessDeniedException"):
        admin.organizations("ListRoots")
    site.admin.organizations("DeleteResourcePolicy")
    with refused("AccessDeniedException"):
        admin.organizations("ListPolicies", Filter=CONTROL)


def test_the_organizations_policy_alone_opens_nothing_to_other_accounts(site):
    admin, account = site.member()
    site.admin.organizations("PutResourcePolicy", Content=own_policy(account, "ListPolicies", "ListRoots"))
    ann = site.user("ann", allow("organizations:ListRoots"), by=admin)
    assert ann.organizations("ListRoots")["Roots"]
    with refused("AccessDeniedException"):
        ann.organizations("ListPolicies", Filter=CONTROL)


def test_the_organizations_policy_may_ask_for_a_type_of_policies(site):
    admin, account = site.member()
    only_tags = {"StringEquals": {"organizations:PolicyType": "TAG_POLICY"}}
    content = own_policy(account, "CreatePolicy", Condition=only_tags)
    site.admin.organizations("PutResourcePolicy", Content=content)
    new = {"Name": "n", "Description": ""}
    admin.organizations("CreatePolicy", Type="TAG_POLICY", Content='{"tags":{}}', **new)
    with refused("AccessDeniedException"):
        admin.organizations("CreatePolicy", Type=CONTROL, Content=NO_IAM, **new)


def test_the_organizations_policy_is_put_shown_changed_tagged_and_deleted(site):
    _, account = site.member()
    for operation in ("DescribeResourcePolicy", "DeleteResourcePolicy"):
        with refused("ResourcePolicyNotFoundException"):
            site.admin.organizations(operation)
    tags = [{"Key": "Team", "Value": "a"}]
    first = site.admin.organizations("PutResourcePolicy", Content=own_policy(account, "List*"), Tags=tags)
    summary = first["ResourcePolicy"]["ResourcePolicySummary"]
    changed = own_policy(account, "Describe*")
    site.admin.organizations("PutResourcePolicy", Content=changed)
    shown = site.admin.organizations("DescribeResourcePolicy")["ResourcePolicy"]
    assert shown == {"ResourcePolicySummary": summary, "Content": changed}
    assert site.admin.organizations("ListTagsForResource", ResourceId=summary["Id"])["Tags"] == tags
    site.admin.organizations("DeleteResourcePolicy")
    with refused("TargetNotFoundException"):
        site.admin.organizations("ListTagsForResource", ResourceId=summary["Id"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no", "INVALID_RESOURCE_POLICY_JSON"),
        (json.dumps({"Statement": [allow("organizations:List*")]}), "INVALID_RESOURCE_POLICY_JSON"),
        (own_policy("123456789012", "MoveAccount"), "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        (own_policy("123456789012", "*"), "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        (own_policy("123456789012", "List*", "Create*"), "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        (
            own_policy("1" * 12, "List*").replace("organizations:", "iam:"),
            "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
        ),
        (
            own_policy("1" * 12, "List*").replace('"Action"', '"NotAction"'),
            "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
        ),
    ],
)
def test_what_cannot_be_delegated_is_refused(site, content, reason):
    with refused("InvalidInputException", reason):
        site.admin.organizations("PutResourcePolicy", Content=content)
