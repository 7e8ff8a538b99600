"""What calendars say now or at a time, one by one and together; and following them as they change."""

import logging
from collections.abc import Sequence

from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import documents
from hostreeve.capabilities.calendars import store
from hostreeve.capabilities.calendars.model import DOCUMENT_TYPE, CalendarState
from hostreeve.kernel.scope import Scope
from hostreeve.persistence import outbox
from hostreeve.persistence.database import Transaction
from hostreeve.scheduling import calendars
from hostreeve.scheduling.icalendar import InvalidCalendar

error = ServiceErrors(service("ssm"))
log = logging.getLogger("hostreeve.calendars")

CHANNEL = "calendars"
"""The bus channel that wakes the worker."""

CHANGED = "Calendar State Change"
"""AWS's name of the event (source aws.ssm)."""


def is_open(tx: Transaction, scope: Scope, names: Sequence[str], at_ms: int) -> bool:
    """Whether all of these calendars (names, or ARNs of what others share) are open. No calendar forbids
    nothing.

    InvalidDocument when one is not there (any more), InvalidDocumentType when it is no calendar.
    """
    return state_of(tx, scope, names, at_ms).is_open


def state_of(tx: Transaction, scope: Scope, names: Sequence[str], at_ms: int) -> CalendarState:
    """How calendars stand together: open only if all are. Errors as `is_open`, and
    UnsupportedCalendarException."""
    found = [_calendar(tx, scope, name) for name in dict.fromkeys(names)]
    standing = calendars.standing_of_all(found, at_ms // 1000)
    changes_ms = None if standing.changes_s is None else standing.changes_s * 1000
    return CalendarState(is_open=standing.is_open, at_ms=at_ms, changes_ms=changes_ms)


def follow(tx: Transaction, scope: Scope, name: str, now_ms: int) -> None:
    """The calendar `name` was made, changed or deleted: it is looked at right after this transaction."""
    store.look_at(tx, scope, name, now_ms)
    tx.wake(CHANNEL, name)


def advance(tx: Transaction, scope: Scope, name: str, now_ms: int) -> bool:
    """Look at a calendar that is due: tell when it stands otherwise than it did. False when it is gone."""
    before = store.state(tx, scope, name)
    if before is None or not documents.exists(tx, scope, name):
        store.forget(tx, scope, name)
        return False
    try:
        now = state_of(tx, scope, [name], now_ms)
    except AwsError as wrong:
        # Nothing to wait for: when somebody changes the document, it is looked at again.
        log.warning("the calendar %s of %s is of no use: %s", name, scope.account, wrong.message)
        store.note(tx, scope, name, state=before, due_ms=None, now_ms=now_ms)
        return True
    # A calendar that is new has not changed.
    if before and before != now.state:
        arn = documents.arn(scope, name)
        outbox.put(tx, scope, detail_type=CHANGED, aggregate=arn, detail=now.detail(), now_ms=now_ms)
    store.note(tx, scope, name, state=now.state, due_ms=now.changes_ms, now_ms=now_ms)
    return True


def _calendar(tx: Transaction, scope: Scope, name: str) -> calendars.Calendar:
    try:
        document = documents.resolve(tx, scope, name)
    except error.InvalidDocumentVersion as wrong:
        # GetCalendarState declares no InvalidDocumentVersion.
        raise error.InvalidDocument(wrong.message) from None
    if document.document_type != DOCUMENT_TYPE:
        raise error.InvalidDocumentType(
            f"Document {document.name} is of type {document.document_type}, not {DOCUMENT_TYPE}."
        )
    try:
        return calendars.read(document.text)
    except InvalidCalendar as wrong:
        raise error.UnsupportedCalendarException(
            f"The calendar {document.name} cannot be read: {wrong}."
        ) from None
