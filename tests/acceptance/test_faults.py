"""`kill -9` of the server while a node works, and while many callers write."""

import threading
import time

import pytest
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from tools.bench.control_plane import serving

from tests.acceptance.conftest import Site

pytestmark = pytest.mark.slow


def test_killing_the_server_in_the_middle_of_a_command_loses_and_repeats_nothing(tmp_path):
    state, runs = tmp_path / "state", tmp_path / "runs"
    with serving(state) as plane:
        site = Site(plane, tmp_path)
        node_id = site.enrol()
        script = f"echo run >> {runs}; for i in $(seq 40); do echo line $i; sleep 0.1; done"
        command_id = site.run(node_id, script)
        while not runs.exists():
            time.sleep(0.02)
        time.sleep(0.5)
        port = int(plane.url.rsplit(":", 1)[1])
        site.kill_server()
    try:
        with serving(state, port=port) as plane:
            again = Site(plane, tmp_path)
            found = again.finished(command_id, node_id)
            assert found["Status"] == "Success"
            assert found["StandardOutputContent"].splitlines() == [f"line {i}" for i in range(1, 41)]
            assert runs.read_text() == "run\n"
    finally:
        site.close()


@pytest.mark.parametrize("first_back", ["server", "agent"])
def test_killing_both_at_once_loses_and_repeats_nothing(tmp_path, first_back):
    state, runs = tmp_path / "state", tmp_path / "runs"
    with serving(state) as plane:
        site = Site(plane, tmp_path)
        node_id = site.enrol()
        script = f"echo run >> {runs}; for i in $(seq 20); do echo line $i; sleep 0.1; done; exit 3"
        command_id = site.run(node_id, script)
        waiting = site.run(node_id, f"echo second >> {runs}")
        while not runs.exists():
            time.sleep(0.02)
        port = int(plane.url.rsplit(":", 1)[1])
        site.agents["one"].kill()
        site.kill_server()
        site.agents["one"].wait()
    if first_back == "agent":
        # It finds nobody, and the script ends meanwhile.
        site.start_agent()
        time.sleep(2.5)
    try:
        with serving(state, port=port) as plane:
            again = Site(plane, tmp_path, site.agents)
            if first_back == "server":
                again.start_agent()
            found = again.finished(command_id, node_id)
            assert (found["Status"], found["ResponseCode"]) == ("Failed", 3)
            assert found["StandardOutputContent"].splitlines() == [f"line {i}" for i in range(1, 21)]
            assert again.finished(waiting, node_id)["Status"] == "Success"
            assert sorted(runs.read_text().split()) == ["run", "second"]
            ended = again.run(node_id, "echo goes on")
            assert again.finished(ended, node_id)["StandardOutputContent"] == "goes on\n"
    finally:
        site.close()


def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path):
    state, acknowledged = tmp_path / "state", []
    with serving(state) as plane:
        site = Site(plane, tmp_path)
        writers = [
            threading.Thread(target=_write_until_it_fails, args=(site, acknowledged)) for _ in range(4)
        ]
        for writer in writers:
            writer.start()
        while len(acknowledged) < 40:
            time.sleep(0.01)
        site.kill_server()
        for writer in writers:
            writer.join(60)
    with serving(state) as plane:
        pages = Site(plane, tmp_path).client("ssm").get_paginator("describe_activations").paginate()
        kept = {each["ActivationId"] for page in pages for each in page["ActivationList"]}
        assert set(acknowledged) <= kept


def _write_until_it_fails(site, acknowledged):
    ssm = site.client("ssm")
    try:
        while True:
            made = ssm.create_activation(IamRole="service-role/SSMServiceRole")
            acknowledged.append(made["ActivationId"])
    except (ClientError, ConnectionError, HTTPClientError):
        return
