"""The official agent's side of the wire, as observed: registration, RSA signatures, SigV4, the channel.

What it sends (headers, members, their order of coming) is taken from agent-protocol.md, sections 2 to 5.
"""

import base64
import json
import re
import uuid
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hostreeve.contract import jobs as wire
from hostreeve.contract.sigv4 import Credentials, KeyHolder, Outgoing, machine_key_request, sign_headers
from hostreeve.gateway.http import HttpRequest, HttpResponse
from tests.house import House

HOST = "127.0.0.1:8443"
VERSION = "3.3.0.0"


class OfficialAgent:
    """One machine. `ask` and `poll` answer the parsed body; a refusal is a `Refused` with the code."""

    def __init__(self, house: House, region: str = "us-east-1") -> None:
        self.house = house
        self.region = region
        self.fingerprint = str(uuid.uuid4())
        self.key = rsa.generate_private_key(65537, 2048)
        self.node_id = ""
        self.credentials = Credentials("", "")

    # Registration and keys

    def register(self, activation: dict[str, str]) -> None:
        request = {
            "ActivationCode": activation["ActivationCode"],
            "ActivationId": activation["ActivationId"],
            "Fingerprint": self.fingerprint,
            "PublicKey": self.public_key(),
            "PublicKeyType": "Rsa",
        }
        self.node_id = self._json("AmazonSSM.RegisterManagedInstance", request, signer="nobody")["InstanceId"]

    def refresh(self, **change: str) -> dict[str, Any]:
        """A role token; from then on the agent signs with it."""
        answer = self._json(
            "AmazonSSM.RequestManagedInstanceRoleToken",
            {"Fingerprint": self.fingerprint} | change,
            signer="machine-key",
        )
        self.credentials = Credentials(
            answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]
        )
        return answer

    def rotate(self) -> None:
        new = rsa.generate_private_key(65537, 2048)
        request = {"NewPublicKey": self.public_key(new), "NewPublicKeyType": "Rsa"}
        self._json("AmazonSSM.UpdateManagedInstancePublicKey", request, signer="machine-key")
        self.key = new

    def public_key(self, key: rsa.RSAPrivateKey | None = None) -> str:
        public = (key or self.key).public_key()
        return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

    # Signed with the role's credentials

    def ping(self) -> None:
        short = {
            "AgentName": "amazon-ssm-agent",
            "AgentVersion": VERSION,
            "InstanceId": self.node_id,
            "PlatformType": "Linux",
        }
        assert self.ask("UpdateInstanceInformation", **short) == {}
        full = {
            "AgentStatus": "Active",
            "AvailabilityZone": "",
            "AvailabilityZoneId": "",
            "ComputerName": "machine",
            "IPAddress": "10.0.0.7",
            "PlatformName": "Debian GNU/Linux",
            "PlatformVersion": "12",
            "SSMConnectionChannel": "",
        }
        assert self.ask("UpdateInstanceInformation", **short, **full) == {}

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        return self._json(f"AmazonSSM.{operation}", request)

    def poll(self, operation: str, **request: Any) -> dict[str, Any]:
        return self._json(f"EC2WindowsMessageDeliveryService.{operation}", request, service="ec2messages")

    def create_control_channel(self, node_id: str = "") -> HttpResponse:
        path = f"{wire.CONTROL_CHANNEL_PATH}{node_id or self.node_id}"
        body = json.dumps({"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4())}).encode()
        headers = {"Host": HOST, "Content-Type": "application/json"}
        signed = self._signed(Outgoing("POST", path, "", headers, body), "ssmmessages")
        return self.house.request(_http("POST", path, "", signed, body))

    def token(self) -> str:
        """The token as the agent reads it: by the element's name, whatever stands around it."""
        response = self.create_control_channel()
        assert response.status == 201, response
        found = re.search(rb"<TokenValue>([^<]+)</TokenValue>", response.body)
        assert found, response.body
        assert b"<MessageSchemaVersion>1.0</MessageSchemaVersion>" in response.body
        return found[1].decode()

    def upgrade(self, node_id: str = "") -> dict[str, Any]:
        """The ASGI scope of its WebSocket."""
        path = f"{wire.CONTROL_CHANNEL_PATH}{node_id or self.node_id}"
        signed = self._signed(
            Outgoing("GET", path, wire.CONTROL_CHANNEL_QUERY, {"Host": HOST}), "ssmmessages"
        )
        return {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": wire.CONTROL_CHANNEL_QUERY.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in signed.items()],
            "client": ("127.0.0.1", 1),
            "extensions": {"websocket.http.response": {}},
        }

    # Signing

    def _json(
        self, target: str, request: dict[str, Any], *, service: str = "ssm", signer: str = "role"
    ) -> dict[str, Any]:
        body = json.dumps(request, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "Host": HOST, "X-Amz-Target": target}
        outgoing = Outgoing("POST", "/", "", headers, body)
        if signer == "machine-key":
            # Sent in chunks: there is no Content-Length.
            headers = self._machine_key(outgoing) | {"Transfer-Encoding": "chunked"}
        elif signer == "role":
            headers = self._signed(outgoing, service) | {"Content-Length": str(len(body))}
        return _parsed(self.house.request(_http("POST", "/", "", headers, body)))

    def _signed(self, outgoing: Outgoing, service: str) -> dict[str, str]:
        return sign_headers(
            outgoing,
            self.credentials,
            region=self.region,
            service=service,
            now_ms=self.house.world.now_ms(),
        )

    def _machine_key(self, outgoing: Outgoing) -> dict[str, str]:
        holder = KeyHolder(self.node_id, self.region)
        unsigned = machine_key_request(outgoing, holder, now_ms=self.house.world.now_ms())
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return unsigned.signed_by(self.key.sign(unsigned.string_to_sign, scheme, hashes.SHA256()))


class Refused(Exception):
    """An error answer: its code and HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code


def _http(method: str, path: str, query: str, headers: dict[str, str], body: bytes = b"") -> HttpRequest:
    lowered = [(name.lower(), value) for name, value in headers.items()]
    return HttpRequest(method, path, query, lowered, body, client="127.0.0.1")


def _parsed(response: HttpResponse) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(response.body)
    if response.status != 200:
        code = str(answer["__type"]).split("#")[-1]
        raise Refused(response.status, code, str(answer.get("message") or answer.get("Message")))
    return answer
