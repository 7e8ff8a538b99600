"""`--seed N` chooses the simulation that `make simulate` runs, and leaves the other tests out."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="the seed of one long simulation")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("seed", None) is not None:
        items[:] = [item for item in items if item.name == "test_the_seed_that_was_asked_for"]
