"""Nothing secret is written anywhere: the files and logs of an installation, searched for what we know."""

import base64
import logging

import pytest
from botocore.exceptions import ClientError

from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.platform.keys import Keyring
from hostreeve.platform.kms.actions import material
from hostreeve.platform.kms.store import keys as key_rows
from hostreeve.platform.kms.worker import age
from tests.house import house_at

SECRET = b"correct horse battery staple"
PURPOSES = [
    {},
    {"KeySpec": "HMAC_512", "KeyUsage": "GENERATE_VERIFY_MAC"},
    {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
]
YEAR_MS = 400 * 86_400_000


@pytest.fixture
def place(tmp_path):
    """A folder with a house in it that logs like a served one."""
    world = SimulatedWorld(7, RealWorld().now_ms())
    with (
        (tmp_path / "access.log").open("wb") as access_log,
        house_at(f"sqlite://{tmp_path}/house.db", world) as house,
    ):
        house.app.record._access_log = access_log
        yield tmp_path, house


def written(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def forms(secret):
    return [secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)]


def secrets_of(house, account):
    """Every secret of every key, as it is used."""

    def unit(tx):
        scope = Scope(account, "us-east-1")
        for key_id in key_rows.ids(tx, scope, after="", limit=100):
            key = key_rows.find(tx, scope, key_id).key
            for each in key_rows.materials(tx, key, after=0, limit=100):
                yield house.keys.unseal(material._purpose(key, each.number), each.sealed)

    return house.app.database.read_sync(lambda tx: list(unit(tx)))


def test_neither_values_nor_key_material_reach_a_file_or_a_log(place, caplog):
    folder, house = place
    caplog.set_level(logging.DEBUG)
    kms = house.client("kms")
    made = [kms.create_key(**purpose)["KeyMetadata"] for purpose in PURPOSES]
    key, mac, pair = (each["KeyId"] for each in made)
    kms.rotate_key_on_demand(KeyId=key)
    kms.enable_key_rotation(KeyId=key)
    house.app.database.write_sync(lambda tx: age(tx, house.keys, house.world, house.world.now_ms() + YEAR_MS))
    blob = kms.encrypt(KeyId=key, Plaintext=SECRET, EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == SECRET
    kms.generate_mac(KeyId=mac, Message=SECRET, MacAlgorithm="HMAC_SHA_512")
    kms.sign(KeyId=pair, Message=SECRET, SigningAlgorithm="ECDSA_SHA_256")
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
    for wrong in ({"CiphertextBlob": blob}, {"CiphertextBlob": blob, "KeyId": mac}):
        with pytest.raises(ClientError) as refused:
            kms.decrypt(**wrong)
        assert SECRET.decode() not in str(refused.value.response)

    known = secrets_of(house, made[0]["AWSAccountId"])
    house.app.database.write_sync(lambda tx: tx.run("UPDATE kms_materials SET sealed = x'00'"))
    with pytest.raises(ClientError, match="InternalFailure"):
        kms.encrypt(KeyId=key, Plaintext=SECRET)
    assert len(known) == len(PURPOSES) + 2
    house.app.record._access_log.flush()
    files = written(folder)
    assert b"GenerateDataKey" in files["access.log"]
    # The clients of this test log what they send; what is ours is searched.
    logged = "".join(caplog.handler.format(r) for r in caplog.records if not r.name.startswith("boto"))
    assert "unforeseen error" in logged
    assert key.encode() in b"".join(files.values()), "the search would not find what is there"
    for secret in [SECRET, data_key, *known]:
        for form in forms(secret):
            assert not [name for name, content in files.items() if form in content]
            assert form.decode("latin-1") not in logged


def test_what_the_model_refuses_is_not_repeated(place):
    _, house = place
    kms = house.client("kms", parameter_validation=False)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError) as refused:
        kms.encrypt(KeyId=key, Plaintext=SECRET * 200)
    assert "staple" not in str(refused.value.response)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_database_without_its_master_key_opens_nothing(place):

    _, house = place
    kms = house.client("kms")
    made = kms.create_key()["KeyMetadata"]
    scope = Scope(made["AWSAccountId"], "us-east-1")
    stored = house.app.database.read_sync(lambda tx: key_rows.find(tx, scope, made["KeyId"]))
    with pytest.raises(ValueError, match="master key"):
        material.secret(Keyring(b"o" * 32, house.world), stored.key, stored.material)


def test_a_sealed_secret_moved_to_another_key_opens_nothing(place):
    _, house = place
    kms = house.client("kms")
    first, second = (kms.create_key()["KeyMetadata"] for _ in range(2))
    scope = Scope(first["AWSAccountId"], "us-east-1")
    one, other = (
        house.app.database.read_sync(lambda tx, key_id=key["KeyId"]: key_rows.find(tx, scope, key_id))
        for key in (first, second)
    )
    with pytest.raises(ValueError, match="another purpose"):
        material.secret(house.keys, one.key, other.material)
