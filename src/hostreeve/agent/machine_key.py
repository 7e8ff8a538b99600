"""The machine's RSA key, used in a short-lived child so that the agent itself loads no cryptography library.

  python -m hostreeve.agent.machine_key generate FILE    writes the private key (PEM, 0600), prints the public
  python -m hostreeve.agent.machine_key sign FILE        signs standard input, prints the signature

Both print base64. The `cryptography` package is used where it is installed, else the `openssl` program.
"""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from pathlib import Path
from typing import List, Optional

KEY_BITS = 2048
SALT_BYTES = 32


def main(argv: List[str]) -> int:
    if len(argv) != 2 or argv[0] not in ("generate", "sign"):
        sys.stderr.write("usage: python -m hostreeve.agent.machine_key generate|sign FILE\n")
        return 2
    verb, path = argv
    try:
        answer = generate(path) if verb == "generate" else sign(path, sys.stdin.buffer.read())
    except (OSError, ValueError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 1
    sys.stdout.write(b64encode(answer).decode("ascii"))
    return 0


def generate(path: str) -> bytes:
    """Write a new private key to `path`; its public key as DER SubjectPublicKeyInfo."""
    try:
        private, public = _generate_with_library()
    except ImportError:
        private = _openssl(["genrsa", str(KEY_BITS)])
        public = _openssl(["rsa", "-pubout", "-outform", "DER"], private)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as key:
        key.write(private)
        key.flush()
        os.fsync(key.fileno())
    return public


def sign(path: str, message: bytes) -> bytes:
    """RSASSA-PSS with SHA-256, MGF1-SHA-256 and 32 bytes of salt."""
    try:
        return _sign_with_library(path, message)
    except ImportError:
        padding = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{SALT_BYTES}"]
        return _openssl(["dgst", "-sha256", *padding, "-sign", path], message)


def _generate_with_library() -> "tuple[bytes, bytes]":
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def _sign_with_library(path: str, message: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = serialization.load_pem_private_key(Path(path).read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path} is not an RSA key")
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=SALT_BYTES)
    return key.sign(message, pss, hashes.SHA256())


def _openssl(arguments: List[str], given: Optional[bytes] = None) -> bytes:
    import subprocess

    try:
        result = subprocess.run(["openssl", *arguments], input=given or b"", capture_output=True, check=False)
    except FileNotFoundError:
        raise ValueError(
            "neither Python's cryptography package nor the openssl program is here; install one of them"
        ) from None
    if result.returncode != 0:
        raise ValueError(f"openssl {arguments[0]}: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
