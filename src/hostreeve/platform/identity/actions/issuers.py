"""The keys of token issuers: asked for over HTTPS, or read from files that the operator gave, and kept for a
while. Nothing here is done inside a transaction."""

import hashlib
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from hostreeve.kernel.world import World
from hostreeve.platform.identity.model import ALGORITHMS, OidcProvider, Token, is_signed_by
from hostreeve.platform.identity.store.memory import Memory

TIMEOUT_S = 5.0
BYTES_MAX = 512 * 1024
KEPT_S = 300.0
ASKED_AGAIN_S = 30.0
"""How soon an issuer is asked again for a key that it did not have, or after it did not answer."""
AT_ONCE_MAX = 4


class NoKeysError(Exception):
    """The issuer's keys cannot be had; the text says why."""


@dataclass(slots=True)
class Trust:
    """What the operator says about issuers: authorities beside the system's, and files with keys (JWKS) for
    issuers that are not asked, by their address without `https://`."""

    authorities: Path | None = None
    keys: Mapping[str, Path] = field(default_factory=dict)


class _Kept(NamedTuple):
    keys: tuple[Mapping[str, Any], ...]
    asked_s: float
    trouble: str = ""


_trust = Trust()
_kept: Memory[tuple[str, tuple[str, ...]], _Kept] = Memory(256)
_room = threading.BoundedSemaphore(AT_ONCE_MAX)


def trust(authorities: Path | None, keys: Mapping[str, Path]) -> None:
    """What the operator configured, before anything is served."""
    _trust.authorities, _trust.keys = authorities, dict(keys)


def key_of(world: World, provider: OidcProvider, token: Token) -> Mapping[str, Any] | None:
    """The issuer's key that signed the token, or None. NoKeysError when its keys cannot be had."""
    if token.header.get("alg") not in ALGORITHMS:
        return None
    kept = _keys_of(world, provider, KEPT_S)
    found = _matching(kept.keys, token)
    if found is None and world.monotonic() - kept.asked_s >= ASKED_AGAIN_S:
        # Issuers change their keys, and may sign with one that was not there a moment ago.
        found = _matching(_keys_of(world, provider, 0.0).keys, token)
    return found


def _matching(keys: Sequence[Mapping[str, Any]], token: Token) -> Mapping[str, Any] | None:
    named = token.header.get("kid")
    chosen = [key for key in keys if named is None or key.get("kid") in (None, named)]
    return next((key for key in chosen if is_signed_by(token, key)), None)


def _keys_of(world: World, provider: OidcProvider, age_s: float) -> _Kept:
    name = (provider.url, tuple(provider.thumbprints))
    kept, now_s = _kept.get(name), world.monotonic()
    if kept is not None and now_s - kept.asked_s < (ASKED_AGAIN_S if kept.trouble else age_s):
        if kept.trouble:
            raise NoKeysError(kept.trouble)
        return kept
    if not _room.acquire(blocking=False):
        raise NoKeysError("Too many issuers are being asked for their keys.")
    try:
        kept = _Kept(_fetched(provider), now_s)
    except NoKeysError as trouble:
        _kept.keep(name, _Kept((), now_s, str(trouble)))
        raise
    finally:
        _room.release()
    _kept.keep(name, kept)
    return kept


def _fetched(provider: OidcProvider) -> tuple[Mapping[str, Any], ...]:
    configured = _trust.keys.get(provider.url)
    if configured is not None:
        try:
            return _keys_in(json.loads(configured.read_bytes()), str(configured))
        except (OSError, ValueError) as trouble:
            raise NoKeysError(f"{configured.name} cannot be read: {trouble}") from None
    issuer = f"https://{provider.url}"
    about = _get(f"{issuer}/.well-known/openid-configuration", provider.thumbprints)
    if str(about.get("issuer")).rstrip("/") != issuer:
        _refuse(issuer, "it calls itself by another name")
    where = about.get("jwks_uri")
    if not isinstance(where, str) or not where.startswith("https://"):
        _refuse(issuer, "it names no address of its keys")
    return _keys_in(_get(where, provider.thumbprints), where)


def _keys_in(found: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        _refuse(where, "it has no list of keys")
    return tuple(key for key in keys if isinstance(key, dict))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An issuer is who answers at its address, and nobody whom that sends us to."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _get(url: str, thumbprints: Sequence[str]) -> dict[str, Any]:
    try:
        try:
            return _got(url, _context())
        except urllib.error.URLError as trouble:
            if not thumbprints or not isinstance(trouble.reason, ssl.SSLCertVerificationError):
                raise
            return _got(url, _pinned(url, thumbprints))
    except (urllib.error.URLError, OSError, ValueError) as trouble:
        reason = getattr(trouble, "reason", "") or trouble
        _refuse(url, str(reason) or type(trouble).__name__)


def _got(url: str, context: ssl.SSLContext) -> dict[str, Any]:
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirects())
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        body = answer.read(BYTES_MAX + 1)
    found = json.loads(body) if len(body) <= BYTES_MAX else None
    if not isinstance(found, dict):
        raise ValueError("the answer is no JSON object of a reasonable size")
    return found


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if _trust.authorities is not None:
        context.load_verify_locations(_trust.authorities)
    return context


def _pinned(url: str, thumbprints: Sequence[str]) -> ssl.SSLContext:
    """A context for the very certificate that the server shows, if its SHA-1 is one of the thumbprints: how
    AWS trusts issuers whose authority nobody knows."""
    parts = urlsplit(url)
    shown = ssl.get_server_certificate((parts.hostname or "", parts.port or 443), timeout=TIMEOUT_S)
    digest = hashlib.sha1(ssl.PEM_cert_to_DER_cert(shown), usedforsecurity=False).hexdigest()
    if digest not in {thumbprint.lower() for thumbprint in thumbprints}:
        raise ValueError("its certificate is neither of a known authority nor one of the thumbprints")
    context = ssl.create_default_context(cadata=shown)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _refuse(where: str, why: str) -> NoReturn:
    raise NoKeysError(f"{where}: {why}.")
