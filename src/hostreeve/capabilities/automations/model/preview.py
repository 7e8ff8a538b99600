"""What a runbook's steps would do to resources, as far as it can be told without doing it."""

import re
from collections import Counter
from typing import Any

from msgspec import Struct

from hostreeve.capabilities.automations.model.runbook import Runbook, Step

MUTATING, NON_MUTATING, UNDETERMINED = "Mutating", "NonMutating", "Undetermined"
_QUIET = frozenset(
    {
        "aws:approve",
        "aws:assertAwsResourceProperty",
        "aws:branch",
        "aws:loop",
        "aws:pause",
        "aws:sleep",
        "aws:updateVariable",
        "aws:waitForAwsResourceProperty",
    }
)
_CHANGING = frozenset(
    {
        "aws:changeInstanceState",
        "aws:copyImage",
        "aws:createImage",
        "aws:createStack",
        "aws:createTags",
        "aws:deleteImage",
        "aws:deleteStack",
        "aws:runInstances",
    }
)
_READS = re.compile(r"(get|list|describe|head|search|lookup|batchget|query|scan|select)", re.IGNORECASE)


class Preview(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row. Times are milliseconds; `targets` counts resources by type."""

    preview_id: str
    created_ms: int
    failure: str = ""
    steps: dict[str, int] = {}
    regions: tuple[str, ...] = ()
    targets: dict[str, int] = {}
    accounts: int = 0

    def shown(self) -> dict[str, Any]:
        """GetExecutionPreview's answer."""
        answer: dict[str, Any] = {
            "ExecutionPreviewId": self.preview_id,
            "EndedAt": self.created_ms / 1000,
            "Status": "Failed" if self.failure else "Success",
        }
        if self.failure:
            return answer | {"StatusMessage": self.failure}
        found = {
            "StepPreviews": self.steps,
            "Regions": list(self.regions),
            "TargetPreviews": [{"TargetType": kind, "Count": n} for kind, n in self.targets.items()],
            "TotalAccounts": self.accounts,
        }
        return answer | {"ExecutionPreview": {"Automation": found}}


def counted(runbook: Runbook) -> dict[str, int]:
    """How many steps are of which kind; those inside loops once."""
    return dict(sorted(Counter(kind(step) for step in runbook.every()).items()))


def kind(step: Step) -> str:
    """Mutating, NonMutating, or Undetermined for what depends on a script, a command or another runbook."""
    if step.action in _QUIET:
        return NON_MUTATING
    if step.action in _CHANGING:
        return MUTATING
    api = step.inputs.get("Api")
    if step.action == "aws:executeAwsApi" and isinstance(api, str) and "{{" not in api:
        return NON_MUTATING if _READS.match(api.replace("_", "").replace("-", "")) else MUTATING
    return UNDETERMINED
