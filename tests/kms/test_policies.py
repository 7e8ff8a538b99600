"""Who may use a key: its policy, IAM's and the account next door, decided together as AWS decides them."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.kms.conftest import OTHER_ACCOUNT, policy, refused, root


def test_without_any_policy_given_the_account_decides(kms, key, account, limited):
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert document["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"}
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    nobody, _ = limited()
    assert refused(nobody.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    writer, _ = limited({"Action": "kms:Encrypt", "Resource": key})
    blob = writer.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert refused(writer.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    assert refused(writer.encrypt, KeyId=other, Plaintext=b"p") == "AccessDeniedException"


def test_a_key_policy_alone_is_enough(kms, key, account, limited):
    user, arn = limited()
    kms.put_key_policy(
        KeyId=key, Policy=policy(root(account), {"Principal": {"AWS": arn}, "Action": "kms:Encrypt"})
    )
    assert user.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key
    assert refused(user.describe_key, KeyId=key) == "AccessDeniedException"


def test_where_the_key_policy_does_not_name_the_account_its_policies_count_for_nothing(
    kms, key, house, limited
):
    user, _ = limited({"Action": "kms:*"})
    me = house.client("sts").get_caller_identity()["Arn"]
    kms.put_key_policy(KeyId=key, Policy=policy({"Principal": {"AWS": me}, "Action": "kms:*"}))
    assert kms.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key
    assert refused(user.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"


def test_a_denial_of_the_key_policy_beats_the_administrator(kms, key, account):
    kms.put_key_policy(
        KeyId=key,
        Policy=policy(root(account), {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt"}),
    )
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert refused(kms.decrypt, CiphertextBlob=blob) == "AccessDeniedException"


def test_conditions_see_the_encryption_context(kms, key, account, limited):
    user, arn = limited()
    condition = {"StringEquals": {"kms:EncryptionContext:App": "web"}}
    allowed = {"Principal": {"AWS": arn}, "Action": "kms:*", "Condition": condition}
    kms.put_key_policy(KeyId=key, Policy=policy(root(account), allowed))
    web = {"EncryptionContext": {"App": "web"}}
    blob = user.encrypt(KeyId=key, Plaintext=b"p", **web)["CiphertextBlob"]
    assert user.decrypt(CiphertextBlob=blob, **web)["Plaintext"] == b"p"
    refusing = {"KeyId": key, "Plaintext": b"p"}
    assert refused(user.encrypt, **refusing) == "AccessDeniedException"
    assert refused(user.encrypt, **refusing, EncryptionContext={"App": "db"}) == "AccessDeniedException"


@pytest.mark.parametrize(
    ("condition", "may"),
    [
        ({"StringEquals": {"aws:ResourceTag/Team": "a"}}, True),
        ({"StringEquals": {"aws:ResourceTag/Team": "b"}}, False),
        ({"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/of-*"}}, True),
        ({"StringEquals": {"kms:RequestAlias": "alias/other"}}, False),
        ({"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}}, True),
        ({"StringLike": {"kms:ViaService": "ssm.*"}}, False),
        ({"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}, True),
    ],
)
def test_identity_policies_see_what_the_key_is(kms, key, house, limited, condition, may):
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "Team", "TagValue": "a"}])
    kms.create_alias(AliasName=f"alias/of-{house.world.hex(8)}", TargetKeyId=key)
    user, _ = limited({"Action": "kms:Encrypt", "Condition": condition})
    if may:
        assert user.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key
    else:
        assert refused(user.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"


def test_another_account_needs_both_sides(kms, key, account, stranger):
    assert refused(stranger.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    theirs = {
        "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
        "Action": ["kms:Encrypt", "kms:Decrypt"],
    }
    kms.put_key_policy(KeyId=key, Policy=policy(root(account), theirs))
    blob = stranger.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert stranger.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"
    assert refused(stranger.describe_key, KeyId=key) == "AccessDeniedException"
    own = kms.encrypt(KeyId=key, Plaintext=b"q")["CiphertextBlob"]
    assert stranger.decrypt(CiphertextBlob=own, KeyId=key)["Plaintext"] == b"q"


def test_what_is_done_to_a_key_is_done_by_its_own_account(kms, key, account, stranger):
    theirs = {"Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}, "Action": "kms:*"}
    kms.put_key_policy(KeyId=key, Policy=policy(root(account), theirs))
    assert stranger.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
    for call in (stranger.disable_key, stranger.schedule_key_deletion, stranger.get_key_policy):
        assert refused(call, KeyId=key) == "AccessDeniedException"


def test_another_accounts_keys_are_refused_whether_they_exist_or_not(kms, key, stranger, account):
    def said(key_id):
        with pytest.raises(stranger.exceptions.ClientError) as caught:
            stranger.encrypt(KeyId=key_id, Plaintext=b"p")
        return caught.value.response["Error"]["Message"].replace(key_id, "KEY")

    absent = f"arn:aws:kms:us-east-1:{account}:key/00000000-0000-0000-0000-000000000000"
    assert said(key) == said(absent)
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    with pytest.raises(stranger.exceptions.ClientError) as caught:
        stranger.decrypt(CiphertextBlob=blob)
    assert "does not exist" in caught.value.response["Error"]["Message"]


def test_a_policy_that_locks_its_author_out_is_refused(kms, key, account, limited):
    _, arn = limited()
    locking = policy({"Principal": {"AWS": arn}, "Action": "kms:*"})
    assert refused(kms.put_key_policy, KeyId=key, Policy=locking) == "MalformedPolicyDocumentException"
    assert refused(kms.create_key, Policy=locking) == "MalformedPolicyDocumentException"
    kms.put_key_policy(KeyId=key, Policy=locking, BypassPolicyLockoutSafetyCheck=True)
    assert refused(kms.get_key_policy, KeyId=key) == "AccessDeniedException"


@pytest.mark.parametrize(
    "document",
    [
        "no json",
        '{"Statement": []}',
        policy({"Action": "kms:*"}),
        policy({"Principal": {"AWS": "nobody"}, "Action": "kms:*"}),
        policy({"Principal": "*", "Action": "kms:*", "Condition": {"Nonsense": {"a": "b"}}}),
    ],
)
def test_what_is_no_policy_is_refused(kms, key, document):
    assert refused(kms.put_key_policy, KeyId=key, Policy=document) == "MalformedPolicyDocumentException"


def test_a_key_has_one_policy(kms, key):
    assert refused(kms.get_key_policy, KeyId=key, PolicyName="other") == "NotFoundException"


def test_a_ciphertext_does_not_tell_whose_it_is(kms, key, limited):
    user, _ = limited({"Action": "kms:DescribeKey"})
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert refused(user.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    assert refused(user.re_encrypt, CiphertextBlob=blob, DestinationKeyId=key) == "AccessDeniedException"


def test_making_keys_with_tags_needs_leave_for_both(kms, limited):
    maker, _ = limited({"Action": "kms:CreateKey"})
    tags = [{"TagKey": "Team", "TagValue": "a"}]
    maker.create_key()
    assert refused(maker.create_key, Tags=tags) == "AccessDeniedException"
    condition = {"StringEquals": {"aws:RequestTag/Team": "a"}}
    tagger, _ = limited({"Action": ["kms:CreateKey", "kms:TagResource"], "Condition": condition})
    tagger.create_key(Tags=tags)
    assert refused(tagger.create_key) == "AccessDeniedException"


def test_an_alias_is_made_by_who_may_touch_alias_and_key(kms, key, account, house, limited):
    name = f"alias/{house.world.hex(8)}"
    asked = {"AliasName": name, "TargetKeyId": key}
    only_key, _ = limited({"Action": "kms:CreateAlias", "Resource": key})
    only_alias, _ = limited(
        {"Action": "kms:CreateAlias", "Resource": f"arn:aws:kms:us-east-1:{account}:{name}"}
    )
    both, _ = limited({"Action": "kms:CreateAlias"})
    assert refused(only_key.create_alias, **asked) == "AccessDeniedException"
    assert refused(only_alias.create_alias, **asked) == "AccessDeniedException"
    both.create_alias(**asked)


def test_a_key_policy_names_only_who_exists(kms, key, account):
    for nobody in (f"arn:aws:iam::{account}:user/nobody", "AIDA" + "A" * 16):
        document = policy(root(account), {"Principal": {"AWS": nobody}, "Action": "kms:Encrypt"})
        with pytest.raises(ClientError) as told:
            kms.put_key_policy(KeyId=key, Policy=document)
        shown = told.value.response["Error"]
        assert shown["Code"] == "MalformedPolicyDocumentException" and nobody in shown["Message"]
        assert refused(kms.create_key, Policy=document) == "MalformedPolicyDocumentException"


def test_whoever_is_made_anew_under_a_name_has_nothing_of_its_key_policy(kms, key, account, renewed):
    user, arn, made_anew = renewed
    kms.put_key_policy(
        KeyId=key, Policy=policy(root(account), {"Principal": {"AWS": [arn]}, "Action": "kms:Encrypt"})
    )

    def named():
        statements = json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Statement"]
        return statements[1]["Principal"]["AWS"]

    assert user.encrypt(KeyId=key, Plaintext=b"p")["KeyId"] == key
    assert named() == [arn]
    other = made_anew()
    assert refused(other.encrypt, KeyId=key, Plaintext=b"p") == "AccessDeniedException"
    (left,) = named()
    assert left.startswith("AIDA") and len(left) == 20
