"""A member account with a real node is closed: the node is cut off at once, and stays so."""

import json
import ssl
import urllib.request
from dataclasses import replace

import pytest

from hostreeve.contract.sigv4 import Credentials
from tests.acceptance.conftest import Site

pytestmark = pytest.mark.slow


def connected(site):
    """How many control channels the server holds."""
    trusted = ssl.create_default_context(cafile=site.plane.ca)
    with urllib.request.urlopen(f"{site.plane.url}/metrics", context=trusted) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("hostreeve_nodes_connected "):
                return float(line.split()[1])
    raise AssertionError("nobody says how many are connected")


def test_the_nodes_of_a_closed_account_are_cut_off_and_do_not_come_back(site):
    site.enrol("stays")
    made = json.loads(site.hostreeve("account", "create", "--json"))[0]
    key = Credentials(made["AccessKeyId"], made["SecretAccessKey"])
    member = Site(replace(site.plane, credentials=key), site.folder, site.agents)
    member.enrol("leaves")
    assert connected(site) == 2

    site.aws("organizations", "close-account", "--account-id", made["AccountId"])
    site.until(lambda: connected(site) == 1, timeout_s=5)
    is_closed = f"The account {made['AccountId']} is closed."
    site.until(lambda: is_closed in (site.folder / "leaves.log").read_text())
    assert connected(site) == 1
