"""What can be seen of a server from outside: port, certificate, health, clock."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from cryptography import x509

from hostreeve.app.doctor.findings import Finding, ok, warning, wrong
from hostreeve.cli.client import Door, unreachable
from hostreeve.cli.trouble import Trouble
from hostreeve.kernel.world import World

CONNECT_S = 5.0
EXPIRES_SOON_DAYS = 7
SKEW_NOTICED_S, SKEW_REFUSED_S = 60, 300


def looked_at(url: str, ca_bundle: Path | None, world: World) -> Iterator[Finding]:
    """Port, certificate, health and clock, in this order; ends where the next would be pointless."""
    try:
        door = Door(url, ca_bundle, timeout_s=CONNECT_S)
    except Trouble as trouble:
        yield wrong("server", trouble.message, trouble.next_step)
        return
    port = _port(door, world)
    yield port
    if port.verdict == "wrong":
        return
    if url.startswith("https://"):
        trusted = _certificate(door, ca_bundle, world)
        yield trusted
        if trusted.verdict == "wrong":
            return
    else:
        yield warning(
            "certificate", "the address is http://, nothing is encrypted", "Use the https:// address."
        )
    try:
        yield from _health_and_clock(door, world)
    finally:
        door.close()


def certificate_ends(path: Path, subject: str, world: World) -> Finding:
    """How long the certificates of a PEM file are good for."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as trouble:
        return wrong(subject, f"{path} cannot be read: {trouble}", "Restore it from a backup.")
    return _ends(subject, found[0], world, str(path))


def _port(door: Door, world: World) -> Finding:
    began = world.monotonic()
    try:
        with socket.create_connection((door.name, door.port), CONNECT_S):
            pass
    except OSError as trouble:
        told = unreachable(door.url, trouble)
        return wrong("server", told.message, told.next_step)
    return ok("server", f"{door.url} accepts connections ({(world.monotonic() - began) * 1000:.0f} ms)")


def _certificate(door: Door, ca_bundle: Path | None, world: World) -> Finding:
    shown = _shown(door)
    names = f" It is for {', '.join(_names(shown))}." if shown else ""
    assert door.tls is not None, "only https addresses have a certificate"
    try:
        with (
            socket.create_connection((door.name, door.port), CONNECT_S) as plain,
            door.tls.wrap_socket(plain, server_hostname=door.name),
        ):
            pass
    except OSError as trouble:
        told = unreachable(door.url, trouble)
        return wrong("certificate", told.message + names, told.next_step)
    by = str(ca_bundle) if ca_bundle else "the system's authorities"
    if shown is None:
        return ok("certificate", f"vouched for by {by}")
    return _ends("certificate", shown, world, f"vouched for by {by}, for {', '.join(_names(shown))}")


def _ends(subject: str, certificate: x509.Certificate, world: World, what: str) -> Finding:
    ends = certificate.not_valid_after_utc
    left = ends - datetime.fromtimestamp(world.now_ms() / 1000, UTC)
    if left.total_seconds() <= 0:
        return wrong(
            subject, f"{what}, ended on {ends:%Y-%m-%d}", "Restart `hostreeve serve`: it renews what it made."
        )
    if left.days < EXPIRES_SOON_DAYS:
        return warning(
            subject, f"{what}, ends in {left.days} days", "Restart `hostreeve serve`: it renews what it made."
        )
    return ok(subject, f"{what}, until {ends:%Y-%m-%d}")


def _shown(door: Door) -> x509.Certificate | None:
    """The certificate as shown, trusted or not: only to be described."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((door.name, door.port), CONNECT_S) as plain,
            blind.wrap_socket(plain, server_hostname=door.name) as secured,
        ):
            encoded = secured.getpeercert(binary_form=True)
            return x509.load_der_x509_certificate(encoded) if encoded else None
    except (OSError, ValueError):
        return None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ["no name"]
    found = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return found if len(found) <= 6 else [*found[:5], f"{len(found) - 5} more"]


def _health_and_clock(door: Door, world: World) -> Iterator[Finding]:
    try:
        status, headers, _ = door.exchange(("GET", "/healthz", {}, b""), repeatable=True)
    except Trouble as trouble:
        yield wrong("health", trouble.message, trouble.next_step)
        return
    if status == 200:
        yield ok("health", "the server says that it is well")
    elif status == 404:
        yield wrong(
            "health", "there is no /healthz", "This is another server than Hostreeve; check the address."
        )
    else:
        yield wrong(
            "health",
            f"the server says that it is not (HTTP {status})",
            "On the server: hostreeve doctor --state DIR",
        )
    if headers.get("Date"):
        yield _clock(str(headers["Date"]), world)


def _clock(date: str, world: World) -> Finding:
    try:
        server_s = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return warning("clock", f"the server's date makes no sense: {date}", "Check what stands between.")
    skew_s = round(world.now_ms() / 1000 - server_s)
    if abs(skew_s) <= SKEW_NOTICED_S:
        return ok("clock", "as the server's")
    told = f"this machine is {abs(skew_s)} s {'ahead of' if skew_s > 0 else 'behind'} the server"
    step = (
        "Set the clock right on both, with NTP for example: a request's signature is good for minutes only."
    )
    return wrong("clock", told, step) if abs(skew_s) > SKEW_REFUSED_S else warning("clock", told, step)
