"""An authenticator app, written from RFC 6238 a second time: what a user's telephone would show."""

import base64
import hashlib
import hmac
import struct


def code_at(base32_seed, seconds):
    digest = hmac.digest(base64.b32decode(base32_seed), struct.pack(">Q", int(seconds) // 30), hashlib.sha1)
    (number,) = struct.unpack_from(">I", digest, digest[19] & 15)
    return str((number & 0x7FFFFFFF) % 1_000_000).zfill(6)


class Phone:
    """A device that somebody scanned the code of; `wrong_s` is how far its clock goes before ours."""

    def __init__(self, site, serial, seed, wrong_s=0):
        self.site, self.serial, self.seed, self.wrong_s = site, serial, seed, wrong_s

    def code(self, later_s=0):
        return code_at(self.seed, self.site.world.now_ms() // 1000 + self.wrong_s + later_s)


def phone(site, name="phone", wrong_s=0):
    """A new virtual device, nobody's yet."""
    made = site.admin.iam("CreateVirtualMFADevice", VirtualMFADeviceName=name)["VirtualMFADevice"]
    return Phone(site, made["SerialNumber"], made["Base32StringSeed"].decode(), wrong_s)


def enable(site, user_name, device):
    site.admin.iam(
        "EnableMFADevice",
        UserName=user_name,
        SerialNumber=device.serial,
        AuthenticationCode1=device.code(),
        AuthenticationCode2=device.code(30),
    )
