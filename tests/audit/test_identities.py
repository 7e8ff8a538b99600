"""Who is said to have called: users, sessions, nodes, nobody; and what no record is made of."""

import json

import msgspec
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.platform.audit.model.record import Record, written
from tests.gateway.planted import member_of


def trusting(account):
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": actions}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def key_of(credentials):
    return (credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def caller(audited, name):
    (event,) = audited.by("EventName", name)
    return event, json.loads(event["CloudTrailEvent"])["userIdentity"]


def test_the_session_of_a_role_is_told_with_the_role(audited, settled):
    role = audited.iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(audited.account))["Role"]
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    audited.iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(policy))
    sts = audited.house.client("sts")
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="mine", SourceIdentity="ann")
    audited.house.client("ssm", key_of(made["Credentials"])).describe_parameters()
    settled()
    event, identity = caller(audited, "DescribeParameters")
    issued = identity["sessionContext"]["attributes"].pop("creationDate")
    assert issued.endswith("Z") and event["Username"] == "mine"
    assert identity == {
        "type": "AssumedRole",
        "principalId": f"{role['RoleId']}:mine",
        "arn": f"arn:aws:sts::{audited.account}:assumed-role/r/mine",
        "accountId": audited.account,
        "accessKeyId": made["Credentials"]["AccessKeyId"],
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role["RoleId"],
                "arn": role["Arn"],
                "accountId": audited.account,
                "userName": "r",
            },
            "attributes": {"mfaAuthenticated": "false"},
            "sourceIdentity": "ann",
        },
    }
    event, identity = caller(audited, "AssumeRole")
    assert identity["type"] == "IAMUser" and event["ReadOnly"] == "true"
    names = {each["ResourceType"]: each["ResourceName"] for each in event["Resources"]}
    assert names.get("AWS::IAM::Role", "r") == "r"


def test_a_users_session_is_the_user_and_a_federated_user_its_own(audited, settled):
    sts = audited.house.client("sts")
    mine = sts.get_session_token()["Credentials"]
    audited.house.client("ssm", key_of(mine)).describe_parameters()
    other = sts.get_federation_token(Name="guest")["Credentials"]
    with pytest.raises(ClientError):
        audited.house.client("ssm", key_of(other)).get_parameter(Name="/a")
    settled()
    event, identity = caller(audited, "DescribeParameters")
    assert (identity["type"], event["Username"]) == ("IAMUser", "administrator")
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"
    event, identity = caller(audited, "GetParameter")
    assert (identity["type"], event["Username"]) == ("FederatedUser", "guest")


def test_who_signs_in_is_nobody_yet(audited, settled):
    with pytest.raises(ClientError):
        audited.house.client("sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{audited.account}:role/r",
            RoleSessionName="session",
            WebIdentityToken="x" * 20,
        )
    from tests.audit.written import exported

    settled()
    (record,) = exported(audited.house, attributes=(("EventName", "AssumeRoleWithWebIdentity"),))
    assert record["userIdentity"]["type"] == "AWSAccount" and record["recipientAccountId"] == ""
    assert record["requestParameters"]["webIdentityToken"] == "HIDDEN_DUE_TO_SECURITY_REASONS"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_accounts_see_their_own_records_alone(audited, settled):
    _, key = member_of(audited.house)
    audited.ssm.put_parameter(Name="/of/one", Type="String", Value="v")
    audited.ssm.get_parameter(Name="/of/one")
    theirs = audited.house.client("ssm", key)
    theirs.put_parameter(Name="/of/other", Type="String", Value="v")
    theirs.get_parameter(Name="/of/other")
    settled()
    found = audited.house.client("cloudtrail", key).lookup_events()["Events"]
    assert {event["EventName"] for event in found} >= {"PutParameter", "GetParameter"}
    assert "/of/one" not in json.dumps([event["CloudTrailEvent"] for event in found])
    assert "/of/other" not in json.dumps([event["CloudTrailEvent"] for event in audited.events()])
    event_id = audited.by("EventName", "PutParameter")[0]["EventId"]
    asked = [{"AttributeKey": "EventId", "AttributeValue": event_id}]
    assert audited.house.client("cloudtrail", key).lookup_events(LookupAttributes=asked)["Events"] == []


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.builds(object),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(anything, anything, st.text(st.characters()))
def test_there_is_a_record_of_anything(request, answer, text):
    record = Record(
        "1.11",
        {},
        "2026-11-29T00:00:00Z",
        "ssm.amazonaws.com",
        "PutParameter",
        "us-east-1",
        "127.0.0.1",
        text,
        request,
        answer,
        "r",
        "e",
        False,
        "AwsApiCall",
        True,
        "123456789012",
        "Management",
        "Code",
        text,
    )
    line = written(record)
    assert b"\n" not in line and msgspec.json.decode(line)["eventName"] == "PutParameter"


def test_a_record_that_is_too_large_keeps_its_head(audited):
    audited.iam.create_policy(
        PolicyName="p", PolicyDocument=trusting("1").replace('"Principal": {"AWS": "1"}', '"Resource": "*"')
    )
    record = audited.record("CreatePolicy")
    assert record["requestParameters"]["policyName"] == "p"
    large = Record(*["x"] * 8, {"a": "b" * 300_000}, {"c": 1}, *["x"] * 7)
    told = json.loads(written(large))
    assert told["requestParameters"]["omitted"] and told["requestParameters"]["originalSize"] > 300_000
    assert told["responseElements"] is not None and told["eventName"] == "x"
