"""Trust names users and roles by what they are, not by what they are called."""

import json
from urllib.parse import unquote

import pytest

from tests.identity.caller import SCHEMAS as SLICES
from tests.identity.caller import Site, allow, policy, refused

SCHEMAS = SLICES
BECOME = allow("sts:AssumeRole")


@pytest.fixture
def site(database, world):
    return Site(database, world)


def trusted(site, role="kept", by=None):
    """Whom a role trusts, as IAM shows it."""
    found = (by or site.admin).iam("GetRole", RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return json.loads(unquote(found))["Statement"][0]["Principal"]["AWS"]


def remove_user(site, name):
    for key in site.admin.iam("ListAccessKeys", UserName=name)["AccessKeyMetadata"]:
        site.admin.iam("DeleteAccessKey", UserName=name, AccessKeyId=key["AccessKeyId"])
    for inline in site.admin.iam("ListUserPolicies", UserName=name)["PolicyNames"]:
        site.admin.iam("DeleteUserPolicy", UserName=name, PolicyName=inline)
    site.admin.iam("DeleteUser", UserName=name)


def remove_role(site, name):
    for inline in site.admin.iam("ListRolePolicies", RoleName=name)["PolicyNames"]:
        site.admin.iam("DeleteRolePolicy", RoleName=name, PolicyName=inline)
    site.admin.iam("DeleteRole", RoleName=name)


def test_a_user_made_anew_is_not_trusted_in_place_of_the_first(site):
    ann = site.user("ann", BECOME)
    role = site.role("kept", {"AWS": ann.arn()})
    assert site.assume(ann, role).arn()
    assert trusted(site) == ann.arn()
    remove_user(site, "ann")
    other = site.user("ann", BECOME)
    with refused("AccessDeniedException"):
        site.assume(other, role)
    assert trusted(site).startswith("AIDA") and len(trusted(site)) == 20


def test_a_role_made_anew_is_not_trusted_in_place_of_the_first(site):
    own = {"AWS": site.account}
    first = site.role("first", own, BECOME)
    role = site.role("kept", {"AWS": [first, f"arn:aws:iam::{site.account}:user/administrator"]})
    assert site.assume(site.assume(site.admin, first), role).arn()
    remove_role(site, "first")
    assert site.role("first", own, BECOME) == first
    with refused("AccessDeniedException"):
        site.assume(site.assume(site.admin, first), role)
    gone, administrator = trusted(site)
    assert gone.startswith("AROA") and administrator.endswith(":user/administrator")


def test_a_document_that_still_names_somebody_gone_cannot_be_put_again(site):
    ann = site.user("ann", BECOME)
    site.role("kept", {"AWS": ann.arn()})
    remove_user(site, "ann")
    again = policy({"Effect": "Allow", "Principal": {"AWS": trusted(site)}, "Action": "sts:AssumeRole"})
    with refused("MalformedPolicyDocument") as denied:
        site.admin.iam("UpdateAssumeRolePolicy", RoleName="kept", PolicyDocument=again)
    assert denied.value.message == f'Invalid principal in policy: "AWS":"{trusted(site)}"'


def test_who_is_renamed_stays_trusted_under_the_new_name(site):
    ann = site.user("ann", BECOME)
    role = site.role("kept", {"AWS": ann.arn()})
    site.admin.iam("UpdateUser", UserName="ann", NewUserName="anna", NewPath="/team/")
    assert site.assume(ann, role).arn()
    assert trusted(site) == f"arn:aws:iam::{site.account}:user/team/anna"


def test_one_session_of_a_role_is_trusted_and_no_other(site):
    own = {"AWS": site.account}
    first = site.role("first", own, BECOME)
    session = f"arn:aws:sts::{site.account}:assumed-role/first/night"
    role = site.role("kept", {"AWS": session})
    assert trusted(site) == session
    assert site.assume(site.assume(site.admin, first, "night"), role).arn()
    with refused("AccessDeniedException"):
        site.assume(site.assume(site.admin, first, "day"), role)
    remove_role(site, "first")
    site.role("first", own, BECOME)
    with refused("AccessDeniedException"):
        site.assume(site.assume(site.admin, first, "night"), role)
    assert trusted(site).startswith("AROA") and trusted(site).endswith(":night")


def test_users_of_other_accounts_are_trusted_by_what_they_are_too(site):
    member, _ = site.member()
    ann = site.user("ann", BECOME, by=member)
    role = site.role("kept", {"AWS": ann.arn()})
    assert site.assume(ann, role).arn()
    for key in member.iam("ListAccessKeys", UserName="ann")["AccessKeyMetadata"]:
        member.iam("DeleteAccessKey", UserName="ann", AccessKeyId=key["AccessKeyId"])
    member.iam("DeleteUserPolicy", UserName="ann", PolicyName="own")
    member.iam("DeleteUser", UserName="ann")
    with refused("AccessDeniedException"):
        site.assume(site.user("ann", BECOME, by=member), role)


def test_an_account_by_its_number_is_its_root(site):
    site.role("kept", {"AWS": site.account})
    assert trusted(site) == f"arn:aws:iam::{site.account}:root"


def test_a_trust_that_names_nobody_stays_as_it_was_written(site):
    written = policy({"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:*"})
    spaced = written.replace(": ", " :\n")
    site.admin.iam("CreateRole", RoleName="kept", AssumeRolePolicyDocument=spaced)
    found = site.admin.iam("GetRole", RoleName="kept")["Role"]["AssumeRolePolicyDocument"]
    assert unquote(found) == spaced


def test_a_role_may_trust_itself_once_it_is_there(site):
    me = f"arn:aws:iam::{site.account}:role/kept"
    itself = policy({"Effect": "Allow", "Principal": {"AWS": me}, "Action": "sts:AssumeRole"})
    with refused("MalformedPolicyDocument"):
        site.admin.iam("CreateRole", RoleName="kept", AssumeRolePolicyDocument=itself)
    site.role("kept", {"AWS": site.account})
    site.admin.iam("UpdateAssumeRolePolicy", RoleName="kept", PolicyDocument=itself)
    assert trusted(site) == me


def test_lists_details_and_explanations_show_names(site):
    ann = site.user("ann", BECOME)
    role = site.role("kept", {"AWS": ann.arn()})
    listed = {each["RoleName"]: each for each in site.admin.iam("ListRoles")["Roles"]}["kept"]
    details = site.admin.iam("GetAccountAuthorizationDetails", Filter=["Role"])["RoleDetailList"]
    detailed = {each["RoleName"]: each for each in details}["kept"]
    for shown in (listed, detailed):
        assert ann.arn() in unquote(shown["AssumeRolePolicyDocument"])
    explained = site.admin.hostreeve(
        "ExplainAuthorization", Principal=ann.arn(), Action="sts:AssumeRole", Resource=role
    )
    assert ann.arn() in json.dumps(explained) and "AIDA" not in json.dumps(explained)
