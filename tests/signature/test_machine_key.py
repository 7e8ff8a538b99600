"""Signatures by a managed node's own key, as the official agent and ours make them."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hostreeve.api.errors import AwsError
from hostreeve.contract import sigv4
from hostreeve.gateway import signature
from hostreeve.gateway.http import HttpRequest
from tests.signature.make import HOST, NOW_MS, replaced

NODE = "mi-0a1b2c3d4e5f60718"
BODY = b'{"Fingerprint":"d597d36e-57c9-46c2-98c8-b943e3256e44"}'
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
PRIVATE = rsa.generate_private_key(65537, 2048)
SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PUBLIC = PRIVATE.public_key().public_bytes(*SPKI)


def signed(scheme=PSS, private=PRIVATE) -> HttpRequest:
    """What the official agent sends: its header list, its late payload hash, a chunked transfer."""
    outgoing = sigv4.Outgoing(
        "POST",
        "/",
        "",
        {
            "Host": HOST,
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AmazonSSM.RequestManagedInstanceRoleToken",
        },
        BODY,
    )
    unsigned = sigv4.machine_key_request(outgoing, sigv4.KeyHolder(NODE, "us-east-1"), now_ms=NOW_MS)
    headers = unsigned.signed_by(private.sign(unsigned.string_to_sign, scheme, hashes.SHA256()))
    sent = [(name.lower(), value) for name, value in headers.items()]
    sent += [("user-agent", "agent"), ("transfer-encoding", "chunked"), ("accept-encoding", "gzip")]
    return HttpRequest("POST", "/", "", sent, BODY)


def verify(http: HttpRequest, public: bytes = PUBLIC, now_ms: int = NOW_MS) -> signature.Claim:
    claim = signature.read(http, "json")
    signature.verify_machine_key(claim, http, public, now_ms)
    return claim


def test_the_layout_is_the_official_agent_s():
    http = signed()
    value = http.header("authorization") or ""
    assert value.startswith(
        f"AWS4-HMAC-SHA256 Credential={NODE}/20270115/us-east-1/ssm/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature="
    )
    assert len(value.partition("Signature=")[2]) == 344
    assert http.header("x-amz-content-sha256") == sigv4.Outgoing("", "", "", {}, BODY).payload_hash()


def test_the_registered_key_is_accepted():
    claim = verify(signed())
    assert (claim.access_key_id, claim.region, claim.service, claim.session_token) == (
        NODE,
        "us-east-1",
        "ssm",
        None,
    )


def test_another_node_s_key_is_refused():
    other = rsa.generate_private_key(65537, 2048).public_key().public_bytes(*SPKI)
    with pytest.raises(AwsError) as caught:
        verify(signed(), other)
    assert (caught.value.code, caught.value.status) == ("InvalidSignatureException", 400)


def test_a_changed_body_header_or_time_is_refused():
    changed = signed()
    changed.body = BODY.replace(b"d597", b"d598")
    for http in (
        changed,
        replaced(signed(), "x-amz-target", "AmazonSSM.UpdateManagedInstancePublicKey"),
        replaced(signed(), "host", "other"),
        replaced(signed(), "x-amz-date", "20270115T080001Z"),
        HttpRequest("POST", "/", "", [*signed().headers, ("x-amz-extra", "1")], BODY),
    ):
        with pytest.raises(AwsError) as caught:
            verify(http)
        assert caught.value.code == "InvalidSignatureException"
    with pytest.raises(AwsError):
        verify(signed(), now_ms=NOW_MS + 901_000)


def test_other_paddings_and_an_hmac_are_refused():
    for scheme in (padding.PKCS1v15(), padding.PSS(padding.MGF1(hashes.SHA256()), 20)):
        with pytest.raises(AwsError):
            verify(signed(scheme))
    head = (signed().header("authorization") or "").partition("Signature=")[0]
    for forged in ("0" * 64, "", "?", "ü", "A" * 344, "====", "AAA"):
        with pytest.raises(AwsError) as caught:
            verify(replaced(signed(), "authorization", head + "Signature=" + forged))
        assert caught.value.code in ("InvalidSignatureException", "IncompleteSignatureException")


def test_a_key_that_is_no_rsa_key_is_an_error_of_ours():
    curve = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*SPKI)
    for wrong in (curve, b"garbage"):
        with pytest.raises(ValueError):
            verify(signed(), wrong)
