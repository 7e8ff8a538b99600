"""aws:runDocument: the steps of another document, run as one step of this one."""

from __future__ import annotations

from typing import Any

from hostreeve.agent.order import TIMEOUT_S_MAX, InvalidInputs, Order, Place
from hostreeve.agent.plugins.task import object_of, order_for_task, text_in

SSM_DOCUMENT, LOCAL_PATH = "SSMDocument", "LocalPath"


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs when the inputs have another form; OSError when the task cannot be written."""
    members = object_of(inputs)
    if text_in(members, "documentType") not in (SSM_DOCUMENT, LOCAL_PATH):
        raise InvalidInputs("invalid input: documentType must be SSMDocument or LocalPath")
    if not text_in(members, "documentPath"):
        raise InvalidInputs("invalid input: documentPath must be given")
    # Only the steps within have a time of their own.
    return order_for_task("run_document", members, place, timeout_s=TIMEOUT_S_MAX)
