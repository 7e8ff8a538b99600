"""SecureString: encrypted by a key, opened for those who may use it, and nowhere in clear."""

import base64
import io
import json

import pytest

from hostreeve.app.compose import Config, build
from hostreeve.app.regions import aws_regions
from tests.house import house_at
from tests.parameters.test_access import READ

SECRET = "correct-horse-battery-staple"


@pytest.fixture
def kms(house):
    return house.client("kms")


def secret(ssm, name, **more):
    return ssm.put_parameter(Name=name, Value=SECRET, Type="SecureString", **more)


def test_the_default_key_is_awss_own_and_shown(ssm, root, kms):
    secret(ssm, root)
    chosen = [{"Key": "KeyId", "Values": ["alias/aws/ssm"]}, {"Key": "Name", "Values": [root]}]
    (found,) = ssm.describe_parameters(ParameterFilters=chosen)["Parameters"]
    assert found["KeyId"] == "alias/aws/ssm"
    assert "alias/aws/ssm" in [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]]


def test_a_standard_value_is_a_ciphertext_of_the_key_bound_to_the_arn(ssm, root, kms, account, refused):
    secret(ssm, root, KeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    blob = base64.b64decode(ssm.get_parameter(Name=root)["Parameter"]["Value"])
    context = {"PARAMETER_ARN": f"arn:aws:ssm:us-east-1:{account}:parameter{root}"}
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == SECRET.encode()
    assert refused(kms.decrypt, CiphertextBlob=blob) == "InvalidCiphertextException"


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_every_way_of_reading_opens_it_when_asked(ssm, root, tier):
    secret(ssm, f"{root}/a", Tier=tier)
    ssm.put_parameter(Name=f"{root}/a", Value="newer", Overwrite=True)
    assert ssm.get_parameter(Name=f"{root}/a:1", WithDecryption=True)["Parameter"]["Value"] == SECRET
    (one,) = ssm.get_parameters(Names=[f"{root}/a"], WithDecryption=True)["Parameters"]
    (below,) = ssm.get_parameters_by_path(Path=root, WithDecryption=True)["Parameters"]
    assert one["Value"] == below["Value"] == "newer"
    past = ssm.get_parameter_history(Name=f"{root}/a", WithDecryption=True)["Parameters"]
    assert [each["Value"] for each in past] == [SECRET, "newer"]
    assert SECRET not in str(ssm.get_parameter_history(Name=f"{root}/a"))


def test_the_largest_secret_fits_its_tier(ssm, root):
    for tier, size in (("Standard", 4096), ("Advanced", 8192)):
        ssm.put_parameter(Name=f"{root}/{tier}", Value="s" * size, Type="SecureString", Tier=tier)
        found = ssm.get_parameter(Name=f"{root}/{tier}", WithDecryption=True)["Parameter"]
        assert found["Value"] == "s" * size


def test_keys_that_cannot_be_used_are_refused_at_both_ends(ssm, root, kms, refused):
    request = {"Name": root, "Value": SECRET, "Type": "SecureString"}
    assert refused(ssm.put_parameter, **request, KeyId="alias/none") == "InvalidKeyId"
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    assert refused(ssm.put_parameter, **request, KeyId=signing) == "InvalidKeyId"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(**request, KeyId=key)
    kms.disable_key(KeyId=key)
    assert refused(ssm.get_parameter, Name=root, WithDecryption=True) == "InvalidKeyId"
    assert refused(ssm.put_parameter, **request, KeyId=key, Overwrite=True) == "InvalidKeyId"
    assert SECRET not in refused.message
    # Without decryption nobody needs the key.
    assert ssm.get_parameter(Name=root)["Parameter"]["Value"]


def test_old_versions_open_after_the_key_was_rotated(ssm, root, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secret(ssm, root, KeyId=key)
    kms.rotate_key_on_demand(KeyId=key)
    ssm.put_parameter(Name=root, Value="second", Overwrite=True, KeyId=key)
    past = ssm.get_parameter_history(Name=root, WithDecryption=True)["Parameters"]
    assert [each["Value"] for each in past] == [SECRET, "second"]


def test_reading_in_clear_needs_kms_decrypt_and_writing_kms_encrypt(house, ssm, root, kms, user, refused):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    secret(ssm, root, KeyId=arn.rpartition("/")[2])
    statement = {"Action": [*READ, "ssm:PutParameter"], "Resource": "*"}
    without, with_key = user(statement), user(statement, {"Action": "kms:Decrypt", "Resource": arn})
    assert refused(without.get_parameter, Name=root, WithDecryption=True) == "AccessDeniedException"
    assert "kms:Decrypt" in refused.message
    assert without.get_parameter(Name=root)["Parameter"]["Value"]
    assert with_key.get_parameter(Name=root, WithDecryption=True)["Parameter"]["Value"] == SECRET
    wanted = {"Name": root, "Value": "n", "Overwrite": True, "KeyId": arn.rpartition("/")[2]}
    assert refused(with_key.put_parameter, **wanted) == "AccessDeniedException"
    assert "kms:Encrypt" in refused.message
    assert refused(with_key.put_parameter, **wanted | {"Tier": "Advanced"}) == "AccessDeniedException"
    assert "kms:GenerateDataKey" in refused.message


def test_the_encryption_context_can_limit_a_policy(house, ssm, root, kms, user, account, refused):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    for name in ("a", "b"):
        secret(ssm, f"{root}/{name}", KeyId=arn.rpartition("/")[2])
    only = f"arn:aws:ssm:us-east-1:{account}:parameter{root}/a"
    condition = {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": only}}
    reader = user(
        {"Action": READ, "Resource": "*"},
        {"Action": "kms:Decrypt", "Resource": arn, "Condition": condition},
    )
    assert reader.get_parameter(Name=f"{root}/a", WithDecryption=True)["Parameter"]["Value"] == SECRET
    assert refused(reader.get_parameter, Name=f"{root}/b", WithDecryption=True) == "AccessDeniedException"


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_a_value_that_was_tampered_with_or_moved_is_not_opened(house, ssm, root, tier, refused):
    secret(ssm, f"{root}/a", Tier=tier)
    ssm.put_parameter(Name=f"{root}/b", Value="other", Type="SecureString", Tier=tier)
    write = house.app.database.write_sync

    def swap(tx):
        row = tx.one("SELECT value FROM parameters WHERE path = :path", path=f"{root}/a")
        tx.run(
            "UPDATE parameters SET value = :value WHERE path = :path", value=row["value"], path=f"{root}/b"
        )
        broken = bytes(row["value"][:-1]) + bytes([row["value"][-1] ^ 1])
        tx.run("UPDATE parameters SET value = :value WHERE path = :path", value=broken, path=f"{root}/a")

    write(swap)
    for name in ("a", "b"):
        assert refused(ssm.get_parameter, Name=f"{root}/{name}", WithDecryption=True) == "InvalidKeyId"
        assert SECRET not in refused.message


def test_a_pattern_is_checked_against_the_secret_but_never_tells_it(ssm, root, refused):
    request = {"Name": root, "Value": SECRET, "Type": "SecureString", "AllowedPattern": r"\d+"}
    assert refused(ssm.put_parameter, **request) == "ParameterPatternMismatchException"
    assert SECRET not in refused.message


@pytest.mark.parametrize(
    "wrong", [{"Type": "Secret"}, {"Tier": "x"}, {"KeyId": "!"}, {"Value": SECRET * 400}]
)
def test_no_refusal_repeats_a_value(ssm, root, refused, wrong):
    refused(ssm.put_parameter, **{"Name": root, "Value": SECRET, "Type": "SecureString", **wrong})
    assert SECRET not in refused.message


def test_no_secret_is_found_in_the_database_or_the_access_log(tmp_path):
    """Every file of the store, its write-ahead log included, and every line that was logged."""
    from hostreeve.kernel.world import RealWorld

    url, log = f"sqlite://{tmp_path}/house.db", io.BytesIO()
    with house_at(url, RealWorld()) as house:
        house.app.database.close()
        config = Config(url, regions=aws_regions(), replica="logged", access_log=log)
        house.app = build(config, house.world, house.keys)
        ssm = house.client("ssm")
        for tier in ("Standard", "Advanced"):
            secret(ssm, f"/{tier}", Tier=tier)
            ssm.put_parameter(Name=f"/{tier}", Value=f"{SECRET}-2", Overwrite=True)
            ssm.get_parameter(Name=f"/{tier}", WithDecryption=True)
        ssm.put_parameter(Name="/plain", Value="found-in-clear", Type="String")
        house.tick()
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    lines = log.getvalue()
    assert b"found-in-clear" in held and lines.count(b"\n") >= 7
    forms = (
        SECRET.encode(),
        base64.b64encode(SECRET.encode()).rstrip(b"=")[:-2],
        SECRET.encode().hex().encode(),
    )
    for form in forms:
        assert form not in held and form not in lines
    json.loads(lines.splitlines()[0])


def test_an_alias_that_moves_closes_nothing(ssm, root, kms):
    """A row of docs/reference/parameters.md: the ciphertext knows its key, whatever it was called then."""
    alias = f"alias/t{root[1:]}"
    first, second = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.create_alias(AliasName=alias, TargetKeyId=first)
    secret(ssm, root, KeyId=alias)
    kms.update_alias(AliasName=alias, TargetKeyId=second)
    assert ssm.get_parameter(Name=root, WithDecryption=True)["Parameter"]["Value"] == SECRET
    kms.delete_alias(AliasName=alias)
    assert ssm.get_parameter(Name=root, WithDecryption=True)["Parameter"]["Value"] == SECRET
