"""A year of windows, associations and calendars. `make simulate SEED=n` replays what a seed finds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostreeve.kernel.world import RealWorld
from tests.simulation.year import Year

ROOT = Path(__file__).parent.parent.parent
DRILL = """
from tests.simulation.year import Year
print(Year({seed}, days=12).run())
"""


def test_three_weeks_of_schedules_miss_nothing_and_do_nothing_twice():
    report = Year(1, days=21).run()
    assert report.executions > 100 and report.skipped, report


@pytest.mark.slow
def test_a_seed_replays_exactly_in_another_process():
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    code = DRILL.format(seed=4)
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert other.stdout.strip() == repr(Year(4, days=12).run()), other.stderr
    assert Year(5, days=12).run().digest != Year(4, days=12).run().digest


@pytest.mark.slow
def test_the_seed_that_was_asked_for(pytestconfig, capsys):
    """All that `make simulate` runs of it: a whole year; without a seed, a short one."""
    asked = pytestconfig.getoption("seed", None)
    started = RealWorld().monotonic()
    report = Year(6, days=30).run() if asked is None else Year(asked).run()
    seconds = RealWorld().monotonic() - started
    with capsys.disabled():
        if asked is not None:
            print(f"\n{report}\n{seconds:.1f} s")
    assert report.executions, "nothing happened"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [101, 102])
def test_from_january_to_april_summer_time_begins_and_clocks_are_wrong(seed):
    report = Year(seed, days=100).run()
    assert report.happened["kills"] and report.happened["down"], report
