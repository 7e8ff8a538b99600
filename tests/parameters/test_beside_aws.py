"""Each row of the table that sets us beside AWS, in the order of the page."""

import base64
import json

import pytest

from hostreeve.capabilities.parameters.actions.quotas import Allowances
from hostreeve.capabilities.parameters.model.values import PARAMETERS_MAX
from tests.tables import first_cells

PROOFS = {}


def row(about):
    def keep(proof):
        PROOFS[about] = proof
        return proof

    return keep


class House:
    def __init__(self, house, ssm, root, refused):
        self.house, self.ssm, self.root, self.refused = house, ssm, root, refused

    def put(self, name="", **more):
        return self.ssm.put_parameter(**{"Name": self.root + name, "Value": "v", "Type": "String"} | more)


def test_every_row_has_its_proof():
    assert first_cells("parameters.md", "Beside AWS") == list(PROOFS)


@pytest.mark.parametrize("about", first_cells("parameters.md", "Beside AWS"))
def test_it_is_as_the_row_says(house, ssm, root, refused, about):
    PROOFS[about](House(house, ssm, root, refused))


@row("parameters of an account in a Region")
def _(us):
    assert PARAMETERS_MAX == 10_000_000
    few = Allowances(1)
    us.house.app.database.write_sync(lambda tx: few.takes_one(tx, _scope(us)))
    us.put()
    assert not us.house.app.database.write_sync(lambda tx: Allowances(1).takes_one(tx, _scope(us)))
    assert us.put("/b", Tier="Intelligent-Tiering")["Tier"] == "Standard"


def _scope(us):
    from hostreeve.kernel.scope import Scope

    return Scope(us.house.client("sts").get_caller_identity()["Account"], "us-east-1")


@row("calls per second")
def _(us):
    us.put()
    for _ in range(120):
        us.ssm.get_parameter(Name=us.root)


@row("a new version of a secret without KeyId")
def _(us):
    key = us.house.client("kms").create_key()["KeyMetadata"]["KeyId"]
    us.put(Type="SecureString", KeyId=key)
    us.ssm.put_parameter(Name=us.root, Value="w", Overwrite=True)
    assert [one["KeyId"] for one in us.ssm.get_parameter_history(Name=us.root)["Parameters"]] == [key, key]


@row("a name that was deleted")
def _(us):
    for _ in range(2):
        assert us.put()["Version"] == 1
        us.ssm.delete_parameter(Name=us.root)


@row("renaming the alias of a key")
def _(us):
    kms = us.house.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    alias = f"alias{us.root}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    us.put(Type="SecureString", KeyId=alias)
    kms.delete_alias(AliasName=alias)
    kms.create_alias(AliasName=f"{alias}-new", TargetKeyId=key)
    assert us.ssm.get_parameter(Name=us.root, WithDecryption=True)["Parameter"]["Value"] == "v"


@row("advanced secrets")
def _(us):
    kms = us.house.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for tier, opens in (("Standard", True), ("Advanced", False)):
        us.put(f"/{tier}", Type="SecureString", Tier=tier, KeyId=key)
        found = us.ssm.get_parameter(Name=f"{us.root}/{tier}")["Parameter"]
        asked = {
            "CiphertextBlob": base64.b64decode(found["Value"]),
            "EncryptionContext": {"PARAMETER_ARN": found["ARN"]},
        }
        if opens:
            assert kms.decrypt(**asked)["Plaintext"] == b"v"
        else:
            assert us.refused(kms.decrypt, **asked) == "InvalidCiphertextException"
        opened = us.ssm.get_parameter(Name=f"{us.root}/{tier}", WithDecryption=True)
        assert opened["Parameter"]["Value"] == "v"


@row("`aws:ec2:image`")
def _(us):
    assert us.refused(us.put, DataType="aws:ec2:image", Value="ami-1") == "UnsupportedParameterType"
    assert us.refused(us.ssm.get_parameter, Name=us.root) == "ParameterNotFound"


@row("allowed patterns")
def _(us):
    refused = (r"(?=a)a", r"(a)\1", r"\ba\b", r"\p{L}", "a++", r"\Qa\E", "(?<n>a)", "[a-f&&[^c]]", "[a[bc]]")
    for pattern in refused:
        code = us.refused(us.put, AllowedPattern=pattern, Value="a")
        assert code == "InvalidAllowedPatternException"
    us.put(AllowedPattern=r"[a-f\[&]+|v", Value="[a&")


@row("the character U+0000 in a value")
def _(us):
    assert us.refused(us.put, Value="a\0b") == "SerializationException"


@row("the setting `/ssm/parameter-store/high-throughput-enabled`")
def _(us):
    setting = {"SettingId": "/ssm/parameter-store/high-throughput-enabled"}
    assert us.ssm.get_service_setting(**setting)["ServiceSetting"]["SettingValue"] == "false"
    us.ssm.update_service_setting(**setting, SettingValue="true")
    assert us.ssm.get_service_setting(**setting)["ServiceSetting"]["SettingValue"] == "true"
    assert us.ssm.reset_service_setting(**setting)["ServiceSetting"]["Status"] == "Default"


@row("resource policies of OpsItem groups")
def _(us):
    account = us.house.client("sts").get_caller_identity()["Account"]
    arn = f"arn:aws:ssm:us-east-1:{account}:opsitemgroup/default"
    code = us.refused(us.ssm.put_resource_policy, ResourceArn=arn, Policy=json.dumps({}))
    assert code == "ResourcePolicyInvalidParameterException"
    assert "OpsCenter" in us.refused.message
