"""An installation without a gateway: callers with keys perform operations as the pipeline would have them."""

import asyncio
import copy
import json
from pathlib import Path

import pytest

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.api.operations import join
from hostreeve.app import compose
from hostreeve.gateway import protocols
from hostreeve.gateway.caller import NOBODY
from hostreeve.kernel.scope import Scope
from hostreeve.platform import identity, organizations
from hostreeve.platform.identity import operations as identity_operations
from hostreeve.platform.keys import Keyring
from hostreeve.platform.organizations import operations as organizations_operations
from hostreeve.platform.organizations import worker as organizations_worker
from hostreeve.scheduling.loop import run_until_idle

SCHEMAS = list(compose.SCHEMAS)
OPERATIONS = join(
    [
        identity_operations.iam,
        identity_operations.sts,
        identity_operations.hostreeve,
        organizations_operations.organizations,
        organizations_operations.hostreeve,
    ]
)

SEEDS = Path(__file__).parent / "seeds"

identity.stand_under(organizations.Limits())


class Caller:
    """Somebody with a key: `caller.iam("CreateUser", UserName="ann")`."""

    def __init__(self, site, access_key_id, secret, session_token=None):
        self.site = site
        self.access_key_id = access_key_id
        self.secret = secret
        self.session_token = session_token

    def iam(self, operation, **request):
        return self.call("iam", operation, request)

    def sts(self, operation, **request):
        return self.call("sts", operation, request)

    def organizations(self, operation, **request):
        return self.call("organizations", operation, request)

    def hostreeve(self, operation, **request):
        return self.call("hostreeve", operation, request)

    def may(self, action, *resources, region="us-east-1", **context):
        """Raises AccessDenied unless the caller may."""

        def unit(tx):
            principal = self.principal(tx)
            always = self.site.context(principal, region)
            self.note_use(principal, action, region)
            identity.authorise(tx, principal, action, list(resources) or ["*"], lambda: {**always, **context})

        self.site.database.read_sync(unit)

    def principal(self, tx):
        found = identity.find_credential(
            tx, self.site.keys, self.access_key_id, self.session_token, self.site.world.now_ms()
        )
        assert found.secret == self.secret
        return found.principal

    def note_use(self, principal, action, region):
        identity.note_use(principal, action, region=region, now_ms=self.site.world.now_ms())

    def arn(self):
        return self.sts("GetCallerIdentity")["Arn"]

    def call(self, service, name, request):
        operation = OPERATIONS[service, name]
        request = self.prepared(operation, request)
        run = self.site.database.write_sync if operation.writes else self.site.database.read_sync
        answer = run(lambda tx: self.perform(tx, operation, request))
        wire = operation.model.service.protocols[0]
        protocols.write_response(operation.model, answer, "r", wire)
        return answer

    def prepared(self, operation, request):
        if operation.begins:
            asked = request
            found = self.site.database.read_sync(lambda tx: operation.begins(self.made(tx), asked))
            request = asked | (found or {})
        return operation.prepares(self.site.world, request) if operation.prepares else request

    def perform(self, tx, operation, request):
        call = self.made(tx)
        if operation.on is not None:
            call.require(operation.action, operation.on(call.scope, request))
        return operation.handler(call, request)

    def made(self, tx):
        principal = self.principal(tx)
        always = self.site.context(principal, "global")

        def require(action, resources, context=None, *, policy=None):
            self.note_use(principal, action, "global")
            known = {**always, **(context or {})}
            identity.authorise(tx, principal, action, resources, lambda: known, policy=policy)

        return Call(
            tx=tx,
            scope=Scope(principal.account, "global"),
            principal=principal,
            world=self.site.world,
            now_ms=self.site.world.now_ms(),
            request_id="r",
            require=require,
            emit=lambda *_: None,
            keys=self.site.keys,
            source_ip="192.0.2.9",
        )


class Stranger(Caller):
    """Nobody whom we know."""

    def principal(self, tx):
        return NOBODY


class Site:
    """One installation and an account of it, with both administrators: its own and the owner."""

    def __init__(self, database, world):
        self.database, self.world = database, world
        self.keys = Keyring(b"m" * 32, world)
        self.account, key = database.write_sync(self._found)
        self.admin = self.owner = Caller(self, *key)

    def fresh(self):
        """The same installation, seen from a new account."""
        other = copy.copy(self)
        member, other.account = self.member()
        other.admin = Caller(other, member.access_key_id, member.secret)
        return other

    def context(self, principal, region):
        return identity.request_context(
            principal,
            now_ms=self.world.now_ms(),
            source_ip="192.0.2.9",
            region=region,
            user_agent="tests",
        )

    def user(self, name, *statements, by=None):
        """A new user with a key and one inline policy of these statements."""
        by = by or self.admin
        by.iam("CreateUser", UserName=name)
        if statements:
            by.iam("PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=policy(*statements))
        key = by.iam("CreateAccessKey", UserName=name)["AccessKey"]
        return Caller(self, key["AccessKeyId"], key["SecretAccessKey"])

    def role(self, name, trusted, *statements, by=None, **more):
        by = by or self.admin
        trust = policy({"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole", **more})
        role = by.iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        if statements:
            by.iam("PutRolePolicy", RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
        return role["Arn"]

    def member(self, account_id=None):
        """The administrator of a new member account, and its id."""
        request = {"AccountId": account_id} if account_id else {}
        made = self.owner.hostreeve("CreateAccounts", **request)["Accounts"][0]
        return Caller(self, made["AccessKeyId"], made["SecretAccessKey"]), made["AccountId"]

    def assume(self, caller, role_arn, name="session", **request):
        answer = caller.sts("AssumeRole", RoleArn=role_arn, RoleSessionName=name, **request)
        return self.caller(answer["Credentials"])

    def caller(self, given):
        """Whoever has these temporary credentials."""
        return Caller(self, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def stranger(self):
        """Somebody without a key, for operations that nobody signs."""
        return Stranger(self, "", "")

    def tick(self):
        """Let the worker make what was asked for."""
        workers = organizations_worker.workers(self.database, self.world, self.keys)
        asyncio.run(run_until_idle(workers))

    def _found(self, tx):
        account = organizations.create_management_account(tx, self.world)
        key = identity.bootstrap(tx, self.keys, self.world, account=account, now_ms=self.world.now_ms())
        return account, key


def refused(code):
    return pytest.raises(AwsError, check=lambda error: error.code == code)


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action="*", resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def printed(name, **accounts):
    """A policy of the articles, with the reader's account numbers in place of `<…>`."""
    text = (SEEDS / f"{name}.json").read_text()
    for placeholder, account in accounts.items():
        assert f"<{placeholder}>" in text, f"{name} has no <{placeholder}>"
        text = text.replace(f"<{placeholder}>", account)
    return text
