"""`hostreeve runbook graph`: a picture of a runbook, or of what became of an execution of it."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hostreeve.app.runbook import mermaid, svg
from hostreeve.app.runbook.check import AUTOMATION, text_of
from hostreeve.capabilities import automations, documents
from hostreeve.cli.client import Client
from hostreeve.cli.desk import Desk
from hostreeve.cli.trouble import Trouble, UsageTrouble

DRAWN = {"svg": svg.drawn, "mermaid": mermaid.drawn}


def run(desk: Desk, arguments: Namespace) -> int:
    """Write the picture. UsageTrouble for a runbook that is none, with the line."""
    if (arguments.file is None) == (arguments.execution is None):
        raise UsageTrouble("Give either a file or --execution ID.")
    text, statuses = _from_file(arguments.file) if arguments.file else _executed(desk, arguments.execution)
    content = documents.read_file(text, AUTOMATION)
    if isinstance(content, documents.Problem):
        where = f"{arguments.file or 'the document'}:{content.line}" if content.line else arguments.file
        raise UsageTrouble(f"{where}: {content.reason}")
    picture = DRAWN[_format(arguments)](automations.graph(content), statuses)
    if arguments.output is None:
        desk.screen.line(picture)
        return 0
    try:
        Path(arguments.output).write_text(picture + "\n")
    except OSError as wrong:
        raise UsageTrouble(f"{arguments.output} cannot be written: {wrong.strerror}.") from None
    desk.screen.note(f"Drawn: {arguments.output}")
    return 0


def _format(arguments: Namespace) -> str:
    ending = Path(arguments.output or "").suffix.lower()
    return arguments.format or ("svg" if ending == ".svg" else "mermaid")


def _from_file(name: str) -> tuple[str, Mapping[str, str]]:
    return text_of(name), {}


def _executed(desk: Desk, execution_id: str) -> tuple[str, Mapping[str, str]]:
    client = desk.client()
    answer = client.call("ssm", "GetAutomationExecution", AutomationExecutionId=execution_id)
    name, version = (answer["AutomationExecution"][member] for member in ("DocumentName", "DocumentVersion"))
    text = client.call("ssm", "GetDocument", Name=name, DocumentVersion=version)["Content"]
    statuses = {step["StepName"]: step["StepStatus"] for step in steps_of(client, execution_id)}
    if not statuses:
        raise Trouble(f"The execution {execution_id} has no steps yet.", "Ask again when it has begun.")
    return text, statuses


def steps_of(client: Client, execution_id: str) -> list[dict[str, Any]]:
    """All of them, earliest first, so that a loop's later turns say how its steps stand."""
    asked: dict[str, Any] = {"AutomationExecutionId": execution_id, "MaxResults": 50}
    found: list[dict[str, Any]] = []
    while True:
        answer = client.call("ssm", "DescribeAutomationStepExecutions", **asked)
        found.extend(answer.get("StepExecutions", []))
        if not answer.get("NextToken"):
            return found
        asked["NextToken"] = answer["NextToken"]
