"""The content of ChangeCalendar documents: iCalendar 2.0 text, of which every event must be understood."""

from hostreeve.capabilities.documents.model.content import Refused
from hostreeve.scheduling import calendars
from hostreeve.scheduling.icalendar import InvalidCalendar


def check(text: str) -> None:
    """Refuse what is not a calendar, naming the line."""
    try:
        calendars.read(text)
    except InvalidCalendar as wrong:
        raise Refused(f"{wrong}") from None
