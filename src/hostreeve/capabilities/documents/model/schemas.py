"""What a document's content must look like, by type and schema version; wrong ones are told where and why."""

import re
from collections.abc import Callable
from typing import Any

from hostreeve.capabilities.documents.model.content import Refused
from hostreeve.capabilities.documents.model.limits import STEPS_MAX
from hostreeve.capabilities.documents.model.parameters import check_declared

PLUGIN_PLATFORMS = {
    "aws:runShellScript": ("Linux", "MacOS"),
    "aws:runPowerShellScript": ("Windows", "Linux", "MacOS"),
    "aws:runDocument": ("Windows", "Linux", "MacOS"),
    "aws:downloadContent": ("Windows", "Linux", "MacOS"),
    "aws:configurePackage": ("Windows", "Linux", "MacOS"),
    "aws:softwareInventory": ("Windows", "Linux", "MacOS"),
    "aws:refreshAssociation": ("Windows", "Linux", "MacOS"),
    "aws:updateSsmAgent": ("Windows", "Linux", "MacOS"),
    "aws:configureDocker": ("Windows", "Linux"),
    "aws:runDockerAction": ("Windows", "Linux"),
    "aws:domainJoin": ("Windows", "Linux"),
    "aws:updateAgent": ("Windows",),
    "aws:applications": ("Windows",),
    "aws:psModule": ("Windows",),
    "aws:cloudWatch": ("Windows",),
}
"""The plugins of Command and Policy documents and where each runs (user guide, plugin reference)."""

PLATFORMS = ("Windows", "Linux", "MacOS")
SCHEMAS = {"Command": ("1.2", "2.0", "2.2"), "Policy": ("2.0", "2.2")}
"""Document types that can be created today, with the schema versions of each."""

_STEP_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-.: ]{0,127}")


class SchemaRefused(Refused):
    """The schema version is not one that this document type has."""


def check(document_type: str, content: Any) -> str:
    """The schema version of a well-formed document. Refused otherwise."""
    if not isinstance(content, dict):
        raise Refused("the document must be an object")
    version = content.get("schemaVersion")
    if not isinstance(version, str):
        raise Refused('schemaVersion: must be a text, such as "2.2"')
    if version not in SCHEMAS[document_type]:
        known = ", ".join(SCHEMAS[document_type])
        raise SchemaRefused(f"schemaVersion: {document_type} documents have {known}, not {version[:20]}")
    _check_text("description", content.get("description"))
    check_declared(content.get("parameters", {}))
    body: Callable[[Any], None] = _check_runtime_config if version == "1.2" else _check_main_steps
    body(content)
    return version


def steps(content: dict[str, Any]) -> list[tuple[str, str]]:
    """(step id, plugin) in order. The id is the step's name; in schema 1.2 it is the plugin's name."""
    if content.get("schemaVersion") == "1.2":
        return [(plugin, plugin) for plugin in content["runtimeConfig"]]
    return [(step["name"], step["action"]) for step in content["mainSteps"]]


def platforms(content: dict[str, Any]) -> list[str]:
    """Where the document can do anything: the union over its plugins."""
    found = {platform for _, plugin in steps(content) for platform in PLUGIN_PLATFORMS[plugin]}
    return [platform for platform in PLATFORMS if platform in found]


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


def _check_plugin(place: str, plugin: Any) -> None:
    if not isinstance(plugin, str) or plugin not in PLUGIN_PLATFORMS:
        raise Refused(f"{place}: {str(plugin)[:80]!r} is not a plugin of this document type")


def _check_text(place: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise Refused(f"{place}: must be a text")
