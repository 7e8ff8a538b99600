"""`hostreeve run --dry-run`: what is shown of a plan, and that nothing is sent."""

import json

A, B = "mi-00000000000000001", "mi-00000000000000002"


def target(node_id, outcome="Send", reason="", connection="connected"):
    return {
        "InstanceId": node_id,
        "InstanceName": "host",
        "PlatformType": "Linux",
        "PingStatus": "Online",
        "ConnectionStatus": connection,
        "Outcome": outcome,
        "Reason": reason,
    }


def planned(server, *pages):
    """The server plans these targets, a list a page."""

    def plan(request):
        number = int(request.get("NextToken") or 0)
        settings = {"runCommand": ["uptime", "df -h"], "workingDirectory": "/srv", "timeoutSeconds": ""}
        inputs = [{"id": "0.aws:runShellScript", **settings}]
        answer = {
            "DocumentName": "AWS-RunShellScript",
            "DocumentVersion": "1",
            "Steps": [
                {
                    "Name": "aws:runShellScript",
                    "Action": "aws:runShellScript",
                    "Inputs": json.dumps(inputs),
                    "Precondition": "",
                }
            ],
            "MaxConcurrency": "50",
            "MaxErrors": "0",
            "TimeoutSeconds": 3600,
            "ExpiresAfter": 1000.0,
            "Targets": pages[number],
        }
        return answer | ({"NextToken": str(number + 1)} if number + 1 < len(pages) else {})

    server.answers["Hostreeve.PlanCommand"] = plan


def test_a_dry_run_shows_nodes_and_script_and_sends_nothing(server, typed):
    planned(server, [target(A)], [target(B)])
    status, out, err = typed("run", "uptime", "--targets", "tag:Role=web", "--dry-run")
    assert status == 0
    assert "  uptime\n  df -h\n" in out and 'workingDirectory: "/srv"' in out
    assert A in out and B in out
    assert "Nothing was sent. 2 of 2 nodes" in err and "not connected" not in err and "0.aws" not in out
    assert not server.requests("AmazonSSM.SendCommand")
    assert server.requests("Hostreeve.PlanCommand")[0]["Parameters"] == {"commands": ["uptime"]}


def test_nodes_that_are_away_are_counted(server, typed):
    planned(server, [target(A), target(B, connection="notconnected")])
    status, out, err = typed("run", "x", "--targets", "tag:Role=web", "--dry-run")
    assert status == 0
    assert "2 of 2 nodes" in err and "1 of them is not connected now" in err and "notconnected" in out


def test_a_node_that_would_not_get_it_is_named_with_the_reason(server, typed):
    planned(server, [target(A), target(B, "AccessDenied", "no identity-based policy allows it")])
    status, out, err = typed("run", "x", "--targets", "tag:Role=web", "--dry-run")
    assert status == 1
    assert "no identity-based policy allows it" in out and "1 of 2 nodes" in err


def test_no_target_at_all_is_exit_status_three(server, typed):
    planned(server, [])
    assert typed("run", "x", "--targets", "tag:Role=nobody", "--dry-run")[0] == 3


def test_a_plan_as_json_is_one_document(server, typed):
    planned(server, [target(A)], [target(B)])
    status, out, _ = typed("run", "x", "--instance-ids", A, B, "--dry-run", "--json")
    assert status == 0
    assert [each["InstanceId"] for each in json.loads(out)["Targets"]] == [A, B]
