"""`hostreeve activate`: an activation, and the line to paste on the machine that is to become a node."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from argparse import Namespace
from typing import Any
from urllib.parse import urlsplit

from hostreeve.cli import words
from hostreeve.cli.client import NOT_OURS, Client, Door
from hostreeve.cli.desk import Desk
from hostreeve.cli.screen import when
from hostreeve.cli.trouble import NoAnswer, Trouble, UsageTrouble
from hostreeve.contract.installer import CA_PATH, enrol_line, is_safe_url, one_liner

ABOUT_PATH = "/_hostreeve/about"


def run(desk: Desk, arguments: Namespace) -> int:
    """Create the activation and print how to use it."""
    expires_s = words.duration_s(arguments.expires)
    tags = [dict(zip(("Key", "Value"), words.pair(text), strict=True)) for text in arguments.tag or ()]
    client = desk.client()
    server = (arguments.server or _server_url(client)).rstrip("/")
    if not is_safe_url(server):
        # Before anything is made: an activation whose line cannot be shown would be lost.
        raise UsageTrouble(
            f"{server!r} is no address for other machines.", "Give --server https://HOST:PORT."
        )
    ca_file = client.settings.ca_bundle()
    ca_sha256 = _ca_sha256(client.door("ssm"))
    expiration = desk.world.now_ms() // 1000 + expires_s
    answer = client.call(
        "ssm",
        "CreateActivation",
        IamRole=arguments.role,
        RegistrationLimit=arguments.limit,
        DefaultInstanceName=arguments.name,
        ExpirationDate=expiration,
        Tags=tags or None,
    )
    activation = (answer["ActivationId"], answer["ActivationCode"])
    found = {
        "ActivationId": activation[0],
        "ActivationCode": activation[1],
        "ExpirationDate": when(expiration),
        "RegistrationLimit": arguments.limit,
        "Server": server,
        "CaSha256": ca_sha256,
        "InstallCommand": one_liner(server, ca_sha256, *activation, as_instance=arguments.as_instance),
        "EnrolCommand": enrol_line(
            server, str(ca_file or "ca.pem"), *activation, as_instance=arguments.as_instance
        ),
    }
    if arguments.json:
        desk.screen.json(found)
    else:
        _explain(desk, found)
    return 0


def _explain(desk: Desk, found: dict[str, Any]) -> None:
    machines = "one machine" if found["RegistrationLimit"] == 1 else f"{found['RegistrationLimit']} machines"
    desk.screen.note(f"Good for {machines} until {found['ExpirationDate']}. On the machine, as root:", "bold")
    desk.screen.line(found["InstallCommand"])
    desk.screen.note("")
    desk.screen.note("Or by hand, with the agent installed and ca.pem copied over:", "bold")
    desk.screen.line(found["EnrolCommand"])


def _server_url(client: Client) -> str:
    """The address that other machines reach: ours, unless it is this machine's own loopback."""
    url = client.settings.endpoint("ssm")
    if not _is_loopback(urlsplit(url).hostname or ""):
        return url
    status, _, body = client.door("ssm").exchange(("GET", ABOUT_PATH, {}, b""), repeatable=True)
    try:
        urls = json.loads(body)["Urls"] if status == 200 else []
    except (ValueError, KeyError, TypeError):
        urls = []
    return next((each for each in urls if not _is_loopback(urlsplit(each).hostname or "")), url)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ca_sha256(door: Door) -> str:
    """The digest of the authority file that the server hands to new machines.

    The connection was checked against what we trust, so what comes over it is the server's own word.
    """
    if not door.url.startswith("https://"):
        raise Trouble(f"{door.url} is not safe to enrol through.", "Use the server's https:// address.")
    status, _, served = door.exchange(("GET", CA_PATH, {}, b""), repeatable=True)
    if status != 200:
        raise NoAnswer(f"{door.url}{CA_PATH} is not there (HTTP {status}).", NOT_OURS)
    return hashlib.sha256(served).hexdigest()
