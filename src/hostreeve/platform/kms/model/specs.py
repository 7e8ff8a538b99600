"""The kinds of key there are: what each can be used for, and by which algorithms."""

from dataclasses import dataclass
from typing import Literal

Form = Literal["aes", "rsa", "ec", "hmac"]

ENCRYPT, SIGN, MAC = "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC"
SYMMETRIC = "SYMMETRIC_DEFAULT"


@dataclass(frozen=True, slots=True)
class Spec:
    """One KeySpec. `size` is bits of an RSA modulus or of a digest; `curve` names an elliptic curve."""

    name: str
    form: Form
    usages: tuple[str, ...]
    size: int = 256
    curve: str = ""
    encryption: tuple[str, ...] = ()
    signing: tuple[str, ...] = ()
    mac: tuple[str, ...] = ()

    def algorithms(self, usage: str) -> tuple[str, ...]:
        """What a key of this spec and usage can be asked to do."""
        return {ENCRYPT: self.encryption, SIGN: self.signing, MAC: self.mac}[usage]


_RSA_SIGNING = tuple(
    f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)
)
_OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")


def _rsa(bits: int) -> Spec:
    return Spec(f"RSA_{bits}", "rsa", (ENCRYPT, SIGN), bits, encryption=_OAEP, signing=_RSA_SIGNING)


def _ec(name: str, curve: str, digest: int) -> Spec:
    return Spec(name, "ec", (SIGN,), digest, curve, signing=(f"ECDSA_SHA_{digest}",))


def _hmac(bits: int) -> Spec:
    return Spec(f"HMAC_{bits}", "hmac", (MAC,), bits, mac=(f"HMAC_SHA_{bits}",))


SPECS = {
    spec.name: spec
    for spec in (
        Spec(SYMMETRIC, "aes", (ENCRYPT,), encryption=(SYMMETRIC,)),
        *(_rsa(bits) for bits in (2048, 3072, 4096)),
        _ec("ECC_NIST_P256", "secp256r1", 256),
        _ec("ECC_NIST_P384", "secp384r1", 384),
        _ec("ECC_NIST_P521", "secp521r1", 512),
        _ec("ECC_SECG_P256K1", "secp256k1", 256),
        *(_hmac(bits) for bits in (224, 256, 384, 512)),
    )
}
PAIR_SPECS = frozenset(name for name, spec in SPECS.items() if spec.form in ("rsa", "ec"))
