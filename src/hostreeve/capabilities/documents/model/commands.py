"""The content of Command and Policy documents: schema 1.2 with its runtimeConfig, 2.0 and 2.2 with steps."""

import re
from typing import Any

from hostreeve.capabilities.documents.model.content import Refused
from hostreeve.capabilities.documents.model.limits import STEPS_MAX
from hostreeve.capabilities.documents.model.parameters import DECLARED_BY_COMMANDS, check_declared
from hostreeve.capabilities.documents.model.places import REFERENCE

EVERYWHERE = ("Windows", "Linux", "MacOS")
PLUGIN_PLATFORMS = {
    "aws:runShellScript": ("Linux", "MacOS"),
    "aws:runPowerShellScript": EVERYWHERE,
    "aws:runDocument": EVERYWHERE,
    "aws:downloadContent": EVERYWHERE,
    "aws:configurePackage": EVERYWHERE,
    "aws:softwareInventory": EVERYWHERE,
    "aws:refreshAssociation": EVERYWHERE,
    "aws:updateSsmAgent": EVERYWHERE,
    "aws:configureDocker": ("Windows", "Linux"),
    "aws:runDockerAction": ("Windows", "Linux"),
    "aws:domainJoin": ("Windows", "Linux"),
    "aws:updateAgent": ("Windows",),
    "aws:applications": ("Windows",),
    "aws:psModule": ("Windows",),
    "aws:cloudWatch": ("Windows",),
}
"""The plugins of Command and Policy documents and where each runs (user guide, plugin reference)."""

_STEP_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-.: ]{0,127}")
_SECURE = re.compile(r"\{\{\s*ssm-secure:[^{}]*\}\}")
_LIST_INPUTS = {"aws:runShellScript": "runCommand", "aws:runPowerShellScript": "runCommand"}
_SECURE_INPUTS = frozenset({"sourceInfo"})


def check(content: dict[str, Any], version: str) -> None:
    """Refuse what is not a document of commands."""
    check_declared(content.get("parameters", {}), DECLARED_BY_COMMANDS)
    if version == "1.2":
        _check_runtime_config(content)
    else:
        _check_main_steps(content)


def steps(content: dict[str, Any]) -> list[tuple[str, str]]:
    """(step id, plugin) in order. The id is the step's name; in schema 1.2 it is the plugin's name."""
    if content.get("schemaVersion") == "1.2":
        return [(plugin, plugin) for plugin in content["runtimeConfig"]]
    return [(step["name"], step["action"]) for step in content["mainSteps"]]


def platforms(content: dict[str, Any]) -> list[str]:
    """Where the document can do anything: the union over its plugins, each where its precondition lets it."""
    settings = content["mainSteps"] if content.get("schemaVersion") != "1.2" else ({} for _ in steps(content))
    found: set[str] = set()
    for (_, plugin), step in zip(steps(content), settings, strict=False):
        only = _platform_of(step.get("precondition"))
        found.update(one for one in PLUGIN_PLATFORMS[plugin] if only in ("", one.lower()))
    if not found:
        # Preconditions that nothing meets are the nodes' affair: they skip the steps, and that is a success.
        found = {platform for _, plugin in steps(content) for platform in PLUGIN_PLATFORMS[plugin]}
    return [platform for platform in EVERYWHERE if platform in found]


def _platform_of(precondition: Any) -> str:
    """The platform that a precondition demands, in lower case; "" when it demands none."""
    arguments = precondition.get("StringEquals") if isinstance(precondition, dict) else None
    if not isinstance(arguments, list) or len(arguments) != 2 or "platformType" not in arguments:
        return ""
    other = arguments[1] if arguments[0] == "platformType" else arguments[0]
    return other.lower() if isinstance(other, str) else ""


def inputs(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The inputs of every step, in order: what a plugin is given before parameters are filled in."""
    if content.get("schemaVersion") != "1.2":
        return [step.get("inputs") or {} for step in content["mainSteps"]]
    found = []
    for plugin in content["runtimeConfig"].values():
        properties = plugin["properties"]
        found += properties if isinstance(properties, list) else [properties]
    return found


def _check_runtime_config(content: dict[str, Any]) -> None:
    config = content.get("runtimeConfig")
    if "mainSteps" in content:
        raise Refused("mainSteps: schema 1.2 has runtimeConfig instead")
    if not isinstance(config, dict) or not config:
        raise Refused("runtimeConfig: must be an object with at least one plugin")
    for plugin, settings in config.items():
        place = f"runtimeConfig.{plugin}"
        _check_plugin(place, plugin)
        if not isinstance(settings, dict):
            raise Refused(f"{place}: must be an object")
        properties = settings.get("properties")
        listed = properties if isinstance(properties, list) else [properties]
        if not listed or len(listed) > STEPS_MAX or not all(isinstance(one, dict) for one in listed):
            raise Refused(f"{place}.properties: must be an object, or a list of 1 to {STEPS_MAX} objects")
        for number, given in enumerate(listed):
            _check_inputs(f"{place}.properties[{number}]", plugin, given, content.get("parameters", {}))
        if "precondition" in settings:
            raise Refused(f"{place}.precondition: schema 1.2 has no preconditions")


def _check_main_steps(content: dict[str, Any]) -> None:
    listed = content.get("mainSteps")
    if "runtimeConfig" in content:
        raise Refused("runtimeConfig: schema 2.x has mainSteps instead")
    if not isinstance(listed, list) or not 0 < len(listed) <= STEPS_MAX:
        raise Refused(f"mainSteps: must be a list of 1 to {STEPS_MAX} steps")
    seen: set[str] = set()
    for number, step in enumerate(listed):
        place = f"mainSteps[{number}]"
        if not isinstance(step, dict):
            raise Refused(f"{place}: must be an object")
        _check_plugin(f"{place}.action", step.get("action"))
        name = step.get("name")
        if not isinstance(name, str) or not _STEP_NAME.fullmatch(name):
            raise Refused(f"{place}.name: must be a text of letters, digits, '_', '-', '.', ':' and spaces")
        if name in seen:
            raise Refused(f"{place}.name: {name} is already the name of an earlier step")
        seen.add(name)
        _check_step_members(place, step, is_last=number == len(listed) - 1)
        _check_inputs(
            f"{place}.inputs", step["action"], step.get("inputs") or {}, content.get("parameters", {})
        )


def _check_step_members(place: str, step: dict[str, Any], *, is_last: bool) -> None:
    given = step.get("inputs", {})
    if not isinstance(given, dict):
        raise Refused(f"{place}.inputs: must be an object")
    if not isinstance(step.get("precondition", {}), dict):
        raise Refused(f"{place}.precondition: must be an object")
    if given.get("finallyStep") in (True, "true") and not is_last:
        raise Refused(f"{place}.inputs.finallyStep: only the last step can be the final one")
    if given.get("onFailure") not in (None, "exit", "successAndExit"):
        raise Refused(f"{place}.inputs.onFailure: must be exit or successAndExit")
    if given.get("onSuccess") not in (None, "exit"):
        raise Refused(f"{place}.inputs.onSuccess: must be exit")


def _check_inputs(place: str, plugin: str, given: dict[str, Any], declared: dict[str, Any]) -> None:
    """What can be told before values are known: the kind of the script, and where secrets may stand."""
    member = _LIST_INPUTS.get(plugin)
    if member is not None and member in given:
        _check_script(f"{place}.{member}", given[member], declared)
    for name, value in given.items():
        allowed = plugin == "aws:downloadContent" and name in _SECURE_INPUTS
        if not allowed and any(_SECURE.search(text) for text in texts_of(value)):
            raise Refused(
                f"{place}.{name}: {{{{ssm-secure:…}}}} can stand in sourceInfo of aws:downloadContent only"
            )


def _check_script(place: str, script: Any, declared: dict[str, Any]) -> None:
    """The types of parameters must fit the input that they fill: a script is a list of lines, or a text."""
    whole = REFERENCE.fullmatch(script.strip()) if isinstance(script, str) else None
    if whole is not None:
        type_ = declared.get(whole["name"], {}).get("type", "StringList")
        if type_ not in ("String", "StringList"):
            raise Refused(f"{place}: the parameter {whole['name']} is a {type_}, which is not a script")
    elif isinstance(script, list):
        if not all(isinstance(line, str) for line in script):
            raise Refused(f"{place}: every line must be a text")
    elif not isinstance(script, str):
        raise Refused(f"{place}: must be a list of lines")


def texts_of(value: Any) -> list[str]:
    """Every text inside a value, however deep."""
    found: list[str] = []
    heap = [value]
    while heap:
        item = heap.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            heap.extend(item.values())
        elif isinstance(item, list):
            heap.extend(item)
    return found


def _check_plugin(place: str, plugin: Any) -> None:
    if not isinstance(plugin, str) or plugin not in PLUGIN_PLATFORMS:
        raise Refused(f"{place}: {str(plugin)[:80]!r} is not a plugin of this document type")
