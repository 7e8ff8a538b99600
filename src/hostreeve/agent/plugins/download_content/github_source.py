"""sourceType GitHub: a file or a folder of a repository, by GitHub's interface for contents."""

from __future__ import annotations

import binascii
import json
import urllib.request
from base64 import b64decode
from typing import Any, Dict, List
from urllib.parse import quote, urlencode

from hostreeve.agent.plugins import store
from hostreeve.agent.plugins.download_content.destination import keep
from hostreeve.agent.plugins.download_content.http_source import opened, pieces_of, trusting
from hostreeve.agent.plugins.download_content.options import reference_in
from hostreeve.agent.plugins.download_content.wanted import Wanted
from hostreeve.agent.plugins.worker import StepFailed

RAW = "application/vnd.github.raw+json"
DESCRIBED = "application/vnd.github+json"
DEPTH_MAX = 50


def fetch(wanted: Wanted) -> None:
    """StepFailed when the repository or the path in it cannot be had."""
    owner, repository = wanted.needed("owner", "GitHub"), wanted.needed("repository", "GitHub")
    reference = reference_in(wanted.text("getOptions"))
    token = wanted.text("tokenInfo")
    if token and not store.is_secure_reference(token):
        raise StepFailed("tokenInfo must be {{ssm-secure:NAME}}, naming a SecureString that holds the token")
    contents = _Contents(
        wanted, f"/repos/{quote(owner, safe='')}/{quote(repository, safe='')}/contents/", reference
    )
    path = wanted.text("path").strip("/")
    found = contents.at(path)
    if isinstance(found, list):
        _folder(wanted, contents, found, path)
    else:
        keep(wanted.destination.file(str(found.get("path") or path)), contents.of_file(found))


def _folder(wanted: Wanted, contents: "_Contents", entries: List[Any], top: str, depth: int = 0) -> None:
    if depth > DEPTH_MAX:
        raise StepFailed("the repository's folders are nested too deeply")
    for entry in entries:
        path = str(entry.get("path") or "")
        found = contents.at(path)
        if isinstance(found, list):
            _folder(wanted, contents, found, top, depth + 1)
        else:
            relative = path[len(top) :] if path.startswith(top) else path
            keep(wanted.destination.within(relative), contents.of_file(found))


class _Contents:
    def __init__(self, wanted: Wanted, path: str, reference: str) -> None:
        self._base = wanted.server.node.github_api.rstrip("/") + path
        self._query = f"?{urlencode({'ref': reference})}" if reference else ""
        self._token = wanted.secret("tokenInfo")
        self._https = urllib.request.HTTPSHandler(context=trusting(wanted.server.ca_file))

    def at(self, path: str) -> Any:
        """A file's description, or the list of a folder's entries."""
        with self._asked(path, DESCRIBED) as answer:
            try:
                found = json.loads(b"".join(pieces_of(answer)))
            except ValueError:
                raise StepFailed("GitHub's answer is not JSON") from None
        if isinstance(found, list) and all(isinstance(each, dict) for each in found):
            return found
        if isinstance(found, dict) and found.get("type", "file") == "file":
            return found
        raise StepFailed(f"{path} is neither a file nor a folder of the repository")

    def of_file(self, described: Dict[str, Any]) -> List[bytes]:
        if described.get("encoding") == "base64" and described.get("content"):
            try:
                return [b64decode(str(described["content"]))]
            except binascii.Error:
                raise StepFailed("GitHub's answer is not base64") from None
        # Larger files are described without their content.
        with self._asked(str(described.get("path") or ""), RAW) as answer:
            return list(pieces_of(answer))

    def _asked(self, path: str, kind: str) -> Any:
        request = urllib.request.Request(f"{self._base}{quote(path)}{self._query}", headers={"Accept": kind})
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return opened(request, self._https)
