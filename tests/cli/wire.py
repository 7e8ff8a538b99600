"""A small TLS server that checks signatures and answers JSON 1.1, for tests of the client."""

import hashlib
import hmac
import json
import re
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hostreeve.contract import sigv4
from hostreeve.gateway import certificates
from hostreeve.kernel.world import RealWorld

KEY, SECRET = "AKIAEXAMPLEEXAMPLE00", "secret/of+the=tests"
AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=(\w+)")


class Refusal(Exception):
    def __init__(self, code, message="", status=400):
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class SmallServer:
    """`answers["AmazonSSM.ListCommands"] = lambda request: {...}`; `calls` holds every call."""

    def __init__(self, folder, names=("127.0.0.1", "server.test")):
        self.certificates = certificates.ensure(folder, list(names), RealWorld())
        self.answers = {}
        self.pages = {"/_hostreeve/ca.pem": lambda: self.certificates.ca_pem_path.read_bytes()}
        self.calls = []
        self.connections = 0
        self.tokens = {}
        self.unsigned = {"Hostreeve.SignIn"}
        self.hang_up_after_each = False
        self._server = _Listening(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.cert_path, self.certificates.key_path)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def environ(self, **more):
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.certificates.ca_pem_path),
            "AWS_CONFIG_FILE": "/nonexistent/config",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
            **more,
        }

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def requests(self, target):
        return [request for each, request in self.calls if each == target]

    def answer(self, target, request):
        if target not in self.answers:
            raise Refusal("UnknownOperationException")
        return self.answers[target](request)

    def _handler(self):
        server = self

        class Handling(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                server.connections += 1

            def do_GET(self):
                page = server.pages.get(self.path)
                self._send(200 if page else 404, page() if page else b"no such page")

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    server.check(self.headers, self.path, body)
                    if self.headers["content-type"].startswith("application/x-www-form"):
                        server.calls.append(("query", body.decode()))
                        self._send(200, server.answer("query", body.decode()).encode())
                        return
                    target, request = self.headers["x-amz-target"], json.loads(body)
                    server.calls.append((target, request))
                    self._send(200, json.dumps(server.answer(target, request)).encode())
                except Refusal as refused:
                    told = {"__type": refused.code, "message": refused.message}
                    self._send(refused.status, json.dumps(told).encode())

            def _send(self, status, body):
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = self.close_connection or server.hang_up_after_each

            def log_message(self, *_):
                pass

        return Handling

    def check(self, headers, path, body):
        """Recompute the signature from what arrived; what is named in `unsigned` must have none."""
        if headers.get("x-amz-target") in self.unsigned:
            if "authorization" in headers:
                raise Refusal("InvalidSignatureException", "nobody signs this")
            return
        match = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not match:
            raise Refusal("MissingAuthenticationToken", status=403)
        credential, signed, given = match.groups()
        key_id, day, region, service, _ = credential.split("/")
        if key_id != KEY:
            raise Refusal(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        if self.tokens.get("wanted") and headers.get("x-amz-security-token") != self.tokens["wanted"]:
            raise Refusal("ExpiredTokenException", "expired")
        lines = "".join(f"{name}:{headers[name]}\n" for name in signed.split(";"))
        canonical = f"POST\n{path}\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{day}/{region}/{service}/aws4_request"
        text = sigv4.string_to_sign(headers["x-amz-date"], scope, canonical.encode())
        expected = sigv4.signature(sigv4.signing_key(SECRET, day, region, service), text)
        if not hmac.compare_digest(expected, given):
            raise Refusal("InvalidSignatureException", "The request signature we calculated does not match")
        self.signed = (region, service)


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Clients that distrust our certificate hang up in the middle of the handshake: expected here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
