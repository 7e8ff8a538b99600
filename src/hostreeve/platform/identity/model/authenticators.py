"""Virtual MFA devices: codes that change every thirty seconds (RFC 6238)."""

import base64
import hashlib
import hmac
from urllib.parse import quote, urlencode

from msgspec import Struct

from hostreeve.kernel.scope import GLOBAL, Scope

SEED_BYTES = 40
STEP_S = 30
CODE_DIGITS = 6
NEAR_STEPS = 1
"""How far a device's clock may be off between two uses."""
FAR_STEPS = 20
"""How far it may be off when it is enabled or synchronised: ten minutes."""

ISSUER = "Hostreeve"


class MfaDevice(Struct, frozen=True, kw_only=True):
    """A virtual device. `user_id` is empty and `enabled_ms` 0 while it is nobody's; `drift_steps` is how far
    its clock goes before ours; `used_step` is the step of the last code, which does not count twice."""

    account: str
    name: str
    path: str
    sealed_seed: bytes
    created_ms: int
    tags: dict[str, str] = {}
    user_id: str = ""
    enabled_ms: int = 0
    drift_steps: int = 0
    used_step: int = 0

    @property
    def serial(self) -> str:
        return mfa_serial(self.account, self.path, self.name)


def mfa_serial(account: str, path: str, name: str) -> str:
    return Scope(account, GLOBAL).arn("iam", f"mfa{path}{name}")


def code(seed: bytes, step: int) -> str:
    """The six digits of one step."""
    digest = hmac.new(seed, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def step_at(now_ms: int) -> int:
    return now_ms // (STEP_S * 1000)


def step_of(device: MfaDevice, seed: bytes, given: str, now_ms: int) -> int | None:
    """The step that a code is of, if it is one of now and was not used yet."""
    middle = step_at(now_ms) + device.drift_steps
    for step in range(middle - NEAR_STEPS, middle + NEAR_STEPS + 1):
        if step > device.used_step and hmac.compare_digest(code(seed, step), given):
            return step
    return None


def step_of_two(seed: bytes, first: str, second: str, now_ms: int) -> int | None:
    """The step of the second of two codes that follow each other, not far from now."""
    middle = step_at(now_ms)
    near_first = sorted(
        range(middle - FAR_STEPS, middle + FAR_STEPS + 1), key=lambda step: abs(step - middle)
    )
    for step in near_first:
        if hmac.compare_digest(code(seed, step), first) and hmac.compare_digest(code(seed, step + 1), second):
            return step + 1
    return None


def base32(seed: bytes) -> str:
    return base64.b32encode(seed).decode()


def provisioning_url(device: MfaDevice, seed: bytes) -> str:
    """What authenticator apps read from a QR code."""
    label = quote(f"{ISSUER}:{device.name}@{device.account}")
    return f"otpauth://totp/{label}?" + urlencode({"secret": base32(seed), "issuer": ISSUER})
