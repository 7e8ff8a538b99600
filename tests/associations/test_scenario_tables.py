"""The tables of scenarios in the documentation name tests that are there, for every number."""

import re

import pytest

from tests.tables import REFERENCE, first_cells

TESTS = REFERENCE.parent.parent / "tests"


@pytest.mark.parametrize("page", ["associations.md", "maintenance-windows.md"])
def test_every_scenario_has_its_test(page):
    assert first_cells(page, "Scenarios") == [str(number) for number in range(1, 11)]
    section = (REFERENCE / page).read_text().split("\n## Scenarios\n", 1)[1].split("\n## ")[0]
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", section)
    assert len(named) >= 10
    missing = [f"{path}::{name}" for path, name in named if f"def {name}(" not in (TESTS / path).read_text()]
    assert not missing
