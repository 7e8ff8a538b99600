"""The unmodified official agent when something stops, is refused or grows old."""

import json
import sqlite3
import time

import pytest

from tests.official_agent.official import wait_for

pytestmark = pytest.mark.slow

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
POLLING_ONLY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["ssm:*", "ec2messages:*"], "Resource": "*"}],
}
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ssm:*", "ec2messages:*", "ssmmessages:*"], "Resource": "*"}
    ],
}
RECONNECTED_S = 60
POLLS_ON_S = 65
HIBERNATES_S = 300
"""How long an agent sleeps that could not greet the server when it started."""
REPLIES_RESENT_S = 330
"""The agent sends replies that found no connection again every five minutes."""


def test_a_server_that_restarts_gets_its_nodes_and_their_commands_back(site, server, node_id, tmp_path):
    command_id = site.run(node_id, f"echo run >> {tmp_path}/runs; sleep 45; echo end")
    wait_for((tmp_path / "runs").exists)
    server.stop()
    server.start()
    wait_connected(site, node_id, RECONNECTED_S)
    found = site.finished(command_id, node_id, REPLIES_RESENT_S)
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "end\n")
    assert (tmp_path / "runs").read_text() == "run\n"
    assert site.finished(site.run(node_id, "echo again"), node_id)["StandardOutputContent"] == "again\n"
    assert server.complaints() == []


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_agent_that_restarts_in_mid_command_neither_loses_nor_repeats_it(
    site, agent, node_id, tmp_path, end
):
    script = f"echo run >> {tmp_path}/runs; for i in 1 2 3 4 5 6; do echo line $i; sleep 1; done"
    command_id = site.run(node_id, script)
    wait_for((tmp_path / "runs").exists)
    getattr(agent, end)()
    agent.start()
    found = site.finished(command_id, node_id, 90)
    assert (found["Status"], found["ResponseCode"]) == ("Success", 0)
    assert found["StandardOutputContent"] == "".join(f"line {n}\n" for n in range(1, 7))
    assert (tmp_path / "runs").read_text() == "run\n"


def test_a_command_waits_for_an_agent_that_is_away(site, agent, node_id):
    agent.kill()
    command_id = site.run(node_id, "echo late")
    agent.start()
    assert site.finished(command_id, node_id, 60)["StandardOutputContent"] == "late\n"


def test_a_node_that_may_open_no_channel_polls(site, server, agent, tmp_path):
    iam = site.client("iam")
    iam.create_role(RoleName="PollingOnly", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="PollingOnly", PolicyName="polling", PolicyDocument=json.dumps(POLLING_ONLY))
    node_id = agent.register("PollingOnly")
    agent.start()
    ssm = site.client("ssm")
    wait_for(lambda: "denied" in agent.log().lower())
    found = site.finished(site.run(node_id, "echo polled; echo wrong >&2; exit 3"), node_id)
    assert (found["Status"], found["ResponseCode"]) == ("Failed", 3)
    assert found["StandardOutputContent"] == "polled\n"
    assert found["StandardErrorContent"].startswith("wrong\n")
    command_id = site.run(node_id, f"echo $$ > {tmp_path}/pid; sleep 600")
    wait_for((tmp_path / "pid").exists)
    ssm.cancel_command(CommandId=command_id)
    assert site.finished(command_id, node_id)["StatusDetails"] == "Cancelled"
    assert ssm.get_connection_status(Target=node_id)["Status"] == "notconnected"
    (node,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node_id]}])[
        "InstanceInformationList"
    ]
    assert node["PingStatus"] == "Online"
    assert server.complaints() == []


def test_a_node_whose_channel_is_forbidden_later_goes_back_to_polling(site, server, agent):
    iam = site.client("iam")
    iam.create_role(RoleName="Narrowed", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="Narrowed", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    node_id = agent.register("Narrowed")
    agent.start()
    wait_connected(site, node_id, 30)
    # A minute after its channel opened the agent stops polling for good, unless the channel is denied to it.
    time.sleep(POLLS_ON_S)
    iam.put_role_policy(RoleName="Narrowed", PolicyName="all", PolicyDocument=json.dumps(POLLING_ONLY))
    server.stop()
    server.start()
    command_id = site.run(node_id, "echo polled")
    assert site.finished(command_id, node_id, 120)["StandardOutputContent"] == "polled\n"
    assert site.client("ssm").get_connection_status(Target=node_id)["Status"] == "notconnected"


def test_an_old_machine_key_is_replaced_and_the_new_one_holds(site, server, agent, node_id):
    agent.stop()
    server.stop()
    old_key = machine_key(server, node_id, aged=True)
    server.start()
    agent.forget_credentials()
    agent.start()
    wait_connected(site, node_id, 60)
    wait_for(lambda: machine_key(server, node_id) != old_key)
    agent.stop()
    agent.forget_credentials()
    agent.start()
    wait_connected(site, node_id, 60)
    assert site.finished(site.run(node_id, "echo new key"), node_id)["StandardOutputContent"] == "new key\n"
    assert server.complaints() == []


def test_an_agent_that_started_while_the_server_was_away_wakes_up_and_works(site, server, agent, node_id):
    agent.stop()
    server.stop()
    agent.start()
    wait_for(lambda: "hibernat" in agent.log().lower(), 60)
    server.start()
    command_id = site.run(node_id, "echo slept")
    assert site.finished(command_id, node_id, HIBERNATES_S + 60)["StandardOutputContent"] == "slept\n"
    assert server.complaints() == []


def test_a_script_that_asks_for_a_restart_runs_again_after_it(site, agent, node_id, tmp_path):
    script = f"[ -e {tmp_path}/first ] && {{ echo again; exit 0; }}; touch {tmp_path}/first; exit 194"
    command_id = site.run(node_id, script)
    wait_for(agent.reboots.exists)
    assert agent.reboots.read_text() == "-r +1\n"
    found = site.client("ssm").get_command_invocation(CommandId=command_id, InstanceId=node_id)
    assert (found["Status"], found["ResponseCode"]) == ("InProgress", -1)
    agent.end_everything()
    agent.start()
    found = site.finished(command_id, node_id, 90)
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "again\n")
    assert agent.reboots.read_text() == "-r +1\n"


def machine_key(server, node_id, aged=False):
    """The node's public key as the server has it; `aged` makes it older than any key may become."""
    with sqlite3.connect(server.state / "hostreeve.db") as store:
        if aged:
            store.execute("UPDATE nodes SET key_changed_ms = 1 WHERE node_id = ?", [node_id])
        ((key,),) = store.execute("SELECT public_key FROM nodes WHERE node_id = ?", [node_id])
    store.close()
    return bytes(key)


def wait_connected(site, node_id, timeout_s):
    ssm = site.client("ssm")
    wait_for(lambda: ssm.get_connection_status(Target=node_id)["Status"] == "connected", timeout_s)
