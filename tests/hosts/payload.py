"""The patch payload on a test host, with a baseline from a file."""

import functools
import json
import subprocess
from typing import Any, NamedTuple

from hostreeve.patcher.payload import payload_bytes
from tests.hosts.host import Host

PAYLOAD = "/root/patch-payload.pyz"
PYTHON = "/usr/bin/python3"


class Result(NamedTuple):
    """How a run ended, and its report (None when there is none)."""

    code: int
    said: str
    error: str
    report: Any

    @property
    def summary(self) -> dict[str, str]:
        return self.report["Items"][0]["Content"][0]

    @property
    def states(self) -> dict[str, str]:
        """By name.arch."""
        return {row["Id"]: row["PatchState"] for row in self.report["Items"][1]["Content"]}

    @property
    def rows(self) -> dict[str, dict[str, str]]:
        return {row["Id"]: row for row in self.report["Items"][1]["Content"]}

    @property
    def decisions(self) -> dict[str, str]:
        offered = self.report["Offered"]["Patches"]
        return {each["Title"]: f"{each['Decision']}: {each['Reason']}" for each in offered}


@functools.cache
def _bytes() -> bytes:
    return payload_bytes()


def arguments(host: Host, operation: str, baseline: dict[str, Any], options: dict[str, str]) -> list[str]:
    """The command line; what it needs is put on the host."""
    host.write(PAYLOAD, _bytes())
    host.write("/root/snapshot.json", json.dumps({"patchGroup": "Prod", "patchBaseline": baseline}))
    host.path("/root/report.json").unlink(missing_ok=True)
    argv = [PYTHON, PAYLOAD, "run", "--operation", operation, "--snapshot-file", "/root/snapshot.json"]
    argv += ["--report-file", "/root/report.json"]
    for name, value in options.items():
        argv += ["--" + name.replace("_", "-"), value]
    return argv


def patch(host: Host, operation: str, baseline: dict[str, Any], **options: str) -> Result:
    """Run it to its end."""
    return result(host, host.run(*arguments(host, operation, baseline, options), check=False))


def result(host: Host, done: "subprocess.CompletedProcess[str]") -> Result:
    path = host.path("/root/report.json")
    report = json.loads(path.read_text()) if path.exists() else None
    return Result(done.returncode, done.stdout, done.stderr, report)


def baseline(*rules: dict[str, Any], **members: Any) -> dict[str, Any]:
    """As a snapshot has it."""
    return {"baselineId": "pb-0123456789abcdef0", "approvalRules": {"rules": list(rules)}, **members}


def rule(
    after: int | None = None, *, non_security: bool = False, level: str = "UNSPECIFIED", **filters: Any
) -> Any:
    """A rule with filters by lower-case key."""
    wanted = [{"key": key.upper(), "values": list(values)} for key, values in filters.items()]
    return {
        "filterGroup": {"filters": wanted},
        "complianceLevel": level,
        "approveAfterDays": after,
        "enableNonSecurity": non_security,
    }
