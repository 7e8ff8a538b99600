"""Schedules: what it costs to know when an expression comes next, and to keep time for many."""

import time
from itertools import islice

from hostreeve.scheduling.clock import zone
from hostreeve.scheduling.expressions import Timing, parse
from tools.bench import due
from tools.bench.machine import row

BEGIN_MS = 1_772_800_000_000
ROUNDS = 2_000
BUDGET = "20 us"
CASES = (
    ("rate(5 hours)", "UTC", 0),
    ("at(2027-01-01T00:00:00)", "Asia/Tokyo", 0),
    ("cron(0/30 * * * ? *)", "UTC", 0),
    ("cron(15 10 ? * MON-FRI *)", "America/New_York", 0),
    ("cron(0 2 ? * THU#3 *)", "Europe/Berlin", 0),
    ("cron(30 23 ? * TUE#3 *)", "America/Los_Angeles", 2),
    ("cron(0 2 LW * ? *)", "Asia/Tokyo", 0),
    ("cron(0 0 29 2 ? *)", "UTC", 0),
)


def run() -> None:
    """Expressions by themselves, then a served control plane."""
    _expressions()
    due.run()


def _expressions() -> None:
    """Processor time of a next run, and of reading an expression that was not read before."""
    for expression, name, offset in CASES:
        timing = Timing(parse(expression), zone(name), offset_days=offset)
        moments = list(islice(timing.upcoming(BEGIN_MS), ROUNDS)) or [BEGIN_MS]
        began = time.process_time()
        for moment in moments:
            timing.following(moment)
        cost_us = (time.process_time() - began) / len(moments) * 1e6
        row(f"next run of {expression}, {name}", f"{cost_us:.1f} us", BUDGET)
    texts = [f"cron({minute} {hour} ? * MON-FRI *)" for minute in range(60) for hour in range(24)]
    parse.cache_clear()
    began = time.process_time()
    for text in texts:
        parse(text)
    row("reading a cron expression", f"{(time.process_time() - began) / len(texts) * 1e6:.1f} us")
