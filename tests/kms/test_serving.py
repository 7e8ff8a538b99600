"""The front door: what other slices do with keys on behalf of their callers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.app import compose
from hostreeve.kernel.scope import Scope
from hostreeve.platform import identity, kms
from hostreeve.platform.keys import Keyring
from tests.calls import ACCOUNT, SCOPE

SCHEMAS = list(compose.SCHEMAS)
CONTEXT = {"PARAMETER_ARN": SCOPE.arn("ssm", "parameter/p")}
DEFAULT = "alias/aws/ssm"


class Desk:
    """Units of work by a caller of ssm whom identity's real decision allows or refuses."""

    def __init__(self, database, world):
        self.database, self.world = database, world
        self.keys = Keyring(b"k" * 32, world)
        made = self.write(
            lambda tx: identity.bootstrap(tx, self.keys, world, account=ACCOUNT, now_ms=world.now_ms()),
            raw=True,
        )
        self.admin = self.read(
            lambda tx: identity.find_credential(tx, self.keys, made[0], None, 0), raw=True
        ).principal

    def call(self, tx, principal=None, scope=SCOPE):
        who = principal or self.admin
        known = identity.request_context(
            who, now_ms=self.world.now_ms(), source_ip="", region=scope.region, user_agent=""
        )

        def require(action, resources, context=None, *, policy=None):
            identity.authorise(
                tx, who, action, resources, lambda: {**known, **(context or {})}, policy=policy
            )

        return Call(
            tx=tx,
            scope=scope,
            principal=who,
            world=self.world,
            now_ms=self.world.now_ms(),
            request_id="r",
            require=require,
            emit=lambda *_: None,
            keys=self.keys,
        )

    def write(self, unit, raw=False, **who):
        return self.database.write_sync(unit if raw else lambda tx: unit(self.call(tx, **who)))

    def read(self, unit, raw=False, **who):
        return self.database.read_sync(unit if raw else lambda tx: unit(self.call(tx, **who)))


@pytest.fixture
def desk(database, world):
    return Desk(database, world)


def refused(run, unit, **who):
    with pytest.raises(AwsError) as caught:
        run(unit, **who)
    return caught.value.code


def test_a_value_is_encrypted_under_the_managed_key_which_is_made_on_first_use(desk):
    code = refused(desk.read, lambda call: kms.find_key(call, DEFAULT))
    assert code == "NotFoundException"
    blob = desk.write(lambda call: kms.encrypt(call, DEFAULT, b"v", CONTEXT))
    assert desk.read(lambda call: kms.decrypt(call, blob, CONTEXT)) == b"v"
    key = desk.read(lambda call: kms.find_key(call, DEFAULT))
    assert (key.manager, key.rotation_days, key.is_symmetric) == ("AWS", 365, True)
    again = desk.write(lambda call: kms.aws_managed_key(call, DEFAULT))
    assert again.key_id == key.key_id
    other = desk.write(lambda call: kms.aws_managed_key(call, DEFAULT), scope=Scope(ACCOUNT, "eu-west-1"))
    assert other.key_id != key.key_id


def test_the_managed_key_is_made_once_however_many_come_first(desk):
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda _: desk.write(lambda call: kms.aws_managed_key(call, DEFAULT).key_id), range(8))
        )
    assert len(set(made)) == 1
    assert desk.read(lambda tx: tx.all("SELECT key_id FROM kms_keys"), raw=True) == [{"key_id": made[0]}]


def test_the_managed_key_is_used_through_its_service_only(desk):
    blob = desk.write(lambda call: kms.encrypt(call, DEFAULT, b"v", CONTEXT))
    code = refused(desk.read, lambda call: kms.decrypt(call, blob, CONTEXT, via="lambda"))
    assert code == "AccessDeniedException"


def test_another_context_opens_nothing(desk):
    blob = desk.write(lambda call: kms.encrypt(call, DEFAULT, b"v", CONTEXT))
    code = refused(desk.read, lambda call: kms.decrypt(call, blob, {}))
    assert code == "InvalidCiphertextException"


def test_large_things_are_encrypted_by_data_keys(desk):
    made = desk.write(lambda call: kms.generate_data_key(call, DEFAULT, CONTEXT))
    assert len(made.plaintext) == 32
    assert desk.read(lambda call: kms.decrypt(call, made.ciphertext, CONTEXT)) == made.plaintext


def test_there_are_no_other_managed_keys(desk):
    code = refused(desk.write, lambda call: kms.encrypt(call, "alias/aws/ebs", b"v", {}))
    assert code == "NotFoundException"
    code = refused(desk.write, lambda call: kms.aws_managed_key(call, "alias/aws/ebs"))
    assert code == "NotFoundException"
