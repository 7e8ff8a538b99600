"""The node follows its server's certificate authority, and never locks itself out."""

from __future__ import annotations

import time
from pathlib import Path

from tests.agent.agent_process import AgentProcess
from tests.agent.fake_server import FakeServer

PAGE = "/_hostreeve/ca.pem"


def asked(server: FakeServer) -> int:
    return [what for what, _ in server.seen].count(f"page {PAGE}")


def stranger(tmp_path: Path) -> FakeServer:
    (tmp_path / "other").mkdir()
    made = FakeServer(tmp_path / "other")
    made.close()
    return made


def test_a_renewed_authority_is_learned_while_the_old_one_holds(server, enrolled: AgentProcess, tmp_path):
    old, new = server.ca.read_bytes(), stranger(tmp_path)
    server.pages[PAGE] = old + new.ca.read_bytes()
    enrolled.configure(ca_refresh_s=0.3)
    enrolled.start()
    server.wait(lambda: (enrolled.state / "ca.pem").read_bytes() == server.pages[PAGE])
    assert not (enrolled.state / "ca.new.pem").exists()
    # The overlap ends: the server's certificate is the new authority's now.
    server.stop()
    server._context = new._context
    server.start()
    server.wait(lambda: server.is_connected)
    assert server.finish(server.run("echo new"))["documentStatus"] == "Success"
    server.pages[PAGE] = new.ca.read_bytes()
    server.wait(lambda: (enrolled.state / "ca.pem").read_bytes() == new.ca.read_bytes())


def test_an_authority_that_does_not_vouch_for_the_server_is_not_taken_over(server, enrolled, tmp_path):
    old = server.ca.read_bytes()
    enrolled.configure(ca_refresh_s=0.2)
    server.pages[PAGE] = stranger(tmp_path).ca.read_bytes()
    enrolled.start()
    server.wait(lambda: "does not vouch for it" in enrolled.said)
    assert (enrolled.state / "ca.pem").read_bytes() == old
    for garbage in (
        b"garbage",
        b"",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"x" * 200_000,
    ):
        server.pages[PAGE] = garbage
        before = asked(server)
        server.wait(lambda before=before: asked(server) > before + 1)
    assert (enrolled.state / "ca.pem").read_bytes() == old
    assert server.finish(server.run("echo old"))["documentStatus"] == "Success"


def test_the_usual_pause_is_a_day_and_an_ending_authority_is_looked_after_every_hour(tmp_path: Path):
    from hostreeve.agent.log import Log
    from hostreeve.agent.loop import Loop
    from hostreeve.agent.server import Server
    from hostreeve.agent.state import Node, State
    from hostreeve.agent.stream import endpoint
    from hostreeve.agent.trust import Trust
    from hostreeve.kernel.world import SimulatedWorld

    made = stranger(tmp_path)
    for now_ms, expected in (
        (int(time.time() * 1000) - 40 * 86_400_000, range(70_000, 100_000)),
        (int(time.time() * 1000), range(3600, 3601)),
    ):
        world = SimulatedWorld(1, now_ms)
        node = Node("https://h", "mi-1", "r", "f")
        server = Server(Loop(world), endpoint("https://h", str(made.ca)), "r")
        pause_s = Trust(server, State(str(tmp_path)), node, Log(world))._pause_s()
        assert int(pause_s) in expected
