"""`--seed N` chooses the simulation that `make simulate` runs."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="the seed of the long simulation")
