"""The one line, the script behind it and the archive that it unpacks, run for real."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.agent.fake_server import NODE_ID, FakeServer

from hostreeve.agent.installer import installer_script
from hostreeve.agent.zipapp import build_zipapp, zipapp_bytes
from hostreeve.contract.installer import one_liner

NOBODY = 65534


def test_the_archive_is_the_same_every_time_and_runs_by_itself(tmp_path: Path):
    archive = tmp_path / "agent.pyz"
    build_zipapp(archive)
    assert archive.read_bytes() == zipapp_bytes()
    told = subprocess.run(["/usr/bin/python3", "-I", archive, "version"], capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, "0.1.0\n"), told.stderr


@pytest.mark.parametrize(
    ("url", "digest"),
    [
        ("http://h", "a" * 64),
        ("https://h'; rm -rf /", "a" * 64),
        ("https://h", "A" * 64),
        ("https://$(x)", "a" * 64),
    ],
)
def test_what_does_not_belong_into_a_script_is_refused(url: str, digest: str):
    with pytest.raises(ValueError):
        installer_script(url, digest)


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root can become somebody else, as an installation without root"
)
def test_the_line_enrols_and_starts_a_node_without_root(server: FakeServer, home: Path):
    serve_installer(server)
    digest = hashlib.sha256(server.ca.read_bytes()).hexdigest()
    line = one_liner(server.url, digest, "6e3f0b9a-2f1a-4a6e-9b7e-0123456789ab", "right-code-0123456789")
    done = pasted(line, home)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"enrolled as {NODE_ID}" in done.stdout and "in the background" in done.stdout
        server.wait(lambda: server.is_connected)
        step = server.finish(server.run("id -u; echo $HOME"))["runtimeStatus"]["aws:runShellScript"]
        assert step["standardOutput"] == f"{NOBODY}\n{home}\n"
        again = pasted(line, home)
        assert again.returncode == 0 and "enrolled already" in again.stdout and "runs already" in again.stdout
    finally:
        stop_background(done.stdout)


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root can become somebody else, as an installation without root"
)
def test_a_wrong_certificate_stops_the_line_before_anything_is_run(server: FakeServer, home: Path):
    serve_installer(server)
    done = pasted(one_liner(server.url, "0" * 64, "i", "right-code-0123456789"), home)
    assert done.returncode != 0
    assert not [
        what for what, _ in server.seen if what in ("page /_hostreeve/install.sh", "RegisterManagedInstance")
    ]


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root can become somebody else, as an installation without root"
)
def test_a_script_made_for_another_certificate_stops(server: FakeServer, home: Path):
    serve_installer(server, ca_sha256="1" * 64)
    digest = hashlib.sha256(server.ca.read_bytes()).hexdigest()
    done = pasted(one_liner(server.url, digest, "i", "right-code-0123456789"), home)
    assert done.returncode != 0 and "not the certificate" in done.stderr
    assert not [what for what, _ in server.seen if what == "RegisterManagedInstance"]


def test_a_server_that_cannot_be_reached_is_told_in_one_line_without_curl_and_wget(tmp_path: Path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "mktemp", "rm", "sha256sum", "python3"):
        found = shutil.which(name, path="/usr/bin:/bin")
        assert found is not None
        (programs / name).symlink_to(found)
    done = subprocess.run(
        [programs / "sh", "-c", one_liner("https://127.0.0.1:1", "0" * 64, "i", "right-code-0123456789")],
        env={"PATH": str(programs), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr.startswith("cannot fetch https://127.0.0.1:1/_hostreeve/ca.pem: "), done.stderr
    assert "refused" in done.stderr and len(done.stderr.splitlines()) == 1


def serve_installer(server: FakeServer, ca_sha256: str = "") -> None:
    digest = ca_sha256 or hashlib.sha256(server.ca.read_bytes()).hexdigest()
    server.pages = {
        "/_hostreeve/ca.pem": server.ca.read_bytes(),
        "/_hostreeve/install.sh": installer_script(server.url, digest).encode(),
        "/_hostreeve/agent.pyz": zipapp_bytes(),
    }


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Path:
    """A home folder of nobody's, outside pytest's own (which only its owner may enter)."""
    place = Path("/tmp") / f"hostreeve-home-{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"
    place.mkdir(mode=0o755)
    os.chown(place, NOBODY, NOBODY)
    request.addfinalizer(lambda: shutil.rmtree(place, ignore_errors=True))
    return place


def pasted(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TMPDIR": str(home)}
    return subprocess.run(
        ["/bin/sh", "-c", line],
        env=environment,
        cwd=home,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=60,
    )


def stop_background(said: str) -> None:
    for word in said.split("(process ")[1:]:
        os.kill(int(word.split(",")[0]), 15)
