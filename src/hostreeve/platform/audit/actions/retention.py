"""How long records are kept in this installation."""

DAY_MS = 86_400_000
DAYS_DEFAULT = 90
"""As long as LookupEvents looks back at AWS."""

_days = DAYS_DEFAULT


def keep_days(days: int) -> None:
    """Said once, when the process starts."""
    global _days
    _days = days


def kept_ms() -> int:
    return _days * DAY_MS
