"""What a server that is told to stop does with those who are connected."""

import socket
import ssl
import time

import pytest
from tools.bench.control_plane import serving

pytestmark = pytest.mark.slow


def test_a_connection_whose_other_side_does_not_end_it_holds_nobody_up():
    with serving() as plane:
        host, _, port = plane.url.removeprefix("https://").partition(":")
        context = ssl.create_default_context(cafile=plane.ca)
        # It never reads, so it never answers the end of TLS: so does the official agent.
        silent = context.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host)
        time.sleep(0.2)
        told = time.monotonic()
    assert time.monotonic() - told < 3
    silent.close()
