"""The tables of docs/reference/run-command.md say what the program does."""

import re
from pathlib import Path

from hostreeve.capabilities.commands.model.status import CommandStatus, Status

PAGE = (Path(__file__).parents[2] / "docs/reference/run-command.md").read_text()


def test_every_status_is_told_and_none_that_there_is_not():
    section = PAGE.partition("## Statuses and when they appear\n")[2].partition("\n## ")[0]
    there = {str(status) for status in (*Status, *CommandStatus)}
    # What these mean needs no telling.
    plain = {"Success", "Failed", "Cancelling"}
    in_code = set(re.findall(r"`([A-Z][A-Za-z]+)`", section))
    assert there - plain <= in_code
    of_requests = {"MaxErrors", "MaxConcurrency", "TimeoutSeconds", "Status"}
    assert in_code - of_requests <= there
