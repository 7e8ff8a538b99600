"""Keys as such: what they are made with, what is shown of them, and the states that they go through."""

import pytest

from tests.kms.conftest import refused


def test_a_key_is_made_described_and_listed(kms, account):
    made = kms.create_key(Description="one", Tags=[{"TagKey": "Team", "TagValue": "a"}])["KeyMetadata"]
    assert made["Arn"] == f"arn:aws:kms:us-east-1:{account}:key/{made['KeyId']}"
    assert (made["KeyState"], made["Enabled"], made["KeyManager"]) == ("Enabled", True, "CUSTOMER")
    assert made["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert not made["MultiRegion"] and made["Origin"] == "AWS_KMS"
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"] == made
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"] == made
    assert {"KeyId": made["KeyId"], "KeyArn": made["Arn"]} in kms.list_keys(Limit=1000)["Keys"]


def test_keys_are_listed_in_pages(kms):
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    assert made <= {entry["KeyId"] for page in pages for entry in page["Keys"]}
    assert all(len(page["Keys"]) == 2 for page in pages[:-1]) and not pages[-1]["Truncated"]
    assert refused(kms.list_keys, Marker="nonsense") == "InvalidMarkerException"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "ENCRYPT_DECRYPT"}, "ValidationException"),
        ({"KeySpec": "HMAC_256"}, "ValidationException"),
        ({"KeySpec": "RSA_2048", "KeyUsage": "GENERATE_VERIFY_MAC"}, "ValidationException"),
        ({"KeySpec": "HMAC_256", "CustomerMasterKeySpec": "HMAC_384"}, "ValidationException"),
        ({"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}, "UnsupportedOperationException"),
        ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}, "UnsupportedOperationException"),
        ({"MultiRegion": True}, "UnsupportedOperationException"),
        ({"Origin": "EXTERNAL"}, "UnsupportedOperationException"),
        ({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": "cks-1"}, "UnsupportedOperationException"),
        ({"Tags": [{"TagKey": "aws:x", "TagValue": ""}]}, "TagException"),
        ({"Policy": "{}"}, "MalformedPolicyDocumentException"),
        ({"Policy": "x" * 32_769}, "LimitExceededException"),
    ],
)
def test_what_cannot_be_made_is_refused(kms, request_, code):
    assert refused(kms.create_key, **request_) == code


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("create_custom_key_store", {"CustomKeyStoreName": "x"}),
        ("describe_custom_key_stores", {}),
        (
            "get_parameters_for_import",
            {"KeyId": "k", "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
        ),
        ("replicate_key", {"KeyId": "k", "ReplicaRegion": "eu-west-1"}),
    ],
)
def test_what_there_is_not_names_itself(kms, operation, request_):
    assert refused(getattr(kms, operation), **request_) == "UnsupportedOperationException"


def test_the_description_is_changed(kms, key):
    kms.update_key_description(KeyId=key, Description="another")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "another"


def test_a_disabled_key_is_not_used_until_it_is_enabled(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"p") == "DisabledException"
    assert refused(kms.decrypt, CiphertextBlob=blob) == "DisabledException"
    assert refused(kms.generate_data_key, KeyId=key, KeySpec="AES_256") == "DisabledException"
    assert refused(kms.enable_key_rotation, KeyId=key) == "DisabledException"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


def test_a_key_pending_deletion_is_only_shown_and_saved(kms, key, house):
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (answer["KeyId"], answer["KeyState"]) == (key, "PendingDeletion")
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert shown["DeletionDate"] == answer["DeletionDate"] and not shown["Enabled"]
    for call, request in (
        (kms.encrypt, {"Plaintext": b"p"}),
        (kms.enable_key, {}),
        (kms.disable_key, {}),
        (kms.schedule_key_deletion, {}),
        (kms.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        (kms.update_key_description, {"Description": "x"}),
        (kms.rotate_key_on_demand, {}),
    ):
        assert refused(call, KeyId=key, **request) == "KMSInvalidStateException", call
    assert refused(kms.decrypt, CiphertextBlob=blob) == "KMSInvalidStateException"
    assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == key
    saved = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert saved["KeyState"] == "Disabled" and "DeletionDate" not in saved
    assert refused(kms.cancel_key_deletion, KeyId=key) == "KMSInvalidStateException"


@pytest.mark.parametrize("days", [6, 31])
def test_a_waiting_window_has_7_to_30_days(kms, key, days):
    code = refused(kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=days)
    assert code == "ValidationException"


@pytest.mark.parametrize(
    ("key_id", "code"),
    [
        ("00000000-0000-0000-0000-000000000000", "NotFoundException"),
        ("not an id", "NotFoundException"),
        ("alias/absent", "NotFoundException"),
        ("arn:aws:kms:us-east-1:{account}:key/absent", "NotFoundException"),
        ("arn:aws:kms:eu-west-1:{account}:key/absent", "NotFoundException"),
        ("arn:aws:kms:us-east-1:999999999999:key/absent", "AccessDeniedException"),
        ("arn:aws:iam::1:user/x", "InvalidArnException"),
    ],
)
def test_what_is_no_key_is_not_found(kms, account, key_id, code):
    assert refused(kms.describe_key, KeyId=key_id.format(account=account)) == code


def test_an_operation_without_invalid_arn_says_not_found(kms):
    assert refused(kms.encrypt, KeyId="arn:aws:iam::1:user/x", Plaintext=b"p") == "NotFoundException"


def test_what_is_done_to_a_key_takes_no_alias(kms, key, house):
    name = f"alias/{house.world.hex(8)}"
    kms.create_alias(AliasName=name, TargetKeyId=key)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key
    assert refused(kms.disable_key, KeyId=name) == "NotFoundException"


def test_tags_are_set_listed_and_removed(kms, key):
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": k, "TagValue": v} for k, v in (("b", "2"), ("a", "1"))])
    listed = kms.list_resource_tags(KeyId=key)
    expected = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": "2"}]
    assert (listed["Tags"], listed["Truncated"]) == (expected, False)
    kms.untag_resource(KeyId=key, TagKeys=["a", "absent"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == expected[1:]
    assert refused(kms.untag_resource, KeyId=key, TagKeys=["aws:x"]) == "TagException"
    many = [{"TagKey": str(n), "TagValue": ""} for n in range(50)]
    assert refused(kms.tag_resource, KeyId=key, Tags=many) == "LimitExceededException"


def test_aliases_name_a_key_and_pass_to_another(kms, key, house):
    name, other = f"alias/{house.world.hex(8)}", kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=name, TargetKeyId=key)
    assert refused(kms.create_alias, AliasName=name, TargetKeyId=other) == "AlreadyExistsException"
    (shown,) = kms.list_aliases(KeyId=key)["Aliases"]
    assert (shown["AliasName"], shown["TargetKeyId"]) == (name, key.rpartition("/")[2])
    blob = kms.encrypt(KeyId=shown["AliasArn"], Plaintext=b"p")["CiphertextBlob"]
    kms.update_alias(AliasName=name, TargetKeyId=other)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == other
    assert kms.list_aliases(KeyId=key)["Aliases"] == []
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"
    kms.delete_alias(AliasName=name)
    assert refused(kms.describe_key, KeyId=name) == "NotFoundException"
    assert refused(kms.delete_alias, AliasName=name) == "NotFoundException"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("plain", "ValidationException"),
        ("alias/aws/mine", "InvalidAliasNameException"),
        ("alias/a:b", "InvalidAliasNameException"),
        ("alias/a b", "ValidationException"),
    ],
)
def test_names_that_no_alias_can_have(kms, key, name, code):
    assert refused(kms.create_alias, AliasName=name, TargetKeyId=key) == code


def test_an_alias_stays_with_one_kind_of_key(kms, key, house):
    name = f"alias/{house.world.hex(8)}"
    kms.create_alias(AliasName=name, TargetKeyId=key)
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    assert refused(kms.update_alias, AliasName=name, TargetKeyId=mac) == "ValidationException"


def test_a_key_has_at_most_50_aliases(kms, key, house):
    for number in range(50):
        kms.create_alias(AliasName=f"alias/{house.world.hex(8)}-{number}", TargetKeyId=key)
    more = {"AliasName": f"alias/{house.world.hex(8)}", "TargetKeyId": key}
    assert refused(kms.create_alias, **more) == "LimitExceededException"


def test_keys_of_one_region_are_not_those_of_another(kms, key, house):
    abroad = house.client("kms", region="eu-west-1")
    key_id = key.rpartition("/")[2]
    assert refused(abroad.describe_key, KeyId=key_id) == "NotFoundException"
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert refused(abroad.decrypt, CiphertextBlob=blob) == "AccessDeniedException"
