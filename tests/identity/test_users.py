"""Users, their keys and their policies, through the operations of IAM."""

import asyncio
import json
import threading
from urllib.parse import unquote

import pytest

from hostreeve.api.errors import AwsError, common
from hostreeve.api.service_models import service
from hostreeve.gateway import protocols
from hostreeve.persistence.errors import StoreContended
from hostreeve.platform import identity
from hostreeve.platform.identity import worker
from hostreeve.platform.identity.actions import usage
from hostreeve.platform.identity.policy import compile_policy
from tests.identity.caller import OPERATIONS, Caller, allow, deny, policy, refused

ADMINISTRATORS = "arn:aws:iam::aws:policy/AdministratorAccess"


def test_the_first_administrator_is_an_ordinary_user_with_an_ordinary_policy(site):
    user = site.admin.iam("GetUser")["User"]
    assert user["UserName"] == "administrator"
    assert user["Arn"] == f"arn:aws:iam::{site.account}:user/administrator"
    attached = site.admin.iam("ListAttachedUserPolicies", UserName="administrator")
    assert attached["AttachedPolicies"] == [
        {"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATORS}
    ]
    site.admin.may("ssm:SendCommand", "arn:aws:ssm:us-east-1:1:document/x")


def test_a_user_is_created_shown_listed_renamed_and_deleted(site):
    made = site.admin.iam("CreateUser", UserName="Ann", Path="/team/", Tags=[{"Key": "a", "Value": "b"}])[
        "User"
    ]
    assert made["Arn"] == f"arn:aws:iam::{site.account}:user/team/Ann"
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 20
    assert site.admin.iam("GetUser", UserName="ann")["User"] == made
    listed = site.admin.iam("ListUsers", PathPrefix="/team/")
    assert [user["UserName"] for user in listed["Users"]] == ["Ann"] and not listed["IsTruncated"]
    site.admin.iam("UpdateUser", UserName="Ann", NewUserName="Bea", NewPath="/")
    assert site.admin.iam("GetUser", UserName="Bea")["User"]["UserId"] == made["UserId"]
    site.admin.iam("DeleteUser", UserName="Bea")
    with refused("NoSuchEntity"):
        site.admin.iam("GetUser", UserName="Bea")


def test_names_are_taken_without_regard_to_case(site):
    site.admin.iam("CreateUser", UserName="ann")
    with refused("EntityAlreadyExists"):
        site.admin.iam("CreateUser", UserName="ANN")
    site.admin.iam("CreateUser", UserName="bob")
    with refused("EntityAlreadyExists"):
        site.admin.iam("UpdateUser", UserName="bob", NewUserName="Ann")
    site.admin.iam("UpdateUser", UserName="bob", NewUserName="BOB")


def test_pages_of_users_are_complete_and_in_order(site):
    for name in ("d", "b", "C", "a"):
        site.admin.iam("CreateUser", UserName=name)
    names, marker = [], {}
    while True:
        page = site.admin.iam("ListUsers", MaxItems=2, **marker)
        names += [user["UserName"] for user in page["Users"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert names == ["a", "administrator", "b", "C", "d"]
    with refused("ValidationError"):
        site.admin.iam("ListUsers", Marker="made up")


def test_a_user_with_anything_left_is_not_deleted(site):
    site.user("ann", allow())
    with refused("DeleteConflict") as conflict:
        site.admin.iam("DeleteUser", UserName="ann")
    assert "access keys" in str(conflict.value)
    key = site.admin.iam("ListAccessKeys", UserName="ann")["AccessKeyMetadata"][0]
    site.admin.iam("DeleteAccessKey", UserName="ann", AccessKeyId=key["AccessKeyId"])
    site.admin.iam("AttachUserPolicy", UserName="ann", PolicyArn=ADMINISTRATORS)
    with refused("DeleteConflict"):
        site.admin.iam("DeleteUser", UserName="ann")
    site.admin.iam("DetachUserPolicy", UserName="ann", PolicyArn=ADMINISTRATORS)
    with refused("DeleteConflict"):
        site.admin.iam("DeleteUser", UserName="ann")
    site.admin.iam("DeleteUserPolicy", UserName="ann", PolicyName="own")
    site.admin.iam("DeleteUser", UserName="ann")


def test_a_third_key_is_refused(site):
    ann = site.user("ann", allow("iam:CreateAccessKey", "*"))
    ann.iam("CreateAccessKey")
    with refused("LimitExceeded"):
        ann.iam("CreateAccessKey")


def test_two_keys_are_the_most_even_when_many_ask_at_once(site):
    site.admin.iam("CreateUser", UserName="ann")
    outcomes = []

    def create():
        try:
            site.admin.iam("CreateAccessKey", UserName="ann")
            outcomes.append("made")
        except (AwsError, StoreContended) as error:
            outcomes.append(getattr(error, "code", "contended"))

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = site.admin.iam("ListAccessKeys", UserName="ann")["AccessKeyMetadata"]
    assert len(keys) == outcomes.count("made") == 2
    assert outcomes.count("LimitExceeded") == 4


def test_a_key_signs_as_its_user_until_it_is_deactivated(site):
    ann = site.user("ann", allow("ssm:*"))
    assert ann.arn().endswith(":user/ann")
    site.admin.iam("UpdateAccessKey", UserName="ann", AccessKeyId=ann.access_key_id, Status="Inactive")
    with refused("InvalidClientTokenId"):
        ann.arn()
    site.admin.iam("UpdateAccessKey", UserName="ann", AccessKeyId=ann.access_key_id, Status="Active")
    assert ann.arn()
    site.admin.iam("DeleteAccessKey", UserName="ann", AccessKeyId=ann.access_key_id)
    with refused("InvalidClientTokenId"):
        ann.arn()


def test_keys_that_nobody_made_are_refused(site):
    for key in ("", "AKIA", "AKIAIOSFODNN7EXAMPLE", "AKIA" + "A" * 16, "x" * 20, "ASIA" + "Q" * 16, "é" * 20):
        with refused("InvalidClientTokenId"):
            Caller(site, key, "").arn()


def test_a_session_token_with_a_users_key_is_refused(site):
    with refused("InvalidClientTokenId"):
        Caller(site, site.admin.access_key_id, site.admin.secret, "token").arn()


def test_a_rolled_back_deactivation_leaves_the_key_alone(site):
    """What is remembered between requests must not learn from a transaction that never was."""
    ann = site.user("ann", allow("ssm:*"))
    ann.may("ssm:GetParameter")

    def unit(tx):
        site.admin.perform(
            tx,
            OPERATIONS["iam", "PutUserPolicy"],
            {"UserName": "ann", "PolicyName": "own", "PolicyDocument": policy(deny("*"))},
        )
        with refused("AccessDeniedException"):
            principal = ann.principal(tx)
            site_context = site.context(principal, "us-east-1")
            identity.authorise(tx, principal, "ssm:GetParameter", ["*"], lambda: site_context)
        raise RuntimeError("roll back")

    with pytest.raises(RuntimeError):
        site.database.write_sync(unit)
    ann.may("ssm:GetParameter")
    site.admin.iam("PutUserPolicy", UserName="ann", PolicyName="other", PolicyDocument=policy(allow("iam:*")))
    ann.may("ssm:GetParameter")


def test_a_changed_policy_counts_with_the_next_request(site):
    ann = site.user("ann", allow("ssm:*"))
    ann.may("ssm:GetParameter")
    site.admin.iam("PutUserPolicy", UserName="ann", PolicyName="no", PolicyDocument=policy(deny("ssm:Get*")))
    with refused("AccessDeniedException") as denied:
        ann.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:parameter/x")
    assert str(denied.value) == (
        f"User: arn:aws:iam::{site.account}:user/ann is not authorized to perform: ssm:GetParameter on "
        "resource: arn:aws:ssm:us-east-1:1:parameter/x with an explicit deny in an identity-based policy"
    )
    site.admin.iam("DeleteUserPolicy", UserName="ann", PolicyName="no")
    ann.may("ssm:GetParameter")


def test_a_policy_document_comes_back_as_it_was_written(site):
    document = '{ "Version": "2012-10-17",\n "Statement": {"Effect":"Allow","Action":"*","Resource":"*"} }'
    site.admin.iam("CreateUser", UserName="ann")
    site.admin.iam("PutUserPolicy", UserName="ann", PolicyName="p q", PolicyDocument=document)
    found = site.admin.iam("GetUserPolicy", UserName="ann", PolicyName="p q")
    assert unquote(found["PolicyDocument"]) == document and "{" not in found["PolicyDocument"]
    assert site.admin.iam("ListUserPolicies", UserName="ann")["PolicyNames"] == ["p q"]


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("GetUser", {"UserName": "nobody"}),
        ("CreateAccessKey", {"UserName": "nobody"}),
        ("DeleteUser", {"UserName": "nobody"}),
        ("GetUserPolicy", {"UserName": "administrator", "PolicyName": "none"}),
        ("DeleteUserPolicy", {"UserName": "administrator", "PolicyName": "none"}),
        ("AttachUserPolicy", {"UserName": "administrator", "PolicyArn": "arn:aws:iam::aws:policy/None"}),
        (
            "DetachUserPolicy",
            {"UserName": "administrator", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        ),
        ("DeleteAccessKey", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
        ("GetAccessKeyLastUsed", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
        ("DeleteUserPermissionsBoundary", {"UserName": "administrator"}),
        (
            "PutUserPermissionsBoundary",
            {"UserName": "administrator", "PermissionsBoundary": "arn:aws:iam::1:policy/x"},
        ),
        ("CreateUser", {"UserName": "x", "PermissionsBoundary": "arn:aws:iam::aws:policy/None"}),
    ],
)
def test_what_is_not_there_is_no_such_entity(site, operation, request_):
    with refused("NoSuchEntity"):
        site.admin.iam(operation, **request_)


def test_documents_that_are_none_or_too_long_are_refused(site):
    site.admin.iam("CreateUser", UserName="ann")
    with refused("MalformedPolicyDocument") as malformed:
        site.admin.iam(
            "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=policy({"Effect": "Allow"})
        )
    assert "Statement[0]" in str(malformed.value)
    long = policy(allow("ssm:*", [f"arn:aws:s3:::{'b' * 50}{n}" for n in range(40)]))
    with refused("LimitExceeded"):
        site.admin.iam("PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=long)
    site.admin.iam("CreatePolicy", PolicyName="p", PolicyDocument=long)


def test_own_policies_are_made_attached_used_and_deleted(site):
    made = site.admin.iam(
        "CreatePolicy", PolicyName="Team", PolicyDocument=policy(allow("ssm:Get*")), Path="/x/"
    )
    arn = made["Policy"]["Arn"]
    assert arn == f"arn:aws:iam::{site.account}:policy/x/Team"
    with refused("EntityAlreadyExists"):
        site.admin.iam("CreatePolicy", PolicyName="team", PolicyDocument=policy(allow()))
    ann = site.user("ann")
    with refused("AccessDeniedException"):
        ann.may("ssm:GetParameter")
    site.admin.iam("AttachUserPolicy", UserName="ann", PolicyArn=arn)
    site.admin.iam("AttachUserPolicy", UserName="ann", PolicyArn=arn)
    ann.may("ssm:GetParameter")
    assert site.admin.iam("GetPolicy", PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    listed = site.admin.iam("ListPolicies", Scope="Local", OnlyAttached=True)["Policies"]
    assert [policy["Arn"] for policy in listed] == [arn]
    version = site.admin.iam("GetPolicyVersion", PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert json.loads(unquote(version["Document"])) == json.loads(policy(allow("ssm:Get*")))
    with refused("DeleteConflict"):
        site.admin.iam("DeletePolicy", PolicyArn=arn)
    site.admin.iam("DetachUserPolicy", UserName="ann", PolicyArn=arn)
    site.admin.iam("DeletePolicy", PolicyArn=arn)
    with refused("NoSuchEntity"):
        site.admin.iam("GetPolicy", PolicyArn=arn)


def test_policies_of_aws_are_listed_valid_and_nobodys_to_delete(site):
    listed = site.admin.iam("ListPolicies", Scope="AWS")["Policies"]
    assert {"AdministratorAccess", "AmazonSSMManagedInstanceCore", "AmazonSSMFullAccess"} <= {
        policy["PolicyName"] for policy in listed
    }
    for each in listed:
        version = site.admin.iam("GetPolicyVersion", PolicyArn=each["Arn"], VersionId="v1")["PolicyVersion"]
        assert compile_policy(unquote(version["Document"]), each["PolicyName"])
        assert len("".join(unquote(version["Document"]).split())) <= 6144
    with refused("InvalidInput"):
        site.admin.iam("DeletePolicy", PolicyArn=ADMINISTRATORS)


def test_reading_is_all_that_read_only_access_allows(site):
    ann = site.user("ann")
    for name, prefix in (("ReadOnlyAccess", "iam"), ("AmazonSSMReadOnlyAccess", "ssm")):
        arn = f"arn:aws:iam::aws:policy/{name}"
        site.admin.iam("AttachUserPolicy", UserName="ann", PolicyArn=arn)
        ann.may(f"{prefix}:ListThings")
        for action in ("ssm:SendCommand", "ssm:PutParameter", "iam:CreateUser", "sts:AssumeRole"):
            with refused("AccessDeniedException"):
                ann.may(action)
        site.admin.iam("DetachUserPolicy", UserName="ann", PolicyArn=arn)


def test_a_permissions_boundary_limits_what_policies_allow(site):
    limit = site.admin.iam("CreatePolicy", PolicyName="Limit", PolicyDocument=policy(allow("ssm:*")))[
        "Policy"
    ]
    ann = site.user("ann", allow())
    ann.may("iam:ListUsers")
    site.admin.iam("PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=limit["Arn"])
    ann.may("ssm:GetParameter")
    with refused("AccessDeniedException") as denied:
        ann.may("iam:ListUsers")
    assert str(denied.value).endswith("because no permissions boundary allows the iam:ListUsers action")
    shown = site.admin.iam("GetUser", UserName="ann")["User"]["PermissionsBoundary"]
    assert shown["PermissionsBoundaryArn"] == limit["Arn"]
    with refused("DeleteConflict"):
        site.admin.iam("DeletePolicy", PolicyArn=limit["Arn"])
    site.admin.iam("DeleteUserPermissionsBoundary", UserName="ann")
    ann.may("iam:ListUsers")


def test_a_users_tags_are_tags_of_the_principal(site):
    team = allow("ssm:GetParameter", "arn:aws:ssm:*:*:parameter/${aws:PrincipalTag/Team, 'none'}/*")
    ann = site.user("ann", team)
    site.admin.iam(
        "TagUser", UserName="ann", Tags=[{"Key": "team", "Value": "red"}, {"Key": "x", "Value": "y"}]
    )
    ann.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:parameter/red/a")
    with refused("AccessDeniedException"):
        ann.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:parameter/blue/a")
    site.admin.iam("UntagUser", UserName="ann", TagKeys=["Team"])
    assert site.admin.iam("ListUserTags", UserName="ann")["Tags"] == [{"Key": "x", "Value": "y"}]
    ann.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:parameter/none/a")
    with refused("InvalidInput"):
        site.admin.iam("TagUser", UserName="ann", Tags=[{"Key": "aws:x", "Value": "y"}])


def test_conditions_see_the_request(site):
    here = allow(
        "ssm:*",
        Condition={
            "IpAddress": {"aws:SourceIp": "192.0.2.0/24"},
            "StringEquals": {"aws:RequestedRegion": "us-east-1", "aws:username": "ann"},
            "Bool": {"aws:SecureTransport": "true"},
            "DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
            "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/ann"},
        },
    )
    ann = site.user("ann", here)
    ann.may("ssm:GetParameter")
    with refused("AccessDeniedException"):
        ann.may("ssm:GetParameter", region="eu-west-1")
    with refused("AccessDeniedException"):
        ann.may("ssm:GetParameter", **{"AWS:sourceip": ["198.51.100.1"]})


def test_every_one_of_the_resources_must_be_allowed(site):
    ann = site.user("ann", allow("ssm:*", "arn:aws:ssm:*:*:parameter/a*"))
    ann.may("ssm:GetParameters", "arn:aws:ssm:x:1:parameter/a", "arn:aws:ssm:x:1:parameter/ab")
    with refused("AccessDeniedException") as denied:
        ann.may("ssm:GetParameters", "arn:aws:ssm:x:1:parameter/a", "arn:aws:ssm:x:1:parameter/b")
    assert "parameter/b " in str(denied.value)


def test_operations_are_asked_for_the_very_user_they_touch(site):
    ann = site.user("ann", allow("iam:*", "arn:aws:iam::*:user/${aws:username}"))
    assert ann.iam("GetUser")["User"]["UserName"] == "ann"
    ann.iam("CreateAccessKey")
    for operation in ("GetUser", "CreateAccessKey", "DeleteUser", "ListAccessKeys"):
        with refused("AccessDeniedException"):
            ann.iam(operation, UserName="administrator")
    with refused("AccessDeniedException"):
        ann.iam("UpdateUser", UserName="ann", NewUserName="administrator2")


def test_the_last_use_of_a_key_is_written_down(site):
    usage.taken()
    before = site.admin.iam("GetAccessKeyLastUsed", AccessKeyId=site.admin.access_key_id)
    assert before["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    site.admin.may("ssm:GetParameter")
    site.world.advance(5)
    site.admin.may("ssm:GetParameter", region="eu-west-1")
    asyncio.run(worker.tick(site.database))
    after = site.admin.iam("GetAccessKeyLastUsed", AccessKeyId=site.admin.access_key_id)["AccessKeyLastUsed"]
    assert after == {
        "LastUsedDate": site.world.now_ms() // 1000,
        "ServiceName": "ssm",
        "Region": "eu-west-1",
    }


def test_an_account_sees_nothing_of_another(site):
    other, _ = site.member()
    site.admin.iam("CreateUser", UserName="ann")
    arn = site.admin.iam("CreatePolicy", PolicyName="P", PolicyDocument=policy(allow()))["Policy"]["Arn"]
    with refused("NoSuchEntity"):
        other.iam("GetUser", UserName="ann")
    with refused("NoSuchEntity"):
        other.iam("GetPolicy", PolicyArn=arn)
    with refused("NoSuchEntity"):
        other.iam("AttachUserPolicy", UserName="administrator", PolicyArn=arn)
    with refused("NoSuchEntity"):
        other.iam("DeleteAccessKey", UserName="administrator", AccessKeyId=site.admin.access_key_id)
    assert [user["UserName"] for user in other.iam("ListUsers")["Users"]] == ["administrator"]
    assert other.iam("ListPolicies", Scope="Local")["Policies"] == []


def test_secrets_are_not_stored_in_clear_text(site, tmp_path):
    rows = site.database.read_sync(lambda tx: tx.all("SELECT * FROM iam_access_keys"))
    assert rows and all(site.admin.secret.encode() not in repr(row).encode() for row in rows)


def test_a_denial_has_the_code_and_status_of_the_query_services():
    iam = service("iam")
    answer = protocols.write_error(iam, common.AccessDeniedException("User: x"), "r", "query")
    assert answer.status == 403 and b"<Code>AccessDenied</Code>" in answer.body
    ssm = protocols.write_error(service("ssm"), common.AccessDeniedException("User: x"), "r", "json")
    assert ssm.status == 400 and b"AccessDeniedException" in ssm.body
