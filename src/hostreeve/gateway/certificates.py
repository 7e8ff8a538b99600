"""The server's certificates: an authority of its own, made on first start, and what it signs for the port.

Why so: docs/why/0010-certificates-and-keys.md.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hostreeve.kernel.world import World

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
RENEWED_BEFORE_DAYS = 30
OVERLAP_DAYS = 30
"""So long is a new authority published before it signs: nodes learn of it while they trust the old one."""
BACKDATED_MINUTES = 60
"""Certificates count from an hour ago, for nodes whose clocks are slow."""

PRIVATE_DOMAINS = ("localhost", "local", "internal", "lan", "home.arpa", "test")
PRIVATE_NETWORKS = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
"""What every authority may sign for: a private address that changes shall need no new authority."""

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*")
_TRUSTED, _SERVER, _SERVER_KEY = "ca.pem", "server.pem", "server.key"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are that a TLS server and its clients need.

    `ca_pem_path` is what clients trust: the authority, and while one replaces another, both. `ca_sha256` is
    the hexadecimal SHA-256 of that file, which the installer's line carries. `renewed`: files were written.
    """

    ca_pem_path: Path
    cert_path: Path
    key_path: Path
    ca_sha256: str
    renewed: bool = False


class BadCertificate(ValueError):
    """A name, certificate or key, given or found in the folder, cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class _Names:
    """What the server is called: host names in lower case (`*.` in front is allowed) and IP addresses."""

    hosts: tuple[str, ...]
    addresses: tuple[IPv4Address | IPv6Address, ...]

    def alternatives(self) -> list[x509.GeneralName]:
        return [*map(x509.DNSName, self.hosts), *map(x509.IPAddress, self.addresses)]

    def domains(self) -> list[str]:
        return [host.removeprefix("*.") for host in self.hosts]


def ensure(folder: Path, names: Sequence[str], world: World) -> Certificates:
    """The certificates of a state folder for these host names and IP addresses, made or renewed as needed.

    A server certificate is renewed 30 days before its end or when the names change, by the same authority as
    long as that may sign for these names; otherwise a new authority joins the old one, which stays trusted.
    BadCertificate for a name that is none, or a damaged folder.
    """
    wanted = _sorted_out(names)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.fromtimestamp(world.now_ms() / 1000, UTC)
    trusted = _trusted(folder)
    signer = _signer(folder, trusted, wanted, now)
    serves = _serves(folder, trusted, wanted, now)
    cannot_sign = signer is None and not serves
    if cannot_sign or _ends_within(trusted[0], SERVER_DAYS + RENEWED_BEFORE_DAYS + OVERLAP_DAYS, now):
        trusted = [_new_authority(folder, trusted, wanted, now), *trusted]
        signer = signer or trusted[0]
        renewed = True
    else:
        renewed = False
    if not serves:
        assert signer is not None, "without a signer a new authority has been made"
        _new_server(folder, signer, wanted, now)
        renewed = True
    return _described(folder / _TRUSTED, folder / _SERVER, folder / _SERVER_KEY, renewed)


def given(cert_path: Path, key_path: Path, ca_pem_path: Path | None = None) -> Certificates:
    """An own certificate in place of ours. BadCertificate when key and certificate do not belong together.

    `ca_pem_path` is what clients shall trust; without it, they are handed the certificate file itself.
    """
    try:
        chain = x509.load_pem_x509_certificates(cert_path.read_bytes())
        key = load_pem_private_key(key_path.read_bytes(), password=None)
        x509.load_pem_x509_certificates((ca_pem_path or cert_path).read_bytes())
    except (ValueError, TypeError, OSError) as wrong:
        raise BadCertificate(f"certificate {cert_path} and key {key_path} cannot be read: {wrong}") from None
    if _public_bytes(key.public_key()) != _public_bytes(chain[0].public_key()):
        raise BadCertificate(f"the key {key_path} does not belong to the certificate {cert_path}")
    return _described(ca_pem_path or cert_path, cert_path, key_path, False)


def _described(ca: Path, cert: Path, key: Path, renewed: bool) -> Certificates:
    return Certificates(ca, cert, key, hashlib.sha256(ca.read_bytes()).hexdigest(), renewed)


def _sorted_out(names: Sequence[str]) -> _Names:
    hosts: set[str] = set()
    addresses: set[IPv4Address | IPv6Address] = set()
    for name in names:
        try:
            addresses.add(ip_address(name.strip("[]")))
        except ValueError:
            host = name.lower().rstrip(".")
            if not _HOST_NAME.fullmatch(host.removeprefix("*.")):
                raise BadCertificate(f"{name!r} is neither a host name nor an IP address") from None
            hosts.add(host)
    if not hosts and not addresses:
        raise BadCertificate("a server certificate needs at least one name or address")
    return _Names(tuple(sorted(hosts)), tuple(sorted(addresses, key=lambda one: (one.version, int(one)))))


def _trusted(folder: Path) -> list[x509.Certificate]:
    """The authorities of the folder, newest first."""
    try:
        return x509.load_pem_x509_certificates((folder / _TRUSTED).read_bytes())
    except FileNotFoundError:
        return []
    except ValueError as wrong:
        raise BadCertificate(f"{folder / _TRUSTED} is damaged: {wrong}") from None


def _signer(
    folder: Path, trusted: Sequence[x509.Certificate], names: _Names, now: datetime
) -> x509.Certificate | None:
    """The newest authority that may sign for these names, preferring those long enough known to the nodes.

    One that is not valid yet may sign all the same: the clock is wrong then, and a new one mends nothing.
    """
    able = [
        authority
        for authority in trusted
        if _key_path(folder, authority).exists()
        and not _ends_within(authority, SERVER_DAYS, now)
        and _permits(authority, names)
    ]
    overlap = timedelta(days=OVERLAP_DAYS)
    known = [authority for authority in able if authority.not_valid_before_utc + overlap <= now]
    begun = [authority for authority in able if authority.not_valid_before_utc <= now]
    return next(iter(known or begun or able), None)


def _permits(authority: x509.Certificate, names: _Names) -> bool:
    try:
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    permitted = constraints.permitted_subtrees or []
    domains = [entry.value for entry in permitted if isinstance(entry, x509.DNSName)]
    networks = [entry.value for entry in permitted if isinstance(entry, x509.IPAddress)]
    return all(any(_lies_below(host, domain) for domain in domains) for host in names.domains()) and all(
        any(address in network for network in networks if isinstance(network, IPv4Network | IPv6Network))
        for address in names.addresses
    )


def _lies_below(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


def _serves(folder: Path, trusted: Sequence[x509.Certificate], names: _Names, now: datetime) -> bool:
    """Whether the folder's server certificate is whole, trusted, for these names, and not near its end."""
    try:
        server = x509.load_pem_x509_certificate((folder / _SERVER).read_bytes())
        key = load_pem_private_key((folder / _SERVER_KEY).read_bytes(), password=None)
        stated = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return (
        _public_bytes(key.public_key()) == _public_bytes(server.public_key())
        and list(stated) == names.alternatives()
        and server.not_valid_before_utc <= now
        and not _ends_within(server, RENEWED_BEFORE_DAYS, now)
        and any(
            _has_issued(authority, server) for authority in trusted if not _ends_within(authority, 0, now)
        )
    )


def _has_issued(authority: x509.Certificate, server: x509.Certificate) -> bool:
    try:
        server.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _ends_within(certificate: x509.Certificate, days: int, now: datetime) -> bool:
    return certificate.not_valid_after_utc - now < timedelta(days=days)


def _new_authority(
    folder: Path, old: Sequence[x509.Certificate], names: _Names, now: datetime
) -> x509.Certificate:
    # Private keys come from the operating system, not from the World: no simulation may ever determine one.
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # The name differs from authority to authority, so that a trust store that holds two tells them apart.
    name = _name(f"Hostreeve authority {identifier.digest.hex()[:16]}")
    authority = (
        _builder((name, name), key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_constraints(names), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    # A key that no trusted certificate belongs to does no harm, so it is written first. Authorities that have
    # ended stay in the file: had the clock only jumped ahead, dropping them would cost the nodes' trust.
    _write(_key_path(folder, authority), _key_pem(key), 0o600)
    _write(folder / _TRUSTED, _pems([authority, *old]), 0o644)
    return authority


def _new_server(folder: Path, authority: x509.Certificate, names: _Names, now: datetime) -> None:
    path = _key_path(folder, authority)
    authority_key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise BadCertificate(f"{path} is not a key that this server made")
    if _public_bytes(authority_key.public_key()) != _public_bytes(authority.public_key()):
        raise BadCertificate(f"{path} does not belong to the authority in {folder / _TRUSTED}")
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    # A subject with a space in it is no host name, so that nobody holds it against the constraints.
    server = (
        _builder((_name("Hostreeve server"), authority.subject), key.public_key(), now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names.alternatives()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    # Should the machine stop between the two, the next start finds that they do not match and makes new ones.
    _write(folder / _SERVER_KEY, _key_pem(key), 0o600)
    _write(folder / _SERVER, _pems([server]), 0o644)


def _key_path(folder: Path, authority: x509.Certificate) -> Path:
    return folder / f"ca-{authority.fingerprint(hashes.SHA256()).hex()[:16]}.key"


def _builder(
    subject_and_issuer: tuple[x509.Name, x509.Name], key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    start = now.replace(microsecond=0) - timedelta(minutes=BACKDATED_MINUTES)
    return (
        x509.CertificateBuilder()
        .subject_name(subject_and_issuer[0])
        .issuer_name(subject_and_issuer[1])
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


def _constraints(names: _Names) -> x509.NameConstraints:
    """These names and those below, these addresses, private ones: a stolen key signs for nothing else."""
    domains = sorted({*names.domains(), *PRIVATE_DOMAINS})
    private = [ip_network(network) for network in PRIVATE_NETWORKS]
    own = [ip_network(address) for address in names.addresses]
    networks = private + [
        one for one in own if not any(one.network_address in network for network in private)
    ]
    return x509.NameConstraints([*map(x509.DNSName, domains), *map(x509.IPAddress, networks)], None)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _public_bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _pems(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _write(path: Path, content: bytes, mode: int) -> None:
    """All of it or nothing, never with a laxer mode than `mode`, and on disk when we return."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
