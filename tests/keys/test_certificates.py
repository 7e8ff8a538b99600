"""The server's certificates: real TLS handshakes, renewal, and what an authority may not do."""

import hashlib
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from hostreeve.gateway import certificates
from hostreeve.gateway.certificates import BadCertificate, Certificates, ensure, given
from hostreeve.kernel.world import RealWorld, SimulatedWorld

NAMES = ["localhost", "reeve.example.com", "127.0.0.1", "::1", "203.0.113.7"]
DAY_S = 86400
NOW = RealWorld().now_ms()


def world(days: float = 0) -> SimulatedWorld:
    """Days from now, the real one: TLS libraries look at the machine's clock."""
    return SimulatedWorld(1, NOW + round(days * DAY_S * 1000))


def handshake(server: Certificates, name: str, trusted: Path) -> str:
    """The server's names as a client sees them that trusts `trusted` and asks for `name`."""
    ours, theirs = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert_path, server.key_path)

    def serve() -> None:
        try:
            context.wrap_socket(ours, server_side=True).close()
        except (ssl.SSLError, OSError):
            ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client = ssl.create_default_context(cafile=str(trusted))
        with client.wrap_socket(theirs, server_hostname=name) as tls:
            return str(tls.getpeercert()["subjectAltName"])
    finally:
        theirs.close()
        thread.join()


def server_of(made: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(made.cert_path.read_bytes())


def authorities_of(made: Certificates) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(made.ca_pem_path.read_bytes())


def test_a_client_that_trusts_the_authority_accepts_every_name(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    for name in NAMES:
        assert "reeve.example.com" in handshake(made, name, made.ca_pem_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, "other.example.com", made.ca_pem_path)
    stranger = ensure(tmp_path / "stranger", NAMES, world())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, "localhost", stranger.ca_pem_path)


@pytest.mark.parametrize("names", [NAMES, ["192.0.2.9"], ["::1"], ["just-a-host"], ["*.s3.example.org"]])
def test_openssl_accepts_the_chain_strictly(names, tmp_path):
    made = ensure(tmp_path, names, world())
    option = "-verify_ip" if names[0][0] in "1:" else "-verify_hostname"
    name = names[0].replace("*", "bucket")
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", option, name]
    run = subprocess.run(
        [*command, "-CAfile", made.ca_pem_path, made.cert_path], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_openssl_s_client_accepts_the_server(tmp_path):
    command = ["openssl", "s_client", "-verify_return_error", "-verify_ip", "127.0.0.1"]
    made = ensure(tmp_path, NAMES, world())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert_path, made.key_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            with context.wrap_socket(listener.accept()[0], server_side=True) as tls:
                tls.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        run = subprocess.run(
            [*command, "-connect", f"127.0.0.1:{port}", "-CAfile", made.ca_pem_path],
            input="Q\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        thread.join()
    assert "Verify return code: 0 (ok)" in run.stdout, run.stdout + run.stderr


def test_the_files_are_as_promised(tmp_path):
    folder = tmp_path / "certificates"
    made = ensure(folder, NAMES, world())
    assert made.renewed
    assert made.ca_sha256 == hashlib.sha256(made.ca_pem_path.read_bytes()).hexdigest()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    keys = list(folder.glob("*.key"))
    assert len(keys) == 2
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert not list(folder.glob("*.new"))
    (authority,) = authorities_of(made)
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical and constraints.value == x509.BasicConstraints(True, 0)
    assert (authority.not_valid_after_utc - authority.not_valid_before_utc).days == 3650
    server = server_of(made)
    assert (server.not_valid_after_utc - server.not_valid_before_utc).days == 397
    moment = datetime.fromtimestamp(NOW / 1000, UTC)
    assert (moment - server.not_valid_before_utc).total_seconds() == pytest.approx(3600, abs=2)


def test_nothing_is_written_while_all_is_well(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for days in (0, 100, 366):
        again = ensure(tmp_path, list(reversed(NAMES)), world(days))
        assert not again.renewed and again.ca_sha256 == made.ca_sha256
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_the_server_certificate_is_renewed_thirty_days_before_its_end(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    old = server_of(made)
    renewed = ensure(tmp_path, NAMES, world(368))
    assert renewed.renewed and renewed.ca_sha256 == made.ca_sha256
    assert server_of(renewed).not_valid_after_utc > old.not_valid_after_utc


def test_a_private_address_or_a_name_below_needs_no_new_authority(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    more = [*NAMES, "10.1.2.3", "192.168.7.7", "fd00::5", "box.local", "bucket.reeve.example.com"]
    changed = ensure(tmp_path, more, world())
    assert changed.renewed and changed.ca_sha256 == made.ca_sha256
    for name in ("10.1.2.3", "bucket.reeve.example.com", "localhost"):
        handshake(changed, name, made.ca_pem_path)


def test_a_name_beyond_the_constraints_brings_a_second_authority(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    changed = ensure(tmp_path, [*NAMES, "reeve.example.net"], world())
    assert changed.ca_sha256 != made.ca_sha256
    new, old = authorities_of(changed)
    assert new.subject != old.subject
    handshake(changed, "reeve.example.net", changed.ca_pem_path)
    back = ensure(tmp_path, NAMES, world(60))
    assert len(authorities_of(back)) == 2


def test_an_authority_is_replaced_with_overlap(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    (first,) = authorities_of(made)
    late = 3650 - certificates.SERVER_DAYS - certificates.RENEWED_BEFORE_DAYS - certificates.OVERLAP_DAYS
    ensure(tmp_path, NAMES, world(late - 1))
    assert len(authorities_of(made)) == 1
    published = ensure(tmp_path, NAMES, world(late + 1))
    second, kept = authorities_of(published)
    assert kept == first
    # Nodes that know the old authority only are still served by it for the time of the overlap.
    ensure(tmp_path, [*NAMES, "localhost.test"], world(late + 2))
    server_of(made).verify_directly_issued_by(first)
    ensure(tmp_path, NAMES, world(late + 1 + certificates.OVERLAP_DAYS))
    server_of(made).verify_directly_issued_by(second)


def test_a_clock_that_jumped_costs_nobody_s_trust(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    ensure(tmp_path, NAMES, world(-10_000))
    assert len(authorities_of(made)) == 1
    handshake(ensure(tmp_path, NAMES, world()), "localhost", made.ca_pem_path)
    trusted_by_nodes = tmp_path / "trusted.pem"
    shutil.copy(made.ca_pem_path, trusted_by_nodes)
    ensure(tmp_path, NAMES, world(20_000))
    handshake(ensure(tmp_path, NAMES, world()), "localhost", trusted_by_nodes)


def test_the_authority_s_key_is_worth_nothing_for_other_names(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    (authority,) = authorities_of(made)
    stolen = certificates._Names(("www.example.org", "localhost"), ())
    certificates._new_server(tmp_path, authority, stolen, datetime.fromtimestamp(NOW / 1000, UTC))
    for name in ("www.example.org", "localhost"):
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            handshake(made, name, made.ca_pem_path)


@pytest.mark.parametrize("lost", ["server.pem", "server.key"])
def test_lost_or_damaged_server_files_are_made_anew(lost, tmp_path):
    made = ensure(tmp_path, NAMES, world())
    for damage in (lambda: (tmp_path / lost).unlink(), lambda: (tmp_path / lost).write_text("damaged")):
        damage()
        again = ensure(tmp_path, NAMES, world())
        assert again.renewed and again.ca_sha256 == made.ca_sha256
        handshake(again, "localhost", made.ca_pem_path)


def test_a_key_of_another_pair_is_noticed(tmp_path):
    made = ensure(tmp_path / "a", NAMES, world())
    other = ensure(tmp_path / "b", NAMES, world())
    shutil.copy(other.key_path, made.key_path)
    handshake(ensure(tmp_path / "a", NAMES, world()), "localhost", made.ca_pem_path)


def test_without_the_authority_s_key_a_new_one_is_made_only_when_it_must_sign(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    next(tmp_path.glob("ca-*.key")).unlink()
    assert not ensure(tmp_path, NAMES, world(100)).renewed
    again = ensure(tmp_path, NAMES, world(400))
    assert len(authorities_of(again)) == 2 and authorities_of(again)[1] == authorities_of(made)[1]


def test_a_damaged_list_of_authorities_is_told_and_left_alone(tmp_path):
    made = ensure(tmp_path, NAMES, world())
    made.ca_pem_path.write_text("damaged")
    with pytest.raises(BadCertificate, match="damaged"):
        ensure(tmp_path, NAMES, world())
    assert made.ca_pem_path.read_text() == "damaged"


@pytest.mark.parametrize("names", [[], ["a b"], [""], ["-x"], ["a..b"], ["x" * 64], ["ü"], ["1.2.3.4/8"]])
def test_what_is_no_name_is_refused(names, tmp_path):
    with pytest.raises(BadCertificate):
        ensure(tmp_path, names, world())


def test_an_own_certificate_is_taken_when_its_key_fits(tmp_path):
    one, two = ensure(tmp_path / "1", NAMES, world()), ensure(tmp_path / "2", NAMES, world())
    own = given(one.cert_path, one.key_path, one.ca_pem_path)
    assert (own.ca_sha256, own.renewed) == (one.ca_sha256, False)
    assert given(one.cert_path, one.key_path).ca_pem_path == one.cert_path
    for cert, key in (
        (one.cert_path, two.key_path),
        (one.key_path, one.key_path),
        (tmp_path / "no", one.key_path),
    ):
        with pytest.raises(BadCertificate):
            given(cert, key)
