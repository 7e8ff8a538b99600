"""Accounts: the management account, members that are ready at once, and who may see them."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.platform import organizations
from tests.identity.caller import SCHEMAS as SLICES
from tests.identity.caller import Site, allow

SCHEMAS = SLICES
NAMED = "123456789012"


@pytest.fixture
def site(database, world):
    return Site(database, world)


def refused(code):
    return pytest.raises(AwsError, check=lambda error: error.code == code)


def test_there_is_one_organization_and_its_management_account(site):
    assert site.database.read_sync(organizations.management_account) == site.account
    shown = site.admin.organizations("DescribeOrganization")["Organization"]
    assert shown["MasterAccountId"] == site.account and shown["FeatureSet"] == "ALL"
    assert shown["Id"].startswith("o-") and shown["Arn"].endswith(f":organization/{shown['Id']}")
    accounts = site.admin.organizations("ListAccounts")["Accounts"]
    assert [account["Id"] for account in accounts] == [site.account]
    assert accounts[0]["Arn"] == shown["MasterAccountArn"]


def test_an_installation_without_a_first_start_has_no_management_account(database):
    assert database.read_sync(organizations.management_account) is None


def test_a_member_account_is_ready_for_its_administrator_at_once(site):
    admin, account_id = site.member()
    assert admin.arn() == f"arn:aws:iam::{account_id}:user/administrator" and account_id != site.account
    admin.may("ssm:SendCommand")
    names = [role["RoleName"] for role in admin.iam("ListRoles")["Roles"]]
    assert names == ["OrganizationAccountAccessRole", "SSMServiceRole"]


def test_the_management_account_administers_members_by_their_access_role(site):
    _, account_id = site.member()
    role = f"arn:aws:iam::{account_id}:role/OrganizationAccountAccessRole"
    session = site.assume(site.admin, role)
    assert session.iam("CreateUser", UserName="made-by-management")["User"]["Arn"].split(":")[4] == account_id
    stranger, _ = site.member()
    with refused("AccessDeniedException"):
        site.assume(stranger, role)


def test_an_account_of_a_given_id_is_made_once_and_answers_the_same_key(site):
    first = site.admin.hostreeve("CreateAccounts", AccountId=NAMED)["Accounts"]
    assert first == site.admin.hostreeve("CreateAccounts", AccountId=NAMED)["Accounts"]
    assert first[0]["AccountId"] == NAMED


def test_an_account_whose_key_was_deleted_gets_another(site):
    admin, _ = site.member(NAMED)
    admin.iam("DeleteAccessKey", AccessKeyId=admin.access_key_id)
    again, _ = site.member(NAMED)
    assert again.access_key_id != admin.access_key_id and again.arn()


def test_an_account_without_its_administrator_is_told_of(site):
    admin, _ = site.member(NAMED)
    second = admin.iam("CreateAccessKey")["AccessKey"]["AccessKeyId"]
    admin.iam("UpdateAccessKey", AccessKeyId=second, Status="Inactive")
    admin.iam("UpdateAccessKey", AccessKeyId=admin.access_key_id, Status="Inactive")
    with refused("AccountAlreadyExistsException"):
        site.member(NAMED)


def test_many_accounts_are_made_in_one_call(site):
    made = site.admin.hostreeve("CreateAccounts", Count=25)["Accounts"]
    assert len({account["AccountId"] for account in made}) == 25
    assert all(len(account["AccountId"]) == 12 for account in made)
    found, token = [], {}
    while True:
        page = site.admin.hostreeve("ListAccounts", MaxResults=10, **token)
        found += page["Accounts"]
        if not page["NextToken"]:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(found) == 26 and all(account["Status"] == "ACTIVE" for account in found)
    with refused("ValidationException"):
        site.admin.hostreeve("CreateAccounts", AccountId=NAMED, Count=2)


def test_the_management_accounts_own_key_is_not_handed_out(site):
    with refused("AccountAlreadyExistsException"):
        site.member(site.account)


def test_nobody_gets_the_account_in_which_the_installation_keeps_its_own(site):
    with refused("ValidationException"):
        site.member("000000000000")


def test_an_account_asked_for_as_at_aws_is_there_when_its_status_says_so(site):
    asked = site.admin.organizations(
        "CreateAccount", Email="ops@example.com", AccountName="Ops", RoleName="Entry"
    )
    begun = asked["CreateAccountStatus"]
    assert begun["State"] == "IN_PROGRESS" and begun["Id"].startswith("car-") and "AccountId" not in begun
    assert len(site.admin.organizations("ListAccounts")["Accounts"]) == 1
    site.tick()
    found = site.admin.organizations("DescribeCreateAccountStatus", CreateAccountRequestId=begun["Id"])
    status = found["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED" and status["CompletedTimestamp"] >= begun["RequestedTimestamp"]
    shown = site.admin.organizations("DescribeAccount", AccountId=status["AccountId"])["Account"]
    assert (shown["Name"], shown["Email"], shown["JoinedMethod"]) == ("Ops", "ops@example.com", "CREATED")
    assert site.assume(site.admin, f"arn:aws:iam::{status['AccountId']}:role/Entry")
    listed = site.admin.organizations("ListCreateAccountStatus", States=["SUCCEEDED"])
    assert listed["CreateAccountStatuses"] == [status]


def test_an_address_serves_one_account_only(site):
    site.admin.organizations("CreateAccount", Email="ops@example.com", AccountName="Ops")
    site.admin.organizations("CreateAccount", Email="ops@example.com", AccountName="Other")
    site.tick()
    failed = site.admin.organizations("ListCreateAccountStatus", States=["FAILED"])["CreateAccountStatuses"]
    assert [each["FailureReason"] for each in failed] == ["EMAIL_ALREADY_EXISTS"]
    assert len(site.admin.organizations("ListAccounts")["Accounts"]) == 2


def test_members_neither_see_nor_make_accounts(site):
    admin, account_id = site.member()
    assert admin.organizations("DescribeOrganization")["Organization"]["MasterAccountId"] == site.account
    with refused("AccessDeniedException"):
        admin.organizations("ListAccounts")
    with refused("AccessDeniedException"):
        admin.organizations("DescribeAccount", AccountId=account_id)
    with refused("AccessDeniedException"):
        admin.organizations("CreateAccount", Email="ops@example.com", AccountName="Ops")
    for operation in ("CreateAccounts", "ListAccounts"):
        with refused("AccessDeniedException"):
            admin.hostreeve(operation)


def test_making_accounts_needs_a_policy_too(site):
    ann = site.user("ann", allow("hostreeve:List*"))
    assert ann.hostreeve("ListAccounts")["Accounts"]
    with refused("AccessDeniedException"):
        ann.hostreeve("CreateAccounts")


def test_what_is_not_there_is_said_so(site):
    with refused("AccountNotFoundException"):
        site.admin.organizations("DescribeAccount", AccountId=NAMED)
    with refused("CreateAccountStatusNotFoundException"):
        site.admin.organizations("DescribeCreateAccountStatus", CreateAccountRequestId="car-" + "0" * 32)
    with refused("InvalidInputException"):
        site.admin.organizations("ListAccounts", NextToken="made up")
