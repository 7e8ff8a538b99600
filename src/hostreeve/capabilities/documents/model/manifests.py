"""The content of Package documents: manifests of schema 2.0 that say which file is for which machine."""

from collections.abc import Iterator
from typing import Any

from hostreeve.capabilities.documents.model import places
from hostreeve.capabilities.documents.model.content import Refused

FILES_MAX = 20
FILE_BYTES_MAX = 1 << 30
_FILE = r"[a-zA-Z0-9_\-.]{3,128}"
_VERSION = r"[a-zA-Z0-9_\-.]{1,128}"
_MEMBERS = frozenset(
    {"schemaVersion", "description", "version", "publisher", "packages", "files", "assumeRole", "parameters"}
)
_WIDTHS = 1000


def check(content: dict[str, Any], _version: str) -> None:
    """Refuse what is not a manifest."""
    places.known_members("", content, _MEMBERS)
    places.required("", content, ("version", "packages", "files"))
    places.a_text("version", content["version"], _VERSION)
    places.a_text_if_any("publisher", content.get("publisher"))
    files = places.an_object("files", content["files"])
    if not 0 < len(files) <= FILES_MAX:
        raise Refused(f"files: must be 1 to {FILES_MAX}")
    for name, file in files.items():
        _check_file(f"files.{name}", name, file)
    named = set()
    for place, leaf in _leaves(content["packages"]):
        places.required(place, places.an_object(place, leaf), ("file",))
        name = places.a_text(f"{place}.file", leaf["file"])
        if name not in files:
            raise Refused(f"{place}.file: {name[:80]} is not among the files")
        named.add(name)
    unused = sorted(set(files) - named)
    if unused:
        raise Refused(f"files.{unused[0]}: no platform installs it")


def files_of(content: dict[str, Any]) -> dict[str, str]:
    """File name to the SHA-256 that the manifest claims, in lower case."""
    return {name: file["checksums"]["sha256"].lower() for name, file in content["files"].items()}


def _check_file(place: str, name: str, file: Any) -> None:
    places.a_text(f"{place}: the file's name", name, _FILE)
    places.required(place, places.an_object(place, file), ("checksums",))
    checksums = places.an_object(f"{place}.checksums", file["checksums"])
    places.required(f"{place}.checksums", checksums, ("sha256",))
    places.a_text(f"{place}.checksums.sha256", checksums["sha256"], "[0-9a-fA-F]{64}")
    if "size" in file:
        places.a_number(f"{place}.size", file["size"], 0, FILE_BYTES_MAX)


def _leaves(packages: Any) -> Iterator[tuple[str, Any]]:
    """What stands under every platform, version and architecture."""
    for platform, versions in _entries("packages", packages):
        for version, architectures in _entries(platform, versions):
            yield from _entries(version, architectures)


def _entries(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    entries = places.an_object(place, value)
    if not 0 < len(entries) <= _WIDTHS:
        raise Refused(f"{place}: must have 1 to {_WIDTHS} members")
    for name, entry in entries.items():
        yield f"{place}.{name}", entry
