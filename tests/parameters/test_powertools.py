"""The parameter helpers of Powertools for AWS Lambda, unmodified, on top of boto3."""

import pytest
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError


@pytest.fixture
def provider(ssm):
    return SSMProvider(boto3_client=ssm)


def test_a_value_is_set_and_got_and_remembered_until_its_age_is_over(provider, ssm, root):
    assert provider.set(root, "one", description="d", tier="Advanced")["Version"] == 1
    assert provider.get(root) == "one"
    ssm.put_parameter(Name=root, Value="two", Overwrite=True)
    assert provider.get(root, max_age=600) == "one"
    assert provider.get(root, force_fetch=True) == "two"
    assert provider.get(f"{root}:1") == "one"


def test_secrets_and_structured_values_are_opened_and_taken_apart(provider, house, ssm, root):
    key = house.client("kms").create_key()["KeyMetadata"]["KeyId"]
    provider.set(f"{root}/secret", "hush", parameter_type="SecureString", kms_key_id=key)
    assert provider.get(f"{root}/secret", decrypt=True) == "hush"
    provider.set(f"{root}/config", '{"retries": 3}')
    assert provider.get(f"{root}/config", transform="json") == {"retries": 3}
    provider.set(f"{root}/list", "a,b", parameter_type="StringList")
    assert provider.get(f"{root}/list") == "a,b"


def test_a_tree_comes_whole_whatever_the_size_of_a_page(provider, ssm, root):
    for number in range(23):
        ssm.put_parameter(Name=f"{root}/app/{number:02}", Value=str(number), Type="String")
    ssm.put_parameter(Name=f"{root}/app/deep/er", Value="d", Type="String")
    flat = {f"{number:02}": str(number) for number in range(23)}
    assert provider.get_multiple(f"{root}/app") == flat
    assert provider.get_multiple(f"{root}/app", recursive=True, force_fetch=True) == flat | {"deep/er": "d"}


def test_many_come_by_name_each_in_its_own_way_and_what_is_missing_is_told(provider, ssm, root):
    for number in range(12):
        kind = "SecureString" if number % 2 else "String"
        ssm.put_parameter(Name=f"{root}/{number}", Value=f'{{"n": {number}}}', Type=kind)
    wanted = {f"{root}/{number}": {"decrypt": bool(number % 2), "transform": "json"} for number in range(12)}
    assert provider.get_parameters_by_name(wanted) == {
        f"{root}/{number}": {"n": number} for number in range(12)
    }
    told = provider.get_parameters_by_name({f"{root}/none": {}, f"{root}/0": {}}, raise_on_error=False)
    assert told["_errors"] == [f"{root}/none"]
    with pytest.raises(GetParameterError):
        provider.get(f"{root}/none")
