"""`serve --quota`: which there are, what is refused, and that they hold."""

import argparse
from pathlib import Path

import pytest

from hostreeve.app import quotas
from hostreeve.capabilities import documents
from hostreeve.capabilities.commands.lifecycle import LIMITS

PAGE = (Path(__file__).parents[2] / "docs/reference/quotas.md").read_text()


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    quotas.add_arguments(made)
    yield made
    quotas.apply({})


def test_every_quota_is_told_with_what_it_limits_and_its_default():
    lines = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    told = {name.strip(" `"): (what.strip(), int(value)) for name, what, value in lines}
    assert told == quotas.table()


def test_what_is_given_holds_and_all_else_stays(parser):
    given = [
        "--quota",
        "documents=2000",
        "--quota",
        "command-history-days=1",
        "--quota",
        "open-invocations=7",
    ]
    quotas.apply(dict(parser.parse_args(given).quota))
    assert (documents.quota("documents"), documents.quota("document-versions")) == (2000, 1000)
    assert (LIMITS.retention_ms, LIMITS.open_invocations_max) == (86_400_000, 7)
    quotas.apply({})
    assert (documents.quota("documents"), LIMITS.retention_ms) == (500, 30 * 86_400_000)


@pytest.mark.parametrize(
    "text", ["bananas=1", "documents", "documents=", "documents=0", "documents=-1", "documents=x"]
)
def test_what_is_no_quota_is_refused_by_name(parser, capsys, text):
    with pytest.raises(SystemExit):
        parser.parse_args(["--quota", text])
    assert text.partition("=")[0] in capsys.readouterr().err
