"""The line that turns a machine into a node, as the command line and the console show it.

Trust starts with the line itself: it carries the SHA-256 of the server's certificate authority.
"""

from __future__ import annotations

import re
from shlex import quote

CA_PATH = "/_hostreeve/ca.pem"
AS_INSTANCE = "--as-instance"
"""Of the agent's `enrol` and of the installer: the machine is to be an EC2 instance."""

# Nothing that a shell would read inside double or single quotes.
_SAFE_URL = re.compile(r"https://[^\s'\"\\$`]+").fullmatch
_SHA256 = re.compile(r"[0-9a-f]{64}").fullmatch

# Fetches $1 into the file of that name; with a second word only over TLS that ca.pem vouches for.
_FETCH = """\
get() { if command -v curl >/dev/null; then curl -fsS ${2:---insecure} ${2:+ca.pem} -o "$1" "$u$1"; \
elif command -v wget >/dev/null; then wget -q ${3:---no-check-certificate} -O "$1" "$u$1"; \
else python3 -c "import ssl,sys,urllib.request as r;\
sys.excepthook=lambda k,e,t:print(\\"cannot fetch\\",sys.argv[1]+\\":\\",e,file=sys.stderr);\
c=ssl.create_default_context(cafile=sys.argv[3]) if sys.argv[3:] else ssl._create_unverified_context();\
open(sys.argv[2],\\"wb\\").write(r.urlopen(sys.argv[1],context=c).read())" \
"$u$1" "$1" ${2:+ca.pem}; fi; }; """


def is_safe_url(server_url: str) -> bool:
    """Whether this is an https address that may stand in a shell script."""
    return _SAFE_URL(server_url) is not None


def one_liner(
    server_url: str, ca_sha256: str, activation_id: str, activation_code: str, *, as_instance: bool = False
) -> str:
    """A line for a new node's shell; `sudo` may stand before it. ValueError for what is no address or digest.

    It fetches the authority unchecked, refuses it unless its SHA-256 is the one written here, and only then
    fetches the installer, over TLS that this authority vouches for, and runs it with both activation words.
    """
    if not is_safe_url(server_url):
        raise ValueError(f"{server_url!r} is not an https address")
    if not _SHA256(ca_sha256):
        raise ValueError(f"{ca_sha256!r} is not a SHA-256")
    # `set -e` stops at the first failure: nothing is fetched after a wrong authority, and nothing is run.
    inner = (
        'set -e; umask 077; d=$(mktemp -d); trap "rm -rf \\"$d\\"" EXIT; cd "$d"; '
        f'u="{server_url.rstrip("/")}/_hostreeve/"; {_FETCH}'
        f'get ca.pem; echo "{ca_sha256}  ca.pem" | sha256sum -c - >/dev/null; '
        'get install.sh --cacert --ca-certificate=ca.pem; sh install.sh "$@"'
    )
    option = f"{AS_INSTANCE} " if as_instance else ""
    return f"sh -c {quote(inner)} install {option}{quote(activation_id)} {quote(activation_code)}"


def enrol_line(
    server_url: str, ca_file: str, activation_id: str, activation_code: str, *, as_instance: bool = False
) -> str:
    """The same by hand, where the agent is installed already and the authority's file was copied over."""
    return (
        f"hostreeve agent enrol --server {quote(server_url)} --ca {quote(ca_file)} "
        f"--activation-id {quote(activation_id)} --activation-code {quote(activation_code)} "
        "--state /var/lib/hostreeve-agent" + (f" {AS_INSTANCE}" if as_instance else "")
    )
