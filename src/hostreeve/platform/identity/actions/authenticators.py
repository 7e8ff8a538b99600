"""Virtual MFA devices: their seeds, and whether a code counts now."""

from hostreeve.api.call import Sealer
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Transaction
from hostreeve.platform.identity.model import SEED_BYTES, MfaDevice, mfa_serial, step_at, step_of, step_of_two
from hostreeve.platform.identity.store import mfa_devices


def new_device(
    keys: Sealer, world: World, scope: Scope, path: str, name: str, tags: dict[str, str]
) -> tuple[MfaDevice, bytes]:
    """A device that is nobody's yet, and its seed, which is shown once."""
    seed = world.token(SEED_BYTES)
    device = MfaDevice(
        account=scope.account,
        name=name,
        path=path,
        sealed_seed=keys.seal(_purpose(mfa_serial(scope.account, path, name)), seed),
        created_ms=world.now_ms(),
        tags=tags,
    )
    return device, seed


def use_code(tx: Transaction, keys: Sealer, scope: Scope, device: MfaDevice, code: str, now_ms: int) -> bool:
    """Whether this is the device's code of now; it never counts again. The device's clock may wander."""
    step = step_of(device, _seed(keys, device), code, now_ms)
    return step is not None and mfa_devices.use(tx, scope, device, step, step - step_at(now_ms))


def two_codes(
    keys: Sealer, device: MfaDevice, first: str, second: str, now_ms: int
) -> tuple[int, int] | None:
    """(step, drift) that two codes in a row prove, up to ten minutes off; None when they prove nothing."""
    step = step_of_two(_seed(keys, device), first, second, now_ms)
    return (step, step - step_at(now_ms)) if step is not None and step > device.used_step else None


def _seed(keys: Sealer, device: MfaDevice) -> bytes:
    return keys.unseal(_purpose(device.serial), device.sealed_seed)


def _purpose(serial: str) -> str:
    return f"identity/mfa/{serial}"
