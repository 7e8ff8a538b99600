"""What the installation publishes by itself at its start."""

from hostreeve.agent.machine import AGENT_VERSION
from hostreeve.app import bootstrap
from hostreeve.capabilities import parameters


def test_the_agents_version_is_published_in_every_region_once(house, stranger):
    def start():
        house.app.database.write_sync(
            lambda tx: bootstrap.publish(tx, ["us-east-1", "eu-west-1"], house.world)
        )

    start()
    start()
    found = stranger.get_parameter(Name=bootstrap.AGENT_PARAMETER)["Parameter"]
    assert (found["Value"], found["Version"]) == (AGENT_VERSION, 1)
    assert found["ARN"] == f"arn:aws:ssm:us-east-1::parameter{bootstrap.AGENT_PARAMETER}"
    below = stranger.get_parameters_by_path(Path="/aws/service/hostreeve", Recursive=True)["Parameters"]
    assert [one["Name"] for one in below] == [bootstrap.AGENT_PARAMETER]
    far = house.client("ssm", region="eu-west-1")
    assert far.get_parameter(Name=bootstrap.AGENT_PARAMETER)["Parameter"]["Value"] == AGENT_VERSION


def test_another_value_is_a_new_version(house, ssm, root):
    name = f"/aws/service{root}"
    for value in ("1", "2", "2"):
        house.app.database.write_sync(
            lambda tx, value=value: parameters.publish(
                tx, name, value, regions=["us-east-1"], now_ms=house.world.now_ms()
            )
        )
    found = ssm.get_parameter(Name=name)["Parameter"]
    assert (found["Value"], found["Version"]) == ("2", 2)
    assert ssm.get_parameter(Name=f"{name}:1")["Parameter"]["Value"] == "1"
