"""`hostreeve explain` and `hostreeve account tree` against the small server."""

import json

DENIED = {
    "Principal": "arn:aws:iam::1:user/ann",
    "Action": "ssm:PutParameter",
    "Resource": "*",
    "Allowed": False,
    "Decision": "explicitDeny",
    "Message": "User: arn:aws:iam::1:user/ann is not authorized to perform: …",
    "DecidedBy": "own#Never",
    "Layers": [
        {"Kind": "service control policy", "Name": "r-abcd", "Verdict": "allowed", "Statements": []},
        {
            "Kind": "identity-based policy",
            "Name": "",
            "Verdict": "explicitDeny",
            "Statements": [
                {
                    "Policy": "own",
                    "Sid": "Never",
                    "Effect": "Deny",
                    "Applies": True,
                    "Unmet": "",
                    "Statement": '{"Effect": "Deny"}',
                },
                {
                    "Policy": "own",
                    "Sid": "There",
                    "Effect": "Allow",
                    "Applies": False,
                    "Unmet": "Resource",
                    "Statement": "{}",
                },
            ],
        },
    ],
    "Notes": ["A note."],
}


def test_a_denial_is_shown_layer_by_layer_and_is_the_exit_status(server, typed):
    server.answers["Hostreeve.ExplainAuthorization"] = lambda request: DENIED
    status, out, err = typed("explain", "user/ann", "ssm:PutParameter")
    assert status == 1
    assert out.splitlines() == [
        "DENIED: arn:aws:iam::1:user/ann ssm:PutParameter *",
        "User: arn:aws:iam::1:user/ann is not authorized to perform: …",
        "decided by own#Never",
        "",
        "service control policy of r-abcd: allows",
        "",
        "identity-based policy: denies",
        " * Deny  own#Never  applies",
        '         {"Effect": "Deny"}',
        "   Allow own#There  does not apply: Resource",
        "         {}",
    ]
    assert err.splitlines() == ["A note."]
    assert server.requests("Hostreeve.ExplainAuthorization") == [
        {"Principal": "user/ann", "Action": "ssm:PutParameter", "Resource": "*"}
    ]


def test_what_is_given_is_asked_and_a_program_reads_one_document(server, typed, tmp_path):
    allowed = {**DENIED, "Allowed": True, "Decision": "allowed"}
    server.answers["Hostreeve.ExplainAuthorization"] = lambda request: allowed
    policy = tmp_path / "policy.json"
    policy.write_text("{}")
    status, out, _ = typed(
        *("explain", ".", "s3:GetObject", "arn:aws:s3:::b/k", "--json"),
        *("--context", "a:Key=1", "a:Key=2", "b:Key=x=y"),
        *("--resource-policy", str(policy), "--resource-owner", "123456789012"),
    )
    assert status == 0 and json.loads(out) == allowed
    (asked,) = server.requests("Hostreeve.ExplainAuthorization")
    assert "Principal" not in asked
    assert asked["Context"] == [
        {"Key": "a:Key", "Values": ["1", "2"]},
        {"Key": "b:Key", "Values": ["x=y"]},
    ]
    assert (asked["ResourcePolicy"], asked["ResourceOwner"]) == ("{}", "123456789012")


def test_wrong_usage_is_told(server, typed):
    assert typed("explain", "user/ann", "ssm:PutParameter", "*", "--context", "x")[0] == 2
    status, _, err = typed("explain", "user/ann", "a:B", "*", "--resource-policy", "/nowhere/at/all")
    assert status == 2 and "cannot be read" in err


def test_the_tree_of_accounts_is_drawn(server, typed):
    account = {"Name": "one", "Status": "ACTIVE"}
    answers = {
        "DescribeOrganization": {"Organization": {"Id": "o-1", "MasterAccountId": "100000000000"}},
        "ListAccounts": {
            "Accounts": [
                {**account, "Id": "100000000000", "Paths": ["o-1/r-1/100000000000/"]},
                {**account, "Id": "200000000000", "Paths": ["o-1/r-1/ou-1-b/200000000000/"]},
                {**account, "Id": "300000000000", "Paths": ["o-1/r-1/300000000000/"], "Status": "SUSPENDED"},
            ]
        },
        "ListRoots": {"Roots": [{"Id": "r-1", "Name": "Root"}]},
    }
    for operation, answer in answers.items():
        server.answers[f"AWSOrganizationsV20161128.{operation}"] = lambda request, answer=answer: answer
    units = {"r-1": [{"Id": "ou-1-b", "Name": "B"}, {"Id": "ou-1-a", "Name": "A"}]}
    server.answers["AWSOrganizationsV20161128.ListOrganizationalUnitsForParent"] = lambda request: {
        "OrganizationalUnits": units.get(request["ParentId"], [])
    }
    status, out, _ = typed("account", "tree")
    assert status == 0 and out.splitlines() == [
        "o-1",
        "Root (r-1)",
        "  A (ou-1-a)",
        "  B (ou-1-b)",
        "    200000000000  one",
        "  100000000000  one  management account",
        "  300000000000  one  SUSPENDED",
    ]
    found = json.loads(typed("account", "tree", "--json")[1])
    assert [unit["Name"] for unit in found["OrganizationalUnits"]] == ["A", "B"]
    assert found["Accounts"][0]["ManagementAccount"] is True


def test_a_denial_of_the_past_is_shown_with_what_decided_then(server, typed):
    event = {
        "eventTime": "2026-11-29T12:00:00Z",
        "eventSource": "ssm.amazonaws.com",
        "eventName": "PutParameter",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/ann"},
        "errorCode": "AccessDeniedException",
        "errorMessage": "…",
    }
    asked = []

    def answer(request):
        asked.append(request)
        return {"CloudTrailEvent": json.dumps(event), "Explanation": DENIED, "Notes": ["Another."]}

    server.answers["Hostreeve.ExplainCall"] = answer
    status, out, err = typed("explain", "--request", "01A3185C-53e8-4a20-b2f1-4c942e05319a")
    assert status == 1 and asked == [{"RequestId": "01a3185c-53e8-4a20-b2f1-4c942e05319a"}]
    assert out.splitlines()[:4] == [
        "2026-11-29T12:00:00Z ssm.amazonaws.com PutParameter us-east-1",
        "by arn:aws:iam::1:user/ann from 127.0.0.1",
        "",
        "DENIED: arn:aws:iam::1:user/ann ssm:PutParameter *",
    ]
    assert err.splitlines() == ["A note.", "Another."]
    status, out, _ = typed("explain", "--request", "01a3185c-53e8-4a20-b2f1-4c942e05319a", "--json")
    assert status == 1 and json.loads(out)["CloudTrailEvent"] == event


def test_a_call_is_explained_or_a_question_not_both(server, typed):
    assert typed("explain", ".", "ssm:PutParameter", "--request", "1")[0] == 2
    assert typed("explain", ".")[0] == 2
