"""`hostreeve runbook check`: would CreateDocument take these files, and if not, why and in which line."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from hostreeve.capabilities import documents
from hostreeve.cli.desk import Desk
from hostreeve.cli.trouble import EXIT_SOME_FAILED, EXIT_SUCCESS, UsageTrouble

AUTOMATION = "Automation"


def run(desk: Desk, arguments: Namespace) -> int:
    """One line per file: `FILE: good, 5 steps` or `FILE:LINE: reason`."""
    found = [(name, documents.read_file(text_of(name), AUTOMATION)) for name in arguments.files]
    if arguments.json:
        desk.screen.json([_document(name, content) for name, content in found])
    else:
        for name, content in found:
            desk.screen.line(_line(name, content))
    wrong = any(isinstance(content, documents.Problem) for _, content in found)
    return EXIT_SOME_FAILED if wrong else EXIT_SUCCESS


def text_of(name: str) -> str:
    """The text of a file, or of standard input for `-`. UsageTrouble says why it cannot be had."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode()
    except UnicodeDecodeError:
        raise UsageTrouble(f"{name} is not UTF-8 text.", "Runbooks are YAML or JSON text.") from None
    except OSError as wrong:
        raise UsageTrouble(f"{name} cannot be read: {wrong.strerror}.") from None


def _line(name: str, content: Any) -> str:
    if isinstance(content, documents.Problem):
        return f"{name}:{content.line}: {content.reason}" if content.line else f"{name}: {content.reason}"
    steps = len(content["mainSteps"])
    return f"{name}: good, {steps} step{'s' if steps != 1 else ''}"


def _document(name: str, content: Any) -> dict[str, Any]:
    if isinstance(content, documents.Problem):
        return {"File": name, "Good": False, "Line": content.line or None, "Reason": content.reason}
    return {"File": name, "Good": True, "Steps": [step["name"] for step in content["mainSteps"]]}
