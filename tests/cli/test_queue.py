"""`hostreeve queue`: what is listed of what waits."""

import json

import pytest

A, B = "mi-00000000000000001", "mi-00000000000000002"


def invocation(node_id, status, command, **more):
    return {
        "CommandId": command,
        "InstanceId": node_id,
        "InstanceName": "edge",
        "DocumentName": "AWS-RunShellScript",
        "Status": status,
        "RequestedDateTime": 1_700_000_000.0,
        **more,
    }


@pytest.fixture
def waiting(server):
    """The server lists these invocations, one a page."""

    def listed(*invocations):
        def answer(request):
            (asked,) = request["Filters"]
            assert asked["key"] == "Status"
            of_it = [each for each in invocations if each["Status"] == asked["value"]]
            start = int(request.get("NextToken") or 0)
            page = {"CommandInvocations": of_it[start : start + 1]}
            return {**page, "NextToken": str(start + 1)} if start + 1 < len(of_it) else page

        commands = {each["CommandId"] for each in invocations}
        server.answers["AmazonSSM.ListCommandInvocations"] = answer
        server.answers["AmazonSSM.ListCommands"] = lambda request: {
            "Commands": [
                {"CommandId": each, "RequestedDateTime": 1_700_000_000.0, "TimeoutSeconds": 86_400}
                for each in commands
            ]
        }

    return listed


def test_nodes_that_are_away_come_first_with_the_time_that_is_left(server, typed, waiting):
    waiting(invocation(A, "Pending", "c-1"), invocation(B, "Delayed", "c-2"), invocation(B, "Delayed", "c-3"))
    status, out, _ = typed("queue")
    lines = out.splitlines()
    assert status == 0 and lines[0].split()[:3] == ["NODE", "NAME", "STATUS"]
    assert [line.split()[-1] for line in lines[1:]] == ["c-2", "c-3", "c-1"]
    assert lines[1].split()[:4] == [B, "edge", "Delayed", "AWS-RunShellScript"]
    assert "0 s" in lines[1], "its time is over, and the server has not gone through it yet"


def test_one_node_can_be_asked_about(server, typed, waiting):
    waiting(invocation(A, "Pending", "c-1"))
    typed("queue", "--instance-id", A)
    assert {each["InstanceId"] for each in server.requests("AmazonSSM.ListCommandInvocations")} == {A}


def test_json_has_times_in_words(server, typed, waiting):
    waiting(invocation(A, "Delayed", "c-1", Comment="why"))
    (found,) = json.loads(typed("queue", "--json")[1])
    assert found == {
        "InstanceId": A,
        "InstanceName": "edge",
        "Status": "Delayed",
        "DocumentName": "AWS-RunShellScript",
        "Comment": "why",
        "CommandId": "c-1",
        "Sent": "2023-11-14T22:13:20Z",
        "Until": "2023-11-15T22:13:20Z",
    }


def test_nothing_waiting_is_said(server, typed, waiting):
    waiting()
    status, out, err = typed("queue")
    assert (status, out) == (0, "") and "Nothing waits" in err
