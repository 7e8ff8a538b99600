"""Service settings: what they are by themselves, changed, in force, and reset."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.platform import identity
from tests.house import House, house_at

TIER = "/ssm/parameter-store/default-parameter-tier"
OTHER_ACCOUNT = "222233334444"


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path_factory.mktemp('settings')}/house.db"
    else:
        url = request.getfixturevalue("postgres_stores").fresh()
    with house_at(url, SimulatedWorld(7, RealWorld().now_ms())) as made:
        yield made


@pytest.fixture
def ssm(house):
    made = house.client("ssm")
    yield made
    made.reset_service_setting(SettingId=TIER)


def refused(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"]


def test_a_setting_is_its_own_until_it_is_changed_and_again_when_it_is_reset(house, ssm):
    me = house.client("sts").get_caller_identity()
    found = ssm.get_service_setting(SettingId=TIER)["ServiceSetting"]
    assert found == {
        "SettingId": TIER,
        "SettingValue": "Standard",
        "ARN": f"arn:aws:ssm:us-east-1:{me['Account']}:servicesetting{TIER}",
        "Status": "Default",
    }
    ssm.update_service_setting(SettingId=found["ARN"], SettingValue="Intelligent-Tiering")
    changed = ssm.get_service_setting(SettingId=TIER)["ServiceSetting"]
    assert (changed["SettingValue"], changed["Status"]) == ("Intelligent-Tiering", "Customized")
    assert changed["LastModifiedUser"] == me["Arn"]
    assert ssm.reset_service_setting(SettingId=TIER)["ServiceSetting"] == found


def test_the_default_tier_is_that_of_parameters_that_name_none(house, ssm):
    name = f"/{house.world.hex(8)}"

    def made(number, **more):
        return ssm.put_parameter(
            Name=f"{name}/{number}", Value=more.pop("Value", "v"), Type="String", **more
        )["Tier"]

    ssm.update_service_setting(SettingId=TIER, SettingValue="Intelligent-Tiering")
    assert (made(1), made(2, Value="v" * 5000)) == ("Standard", "Advanced")
    ssm.update_service_setting(SettingId=TIER, SettingValue="Advanced")
    assert (made(3), made(4, Tier="Standard")) == ("Advanced", "Standard")
    # One that is there keeps its tier.
    assert made(1, Overwrite=True) == "Standard"


def test_values_and_settings_that_are_none_are_refused(ssm):
    assert refused(ssm.update_service_setting, SettingId=TIER, SettingValue="Cheap") == "ValidationException"
    for call in (ssm.get_service_setting, ssm.reset_service_setting):
        assert refused(call, SettingId="/ssm/nope") == "ServiceSettingNotFound"
    assert refused(ssm.update_service_setting, SettingId="/ssm/nope", SettingValue="x") == (
        "ServiceSettingNotFound"
    )


def test_settings_are_an_accounts_in_a_region(house, ssm):
    stranger = house.app.database.write_sync(
        lambda tx: identity.bootstrap(
            tx, house.keys, house.world, account=OTHER_ACCOUNT, now_ms=house.world.now_ms()
        )
    )
    ssm.update_service_setting(SettingId=TIER, SettingValue="Advanced")
    for other in (house.client("ssm", stranger), house.client("ssm", region="eu-west-1")):
        assert other.get_service_setting(SettingId=TIER)["ServiceSetting"]["Status"] == "Default"


def test_leave_is_asked_for_each_setting(house, ssm):
    account = house.client("sts").get_caller_identity()["Account"]
    iam, name = house.client("iam"), f"u{house.world.hex(8)}"
    iam.create_user(UserName=name)
    allowed = {
        "Effect": "Allow",
        "Action": "ssm:GetServiceSetting",
        "Resource": f"arn:aws:ssm:*:{account}:servicesetting/ssm/parameter-store/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"]))
    assert user.get_service_setting(SettingId=TIER)["ServiceSetting"]["Status"] == "Default"
    assert refused(user.update_service_setting, SettingId=TIER, SettingValue="Advanced") == (
        "AccessDeniedException"
    )
    documents = "/ssm/documents/console/public-sharing-permission"
    assert refused(user.get_service_setting, SettingId=documents) == "AccessDeniedException"
