"""Several control planes on one PostgreSQL: what one is told, all know; each delivers to its own nodes."""

import shutil

import pytest
from tools.bench.control_plane import serving

from tests.acceptance.conftest import Site

pytestmark = pytest.mark.slow


@pytest.fixture
def url(postgres_stores):
    return postgres_stores.fresh()


def test_a_command_given_to_one_replica_runs_on_a_node_connected_to_another(url, tmp_path):
    with serving(tmp_path / "a", "--database", url) as first:
        near = Site(first, tmp_path)
        (tmp_path / "b").mkdir()
        for shared in ("master.key", "certificates", "admin.env"):
            _copy(tmp_path / "a" / shared, tmp_path / "b" / shared)
        with serving(tmp_path / "b", "--database", url) as second:
            far = Site(second, tmp_path)
            try:
                node_id = near.enrol()
                command_id = far.run(node_id, "echo across")
                assert far.finished(command_id, node_id)["StandardOutputContent"] == "across\n"
                assert near.finished(command_id, node_id)["Status"] == "Success"
            finally:
                near.close()


def test_a_killed_server_on_postgresql_forgets_nothing_it_acknowledged(url, tmp_path):
    with serving(tmp_path / "a", "--database", url) as plane:
        site = Site(plane, tmp_path)
        made = [site.client("ssm").create_activation(IamRole="service-role/SSMServiceRole") for _ in range(5)]
        site.kill_server()
    with serving(tmp_path / "a", "--database", url) as plane:
        found = Site(plane, tmp_path).client("ssm").describe_activations()["ActivationList"]
        assert {a["ActivationId"] for a in found} == {a["ActivationId"] for a in made}


def _copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
