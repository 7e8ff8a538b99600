"""The line that turns a machine into a node, as the command line and the console show it."""

from __future__ import annotations

from shlex import quote

CA_PATH = "/_hostreeve/ca.pem"
SCRIPT_PATH = "/_hostreeve/install.sh"


def one_liner(server_url: str, ca_sha256: str, activation_id: str, activation_code: str) -> str:
    """A POSIX shell line to paste on the machine.

    It fetches the server's certificate authority unchecked, refuses it unless its SHA-256 is the one written
    in the line, and fetches the installer over TLS that this authority vouches for, before it runs anything.
    """
    return (
        "d=$(mktemp -d) && "
        f'curl -fsSk -o "$d/ca.pem" {quote(server_url + CA_PATH)} && '
        f'echo {quote(ca_sha256)}"  $d/ca.pem" | sha256sum -c - && '
        f'curl -fsS --cacert "$d/ca.pem" -o "$d/install.sh" {quote(server_url + SCRIPT_PATH)} && '
        'sh "$d/install.sh" '
        f"--activation-id {quote(activation_id)} --activation-code {quote(activation_code)}"
    )


def enrol_line(server_url: str, ca_file: str, activation_id: str, activation_code: str) -> str:
    """The same by hand, where the agent is installed already and the authority's file was copied over."""
    return (
        f"hostreeve agent enrol --server {quote(server_url)} --ca {quote(ca_file)} "
        f"--activation-id {quote(activation_id)} --activation-code {quote(activation_code)} "
        "--state /var/lib/hostreeve-agent"
    )
