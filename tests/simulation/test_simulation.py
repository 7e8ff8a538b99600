"""The fleet under faults. A seed that finds something is replayed with `make simulate SEED=n`."""

import time

import pytest

from tests.simulation.simulation import Simulation


def test_one_seed_under_faults(pytestconfig):
    seed = pytestconfig.getoption("seed", None)
    if seed is None:
        seed = 1
    t=time.perf_counter()
    report = Simulation(seed).run()
    print(report, time.perf_counter()-t)
