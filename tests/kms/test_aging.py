"""What time does: rotation by period and on demand, deletion when the window is over."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.app import compose
from hostreeve.platform import groups
from hostreeve.platform.kms import worker
from hostreeve.platform.kms.operations import kms
from tests.calls import SCOPE, Caller

SCHEMAS = list(compose.SCHEMAS)
DAY_S = 86_400


class Keys:
    """Operations of kms and its worker, on a clock that the test moves."""

    def __init__(self, database, world):
        self.caller, self.database, self.world = Caller(database, world), database, world

    def __call__(self, operation, **request):
        return self.caller(kms, operation, **request)

    def after_days(self, days):
        self.world.advance(days * DAY_S)
        loop = asyncio.new_event_loop()
        try:
            (one,) = worker.workers(self.database, self.world, self.caller.keys)
            while loop.run_until_complete(one.tick()):
                pass
        finally:
            loop.close()

    def refused(self, operation, **request):
        with pytest.raises(AwsError) as refused:
            self(operation, **request)
        return refused.value.code


@pytest.fixture
def keys(database, world):
    return Keys(database, world)


@pytest.fixture
def key(keys):
    return keys("CreateKey")["KeyMetadata"]["KeyId"]


def material(keys, key):
    return keys("DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]


def test_what_was_encrypted_before_a_rotation_is_decrypted_after_it(keys, key):
    old = keys("Encrypt", KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    before = material(keys, key)
    keys("RotateKeyOnDemand", KeyId=key)
    after = material(keys, key)
    new = keys("Encrypt", KeyId=key, Plaintext=b"q")["CiphertextBlob"]
    assert before != after
    assert keys("Decrypt", CiphertextBlob=old) | {"KeyId": ""} == {
        "KeyId": "",
        "Plaintext": b"p",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": before,
    }
    assert keys("Decrypt", CiphertextBlob=new)["KeyMaterialId"] == after


def test_a_key_is_rotated_each_period_until_that_is_switched_off(keys, key):
    assert keys("GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"] is False
    keys("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    status = keys("GetKeyRotationStatus", KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    assert status["NextRotationDate"] == keys.world.now_ms() / 1000 + 90 * DAY_S
    seen = [material(keys, key)]
    for days in (89, 1, 90):
        keys.after_days(days)
        seen.append(material(keys, key))
    assert seen[0] == seen[1] and len(set(seen)) == 3
    listed = keys("ListKeyRotations", KeyId=key)["Rotations"]
    assert [entry["RotationType"] for entry in listed] == ["AUTOMATIC", "AUTOMATIC"]
    assert [entry["KeyMaterialId"] for entry in listed] == seen[2:]
    keys("DisableKeyRotation", KeyId=key)
    keys.after_days(400)
    assert material(keys, key) == seen[-1]


def test_enabling_again_keeps_the_date_and_another_period_moves_it(keys, key):
    keys("EnableKeyRotation", KeyId=key)
    first = keys("GetKeyRotationStatus", KeyId=key)
    assert first["RotationPeriodInDays"] == 365
    keys.after_days(10)
    keys("EnableKeyRotation", KeyId=key)
    assert keys("GetKeyRotationStatus", KeyId=key) == first
    keys("EnableKeyRotation", KeyId=key, RotationPeriodInDays=100)
    moved = keys("GetKeyRotationStatus", KeyId=key)["NextRotationDate"]
    assert moved == keys.world.now_ms() / 1000 + 100 * DAY_S


def test_a_disabled_key_is_rotated_when_it_is_enabled_again(keys, key):
    keys("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    before = material(keys, key)
    keys("DisableKey", KeyId=key)
    keys.after_days(100)
    now_ms = keys.world.now_ms()
    moved = keys.database.write_sync(lambda tx: worker.age(tx, keys.caller.keys, keys.world, now_ms))
    assert moved == 0 and material(keys, key) == before
    keys("EnableKey", KeyId=key)
    keys.after_days(0)
    assert material(keys, key) != before


def test_rotations_on_demand_are_listed_and_numbered(keys, key):
    for _ in range(25):
        keys("RotateKeyOnDemand", KeyId=key)
    assert keys.refused("RotateKeyOnDemand", KeyId=key) == "LimitExceededException"
    first = keys("ListKeyRotations", KeyId=key, Limit=20)
    rest = keys("ListKeyRotations", KeyId=key, Limit=20, Marker=first["NextMarker"])
    ids = [entry["KeyMaterialId"] for page in (first, rest) for entry in page["Rotations"]]
    assert len(set(ids)) == 25 and ids[-1] == material(keys, key) and not rest["Truncated"]
    every = keys("ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert len(every) == 26 and "RotationDate" not in every[0]
    assert [entry["KeyMaterialState"] for entry in every[-2:]] == ["NON_CURRENT", "CURRENT"]


def test_a_key_is_deleted_when_its_window_is_over_and_not_before(keys, key):
    name = "alias/mine"
    keys("CreateAlias", AliasName=name, TargetKeyId=key)
    keys("TagResource", KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    arn = SCOPE.arn("kms", f"key/{key}")
    everybody = f"arn:aws:iam::{SCOPE.account}:root"
    keys("CreateGrant", KeyId=key, GranteePrincipal=everybody, Operations=["Encrypt"])
    blob = keys("Encrypt", KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    keys("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    keys.after_days(6.9)
    assert keys("DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    keys.after_days(0.2)
    assert keys.refused("DescribeKey", KeyId=key) == "NotFoundException"
    assert keys.refused("DescribeKey", KeyId=name) == "NotFoundException"
    assert keys.refused("Decrypt", CiphertextBlob=blob) == "AccessDeniedException"
    assert keys.refused("Decrypt", CiphertextBlob=blob, KeyId=key) == "NotFoundException"
    assert keys.database.read_sync(lambda tx: groups.tags_of(tx, SCOPE, arn)) == {}
    for table in ("kms_keys", "kms_materials", "kms_aliases", "kms_grants"):
        assert keys.database.read_sync(lambda tx, table=table: tx.all(f"SELECT * FROM {table}")) == []


def test_a_key_that_was_saved_is_not_deleted(keys, key):
    keys("ScheduleKeyDeletion", KeyId=key)
    keys("CancelKeyDeletion", KeyId=key)
    keys.after_days(60)
    assert keys("DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


def test_a_key_pending_deletion_is_not_rotated(keys, key):
    keys("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    before = material(keys, key)
    keys.after_days(89)
    keys("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=30)
    keys.after_days(2)
    assert material(keys, key) == before


def test_rotation_and_deletion_are_told_as_events(keys, key):
    keys("RotateKeyOnDemand", KeyId=key)
    keys("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    keys.after_days(8)
    rows = keys.database.read_sync(
        lambda tx: tx.all("SELECT detail_type FROM outbox_event ORDER BY sequence")
    )
    assert [row["detail_type"] for row in rows] == ["KMS CMK Rotation", "KMS CMK Deletion"]


def test_the_worker_knows_when_the_next_key_is_due(keys, key):
    (one,) = worker.workers(keys.database, keys.world, keys.caller.keys)
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(one.next_due_ms()) is None
    keys("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    keys("ScheduleKeyDeletion", KeyId=keys("CreateKey")["KeyMetadata"]["KeyId"], PendingWindowInDays=7)
    assert loop.run_until_complete(one.next_due_ms()) == keys.world.now_ms() + 7 * DAY_S * 1000
    loop.close()


def test_rotations_at_the_same_time_are_as_many_secrets(keys, key):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: keys("RotateKeyOnDemand", KeyId=key), range(12)))
    every = keys("ListKeyRotations", KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert len({entry["KeyMaterialId"] for entry in every}) == 13
    assert every[-1]["KeyMaterialId"] == material(keys, key)


def test_one_name_is_given_to_one_key_however_many_want_it(keys):
    ids = [keys("CreateKey")["KeyMetadata"]["KeyId"] for _ in range(6)]

    def take(key_id):
        try:
            keys("CreateAlias", AliasName="alias/wanted", TargetKeyId=key_id)
        except AwsError as refused:
            return refused.code
        return key_id

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(take, ids))
    assert outcomes.count("AlreadyExistsException") == 5
    (winner,) = [outcome for outcome in outcomes if outcome in ids]
    assert keys("DescribeKey", KeyId="alias/wanted")["KeyMetadata"]["KeyId"] == winner


def test_replicas_rotate_a_due_key_once(keys, key):
    keys("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    keys.world.advance(91 * DAY_S)
    now_ms = keys.world.now_ms()
    with ThreadPoolExecutor(4) as pool:
        moved = list(
            pool.map(
                lambda _: keys.database.write_sync(
                    lambda tx: worker.age(tx, keys.caller.keys, keys.world, now_ms)
                ),
                range(4),
            )
        )
    assert sum(moved) == 1
    assert len(keys("ListKeyRotations", KeyId=key)["Rotations"]) == 1
