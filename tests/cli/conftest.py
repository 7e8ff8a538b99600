"""A server, and a way to type commands at it."""

import os

import pytest

from hostreeve.cli.main import main
from tests.cli.wire import SmallServer


@pytest.fixture(scope="session")
def certificates_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def server(certificates_folder):
    server = SmallServer(certificates_folder)
    yield server
    server.close()


@pytest.fixture
def typed(server, monkeypatch, capsys):
    """`status, out, err = typed("nodes", "--json", AWS_REGION="…")`: one command line against `server`."""

    def run(*words, **environ):
        for name in list(os.environ):
            if name.startswith("AWS_") or name in ("FORCE_COLOR", "HTTPS_PROXY", "https_proxy"):
                monkeypatch.delenv(name)
        for name, value in server.environ(**environ).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        try:
            status = main(list(words))
        except SystemExit as left:
            status = left.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
