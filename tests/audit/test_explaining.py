"""Why a call of the past was denied: as it was decided then, whatever the policies say now."""

import json

import pytest
from botocore.exceptions import ClientError

from hostreeve.contract.sigv4 import Credentials, Outgoing, sign_headers
from hostreeve.gateway.http import HttpRequest


class Refused(Exception):
    """What the server answered instead."""


def asked(audited, key=None, **request):
    """Our own operation, which no client of AWS knows."""
    body = json.dumps(request).encode()
    headers = {
        "host": "127.0.0.1",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Hostreeve.ExplainCall",
    }
    signed = sign_headers(
        Outgoing("POST", "/", "", headers, body),
        Credentials(*(key or audited.house.key)),
        region="us-east-1",
        service="hostreeve",
        now_ms=audited.world.now_ms(),
    )
    lines = [(name.lower(), value) for name, value in signed.items()]
    answer = audited.house.request(HttpRequest("POST", "/", "", lines, body, client="127.0.0.1"))
    if answer.status != 200:
        raise Refused(answer.body.decode())
    return json.loads(answer.body)


def denied(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["ResponseMetadata"]["RequestId"]


def test_the_statement_that_denied_is_shown_after_it_has_gone(audited, settled):
    deny = {"Sid": "Never", "Effect": "Deny", "Action": "ssm:GetParameter", "Resource": "*"}
    allow = {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}
    key = audited.user("ann", allow, deny)
    request_id = denied(audited.house.client("ssm", key).get_parameter, Name="/a")
    audited.iam.delete_user_policy(UserName="ann", PolicyName="p")
    settled()
    found = asked(audited, RequestId=request_id)
    event, why = json.loads(found["CloudTrailEvent"]), found["Explanation"]
    assert event["requestID"] == request_id and event["errorCode"] == "AccessDeniedException"
    assert "hostreeve" not in event
    assert (why["Allowed"], why["Decision"], why["DecidedBy"]) == (False, "explicitDeny", "p#Never")
    assert why["Principal"].endswith(":user/ann") and why["Action"] == "ssm:GetParameter"
    layer = next(each for each in why["Layers"] if each["Kind"] == "identity-based policy")
    heard = {each["Sid"]: (each["Effect"], each["Applies"]) for each in layer["Statements"]}
    assert heard == {"All": ("Allow", True), "Never": ("Deny", True)}
    assert deny in [json.loads(each["Statement"]) for each in layer["Statements"]]


def test_a_call_that_was_allowed_and_one_that_failed_say_so(audited, settled):
    told = audited.ssm.describe_parameters()["ResponseMetadata"]["RequestId"]
    failed = denied(audited.ssm.get_parameter, Name="/none")
    settled()
    assert "was allowed" in asked(audited, RequestId=told)["Notes"][0]
    assert "no part" in asked(audited, RequestId=failed)["Notes"][0]
    with pytest.raises(Refused, match="CallNotFound"):
        asked(audited, RequestId="01a3185c-53e8-4a20-b2f1-4c942e05319a")
    with pytest.raises(Refused, match="ValidationException"):
        asked(audited, RequestId="no id")


def test_who_assumed_no_role_hears_what_the_trust_policy_said(audited, settled):
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "ssm.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
    role = audited.iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    sts = audited.house.client("sts")
    request_id = denied(sts.assume_role, RoleArn=role, RoleSessionName="mine")
    settled()
    why = asked(audited, RequestId=request_id)["Explanation"]
    kinds = {layer["Kind"]: layer for layer in why["Layers"]}
    assert "role trust policy" in kinds
    assert kinds["role trust policy"]["Statements"][0]["Unmet"] == "Principal"


def test_other_accounts_calls_are_for_those_who_manage_them(audited):
    request_id = audited.ssm.describe_parameters()["ResponseMetadata"]["RequestId"]
    with pytest.raises(Refused, match="AccessDenied"):
        asked(audited, RequestId=request_id, AccountId="000000000009")
    key = audited.user("ann")
    with pytest.raises(Refused, match="AccessDenied"):
        asked(audited, key, RequestId=request_id)
