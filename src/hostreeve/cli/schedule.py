"""`hostreeve schedule`: a schedule expression in words, and the next times it comes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from datetime import datetime
from itertools import islice

from hostreeve.cli.desk import Desk
from hostreeve.cli.trouble import UsageTrouble
from hostreeve.scheduling import rules
from hostreeve.scheduling.clock import date_ms, wall_time, zone
from hostreeve.scheduling.expressions import Expression, Timing, parse
from hostreeve.scheduling.refusal import InvalidExpression
from hostreeve.scheduling.words import in_words


def run(desk: Desk, arguments: Namespace) -> int:
    """Print the sentence and the times by the clock of the zone. UsageTrouble names the wrong field."""
    now_ms = desk.world.now_ms()
    try:
        timing = _timing(arguments, now_ms)
    except InvalidExpression as wrong:
        raise UsageTrouble(str(wrong), "docs/reference/schedules.md has the grammar and examples.") from None
    times = [wall_time(ms // 1000, timing.zone) for ms in islice(timing.upcoming(now_ms), arguments.count)]
    said = in_words(timing.expression, timing.offset_days)
    refusals = {
        "maintenance windows": _refusal(rules.check_window, timing.expression),
        "associations": _refusal(rules.check_association, timing.expression),
    }
    if arguments.json:
        desk.screen.json(_document(arguments, said, times, refusals))
        return 0
    desk.screen.line(f"{said[0].upper()}{said[1:]}, {arguments.timezone} time.")
    for time in times:
        desk.screen.line(f"{time:%a %Y-%m-%d %H:%M:%S %Z}")
    if not times:
        desk.screen.note("It never comes.")
    for what, problem in refusals.items():
        if problem:
            desk.screen.note(f"Not for {what}: {problem}.")
    return 0


def _timing(arguments: Namespace, now_ms: int) -> Timing:
    return Timing(
        expression=parse(arguments.expression),
        zone=zone(arguments.timezone),
        anchor_ms=now_ms,
        offset_days=arguments.offset,
        start_ms=date_ms(arguments.start_date) if arguments.start_date else None,
        end_ms=date_ms(arguments.end_date) if arguments.end_date else None,
    )


def _refusal(check: Callable[[Expression], None], expression: Expression) -> str | None:
    try:
        check(expression)
    except InvalidExpression as wrong:
        return str(wrong)
    return None


def _document(
    arguments: Namespace, said: str, times: list[datetime], refusals: dict[str, str | None]
) -> dict[str, object]:
    return {
        "Expression": arguments.expression,
        "Timezone": arguments.timezone,
        "Words": said,
        "Times": [time.isoformat() for time in times],
        "RefusedForMaintenanceWindows": refusals["maintenance windows"],
        "RefusedForAssociations": refusals["associations"],
    }
