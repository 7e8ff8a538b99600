"""An issuer of OpenID Connect tokens: its own authority, its own certificate, its own keys, on a port of this
machine."""

import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return base64url(value.to_bytes((value.bit_length() + 7) // 8))


class RsaKey:
    algorithm = "RS256"

    def __init__(self, kid, bits=2048):
        self.kid, self.key = kid, rsa.generate_private_key(65537, bits)

    def jwk(self):
        public = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": number(public.n), "e": number(public.e)}

    def sign(self, data):
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class EcKey:
    algorithm = "ES256"

    def __init__(self, kid):
        self.kid, self.key = kid, ec.generate_private_key(ec.SECP256R1())

    def jwk(self):
        public = self.key.public_key().public_numbers()
        x, y = (base64url(each.to_bytes(32)) for each in (public.x, public.y))
        return {"kty": "EC", "kid": self.kid, "crv": "P-256", "x": x, "y": y}

    def sign(self, data):
        r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)


class Issuer:
    """`issuer.token(sub="repo:a/b")` is signed by its first key; `asked` counts who asked for its keys."""

    def __init__(self, folder):
        self.keys, self.asked, self.broken = [RsaKey("one"), EcKey("two")], 0, ""
        self.authority_file, files = _certificates(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files)
        self.thumbprint = hashlib.sha1(
            ssl.PEM_cert_to_DER_cert(files.read_text().split("-----BEGIN PRIVATE KEY")[0])
        ).hexdigest()
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"127.0.0.1:{self.server.server_port}/realm"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler):
        about = {"issuer": f"https://{self.url}", "jwks_uri": f"https://{self.url}/keys"}
        if handler.path == "/realm/keys":
            self.asked += 1
        found = {
            "/realm/.well-known/openid-configuration": about
            | ({"issuer": "x"} if self.broken == "name" else {}),
            "/realm/keys": {"keys": [{"kty": "oct"}, *(key.jwk() for key in self.keys)]},
        }.get(handler.path)
        if self.broken == "redirect":
            handler.send_response(302)
            handler.send_header("location", f"https://{self.url}/keys")
            handler.end_headers()
            return
        body = b"<html>" if self.broken == "html" else json.dumps(found).encode()
        handler.send_response(200 if found else 404)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def token(self, now_s, key=None, header=None, **claims):
        key = key or self.keys[0]
        said = {
            "iss": f"https://{self.url}",
            "aud": "client",
            "sub": "repo:a/b:ref:main",
            "iat": now_s,
            "exp": now_s + 600,
        }
        parts = ({"alg": key.algorithm, "kid": key.kid} | (header or {}), said | claims)
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{base64url(key.sign(signed.encode()))}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def _certificates(folder):
    """The file of the authority, and the file of the server's certificate with its key."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("Issuer authority", authority_key, "Issuer authority", authority_key, ca=True)
    server = _certificate("issuer", server_key, "Issuer authority", authority_key, ca=False)
    authority_file, server_file = folder / "authority.pem", folder / "server.pem"
    authority_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    server_file.write_bytes(
        server.public_bytes(serialization.Encoding.PEM)
        + server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return authority_file, server_file


def _certificate(subject, key, issuer, issuer_key, *, ca):
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(x509.KeyUsage(True, False, False, False, False, ca, ca, False, False), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
