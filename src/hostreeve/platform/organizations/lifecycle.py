"""An invitation's states, and what may come after which."""

from enum import StrEnum

DAY_MS = 24 * 3600 * 1000
OPEN_MS = 15 * DAY_MS
"""How long an invitation can be answered."""

SHOWN_MS = 30 * DAY_MS
"""How long one that is over is still shown."""


class State(StrEnum):
    """`EXPIRED` is never stored: it is what an open one is when its time is over."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    CANCELED = "CANCELED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


MAY_BECOME = {
    State.OPEN: {State.ACCEPTED, State.CANCELED, State.DECLINED},
    State.ACCEPTED: set(),
    State.CANCELED: set(),
    State.DECLINED: set(),
    State.EXPIRED: set(),
}
