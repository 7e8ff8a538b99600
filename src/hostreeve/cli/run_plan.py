"""`hostreeve run --dry-run`: which nodes, which steps, and who would say no. Nothing is sent."""

from __future__ import annotations

import json
from typing import Any

from hostreeve.cli.desk import Desk
from hostreeve.cli.trouble import EXIT_NOT_SENT, EXIT_SOME_FAILED, EXIT_SUCCESS

PAGE = 100
_UNTOLD = ("runCommand", "id")


def show(desk: Desk, request: dict[str, Any], *, as_json: bool) -> int:
    """Print the plan. 0: every target would get the command; 1: some would not; 3: there is no target."""
    client = desk.client()
    plan = client.call("hostreeve", "PlanCommand", **request, MaxResults=PAGE)
    targets = list(plan["Targets"])
    while "NextToken" in plan:
        plan = client.call(
            "hostreeve", "PlanCommand", **request, MaxResults=PAGE, NextToken=plan["NextToken"]
        )
        targets += plan["Targets"]
    plan = {**{name: value for name, value in plan.items() if name != "NextToken"}, "Targets": targets}
    if as_json:
        desk.screen.json(plan)
    else:
        _print(desk, plan)
    if not targets:
        return EXIT_NOT_SENT
    return EXIT_SUCCESS if all(each["Outcome"] == "Send" for each in targets) else EXIT_SOME_FAILED


def _print(desk: Desk, plan: dict[str, Any]) -> None:
    screen, targets = desk.screen, plan["Targets"]
    screen.line(f"{plan['DocumentName']} version {plan['DocumentVersion']}")
    for step in plan["Steps"]:
        screen.line(
            f"\n{step['Name']} ({step['Action']})" if step["Name"] != step["Action"] else f"\n{step['Name']}"
        )
        if step["Precondition"]:
            screen.line(f"  only if {step['Precondition']}")
        for line in _readable(step["Inputs"]).splitlines():
            screen.line(f"  {line}")
    screen.line()
    if targets:
        columns = ("node", "name", "platform", "connection", "outcome", "reason")
        members = ("InstanceId", "InstanceName", "PlatformType", "ConnectionStatus", "Outcome", "Reason")
        rows = [[each.get(member, "") for member in members] for each in targets]
        screen.table(columns, rows, spare=("platform", "connection"))
    sent = sum(each["Outcome"] == "Send" for each in targets)
    away = sum(
        each["Outcome"] == "Send" and each.get("ConnectionStatus") == "notconnected" for each in targets
    )
    later = f" {away} of them {'is' if away == 1 else 'are'} not connected now." if away else ""
    screen.note(
        f"Nothing was sent. {sent} of {len(targets)} nodes would get this, {plan['MaxConcurrency']} at a "
        f"time; more than {plan['MaxErrors']} errors would end it.{later}"
    )


def _readable(inputs: str) -> str:
    """JSON with its lines indented, and scripts as the lines that they are."""
    value = json.loads(inputs)
    if isinstance(value, list) and len(value) == 1:
        # Schema 1.2 has a list of settings, nearly always of one.
        value = value[0]
    script = value.get("runCommand") if isinstance(value, dict) else None
    if not isinstance(script, list) or not all(isinstance(line, str) for line in script):
        return json.dumps(value, indent=2, ensure_ascii=False)
    others = {name: each for name, each in value.items() if name not in _UNTOLD and each not in ("", None)}
    head = [f"{name}: {json.dumps(each, ensure_ascii=False)}" for name, each in others.items()]
    return "\n".join([*head, *script])
