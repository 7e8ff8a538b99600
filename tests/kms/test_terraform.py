"""The calls of Terraform's `aws_kms_key` and `aws_kms_alias`: made, read back the same, changed, deleted."""

import json

from tests.kms.conftest import policy, refused, root


def read_back(kms, key_id):
    """What the provider reads of a key to find differences."""
    shown = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    rotation = kms.get_key_rotation_status(KeyId=key_id)
    return {
        "description": shown["Description"],
        "usage": shown["KeyUsage"],
        "spec": shown["CustomerMasterKeySpec"],
        "enabled": shown["Enabled"],
        "multi_region": shown["MultiRegion"],
        "policy": json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]),
        "rotates": rotation["KeyRotationEnabled"],
        "period": rotation.get("RotationPeriodInDays"),
        "tags": {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key_id)["Tags"]},
    }


def test_a_key_is_made_read_changed_and_deleted(kms, account):
    wanted = policy({"Sid": "all", **root(account)})
    made = kms.create_key(
        BypassPolicyLockoutSafetyCheck=False,
        CustomerMasterKeySpec="SYMMETRIC_DEFAULT",
        Description="by terraform",
        KeyUsage="ENCRYPT_DECRYPT",
        MultiRegion=False,
        Policy=wanted,
        Tags=[{"TagKey": "Name", "TagValue": "k"}],
    )["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=made)
    state = {
        "description": "by terraform",
        "usage": "ENCRYPT_DECRYPT",
        "spec": "SYMMETRIC_DEFAULT",
        "enabled": True,
        "multi_region": False,
        "policy": json.loads(wanted),
        "rotates": True,
        "period": 365,
        "tags": {"Name": "k"},
    }
    assert read_back(kms, made) == state == read_back(kms, made)

    changed = policy({"Sid": "still all", **root(account)})
    kms.update_key_description(KeyId=made, Description="changed")
    kms.put_key_policy(KeyId=made, Policy=changed, PolicyName="default")
    kms.enable_key_rotation(KeyId=made, RotationPeriodInDays=180)
    kms.untag_resource(KeyId=made, TagKeys=["Name"])
    kms.tag_resource(KeyId=made, Tags=[{"TagKey": "Team", "TagValue": "t"}])
    state |= {"description": "changed", "policy": json.loads(changed), "period": 180, "tags": {"Team": "t"}}
    assert read_back(kms, made) == state

    # A key to be disabled is rotated no more only if that is said first, as the provider does.
    kms.disable_key_rotation(KeyId=made)
    kms.disable_key(KeyId=made)
    assert read_back(kms, made) == {**state, "rotates": False, "period": None, "enabled": False}
    kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=made)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_an_alias_is_made_read_changed_and_deleted(kms, key, house):
    name, other = f"alias/{house.world.hex(8)}", kms.create_key()["KeyMetadata"]["KeyId"]

    def read():
        pages = kms.get_paginator("list_aliases").paginate()
        return {alias["AliasName"]: alias for page in pages for alias in page["Aliases"]}.get(name)

    kms.create_alias(AliasName=name, TargetKeyId=key)
    assert read()["TargetKeyId"] == key.rpartition("/")[2]
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key
    kms.update_alias(AliasName=name, TargetKeyId=other)
    assert read()["TargetKeyId"] == other
    kms.delete_alias(AliasName=name)
    assert read() is None
    assert refused(kms.delete_alias, AliasName=name) == "NotFoundException"
