"""What a decision costs in processor time, its stamp read in the snapshot; and 10,000 accounts."""

import json
import tempfile
import time
from collections.abc import Callable
from typing import Any

from hostreeve.api.call import Principal
from hostreeve.app import bootstrap
from hostreeve.app.compose import SCHEMAS
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.kernel.world import RealWorld
from hostreeve.persistence.database import Database, Transaction, open_database
from hostreeve.platform import identity, organizations
from hostreeve.platform.identity.model import ROLE_ID, Identity, new_id
from hostreeve.platform.identity.store import identities
from hostreeve.platform.identity.store import policies as policy_rows
from hostreeve.platform.keys import Keyring
from hostreeve.platform.organizations.actions import furnishing
from hostreeve.platform.organizations.model.organization import Account, default_email
from hostreeve.platform.organizations.model.policies import CONTROL, FULL_ACCESS
from hostreeve.platform.organizations.store import accounts
from hostreeve.platform.organizations.store import policies as control_rows
from tools.bench.machine import row

CALLS = 10_000
ACCOUNTS = 10_000
ARN = "arn:aws:ssm:us-east-1:{account}:parameter/p17/x"


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/bench.db", RealWorld(), SCHEMAS)
        keys = Keyring(b"k" * 32, RealWorld())
        try:
            database.write_sync(lambda tx: bootstrap.bootstrap(tx, keys, RealWorld()))
            _decisions(database, keys)
            _accounts(database)
        finally:
            database.close()


def _decisions(database: Database, keys: Keyring) -> None:
    account = database.write_sync(lambda tx: organizations.create_account(tx, keys, RealWorld(), now_ms=0))[
        0
    ].account
    principal = database.write_sync(lambda tx: _role_with_policies(tx, account))
    resource = [ARN.format(account=account)]

    def decide(tx: Transaction) -> None:
        identity.authorise(tx, principal, "ssm:GetParameter", resource, dict)

    def snapshot() -> None:
        database.read_sync(decide)

    row("authorise, 20 policies, inside a snapshot", f"{_inside(database, decide):.1f} µs", "15 µs", "")
    row("the same with a snapshot of its own", f"{_each(snapshot):.1f} µs", "", "")
    harder = database.write_sync(lambda tx: _role_with_policies(tx, account, "harder", _hard))
    known = identity.request_context(
        harder, now_ms=RealWorld().now_ms(), source_ip="10.1.2.3", region="us-east-1", user_agent="bench"
    )

    def decide_hard(tx: Transaction) -> None:
        identity.authorise(tx, harder, "ssm:GetParameter", resource, lambda: known)

    figure = f"{_inside(database, decide_hard):.1f} µs"
    row("20 policies with variables and conditions, all asked", figure, "15 µs", "")
    database.write_sync(_enable)
    row("20 policies and control policies on 2 levels", f"{_inside(database, decide):.1f} µs", "15 µs", "")


def _easy(number: int) -> dict[str, Any]:
    """All of them speak of the action, the eighteenth of the resource."""
    return {
        "Effect": "Allow",
        "Action": ["ssm:GetParameter*", "s3:Get*"],
        "Resource": f"arn:aws:ssm:*:*:parameter/p{number}/*",
    }


def _hard(number: int) -> dict[str, Any]:
    """Denials that do not apply, and permissions of which only the last one does: each is asked in full."""
    return {
        "Effect": "Deny" if number % 2 else "Allow",
        "Action": "ssm:Get*",
        "Resource": [
            "arn:aws:ssm:*:*:parameter/p17/*",
            f"arn:aws:ssm:*:*:parameter/${{aws:userid}}/{number}/*",
        ],
        "Condition": {
            "StringLike": {"aws:UserAgent": "b*" if number == 18 else f"aws-cli/{number}*"},
            "IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]},
            "ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/admin-{number}*"},
        },
    }


def _role_with_policies(
    tx: Transaction, account: str, name: str = "bench", statement: Callable[[int], dict[str, Any]] = _easy
) -> Principal:
    """A role with twenty policies."""
    scope = Scope(account, GLOBAL)
    role = Identity(
        account=account,
        kind="role",
        name=name,
        path="/",
        identity_id=new_id(RealWorld(), ROLE_ID, account),
        created_ms=0,
        trust='{"Version":"2012-10-17","Statement":[]}',
    )
    identities.insert(tx, scope, role)
    for number in range(20):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement(number)]})
        policy_rows.put_inline(tx, scope, role.identity_id, f"policy-{number}", document)
    session = f"arn:aws:sts::{account}:assumed-role/{name}/s"
    return Principal(account, session, f"{role.identity_id}:s", "", role_arn=role.arn)


def _enable(tx: Transaction) -> None:
    organization = organizations.the_organization(tx)
    assert organization is not None
    control_rows.enable(tx, organization.organization_id, CONTROL)
    control_rows.attach_everywhere(tx, organization.organization_id, CONTROL, FULL_ACCESS.policy_id)
    identity.stamp(tx, organization.organization_id, "enabled")


def _accounts(database: Database) -> None:
    """10,000 accounts in one organization: a page of them, and one that moves."""

    def fill(tx: Transaction) -> None:
        organization = organizations.the_organization(tx)
        assert organization is not None
        for number in range(ACCOUNTS):
            account = str(200_000_000_000 + number)
            made = Account(
                account=account,
                name=account,
                email=default_email(account),
                joined_ms=0,
                organization_id=organization.organization_id,
                parent_id=organization.root_id,
            )
            accounts.insert(tx, made)
            furnishing.furnish(tx, organization, account)

    database.write_sync(fill)
    found = database.read_sync(organizations.the_organization)
    assert found is not None
    root, of = found.root_id, found.organization_id

    def page(tx: Transaction) -> None:
        accounts.below(tx, root, after="200000005000", limit=21)
        accounts.of_organization(tx, of, after="200000009000", limit=21)

    def move(tx: Transaction) -> None:
        accounts.move(tx, "200000000007", root, "ou-x")
        identity.stamp(tx, "200000000007", "moved")
        accounts.move(tx, "200000000007", "ou-x", root)

    def all_pages(tx: Transaction) -> None:
        after, seen = "", 0
        while some := accounts.of_organization(tx, of, after=after, limit=21)[:20]:
            after, seen = some[-1].account, seen + len(some)
        assert seen >= ACCOUNTS, seen

    def decide_in_each(tx: Transaction) -> None:
        for number in range(ACCOUNTS):
            account = str(200_000_000_000 + number)
            root_user = Principal(account, f"arn:aws:iam::{account}:root", account, "")
            identity.authorise(tx, root_user, "ssm:GetParameter", [ARN.format(account=account)], dict)

    every = _inside(database, all_pages, 3) / 1000
    row("all 10,000 accounts, 20 a page", f"{every:.0f} ms", "", "")
    cold = _inside(database, decide_in_each, 1, warm=False) / ACCOUNTS
    row("the first decision in each of 10,000 accounts, 2 levels above it", f"{cold:.0f} µs", "", "")
    row("two pages of 20 out of 10,000 accounts", f"{_inside(database, page, 2000):.0f} µs", "", "")
    started = time.process_time()
    for _ in range(200):
        database.write_sync(move)
    row("an account moves there and back", f"{(time.process_time() - started) / 200 * 1e6:.0f} µs", "", "")


def _inside(
    database: Database, unit: Callable[[Transaction], None], calls: int = CALLS, *, warm: bool = True
) -> float:
    """Microseconds of processor time a call, many in one snapshot; each reads its stamp anew."""

    def several(tx: Transaction) -> float:
        started = time.process_time()
        for _ in range(calls):
            tx.memo.clear()
            unit(tx)
        return time.process_time() - started

    if warm:
        database.read_sync(unit)
    return database.read_sync(several) / calls * 1e6


def _each(call: Callable[[], None]) -> float:
    started = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - started) / CALLS * 1e6
