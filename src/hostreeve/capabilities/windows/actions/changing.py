"""Maintenance windows made, changed and deleted."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities.windows.actions import telling
from hostreeve.capabilities.windows.model import window as model
from hostreeve.capabilities.windows.model.quotas import quota
from hostreeve.capabilities.windows.model.window import Window
from hostreeve.capabilities.windows.store import windows as store
from hostreeve.capabilities.windows.store.windows import WindowRow
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))

CHANNEL = "windows"
"""The bus channel that wakes the worker."""


def found(call: Call, window_id: str) -> WindowRow:
    """DoesNotExistException when there is no such window."""
    row = store.find(call.tx, call.scope, window_id)
    if row is None:
        raise error.DoesNotExistException(f"Maintenance window {window_id} does not exist")
    return row


def exists(tx: Transaction, scope: Scope, window_id: str) -> bool:
    return store.find(tx, scope, window_id) is not None


def create(call: Call, request: Mapping[str, Any]) -> Window:
    """Make a window. It is enabled, and opens for the first time as its schedule says from now on."""
    given = _members(request)
    window = Window(
        window_id=model.new_window_id(call.world),
        created_ms=call.now_ms,
        modified_ms=call.now_ms,
        anchor_ms=call.now_ms,
        **given,
    )
    _check(window)
    most = quota("maintenance-windows")
    if store.count(call.tx, call.scope) >= most:
        raise error.ResourceLimitExceededException(f"An account can have {most} maintenance windows.")
    store.insert(call.tx, call.scope, window, due_ms=window.following(call.now_ms), now_ms=call.now_ms)
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    if tags:
        arn = model.window_arn(call.scope, window.window_id)
        groups.tag_new(call, arn, tags, called="maintenance window")
    call.tx.wake(CHANNEL, window.window_id)
    return window


def update(call: Call, request: Mapping[str, Any]) -> Window:
    """Change what the request names; with Replace, what it does not name is as if it never had been."""
    before, due_ms, reckoned_ms = found(call, request["WindowId"])
    given = _members(request)
    if request.get("Replace"):
        missing = [member for member in model.WINDOW_REQUIRED if member not in request]
        if missing:
            raise error.ValidationException(f"With Replace, {missing[0]} must be given.")
        window = Window(
            window_id=before.window_id,
            created_ms=before.created_ms,
            modified_ms=call.now_ms,
            anchor_ms=before.anchor_ms,
            **{"is_enabled": before.is_enabled, **given},
        )
    else:
        window = msgspec.structs.replace(before, **given, modified_ms=call.now_ms)
    is_rescheduled = any(getattr(before, each) != getattr(window, each) for each in model.SCHEDULE_MEMBERS)
    if is_rescheduled:
        window = msgspec.structs.replace(window, anchor_ms=call.now_ms)
    _check(window)
    # A time that has come and was not noticed yet stays, unless it is another schedule now.
    if is_rescheduled:
        due_ms, reckoned_ms = window.following(call.now_ms), call.now_ms
    store.replace(call.tx, call.scope, window, due_ms=due_ms, reckoned_ms=reckoned_ms)
    if before.is_enabled != window.is_enabled:
        telling.window(
            call.tx,
            call.scope,
            window.window_id,
            is_enabled=window.is_enabled,
            now_ms=call.now_ms,
        )
    call.tx.wake(CHANNEL, window.window_id)
    return window


def delete(call: Call, window_id: str) -> None:
    """Forget a window, its targets and tasks. What it began goes on, and can be looked at. No error when
    there is none."""
    if store.delete(call.tx, call.scope, window_id):
        groups.forget(call.tx, call.scope, model.window_arn(call.scope, window_id))


def _members(request: Mapping[str, Any]) -> dict[str, Any]:
    named = {
        attribute: request[member] for member, attribute in model.WINDOW_MEMBERS.items() if member in request
    }
    # Empty texts are how clients say "none" (Terraform does).
    return {name: (None if value == "" else value) for name, value in named.items()}


def _check(window: Window) -> None:
    try:
        model.check(window)
    except ValueError as wrong:
        raise error.ValidationException(f"{wrong}.") from None
