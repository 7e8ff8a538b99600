"""Locations: the pairs of an account and a Region in which an execution has others begun."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

ROLE = "AWS-SystemsManager-AutomationExecutionRole"
"""The role that is assumed in each account where nobody says another."""
MAX_CONCURRENCY, MAX_ERRORS = "1", "0"
"""Of locations, where nobody says: one after the other, and no error is allowed."""
LOCATIONS_MAX = 5_000
WITHOUT_ROLE_MAX = 100
"""Locations that are reached without an administration role, as whoever began the execution."""
ACCOUNT = re.compile(r"[0-9]{12}")
UNIT = re.compile(r"ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32}")
ACTION = "aws:executeAutomation"


def units_of(names: Sequence[str]) -> list[str]:
    """Those that name a root or an organizational unit."""
    return [name for name in names if UNIT.fullmatch(name)]


def placed(
    entry: Mapping[str, Any], inside: Mapping[str, Sequence[str]], excluded: Collection[str]
) -> list[tuple[str, str]]:
    """The pairs that an entry of TargetLocations means, each once, in the order of its accounts. `inside` has
    the accounts of each unit that it names."""
    accounts: list[str] = []
    for name in entry["Accounts"]:
        accounts += inside[name] if UNIT.fullmatch(name) else [name]
    kept = [account for account in dict.fromkeys(accounts) if account not in excluded]
    return [(account, region) for account in kept for region in dict.fromkeys(entry["Regions"])]


def shown(entry: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """The entry as it stands for one location: the TargetLocation of its step."""
    kept = {name: entry[name] for name in _SHOWN if entry.get(name)}
    return {"Accounts": [account], "Regions": [region], "ExecutionRoleName": role_of(entry)} | kept


def role_of(entry: Mapping[str, Any]) -> str:
    return str(entry.get("ExecutionRoleName") or ROLE)


def step_name(account: str, region: str, number: int) -> str:
    return f"Location_{number + 1}_{account}_{region.replace('-', '_')}"


def request(
    entry: Mapping[str, Any], asked: Mapping[str, Any], parameters: Mapping[str, list[str]]
) -> dict[str, Any]:
    """What is asked for in a location: the runbook with its parameters, and with the targets of the entry or,
    where it has none, those of the whole (`asked`: StartAutomationExecution's own members)."""
    made: dict[str, Any] = {"Parameters": dict(parameters)} if parameters else {}
    targets = entry.get("Targets") or asked["Targets"]
    if not targets and not asked["TargetMaps"]:
        return made
    made["TargetParameterName"] = asked["TargetParameterName"]
    made["MaxConcurrency"] = entry.get("TargetsMaxConcurrency") or asked["MaxConcurrency"]
    made["MaxErrors"] = entry.get("TargetsMaxErrors") or asked["MaxErrors"]
    made |= {"Targets": targets} if targets else {"TargetMaps": asked["TargetMaps"]}
    return {name: value for name, value in made.items() if value}


_SHOWN = (
    "TargetLocationMaxConcurrency",
    "TargetLocationMaxErrors",
    "Targets",
    "TargetsMaxConcurrency",
    "TargetsMaxErrors",
)
