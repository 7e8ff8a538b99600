"""`hostreeve runbook replay`: a past execution decided anew from what its steps came to."""

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hostreeve.api.call import Principal
from hostreeve.api.errors import common
from hostreeve.app.runbook.check import AUTOMATION
from hostreeve.app.runbook.draw import steps_of
from hostreeve.app.runbook.local import Local, content_of, document
from hostreeve.capabilities import automations, documents
from hostreeve.cli.desk import Desk
from hostreeve.cli.trouble import EXIT_SOME_FAILED, EXIT_SUCCESS, Trouble, UsageTrouble
from hostreeve.gateway.within import Within
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

ENDED = ("Success", "Failed", "TimedOut")
NOT_SAME = ("global:DATE", "automation:EXECUTION_ID")
"""What is another at each time: inputs that hold it are not compared."""
UNDONE = ("Pending", "not there")
Key = tuple[str, int, int]


def run(desk: Desk, arguments: Namespace) -> int:
    """0 when everything was decided as then, 1 when not."""
    then = _recorded(desk, arguments.source)
    if then["Status"] not in ENDED:
        raise Trouble(
            f"The execution stands at {then['Status']}; what people or time decided cannot be replayed.",
            "Executions that ended as Success, Failed or TimedOut can.",
        )
    if not then["StepExecutions"]:
        raise Trouble("The execution has no steps of its own.", "Replay one of its children.")
    content = content_of(arguments.runbook) if arguments.runbook else then["Content"]
    automations.recorded.use(then["StepExecutions"])
    who = Principal(account=then["Account"], arn="", id="", access_key_id="")
    local = Local(desk, Nowhere(), Scope(then["Account"], then["Region"]), set())
    local.is_quiet = True
    given = {
        name: texts for name, texts in then["Parameters"].items() if name in content.get("parameters", {})
    }
    now = local.carry_out("replay", content, given, who)
    found = differences(then, document(content, given, now, who.account, then["Region"]), content)
    if arguments.json:
        desk.screen.json({"Status": now.status, "Differences": found})
    else:
        for each in found:
            desk.screen.line(each)
        done = sum(step["StepStatus"] != "Pending" for step in now.steps)
        desk.screen.note(
            f"{done} steps decided anew: {len(found) or 'no'} difference{'s' * (len(found) != 1)}."
        )
    return EXIT_SOME_FAILED if found else EXIT_SUCCESS


class Nowhere(Within):
    """No operation is called while a past is told again."""

    def __init__(self) -> None:
        pass

    def call(
        self,
        tx: Transaction,
        who: Principal,
        region: str,
        service_name: str,
        api: str,
        *,
        given: dict[str, Any],
    ) -> dict[str, Any]:
        raise common.NotImplemented(f"{api} is not called in a replay.")


def differences(then: Mapping[str, Any], now: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    """What was otherwise, a line each: steps by name, with the iteration in brackets inside loops."""
    before, after = _keyed(then["StepExecutions"]), _keyed(now["StepExecutions"])
    unstable = _unstable(content)
    found: list[str] = []
    is_lost = False
    for key in dict.fromkeys([*before, *after]):
        was = before.get(key, {}).get("StepStatus", "not there")
        becomes = after.get(key, {}).get("StepStatus", "not there")
        if was == becomes:
            found += [] if key[0] in unstable else _inputs(_shown(key), before[key], after[key])
        elif was in UNDONE:
            is_lost = True
            found.append(f"{_shown(key)}: not done then, begun now; what it would come to is not known")
        else:
            found.append(f"{_shown(key)}: {was} then, {becomes} now")
    if is_lost:
        # What comes behind a step that nobody has seen is nobody's to say.
        return [each for each in found if not each.endswith("then, Pending now")]
    if then["Status"] != now["Status"]:
        found.append(f"the execution: {then['Status']} then, {now['Status']} now")
    return found


def _inputs(name: str, was: Mapping[str, Any], becomes: Mapping[str, Any]) -> list[str]:
    first, second = was.get("Inputs") or {}, becomes.get("Inputs") or {}
    return [
        f"{name}: {each} was {_value(first.get(each))}, is {_value(second.get(each))}"
        for each in sorted({*first, *second})
        if _value(first.get(each)) != _value(second.get(each))
    ]


def _value(text: str | None) -> str:
    """Inputs are JSON texts, whose members have no order."""
    if text is None:
        return "not given"
    try:
        return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return text


def _unstable(content: Mapping[str, Any]) -> set[str]:
    """The steps whose inputs hold the time or the id of the execution, maybe by a parameter or variable."""
    head = json.dumps([content.get("parameters"), content.get("variables")])
    is_everywhere = any(name in head for name in NOT_SAME)
    found: set[str] = set()
    open_ = list(content["mainSteps"])
    while open_:
        step = open_.pop()
        text = json.dumps(step.get("inputs") or {})
        if is_everywhere or any(name in text for name in NOT_SAME):
            found.add(step["name"])
        inner = (step.get("inputs") or {}).get("Steps")
        open_ += inner if isinstance(inner, list) else []
    return found


def _keyed(steps: Sequence[Mapping[str, Any]]) -> dict[Key, Mapping[str, Any]]:
    found: dict[Key, Mapping[str, Any]] = {}
    met: Counter[tuple[str, int]] = Counter()
    for step in steps:
        place = (step["StepName"], (step.get("ParentStepDetails") or {}).get("Iteration", 0))
        found[(*place, met[place])] = step
        met[place] += 1
    return found


def _shown(key: Key) -> str:
    return f"{key[0]}[{key[1]}]" if key[1] else key[0]


def _recorded(desk: Desk, source: str) -> dict[str, Any]:
    """What `hostreeve runbook run --json` printed, or an execution of the control plane in the same form."""
    path = Path(source)
    if not path.exists():
        return _fetched(desk, source)
    try:
        found = json.loads(path.read_text())
        assert all(name in found for name in ("Status", "Parameters", "StepExecutions", "Content", "Account"))
    except (ValueError, OSError, TypeError, AssertionError):
        raise UsageTrouble(f"{source} is no run that `hostreeve runbook run --json` printed.") from None
    return dict(found)


def _fetched(desk: Desk, execution_id: str) -> dict[str, Any]:
    client = desk.client()
    answer = client.call("ssm", "GetAutomationExecution", AutomationExecutionId=execution_id)
    one = answer["AutomationExecution"]
    text = client.call(
        "ssm", "GetDocument", Name=one["DocumentName"], DocumentVersion=one["DocumentVersion"]
    )["Content"]
    content = documents.read_file(text, AUTOMATION)
    if isinstance(content, documents.Problem):
        raise Trouble(f"The document is no runbook any more: {content.reason}")
    return {
        "Status": one["AutomationExecutionStatus"],
        "Parameters": one.get("Parameters") or {},
        "StepExecutions": [] if one.get("TargetLocations") else steps_of(client, execution_id),
        "Content": dict(content),
        "Account": client.caller()["Account"],
        "Region": client.region,
    }
