"""Step 1 of a published article on many accounts: a group of servers, as printed, and a command for it."""

import json

import pytest

from tests.acceptance.published import printed, typed

pytestmark = pytest.mark.slow


def test_servers_of_one_name_are_a_group_and_get_commands(site):
    """Find Resources, View query results, Save query as group; then the group is what a command is for."""
    command = printed("A group of servers").strip()
    ec2, rg = site.client("ec2"), site.client("resource-groups")
    servers = sorted(site.enrol(name, "--as-instance") for name in ("a", "b"))
    ec2.create_tags(Resources=servers, Tags=[{"Key": "Name", "Value": "WebServers"}])
    query = json.loads(command.partition("--resource-query ")[2].strip("'"))
    found = rg.search_resources(ResourceQuery=query)["ResourceIdentifiers"]
    assert [each["ResourceType"] for each in found] == ["AWS::EC2::Instance"] * 2

    made = typed(site, command)
    assert made["Group"]["Name"] == "WebServers" and made["ResourceQuery"] == query
    listed = site.aws("resource-groups", "list-group-resources", "--group", "WebServers")["Resources"]
    members = sorted(each["Identifier"]["ResourceArn"].rpartition("/")[2] for each in listed)
    assert members == servers

    target = ("--targets", "Key=resource-groups:Name,Values=WebServers")
    script = ("--document-name", "AWS-RunShellScript", "--parameters", "commands=echo patched")
    sent = site.aws("ssm", "send-command", *script, *target)["Command"]["CommandId"]
    site.aws("ssm", "wait", "command-executed", "--command-id", sent, "--instance-id", servers[0])
    for server in servers:
        done = site.finished(sent, server)
        assert (done["Status"], done["StandardOutputContent"]) == ("Success", "patched\n")
    shown = site.client("ssm").list_commands(CommandId=sent)["Commands"][0]
    assert shown["TargetCount"] == 2
