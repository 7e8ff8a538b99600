"""aws:downloadContent: files from HTTP, Git, GitHub, S3 or a Systems Manager document, put onto this node."""

from __future__ import annotations

from typing import Any, Dict

from hostreeve.agent.order import InvalidInputs, Order, Place, handed_over, timeout_s
from hostreeve.agent.plugins.task import object_of, order_for_task, text_in
from hostreeve.contract import jobs

SOURCES = {
    "HTTP": "http_source",
    "Git": "git_source",
    "GitHub": "github_source",
    "S3": "s3_source",
    "SSMDocument": "document_source",
}
"""sourceType -> the module here whose `fetch(wanted)` does it."""


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs when the inputs have another form; OSError when the task cannot be written."""
    members = object_of(inputs)
    source_type = text_in(members, "sourceType")
    if not source_type:
        raise InvalidInputs("invalid input: sourceType must be specified")
    if source_type not in SOURCES:
        raise InvalidInputs(f"invalid input: sourceType must be one of {', '.join(SOURCES)}")
    task = {
        "sourceType": source_type,
        "sourceInfo": _source_info(members.get("sourceInfo")),
        "destinationPath": handed_over("destinationPath", text_in(members, "destinationPath")),
    }
    return order_for_task("download_content", task, place, timeout_s=timeout_s(members.get("timeoutSeconds")))


def _source_info(written: Any) -> Dict[str, Any]:
    # Documents pass it on as text, people write it as an object.
    if not written:
        raise InvalidInputs("invalid input: sourceInfo must be specified")
    if isinstance(written, str):
        try:
            return jobs.object_in(written)
        except ValueError:
            raise InvalidInputs("invalid input: sourceInfo must be a JSON object") from None
    if not isinstance(written, dict):
        raise InvalidInputs("invalid input: sourceInfo must be an object")
    return written
