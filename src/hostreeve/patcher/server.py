"""The control plane, for the payload: signed calls, the snapshot's page, stored objects."""

import configparser
import http.client
import json
import os
import re
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import quote, urlsplit

from hostreeve.contract import sigv4
from hostreeve.patcher.machine import now_ms

TIMEOUT_S = 60.0
TRIES = 3
PAUSE_S = 1.0
ANSWER_BYTES_MAX = 16 * 1024 * 1024
REDIRECTS_MAX = 5
SKEW_NOTICED_MS = 60_000


class Refused(Exception):
    """The server answered, but not with what was asked. `code` is AWS's, or the HTTP status."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__("%s: %s" % (code, sentence) if sentence else code)
        self.code = code


class Unreachable(Exception):
    """The server could not be asked."""


class Place(NamedTuple):
    """Where the server is, whom to trust, as whom to speak."""

    url: str
    ca_file: str
    credentials_file: str
    region: str
    node_id: str


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def place(environment: Mapping[str, str]) -> Place:
    """Of the environment that the document's script made. Refused when a part is missing."""
    names = ("HOSTREEVE_SERVER", "HOSTREEVE_CREDENTIALS_FILE", "AWS_SSM_REGION_NAME", "AWS_SSM_INSTANCE_ID")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise Refused("InvalidEnvironment", "%s is not set" % ", ".join(missing))
    url, credentials, region, node = (environment[name] for name in names)
    return Place(url.rstrip("/"), environment.get("HOSTREEVE_CA_FILE", ""), credentials, region, node)


class Server:
    """Signed with the node's credentials, which are read anew for every call."""

    def __init__(self, where: Place) -> None:
        self.where = where
        self._skew_ms = 0

    def call(self, target: str, members: Dict[str, Any], service: str = "ssm") -> Dict[str, Any]:
        """An operation, as `AmazonSSM.PutInventory`. Refused with AWS's code, Unreachable."""
        body = json.dumps(members).encode("ascii")
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        answer = self._signed(("POST", "/", ""), headers, body, service)
        try:
            found = json.loads(answer.body.decode("utf-8")) if answer.body else {}
        except ValueError:
            found = None
        if answer.status != 200 or not isinstance(found, dict):
            raise _refusal(answer, found)
        return found

    def stored(self, bucket: str, key: str) -> bytes:
        """An object of the server's object store. Refused, Unreachable."""
        path = "/" + quote(bucket, safe="-_.~") + "/" + quote(key, safe="/-_.~")
        answer = self._signed(("GET", path, ""), {}, b"", "s3")
        if answer.status != 200:
            code = re.search(rb"<Code>(\w+)</Code>", answer.body)
            raise Refused(code.group(1).decode("ascii") if code else "HTTP %d" % answer.status, "")
        return answer.body

    def page(self, url: str) -> bytes:
        """What https (or http) answers to anybody. Refused, Unreachable."""
        for _ in range(REDIRECTS_MAX):
            parts = urlsplit(url)
            if parts.scheme not in ("https", "http") or not parts.hostname:
                raise Refused("InvalidURL", "%s is no address that can be read" % url[:200])
            target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
            answer = _patiently(parts.scheme + "://" + parts.netloc, self._trust(), ("GET", target), {}, b"")
            if answer.status in (301, 302, 303, 307, 308) and "location" in answer.headers:
                url = answer.headers["location"]
                continue
            if answer.status != 200:
                raise Refused("HTTP %d" % answer.status, "")
            return answer.body
        raise Refused("TooManyRedirects", url.split("?")[0])

    def _signed(
        self, target: Tuple[str, str, str], headers: Dict[str, str], body: bytes, service: str
    ) -> Answer:
        answer = self._signed_once(target, headers, body, service)
        if answer.status in (400, 403) and self._notices_skew(answer.headers.get("date", "")):
            # This node's clock is wrong: the same once more, by the server's.
            answer = self._signed_once(target, headers, body, service)
        return answer

    def _signed_once(
        self, target: Tuple[str, str, str], headers: Dict[str, str], body: bytes, service: str
    ) -> Answer:
        method, path, query = target
        named = dict(headers, Host=urlsplit(self.where.url).netloc)
        outgoing = sigv4.Outgoing(method, path, query, named, body)
        signed = sigv4.sign_headers(
            outgoing,
            credentials(self.where.credentials_file),
            region=self.where.region,
            service=service,
            now_ms=now_ms() + self._skew_ms,
        )
        return _patiently(self.where.url, self._trust(), (method, path), signed, body)

    def _notices_skew(self, date: str) -> bool:
        if self._skew_ms or not date:
            return False
        try:
            skew_ms = int(parsedate_to_datetime(date).timestamp() * 1000) - now_ms()
        except (TypeError, ValueError):
            return False
        self._skew_ms = skew_ms if abs(skew_ms) > SKEW_NOTICED_MS else 0
        return self._skew_ms != 0

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.where.ca_file or None)


def credentials(path: str) -> sigv4.Credentials:
    """Of our agent's JSON file, or of AWS's `credentials` (the section `default`). Refused."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as wrong:
        raise Refused("NoCredentials", "the node's credentials cannot be read: %s" % wrong) from None
    members = _credentials_members(text)
    try:
        names = ("access_key_id", "secret_access_key", "session_token")
        return sigv4.Credentials(*(str(members[name]) for name in names))
    except KeyError:
        raise Refused("NoCredentials", "%s holds no credentials of the node" % path) from None


def _credentials_members(text: str) -> Mapping[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
        return {name.replace("aws_", "", 1): value for name, value in parser.items("default")}
    except configparser.Error:
        return {}


def _patiently(
    url: str, trust: ssl.SSLContext, target: Tuple[str, str], headers: Mapping[str, str], body: bytes
) -> Answer:
    """Tried a few times: what the server is told can be told twice."""
    for tried in range(1, TRIES + 1):
        try:
            answer = _sent(url, trust, target, headers, body)
            if answer.status < 500 or tried == TRIES:
                return answer
        except (OSError, http.client.HTTPException) as wrong:
            if tried == TRIES:
                raise Unreachable("cannot reach %s: %s" % (url, wrong)) from None
        time.sleep(PAUSE_S * 2**tried)
    raise AssertionError("the last try returns or raises")


def _sent(
    url: str, trust: ssl.SSLContext, target: Tuple[str, str], headers: Mapping[str, str], body: bytes
) -> Answer:
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT_S, context=trust)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.request(target[0], target[1], body=body or None, headers=dict(headers))
        response = connection.getresponse()
        found = response.read(ANSWER_BYTES_MAX + 1)
        if len(found) > ANSWER_BYTES_MAX:
            raise OSError("the answer is longer than %d bytes" % ANSWER_BYTES_MAX)
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, found)
    finally:
        connection.close()


def _refusal(answer: Answer, found: Optional[Dict[str, Any]]) -> Refused:
    members: Dict[str, Any] = found if isinstance(found, dict) else {}
    code = str(members.get("__type") or "HTTP %d" % answer.status).split("#")[-1]
    said: List[str] = [str(members[name]) for name in ("message", "Message") if members.get(name)]
    return Refused(code, said[0] if said else "")


def in_environment() -> Server:
    """The server that the environment names. Refused when it names none."""
    return Server(place(os.environ))
