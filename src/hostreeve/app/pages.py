"""The few plain pages beside the API: health, metrics, and what a machine needs before it is a node."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from hostreeve.agent.installer import installer_script
from hostreeve.agent.machine import AGENT_VERSION
from hostreeve.gateway.asgi import Page
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.record import Record
from hostreeve.persistence.database import Database

HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?").fullmatch
"""A Host header that may stand in a shell script."""


@dataclass(frozen=True)
class About:
    """Where this control plane can be reached, and how its certificate is known."""

    urls: tuple[str, ...] = ()
    ca_file: Path | None = None
    ca_sha256: str = ""
    agent_file: Path | None = None
    version: str = field(default="0.1.0")


def served(about: About, database: Database, record: Record) -> Mapping[str, Page]:
    """Path -> page. Everything here is public: no secret may stand on it."""
    return {
        "/healthz": lambda request: _health(database),
        "/metrics": lambda request: HttpResponse(
            200, [("content-type", "text/plain; version=0.0.4")], record.metrics()
        ),
        "/_hostreeve/about": lambda request: _json(_told(about)),
        "/_hostreeve/ca.pem": lambda request: _file(about.ca_file, "application/x-pem-file"),
        "/_hostreeve/agent.pyz": lambda request: _file(about.agent_file, "application/octet-stream"),
        "/_hostreeve/install.sh": lambda request: _installer(about, request),
    }


def _health(database: Database) -> HttpResponse:
    try:
        database.read_sync(lambda tx: tx.one("SELECT 1 AS one"))
    except Exception:  # noqa: BLE001 - whatever is wrong with the database, the answer is: not healthy
        return HttpResponse(503, [("content-type", "application/json")], b'{"Status":"Unhealthy"}\n')
    return HttpResponse(200, [("content-type", "application/json")], b'{"Status":"Healthy"}\n')


def _told(about: About) -> dict[str, object]:
    told: dict[str, object] = {
        "Version": about.version,
        "Urls": list(about.urls),
        "CaSha256": about.ca_sha256,
    }
    if about.agent_file is not None and about.agent_file.exists():
        # What agents hold against the archive that they fetch to update themselves.
        told["AgentVersion"] = AGENT_VERSION
        told["AgentSha256"] = hashlib.sha256(about.agent_file.read_bytes()).hexdigest()
    return told


def _installer(about: About, request: HttpRequest) -> HttpResponse:
    # The address that reached us for this very page also reaches us from that machine.
    host = request.header("host") or ""
    url = f"https://{host}" if HOST(host) else about.urls[0]
    script = installer_script(url, about.ca_sha256)
    return HttpResponse(200, [("content-type", "text/x-shellscript")], script.encode())


def _file(path: Path | None, content_type: str) -> HttpResponse:
    if path is None or not path.exists():
        return HttpResponse(404, [("content-type", "text/plain")], b"This server has no such file.\n")
    return HttpResponse(200, [("content-type", content_type)], path.read_bytes())


def _json(value: object) -> HttpResponse:
    return HttpResponse(200, [("content-type", "application/json")], msgspec.json.encode(value) + b"\n")
