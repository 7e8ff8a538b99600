"""Small rules of how commands are shown."""

import pytest

from hostreeve.capabilities.commands.model import command as model


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (41, "PT0.041S"),
        (0, "PT0S"),
        (2_000, "PT2S"),
        (62_500, "PT1M2.5S"),
        (3_600_000, "PT1H"),
        (3_661_000, "PT1H1M1S"),
        (-5, "PT0S"),
    ],
)
def test_elapsed_time_is_an_iso_duration(ms, text):
    assert model.elapsed(1_000_000, 1_000_000 + ms) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T15:28:30.986Z", 1_795_361_310_986),
        ("2026-11-22T16:28:30.986+01:00", 1_795_361_310_986),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
        ("soon", None),
        (17, None),
    ],
)
def test_times_of_agents_are_read_or_are_none(text, expected):
    assert model.read_time(text) == expected


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("60", 60),
        (60, 60),
        ("2", 3600),
        ("172800", 172800),
        ("172801", 3600),
        ("", 3600),
        (None, 3600),
        ([1], 3600),
    ],
)
def test_an_execution_timeout_is_read_as_the_agent_reads_it(raw, seconds):
    assert model.execution_timeout_s(raw) == seconds
