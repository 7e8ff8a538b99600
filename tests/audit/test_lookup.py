"""LookupEvents: every call is found, wherever its record lies by now."""

import json

import pytest
from botocore.exceptions import ClientError

from hostreeve.gateway.http import HttpRequest
from hostreeve.platform.audit.actions.searching import lines_of
from hostreeve.platform.audit.store.segments import frames_after


def refused(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"]


def names(events):
    return [event["EventName"] for event in events]


def test_a_write_a_read_and_a_denial_are_found_the_latest_first(audited, settled):
    key = audited.user("ann")
    audited.ssm.put_parameter(Name="/a/b", Type="String", Value="v")
    audited.world.advance(1)
    audited.ssm.get_parameter(Name="/a/b")
    audited.world.advance(1)
    assert refused(audited.house.client("ssm", key).get_parameter, Name="/a/b") == "AccessDeniedException"
    settled()
    found = audited.by("ResourceName", "/a/b")
    assert names(found) == ["GetParameter", "GetParameter", "PutParameter"]
    denied, read, write = (json.loads(event["CloudTrailEvent"]) for event in found)
    assert (denied["errorCode"], denied["userIdentity"]["userName"]) == ("AccessDeniedException", "ann")
    assert "is not authorized to perform: ssm:GetParameter" in denied["errorMessage"]
    assert (read["readOnly"], read["responseElements"], "errorCode" in read) == (True, None, False)
    assert (write["readOnly"], write["responseElements"]) == (False, {"version": 1, "tier": "Standard"})
    assert "hostreeve" not in denied


def test_a_record_has_the_members_of_cloudtrails_format(audited, settled):
    audited.ssm.put_parameter(Name="/a/b", Type="String", Value="v", Description="shown")
    settled()
    event = audited.by("EventName", "PutParameter")[0]
    record = json.loads(event["CloudTrailEvent"])
    key = audited.house.key[0]
    assert record["userIdentity"] == {
        "type": "IAMUser",
        "principalId": audited.iam.get_user(UserName="administrator")["User"]["UserId"],
        "arn": f"arn:aws:iam::{audited.account}:user/administrator",
        "accountId": audited.account,
        "accessKeyId": key,
        "userName": "administrator",
    }
    assert record["requestParameters"] == {
        "name": "/a/b",
        "type": "String",
        "value": "HIDDEN_DUE_TO_SECURITY_REASONS",
        "description": "shown",
    }
    arn = f"arn:aws:ssm:us-east-1:{audited.account}:parameter/a/b"
    assert record["resources"] == [{"ARN": arn, "accountId": audited.account, "type": "AWS::SSM::Parameter"}]
    same = ("eventVersion", "eventSource", "awsRegion", "sourceIPAddress", "eventType", "eventCategory")
    assert [record[name] for name in same] == [
        "1.11",
        "ssm.amazonaws.com",
        "us-east-1",
        "127.0.0.1",
        "AwsApiCall",
        "Management",
    ]
    assert record["managementEvent"] and record["recipientAccountId"] == audited.account
    assert record["userAgent"].startswith("Boto3/") and record["eventID"] == event["EventId"]
    assert event["Username"] == "administrator" and event["AccessKeyId"] == key
    assert event["Resources"] == [{"ResourceType": "AWS::SSM::Parameter", "ResourceName": "/a/b"}]


def test_the_request_id_of_a_record_is_the_one_that_the_caller_was_told(audited, settled):
    told = audited.ssm.put_parameter(Name="/a", Type="String", Value="v")["ResponseMetadata"]["RequestId"]
    read = audited.ssm.describe_parameters()["ResponseMetadata"]["RequestId"]
    settled()
    assert audited.record("PutParameter")["requestID"] == told
    assert audited.record("DescribeParameters")["requestID"] == read


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("EventName", "PutParameter", ["PutParameter"]),
        ("EventSource", "iam.amazonaws.com", ["CreateAccessKey", "CreateUser"]),
        ("ReadOnly", "false", ["PutParameter", "CreateAccessKey", "CreateUser"]),
        ("Username", "ann", ["GetParameter"]),
        ("ResourceType", "AWS::SSM::Parameter", ["GetParameter", "PutParameter"]),
        ("ResourceName", "ann", ["CreateAccessKey", "CreateUser"]),
        ("ResourceName", "/a/b", ["GetParameter", "PutParameter"]),
        ("ResourceName", "/a", []),
        ("Username", "nobody", []),
        ("EventName", "putparameter", []),
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_attribute_finds_what_has_it(audited, settled, kind, value, expected):
    key = audited.user("ann")
    audited.ssm.put_parameter(Name="/a/b", Type="String", Value="v")
    audited.world.advance(1)
    refused(audited.house.client("ssm", key).get_parameter, Name="/a/b")
    settled()
    assert names(audited.by(kind, value)) == expected


def test_event_id_access_key_and_arn_find_what_they_name(audited, settled):
    key = audited.user("ann")
    refused(audited.house.client("ssm", key).get_parameter, Name="/a/b")
    settled()
    (found,) = audited.by("AccessKeyId", key[0])
    assert audited.by("EventId", found["EventId"]) == [found]
    assert audited.by("EventId", "no id") == []
    assert audited.by("ResourceName", f"arn:aws:ssm:us-east-1:{audited.account}:parameter/a/b") == [found]
    assert audited.by("ResourceName", f"arn:aws:ssm:us-west-2:{audited.account}:parameter/a/b") == []


def test_times_bound_the_answer_both_included(audited, settled):
    begun = audited.world.now_ms() // 1000
    for at in range(5):
        audited.world.advance(10)
        audited.ssm.put_parameter(Name=f"/at/{at}", Type="String", Value="v")
    settled()
    found = audited.by("EventName", "PutParameter")
    times = [int(event["EventTime"].timestamp()) for event in found]
    assert times == sorted(times, reverse=True) and len(times) == 5
    some = audited.by("EventName", "PutParameter", StartTime=times[3], EndTime=times[1])
    assert some == found[1:4]
    assert audited.events(EndTime=begun - 1) == []
    request = {"StartTime": times[0], "EndTime": times[0] - 1}
    assert refused(audited.cloudtrail.lookup_events, **request) == "InvalidTimeRangeException"


def test_pages_hold_everything_once(audited, settled):
    for at in range(7):
        audited.ssm.put_parameter(Name=f"/at/{at}", Type="String", Value="v")
        audited.world.advance(0.3)
    settled()
    whole = audited.by("EventName", "PutParameter")
    assert len(whole) == 7
    for size in (1, 2, 3, 7):
        assert audited.by("EventName", "PutParameter", MaxResults=size) == whole


def test_a_token_is_good_for_its_own_question_only(audited):
    for at in range(3):
        audited.ssm.put_parameter(Name=f"/at/{at}", Type="String", Value="v")
    lookup = audited.cloudtrail.lookup_events
    token = lookup(MaxResults=1)["NextToken"]
    asked = [{"AttributeKey": "EventName", "AttributeValue": "PutParameter"}]
    invalid = "InvalidNextTokenException"
    assert refused(lookup, NextToken=token, LookupAttributes=asked) == invalid
    assert refused(lookup, NextToken=token, StartTime=1) == invalid
    assert refused(lookup, NextToken="made up") == invalid
    assert lookup(NextToken=token, MaxResults=2)["Events"]


def test_questions_that_aws_refuses_are_refused(audited):
    lookup = audited.cloudtrail.lookup_events
    two = [{"AttributeKey": "EventName", "AttributeValue": "A"}] * 2
    wrong = [{"AttributeKey": "ReadOnly", "AttributeValue": "perhaps"}]
    assert refused(lookup, LookupAttributes=two) == "InvalidLookupAttributesException"
    assert refused(lookup, LookupAttributes=wrong) == "InvalidLookupAttributesException"
    assert refused(lookup, MaxResults=51) == "ValidationException"
    assert lookup(EventCategory="insight")["Events"] == []


def test_other_accounts_and_regions_see_nothing_of_it(audited, settled):
    audited.ssm.put_parameter(Name="/a/b", Type="String", Value="v")
    other = audited.house.client("cloudtrail", region="eu-west-1")
    settled()
    assert "PutParameter" not in names(other.lookup_events()["Events"])


def test_who_may_not_look_is_denied_and_that_is_recorded(audited, settled):
    key = audited.user("ann")
    assert refused(audited.house.client("cloudtrail", key).lookup_events) == "AccessDeniedException"
    settled()
    (found,) = audited.by("Username", "ann")
    assert found["EventName"] == "LookupEvents"


def test_a_signature_that_fails_is_recorded_for_the_account_of_the_key(audited, settled):
    key = audited.user("ann")
    forged = audited.house.client("ssm", (key[0], "not the secret"))
    assert refused(forged.get_parameter, Name="/a") == "InvalidSignatureException"
    settled()
    (found,) = audited.by("EventName", "GetParameter")
    record = json.loads(found["CloudTrailEvent"])
    assert record["userIdentity"] == {
        "type": "Unknown",
        "accountId": audited.account,
        "accessKeyId": key[0],
    }
    assert record["errorCode"] == "InvalidSignatureException" and record["requestParameters"] is None


def test_calls_of_nobody_and_calls_of_nothing_are_written_down(audited):
    audited.house.request(HttpRequest("POST", "/", "", [("x-amz-target", "AmazonSSM.GetParameter")]))
    audited.house.request(HttpRequest("POST", "/", "", [("x-amz-target", "AmazonSSM.NoSuchThing")]))
    audited.house.request(HttpRequest("BREW", "/", "", []))
    audited.house.app.auditor.catch_up()
    journal = audited.house.app.auditor.journal
    journal.flush()
    frames = frames_after(journal.folder, 0, at_most=1000)
    records = [json.loads(line) for frame in frames for line in lines_of(frame.packed)]
    # Each account's lines are together, so the last ones are not the last that came.
    records = [record for record in records if not record["recipientAccountId"]]
    assert [(r["eventName"], r["errorCode"]) for r in records] == [
        ("GetParameter", "MissingAuthenticationTokenException"),
        ("Unknown", "UnknownOperationException"),
        ("Unknown", "MissingAuthenticationToken"),
    ]
    assert {r["userIdentity"]["type"] for r in records} == {"AWSAccount"}


def test_data_events_are_kept_and_not_looked_up(audited, settled):
    s3 = audited.house.client("s3")
    s3.create_bucket(Bucket="b-of-mine")
    s3.put_object(Bucket="b-of-mine", Key="k", Body=b"content")
    s3.get_object(Bucket="b-of-mine", Key="k")
    settled()
    assert names(audited.by("EventSource", "s3.amazonaws.com")) == ["CreateBucket"]
