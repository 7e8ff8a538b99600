"""Where aws:runDocument finds its document, and how that becomes an object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, NamedTuple, Tuple

from hostreeve.agent.plugins.control_plane import ControlPlane, Denied
from hostreeve.agent.plugins.run_document import SSM_DOCUMENT
from hostreeve.agent.plugins.task import Task, text_in
from hostreeve.agent.plugins.worker import StepFailed

DOCUMENT_BYTES_MAX = 1_000_000


class Found(NamedTuple):
    """A document's content; `identity` tells it from all others (its name and version, or its file)."""

    content: Any
    identity: str


def find(task: Task, server: ControlPlane) -> Found:
    """The document that the task's inputs name. StepFailed when it cannot be had or read."""
    path = text_in(task.inputs, "documentPath")
    if text_in(task.inputs, "documentType") == SSM_DOCUMENT:
        return _stored(server, path)
    return _local(path if Path(path).is_absolute() else f"{task.downloads}/{path}")


def name_and_version(text: str) -> Tuple[str, str]:
    """`Name:3` and `arn:…:document/Name:3` taken apart; an empty version means the default one."""
    name, colon, version = text.rpartition(":")
    if not colon or "/" in version:
        return text, ""
    return name, version


def get_document(server: ControlPlane, text: str) -> Dict[str, Any]:
    """GetDocument's answer, in JSON. StepFailed when the server refuses it."""
    name, version = name_and_version(text)
    members = {"Name": name, "DocumentFormat": "JSON"}
    if version:
        members["DocumentVersion"] = version
    try:
        return server.call("GetDocument", members)
    except Denied as refused:
        raise StepFailed(f"cannot get the document {text}: {refused}") from None


def parameters_of(written: Any) -> Dict[str, Any]:
    """documentParameters: an object, or text that is one in JSON or YAML. StepFailed for anything else."""
    if isinstance(written, str):
        written = _parsed(written, "documentParameters") if written.strip() else {}
    if written is None:
        return {}
    if not isinstance(written, dict):
        raise StepFailed("documentParameters must be an object")
    return {str(name): value for name, value in written.items() if value is not None}


def _stored(server: ControlPlane, path: str) -> Found:
    answer = get_document(server, path)
    content = _parsed(str(answer.get("Content") or ""), path)
    return Found(content, f"{answer.get('Name') or path}:{answer.get('DocumentVersion') or ''}")


def _local(path: str) -> Found:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(DOCUMENT_BYTES_MAX + 1)
    except OSError as wrong:
        raise StepFailed(f"cannot read the document {path}: {wrong.strerror}") from None
    except ValueError as wrong:
        raise StepFailed(f"documentPath cannot be a path: {wrong}") from None
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise StepFailed(f"the document {path} is longer than {DOCUMENT_BYTES_MAX} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StepFailed(f"the document {path} is not UTF-8 text") from None
    if not text.strip():
        raise StepFailed(f"the document {path} is empty")
    return Found(_parsed(text, path), str(Path(path).resolve()))


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise StepFailed(f"{what} is nested too deeply") from None
    except ValueError as not_json:
        if text.lstrip()[:1] in ("{", "["):
            raise StepFailed(f"{what} is not JSON: {not_json}") from None
    return _parsed_yaml(text, what)


def _parsed_yaml(text: str, what: str) -> Any:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise StepFailed(
            f"{what} is not JSON. To read YAML this node needs the Python package PyYAML: install it "
            "(python3-yaml, py3-yaml) or give the document in JSON"
        ) from None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as wrong:
        raise StepFailed(f"{what} is neither JSON nor YAML: {wrong}") from None
