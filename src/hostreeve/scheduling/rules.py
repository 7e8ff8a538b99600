"""What maintenance windows and associations allow of the common grammar."""

from itertools import pairwise

from hostreeve.scheduling.cron import Cron
from hostreeve.scheduling.expressions import At, Expression, Rate
from hostreeve.scheduling.refusal import InvalidExpression

WINDOW_RATE_S_MIN = 5 * 60
ASSOCIATION_RATE_S_MIN = 30 * 60
ASSOCIATION_RATE_S_MAX = 31 * 86_400
_EVERY_MONTH = 0b1111111111110


def check_window(expression: Expression) -> None:
    """Refuse what a maintenance window may not have: rates under 5 minutes, cron expressions of 5 fields."""
    match expression:
        case Rate(period_s=period_s) if period_s < WINDOW_RATE_S_MIN:
            raise InvalidExpression("value", "a maintenance window's rate is 5 minutes or more")
        case Cron(columns=5):
            raise InvalidExpression(
                "cron", "has 5 fields; a maintenance window's has 6, the last is the year"
            )


def check_association(expression: Expression) -> None:
    """Refuse what an association may not have: rates under 30 minutes or of 31 days and more, months,
    seconds, and cron expressions that come more often than every 30 minutes."""
    match expression:
        case Rate(period_s=period_s) if period_s < ASSOCIATION_RATE_S_MIN:
            raise InvalidExpression("value", "an association's rate is 30 minutes or more")
        case Rate(period_s=period_s) if period_s >= ASSOCIATION_RATE_S_MAX:
            raise InvalidExpression("value", "an association's rate is less than 31 days")
        case Cron():
            _check_association_cron(expression)
        case At() | Rate():
            pass


def _check_association_cron(cron: Cron) -> None:
    if cron.months != _EVERY_MONTH:
        raise InvalidExpression("month", "associations do not support months: write *")
    if cron.seconds != 1:
        raise InvalidExpression("seconds", "an association's seconds are 0")
    minutes = [minute for minute in range(60) if cron.minutes >> minute & 1]
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    # From an hour's last minute to the next hour's first, where two hours follow one another.
    if cron.hours & (cron.hours >> 1 | cron.hours << 23):
        gaps.append(60 + minutes[0] - minutes[-1])
    if any(gap < 30 for gap in gaps):
        raise InvalidExpression("minutes", "an association comes at most every 30 minutes")
