"""The content of Session documents (schema 1.0): preferences of sessions, or what a session may do."""

from typing import Any

from hostreeve.capabilities.documents.model import places
from hostreeve.capabilities.documents.model.content import Refused
from hostreeve.capabilities.documents.model.parameters import DECLARED_BY_COMMANDS, check_declared

TYPES = frozenset({"Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"})
PREFERENCES = frozenset(
    {
        "s3BucketName",
        "s3KeyPrefix",
        "s3EncryptionEnabled",
        "cloudWatchLogGroupName",
        "cloudWatchEncryptionEnabled",
        "cloudWatchStreamingEnabled",
        "kmsKeyId",
        "runAsEnabled",
        "runAsDefaultUser",
        "idleSessionTimeout",
        "maxSessionDuration",
        "shellProfile",
    }
)
_FLAGS = (
    "s3EncryptionEnabled",
    "cloudWatchEncryptionEnabled",
    "cloudWatchStreamingEnabled",
    "runAsEnabled",
)
_MINUTES = {"idleSessionTimeout": 60, "maxSessionDuration": 1440}
_SYSTEMS = ("linux", "macos", "windows")
_PORT_MEMBERS = frozenset({"portNumber", "localPortNumber", "host", "type"})
_MEMBERS = frozenset({"schemaVersion", "description", "sessionType", "inputs", "parameters", "properties"})


def check(content: dict[str, Any], _version: str) -> None:
    """Refuse what is not a session document."""
    places.known_members("", content, _MEMBERS)
    check_declared(content.get("parameters", {}), DECLARED_BY_COMMANDS)
    session_type = places.one_of("sessionType", content.get("sessionType"), TYPES)
    _check_preferences(places.an_object("inputs", content.get("inputs") or {}))
    properties = content.get("properties")
    if session_type == "Port":
        _check_port(places.an_object("properties", properties))
    elif session_type != "Standard_Stream":
        _check_commands(places.an_object("properties", properties))


def _check_preferences(given: dict[str, Any]) -> None:
    places.known_members("inputs", given, PREFERENCES)
    for name, value in given.items():
        place = f"inputs.{name}"
        if name in _FLAGS:
            places.a_flag(place, value)
        elif name in _MINUTES:
            if value != "":
                places.a_number(place, value, 1, _MINUTES[name])
        elif name == "shellProfile":
            places.known_members(place, places.an_object(place, value), _SYSTEMS)
            for system, lines in value.items():
                places.a_text(f"{place}.{system}", lines)
        else:
            places.a_text(place, value)
    if given.get("runAsDefaultUser") == "root":
        raise Refused("inputs.runAsDefaultUser: sessions do not run as root")


def _check_port(properties: dict[str, Any]) -> None:
    places.known_members("properties", properties, _PORT_MEMBERS)
    places.required("properties", properties, ("portNumber",))
    for name in ("portNumber", "localPortNumber"):
        if name in properties:
            places.a_number(f"properties.{name}", properties[name], 0, 65535)
    places.a_text_if_any("properties.host", properties.get("host"))
    if "type" in properties:
        places.one_of("properties.type", properties["type"], ("LocalPortForwarding",))


def _check_commands(properties: dict[str, Any]) -> None:
    places.known_members("properties", properties, _SYSTEMS)
    if not properties:
        raise Refused("properties: must have commands for linux, macos or windows")
    for system, commands in properties.items():
        place = f"properties.{system}"
        places.known_members(place, places.an_object(place, commands), ("commands", "runAsElevated"))
        places.required(place, commands, ("commands",))
        places.a_text(f"{place}.commands", commands["commands"])
        if "runAsElevated" in commands:
            places.a_flag(f"{place}.runAsElevated", commands["runAsElevated"])
