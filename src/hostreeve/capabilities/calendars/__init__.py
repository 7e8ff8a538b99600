"""Change Calendar: documents that say when changes may be made, and the gate that asks them.

Whoever starts work on behalf of a schedule asks `is_open` first; `state_of` also tells when that changes.
"""

from hostreeve.capabilities.calendars.actions import follow, is_open, state_of
from hostreeve.capabilities.calendars.model import CalendarState

__all__ = ["CalendarState", "follow", "is_open", "state_of"]
