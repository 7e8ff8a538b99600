"""How a run ends when it cannot do what it was asked to: exit codes in AWS's numbers."""

FAILED = 1
DEPENDENCY = 2
SNAPSHOT_UNAVAILABLE = 143
SNAPSHOT_UNREADABLE = 144
SYSTEM_UNSUPPORTED = 145
REPORT_REFUSED = 150
LIST_UNAVAILABLE = 160
LIST_UNREADABLE = 161
OVERRIDE_UNAVAILABLE = 162
OVERRIDE_UNREADABLE = 163
OVERRIDE_HAS_NO_SYSTEM = 164
BOTH_GIVEN = 167
RESTART = 194
"""Not a failure: the agent restarts the machine and runs the step again."""


class Failure(Exception):
    """The run ends with this exit code; the sentence is the last line on standard error."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
