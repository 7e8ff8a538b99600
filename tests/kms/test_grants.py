"""Grants: what they allow, under which context, and how they end."""

import json

import pytest

from tests.kms.conftest import policy, refused, root

WEB = {"App": "web"}


@pytest.fixture
def grantee(limited):
    """The client and the ARN of a user without any policy."""
    return limited()


def test_a_grant_alone_is_enough_until_it_is_revoked(kms, key, grantee):
    user, arn = grantee
    assert refused(user.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    made = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt", "DescribeKey"], Name="n")
    blob = user.encrypt(KeyId=key, Plaintext=b"p", GrantTokens=[made["GrantToken"]])["CiphertextBlob"]
    assert user.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
    assert refused(user.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    (shown,) = kms.list_grants(KeyId=key)["Grants"]
    assert (shown["GrantId"], shown["GranteePrincipal"], shown["Name"]) == (made["GrantId"], arn, "n")
    assert shown["Operations"] == ["Encrypt", "DescribeKey"]
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    assert refused(user.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    assert refused(kms.revoke_grant, KeyId=key, GrantId=made["GrantId"]) == "InvalidGrantIdException"


@pytest.mark.parametrize(
    ("constraints", "allowed", "forbidden"),
    [
        ({"EncryptionContextEquals": WEB}, [WEB], [{}, {**WEB, "More": "x"}, {"App": "db"}]),
        ({"EncryptionContextSubset": WEB}, [WEB, {**WEB, "More": "x"}], [{}, {"App": "db"}]),
    ],
)
def test_constraints_bind_the_encryption_context(kms, key, grantee, constraints, allowed, forbidden):
    user, arn = grantee
    operations = ["Encrypt", "Decrypt", "DescribeKey", "GenerateDataKey"]
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=operations, Constraints=constraints)
    for context in allowed:
        blob = user.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=context)["CiphertextBlob"]
        assert user.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"p"
    for context in forbidden:
        asked = {"KeyId": key, "EncryptionContext": context}
        assert refused(user.encrypt, Plaintext=b"p", **asked) == "AccessDeniedException"
        assert refused(user.generate_data_key, KeySpec="AES_256", **asked) == "AccessDeniedException"
    assert user.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key


def test_no_grant_beats_a_denial(kms, key, account, grantee):
    user, arn = grantee
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
    denial = {"Effect": "Deny", "Principal": {"AWS": arn}, "Action": "kms:Encrypt"}
    kms.put_key_policy(KeyId=key, Policy=policy(root(account), denial))
    assert refused(user.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"


def test_a_grant_to_a_role_is_one_to_its_sessions(kms, key, house, account):
    iam, name = house.client("iam"), f"role-{house.world.hex(8)}"
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    made = house.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = house.client("kms", (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))
    assert refused(session.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    kms.create_grant(KeyId=key, GranteePrincipal=role, Operations=["Encrypt"])
    assert session.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key


def test_a_grant_reaches_into_another_account(kms, key, stranger, house):
    arn = house.client("sts", house.stranger_key).get_caller_identity()["Arn"]
    assert refused(stranger.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt", "Decrypt"])
    blob = stranger.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert stranger.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


def test_of_an_account_that_is_granted_its_own_policies_decide(kms, key, house, limited, account):
    me = house.client("sts").get_caller_identity()["Arn"]
    kms.put_key_policy(KeyId=key, Policy=policy({"Principal": {"AWS": me}, "Action": "kms:*"}))
    able, _ = limited({"Action": "kms:Encrypt"})
    unable, _ = limited()
    assert refused(able.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{account}:root", Operations=["Encrypt"])
    assert able.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key
    assert refused(unable.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"


def test_who_grants_by_a_grant_gives_no_more_than_it_has(kms, key, grantee, limited):
    user, arn = grantee
    other, other_arn = limited()
    constraints = {"EncryptionContextSubset": WEB}
    operations = ["CreateGrant", "Encrypt"]
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=operations, Constraints=constraints)
    asked = {"KeyId": key, "GranteePrincipal": other_arn}
    more = user.create_grant
    assert refused(more, **asked, Operations=["Decrypt"], Constraints=constraints) == "AccessDeniedException"
    assert refused(more, **asked, Operations=["Encrypt"]) == "AccessDeniedException"
    user.create_grant(**asked, Operations=["Encrypt"], Constraints={"EncryptionContextEquals": WEB})
    assert other.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext=WEB)["KeyId"] == key


def test_the_same_grant_by_name_is_given_once(kms, key, grantee):
    _, arn = grantee
    asked = {"KeyId": key, "GranteePrincipal": arn, "Operations": ["Encrypt"], "Name": "n"}
    first, second = kms.create_grant(**asked), kms.create_grant(**asked)
    assert first["GrantId"] == second["GrantId"]
    assert kms.create_grant(**{**asked, "Operations": ["Decrypt"]})["GrantId"] != first["GrantId"]
    assert len(kms.list_grants(KeyId=key, GranteePrincipal=arn)["Grants"]) == 2


def test_grants_are_retired_by_whom_they_name(kms, key, grantee, limited):
    user, arn = grantee
    retirer, retirer_arn = limited({"Action": "kms:ListRetirableGrants"})
    asked = {"KeyId": key, "GranteePrincipal": arn, "RetiringPrincipal": retirer_arn}
    by_token = kms.create_grant(**asked, Operations=["Encrypt"])
    by_id = kms.create_grant(**asked, Operations=["Decrypt"])
    by_grantee = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["RetireGrant", "Encrypt"])
    listed = retirer.list_retirable_grants(RetiringPrincipal=retirer_arn)["Grants"]
    assert {grant["GrantId"] for grant in listed} == {by_token["GrantId"], by_id["GrantId"]}
    assert refused(user.retire_grant, GrantToken=by_token["GrantToken"]) == "AccessDeniedException"
    dry = {"GrantToken": by_token["GrantToken"], "DryRun": True}
    assert refused(retirer.retire_grant, **dry) == "DryRunOperationException"
    retirer.retire_grant(GrantToken=by_token["GrantToken"])
    retirer.retire_grant(KeyId=key, GrantId=by_id["GrantId"])
    user.retire_grant(GrantToken=by_grantee["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []
    assert refused(kms.retire_grant, KeyId=key, GrantId=by_id["GrantId"]) == "InvalidGrantIdException"
    assert refused(kms.retire_grant, GrantToken="nonsense") == "InvalidGrantTokenException"
    assert refused(kms.retire_grant) == "ValidationException"


def test_grants_are_listed_in_pages(kms, key, grantee):
    _, arn = grantee
    made = {
        kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])["GrantId"] for _ in range(5)
    }
    pages = list(kms.get_paginator("list_grants").paginate(KeyId=key, PaginationConfig={"PageSize": 2}))
    assert [len(page["Grants"]) for page in pages] == [2, 2, 1]
    assert {grant["GrantId"] for page in pages for grant in page["Grants"]} == made


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Operations": ["Sign"]}, "ValidationException"),
        ({"Operations": []}, "ValidationException"),
        ({"GranteePrincipal": "alice"}, "InvalidArnException"),
        (
            {"Constraints": {"SourceArn": "arn:aws:s3:us-east-1:111122223333:bucket/b"}},
            "UnsupportedOperationException",
        ),
        ({"GranteeServicePrincipal": "s3.amazonaws.com"}, "UnsupportedOperationException"),
        ({"GrantTokens": ["nonsense"]}, "InvalidGrantTokenException"),
        ({"DryRun": True}, "DryRunOperationException"),
    ],
)
def test_grants_that_cannot_be_are_refused(kms, key, grantee, change, code):
    asked = {"KeyId": key, "GranteePrincipal": grantee[1], "Operations": ["Encrypt"], **change}
    assert refused(kms.create_grant, **asked) == code
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_a_disabled_key_grants_nothing(kms, key, grantee):
    user, arn = grantee
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
    kms.disable_key(KeyId=key)
    assert refused(user.encrypt, KeyId=key, Plaintext=b"p") == "DisabledException"
    asked = {"KeyId": key, "GranteePrincipal": arn, "Operations": ["Decrypt"]}
    assert refused(kms.create_grant, **asked) == "DisabledException"


def test_a_grant_is_for_somebody_who_exists(kms, key, account):
    nobody = f"arn:aws:iam::{account}:user/nobody"
    for member in ({"GranteePrincipal": nobody}, {"GranteePrincipal": "nobody-here"}):
        refusal = refused(kms.create_grant, KeyId=key, Operations=["Decrypt"], **member)
        assert refusal == "InvalidArnException"
    known = f"arn:aws:iam::{account}:root"
    more = {"GranteePrincipal": known, "RetiringPrincipal": nobody}
    assert refused(kms.create_grant, KeyId=key, Operations=["Decrypt"], **more) == "InvalidArnException"


def test_whoever_is_made_anew_under_a_granted_name_has_nothing_of_the_grant(kms, key, house, renewed):
    user, arn, made_anew = renewed
    kms.create_grant(KeyId=key, GranteePrincipal=arn, RetiringPrincipal=arn, Operations=["Encrypt"])
    assert user.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key
    (shown,) = kms.list_grants(KeyId=key, GranteePrincipal=arn)["Grants"]
    assert (shown["GranteePrincipal"], shown["RetiringPrincipal"]) == (arn, arn)
    assert kms.list_retirable_grants(RetiringPrincipal=arn)["Grants"][0]["GrantId"] == shown["GrantId"]

    other = made_anew()
    assert refused(other.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    assert refused(other.retire_grant, KeyId=key, GrantId=shown["GrantId"]) == "AccessDeniedException"
    assert kms.list_grants(KeyId=key, GranteePrincipal=arn)["Grants"] == []
    (left,) = kms.list_grants(KeyId=key)["Grants"]
    assert left["GranteePrincipal"] == left["RetiringPrincipal"]
    assert left["GranteePrincipal"].startswith("AIDA")
    by_id = kms.list_grants(KeyId=key, GranteePrincipal=left["GranteePrincipal"])["Grants"]
    assert by_id == [left]


def test_a_session_has_what_its_role_is_granted(kms, key, house, account):
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}],
        }
    )
    name = f"granted-{house.world.hex(8)}"
    arn = house.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    made = house.client("sts").assume_role(RoleArn=arn, RoleSessionName="one")["Credentials"]
    session = house.client("kms", (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))
    kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
    assert session.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key
    (shown,) = kms.list_grants(KeyId=key)["Grants"]
    assert shown["GranteePrincipal"] == arn
