"""What the model forbids, in the words that Organizations has for it."""

import pytest
from botocore.exceptions import ClientError

from tests.house import house_at


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with house_at(f"sqlite:///{tmp_path_factory.mktemp('bad')}/house.db") as house:
        yield house.client("organizations", parameter_validation=False)


@pytest.mark.parametrize(
    ("operation", "request_", "reason"),
    [
        ("describe_account", {"AccountId": "123"}, "INVALID_PATTERN"),
        ("describe_account", {}, "INPUT_REQUIRED"),
        ("create_organizational_unit", {"ParentId": "r-abcd", "Name": "x" * 129}, "MAX_LENGTH_EXCEEDED"),
        ("create_organizational_unit", {"ParentId": "r-abcd", "Name": ""}, "MIN_LENGTH_EXCEEDED"),
        ("list_policies", {"Filter": "NO_POLICY"}, "INVALID_ENUM"),
        ("list_accounts", {"MaxResults": 21}, "MAX_VALUE_EXCEEDED"),
        ("list_accounts", {"MaxResults": 0}, "MIN_VALUE_EXCEEDED"),
        ("untag_resource", {"ResourceId": "r-abcd", "TagKeys": [""]}, "INVALID_LIST_MEMBER"),
    ],
)
def test_a_broken_constraint_is_an_invalid_input_with_its_reason(client, operation, request_, reason):
    with pytest.raises(ClientError) as told:
        getattr(client, operation)(**request_)
    answer = told.value.response
    assert answer["Error"]["Code"] == "InvalidInputException"
    assert answer["Reason"] == reason, answer
    assert "failed to satisfy constraint" in answer["Error"]["Message"]
