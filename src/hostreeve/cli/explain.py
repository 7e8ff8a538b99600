"""`hostreeve explain`: the decision, and every statement that was heard for it."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from hostreeve.cli.desk import Desk
from hostreeve.cli.trouble import EXIT_SOME_FAILED, EXIT_SUCCESS, UsageTrouble

WORDS = {"allowed": "allows", "explicitDeny": "denies", "implicitDeny": "says nothing"}
STYLES = {"allowed": "green", "explicitDeny": "red", "implicitDeny": "yellow"}


def run(desk: Desk, arguments: Namespace) -> int:
    """Ask the server and show what it says; the exit status tells the decision."""
    if arguments.request is not None:
        return _past(desk, arguments)
    if arguments.principal is None or arguments.action is None:
        raise UsageTrouble("Give PRINCIPAL and ACTION, or --request with the id of a call that was made.")
    found = desk.client().call(
        "hostreeve",
        "ExplainAuthorization",
        Principal=None if arguments.principal == "." else arguments.principal,
        Action=arguments.action,
        Resource=arguments.resource,
        Context=_context(arguments.context or []),
        ResourcePolicy=_text(arguments.resource_policy),
        ResourceOwner=arguments.resource_owner,
    )
    if arguments.json:
        desk.screen.json(found)
    else:
        _show(desk, found)
    return EXIT_SUCCESS if found["Allowed"] else EXIT_SOME_FAILED


def _past(desk: Desk, arguments: Namespace) -> int:
    """A call that was made: what it was, and what decided then."""
    if arguments.principal is not None:
        raise UsageTrouble("--request says all: PRINCIPAL, ACTION and RESOURCE are those of the call.")
    found = desk.client().call(
        "hostreeve", "ExplainCall", RequestId=arguments.request.lower(), AccountId=arguments.account
    )
    event = json.loads(found["CloudTrailEvent"])
    if arguments.json:
        desk.screen.json({**found, "CloudTrailEvent": event})
    else:
        _show_event(desk, event)
        if "Explanation" in found:
            desk.screen.line()
            _show(desk, found["Explanation"])
        elif event.get("errorCode"):
            desk.screen.line(f"{event['errorCode']}: {event.get('errorMessage', '')}", "red")
        for note in found.get("Notes") or ():
            desk.screen.note(note)
    return EXIT_SOME_FAILED if event.get("errorCode") else EXIT_SUCCESS


def _show_event(desk: Desk, event: dict[str, Any]) -> None:
    who = event["userIdentity"]
    desk.screen.line(f"{event['eventTime']} {event['eventSource']} {event['eventName']} {event['awsRegion']}")
    desk.screen.line(f"by {who.get('arn') or who['type']} from {event['sourceIPAddress']}")


def _context(given: list[tuple[str, str]]) -> list[dict[str, Any]] | None:
    values: dict[str, list[str]] = {}
    for key, value in given:
        values.setdefault(key, []).append(value)
    return [{"Key": key, "Values": listed} for key, listed in values.items()] or None


def _text(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageTrouble(f"{name} cannot be read: {error}") from None


def _show(desk: Desk, found: dict[str, Any]) -> None:
    verdict = "ALLOWED" if found["Allowed"] else "DENIED"
    desk.screen.line(
        f"{verdict}: {found['Principal']} {found['Action']} {found['Resource']}", STYLES[found["Decision"]]
    )
    if found.get("Message"):
        desk.screen.line(found["Message"])
    if found.get("DecidedBy"):
        desk.screen.line(f"decided by {found['DecidedBy']}")
    for layer in found["Layers"]:
        _show_layer(desk, layer, found.get("DecidedBy", ""))
    for note in found.get("Notes") or ():
        desk.screen.note(note)


def _show_layer(desk: Desk, layer: dict[str, Any], decided_by: str) -> None:
    of = f" of {layer['Name']}" if layer.get("Name") else ""
    desk.screen.line()
    desk.screen.line(f"{layer['Kind']}{of}: {WORDS[layer['Verdict']]}", STYLES[layer["Verdict"]])
    for heard in layer["Statements"]:
        name = f"{heard['Policy']}#{heard['Sid']}"
        mark = "*" if name == decided_by else " "
        why = "applies" if heard["Applies"] else f"does not apply: {heard['Unmet']}"
        desk.screen.line(f" {mark} {heard['Effect']:5} {name}  {why}")
        desk.screen.line(f"         {heard['Statement']}")
