"""The fleet under faults. What a seed finds, `make simulate SEED=n` finds again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostreeve.kernel.world import RealWorld
from tests.simulation.simulation import Report, Simulation

ROOT = Path(__file__).parent.parent.parent
DRILL = """
from tests.simulation.simulation import Simulation
print(Simulation({seed}, nodes=20, faulty_s=180).run())
"""


def brief(seed: int) -> Report:
    return Simulation(seed, nodes=20, faulty_s=180).run()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_fleet_survives_three_minutes_of_faults(seed):
    report = brief(seed)
    assert report.commands and report.happened["cuts"], "nothing happened"


@pytest.mark.slow
def test_a_seed_replays_exactly_in_another_process():
    """The other process has its own order of sets."""
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    code = DRILL.format(seed=4)
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert other.stdout.strip() == repr(brief(4)), other.stderr
    assert brief(5).digest != brief(4).digest


@pytest.mark.slow
def test_the_seed_that_was_asked_for(pytestconfig, capsys):
    """All that `make simulate` runs; without a seed, one more short one."""
    asked = pytestconfig.getoption("seed", None)
    started = RealWorld().monotonic()
    report = brief(6) if asked is None else Simulation(asked, faulty_s=1500.0).run()
    seconds = RealWorld().monotonic() - started
    with capsys.disabled():
        if asked is not None:
            print(f"\n{report}\n{seconds:.1f} s, {report.steps / seconds:,.0f} steps/s")
    assert report.commands, "nothing happened"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_a_fleet_survives_ten_minutes_of_faults(seed):
    report = Simulation(seed).run()
    assert report.happened["kills"] and report.happened["crashes"], "nothing happened"
