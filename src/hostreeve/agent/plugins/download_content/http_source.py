"""sourceType HTTP: one file from an address, with Basic or Digest authentication where it asks for that."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from typing import IO, Any, Iterator, Optional
from urllib.parse import unquote, urlsplit

from hostreeve.agent.plugins.download_content.destination import keep
from hostreeve.agent.plugins.download_content.wanted import Wanted
from hostreeve.agent.plugins.worker import StepFailed

TIMEOUT_S = 60.0
PIECE_BYTES = 262_144
METHODS = ("", "None", "Basic", "Digest")


def fetch(wanted: Wanted) -> None:
    """StepFailed when the address is refused, or does not answer with the file."""
    url = wanted.needed("url", "HTTP")
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise StepFailed("URL scheme for HTTP resource type is invalid. HTTP or HTTPS is accepted")
    method = wanted.text("authMethod")
    if method not in METHODS:
        raise StepFailed(f"Invalid authentication method: {method}. Accepted are None, Basic, Digest")
    insecure = wanted.flag("allowInsecureDownload")
    if parts.scheme.lower() == "http" and not insecure:
        raise StepFailed(
            "Non secure URL provided and insecure download is not allowed. Provide a secure URL or set "
            "'allowInsecureDownload' to true"
        )
    request = urllib.request.Request(url)
    handlers = [_Redirects(insecure), urllib.request.HTTPSHandler(context=trusting(wanted.server.ca_file))]
    if method in ("Basic", "Digest"):
        handlers += _authentication(request, method, wanted.secret("username"), wanted.secret("password"))
    name = unquote(parts.path).rstrip("/").rpartition("/")[2] or "download"
    with opened(request, *handlers) as answer:
        keep(wanted.destination.file(name), pieces_of(answer))


def trusting(ca_file: str) -> ssl.SSLContext:
    """What this machine trusts, and the authority of the server that the node belongs to."""
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=ca_file)
    return context


def opened(request: urllib.request.Request, *handlers: urllib.request.BaseHandler) -> IO[bytes]:
    """The answer to a request. StepFailed when it is no success."""
    try:
        answer: IO[bytes] = urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as refused:
        refused.close()
        raise StepFailed(f"Failed to download file: Status: {refused.code} {refused.reason}") from None
    except urllib.error.URLError as wrong:
        raise StepFailed(f"Failed to download file: {wrong.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as wrong:
        raise StepFailed(f"Failed to download file: {wrong}") from None
    return answer


def pieces_of(answer: IO[bytes]) -> Iterator[bytes]:
    """The answer's body; StepFailed when it breaks off before its end."""
    try:
        while True:
            piece = answer.read(PIECE_BYTES)
            if not piece:
                break
            yield piece
    except (OSError, http.client.HTTPException) as wrong:
        raise StepFailed(f"An error occurred during data transfer: {wrong!r}") from None
    if getattr(answer, "length", None):
        raise StepFailed("An error occurred during data transfer: the answer broke off before its end")


def _authentication(
    request: urllib.request.Request, method: str, username: str, password: str
) -> "list[urllib.request.BaseHandler]":
    if method == "Basic":
        token = b64encode(f"{username}:{password}".encode()).decode("ascii")
        # Not for whoever the request is redirected to.
        request.add_unredirected_header("Authorization", f"Basic {token}")
        return []
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, request.full_url, username, password)
    return [_Digest(passwords)]


class _Digest(urllib.request.HTTPDigestAuthHandler):
    def get_algorithm_impls(self, algorithm: str) -> Any:
        """Beside the library's: SHA-256, which servers prefer today."""
        if algorithm.upper() != "SHA-256":
            return super().get_algorithm_impls(algorithm)

        def hashed(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        return hashed, lambda secret, text: hashed(f"{secret}:{text}")


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, insecure: bool) -> None:
        self._insecure = insecure

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Optional[urllib.request.Request]:
        scheme = urlsplit(newurl).scheme.lower()
        if scheme != "https" and not (scheme == "http" and self._insecure):
            raise StepFailed(f"the address redirects to {newurl}, which is not secure")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
