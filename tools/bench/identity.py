"""IAM and STS: becoming a role, and lists of many roles; signed and over TLS."""

import asyncio
import json
import tempfile
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from hostreeve.app.compose import SCHEMAS
from hostreeve.contract.sigv4 import Outgoing, sign_headers
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.persistence.database import Transaction, open_database
from hostreeve.platform.identity.model import ROLE_ID, Identity, new_id
from hostreeve.platform.identity.store import identities
from tools.bench.client import WORLD, Connection, head
from tools.bench.control_plane import ControlPlane, serving
from tools.bench.load import Target, measure
from tools.bench.machine import row
from tools.bench.parameters import pinned

ROLES = 5_000
SECONDS = 5.0
VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}


def run() -> None:
    """Print every figure, of an account with 5,000 roles."""
    with tempfile.TemporaryDirectory(prefix="hostreeve-bench-") as folder:
        state = Path(folder) / "state"
        with serving(state) as plane:
            account = asyncio.run(_account(plane))
        _fill(state, account)
        with serving(state) as plane, pinned(plane):
            arn = f"arn:aws:iam::{account}:role/bench-00042"
            assume = {"RoleArn": arn, "RoleSessionName": "bench"}
            figures = [
                ("AssumeRole", _request(plane, "sts", "AssumeRole", assume)),
                ("GetSessionToken", _request(plane, "sts", "GetSessionToken", {})),
                ("GetRole", _request(plane, "iam", "GetRole", {"RoleName": "bench-00042"})),
                (f"ListRoles, 100 of {ROLES:,}", _request(plane, "iam", "ListRoles", {})),
                (f"ListRoles, 1,000 of {ROLES:,}", _request(plane, "iam", "ListRoles", {"MaxItems": "1000"})),
            ]
            for name, request in figures:
                target = Target(plane.url, Connection(plane.url, plane.ca).context, plane.process_id)
                found = measure(target, [request], seconds=SECONDS)
                row(name, f"{found.rate:,.0f}/s", "", found.remark())


def _fill(state: Path, account: str) -> None:
    """Roles that trust their account, written past the server."""
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def unit(tx: Transaction) -> None:
        for number in range(ROLES):
            role = Identity(
                account=account,
                kind="role",
                name=f"bench-{number:05d}",
                path="/",
                identity_id=new_id(WORLD, ROLE_ID, account),
                created_ms=WORLD.now_ms(),
                trust=trust,
            )
            identities.insert(tx, Scope(account, GLOBAL), role)

    database = open_database(f"sqlite:///{state / 'hostreeve.db'}", WORLD, SCHEMAS)
    database.write_sync(unit)
    database.close()


async def _account(plane: ControlPlane) -> str:
    body = await Connection(plane.url, plane.ca).send(_request(plane, "sts", "GetCallerIdentity", {}))
    return body.decode().partition("<Account>")[2].partition("<")[0]


def _request(plane: ControlPlane, service: str, action: str, members: dict[str, str]) -> bytes:
    form = urlencode({"Action": action, "Version": VERSIONS[service], **members}).encode()
    headers = {"Host": urlsplit(plane.url).netloc, "Content-Type": "application/x-www-form-urlencoded"}
    signed = sign_headers(
        Outgoing("POST", "/", "", headers, form),
        plane.credentials,
        region="us-east-1",
        service=service,
        now_ms=WORLD.now_ms(),
    )
    return head("POST", "/", signed, form) + form
