"""What a decision costs in processor time, its stamp read in the snapshot; and 10,000 accounts."""

import json
import tempfile
import time
from collections.abc import Callable

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
    database.write_sync(_enable)
    row("20 policies and control policies on 2 levels", f"{_inside(database, decide):.1f} µs", "15 µs", "")


def _role_with_policies(tx: Transaction, account: str) -> Principal:
    """A role with twenty policies; all of them speak of the action, the eighteenth of the resource."""
    scope = Scope(account, GLOBAL)
    role = Identity(
        account=account,
        kind="role",
        name="bench",
        path="/",
        identity_id=new_id(RealWorld(), ROLE_ID, account),
        created_ms=0,
        trust='{"Version":"2012-10-17","Statement":[]}',
    )
    identities.insert(tx, scope, role)
    for number in range(20):
        statement = {
            "Effect": "Allow",
            "Action": ["ssm:GetParameter*", "s3:Get*"],
            "Resource": f"arn:aws:ssm:*:*:parameter/p{number}/*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        policy_rows.put_inline(tx, scope, role.identity_id, f"policy-{number}", document)
    session = f"arn:aws:sts::{account}:assumed-role/bench/s"
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

    row("two pages of 20 out of 10,000 accounts", f"{_inside(database, page, 2000):.0f} µs", "", "")
    started = time.process_time()
    for _ in range(200):
        database.write_sync(move)
    row("an account moves there and back", f"{(time.process_time() - started) / 200 * 1e6:.0f} µs", "", "")


def _inside(database: Database, unit: Callable[[Transaction], None], calls: int = CALLS) -> float:
    """Microseconds of processor time a call, many in one snapshot; each reads its stamp anew."""

    def several(tx: Transaction) -> float:
        started = time.process_time()
        for _ in range(calls):
            tx.memo.clear()
            unit(tx)
        return time.process_time() - started

    database.read_sync(unit)
    return database.read_sync(several) / calls * 1e6


def _each(call: Callable[[], None]) -> float:
    started = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - started) / CALLS * 1e6
