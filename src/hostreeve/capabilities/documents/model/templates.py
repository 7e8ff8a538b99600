"""The content of documents that other services read: stacks, conformance packs, configurations, set-ups."""

from typing import Any

from hostreeve.capabilities.documents.model import places
from hostreeve.capabilities.documents.model.content import Refused

RESOURCES_MAX = 500
_TEMPLATE = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Transform",
        "Resources",
        "Outputs",
        "Hooks",
    }
)
_SCHEMA_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


def check_stack(content: dict[str, Any]) -> None:
    """A CloudFormation template."""
    places.known_members("", content, _TEMPLATE)
    version = content.get("AWSTemplateFormatVersion", "2010-09-09")
    if version != "2010-09-09":
        raise Refused("AWSTemplateFormatVersion: must be 2010-09-09")
    places.a_text_if_any("Description", content.get("Description"))
    resources = places.an_object("Resources", content.get("Resources"))
    if not 0 < len(resources) <= RESOURCES_MAX:
        raise Refused(f"Resources: must be 1 to {RESOURCES_MAX}")
    for name, resource in resources.items():
        place = f"Resources.{name}"
        places.a_text(f"{place}: the logical id", name, "[A-Za-z0-9]{1,255}")
        places.required(place, places.an_object(place, resource), ("Type",))
        places.a_text(f"{place}.Type", resource["Type"], r"[A-Za-z0-9]+(::[A-Za-z0-9]+)+")
    for name, parameter in places.an_object("Parameters", content.get("Parameters", {})).items():
        place = f"Parameters.{name}"
        places.required(place, places.an_object(place, parameter), ("Type",))


def check_conformance_pack(content: dict[str, Any]) -> None:
    """A conformance pack: a template of rules of AWS Config and of nothing else."""
    check_stack(content)
    for name, resource in content["Resources"].items():
        if not resource["Type"].startswith("AWS::Config::"):
            raise Refused(f"Resources.{name}.Type: a conformance pack has AWS::Config resources only")


def check_configuration_schema(content: dict[str, Any]) -> None:
    """A JSON Schema, by its own frame; configurations are held against it when they are deployed."""
    heap: list[tuple[str, Any]] = [("", content)]
    while heap:
        place, schema = heap.pop()
        if isinstance(schema, bool):
            continue
        members = places.an_object(place or "the schema", schema)
        _check_type(place, members.get("type"))
        here = f"{place}." if place else ""
        for name, inner in places.an_object(f"{here}properties", members.get("properties", {})).items():
            heap.append((f"{here}properties.{name}", inner))
        for word in ("items", "additionalProperties", "not"):
            if isinstance(members.get(word), dict):
                heap.append((f"{here}{word}", members[word]))
        for word in ("allOf", "anyOf", "oneOf"):
            if word in members:
                listed = places.a_list(f"{here}{word}", members[word], most=1000)
                heap.extend((f"{here}{word}[{number}]", inner) for number, inner in enumerate(listed))


def _check_type(place: str, type_: Any) -> None:
    if type_ is None:
        return
    for one in type_ if isinstance(type_, list) else [type_]:
        places.one_of(f"{place + '.' if place else ''}type", one, _SCHEMA_TYPES)


def check_nothing(content: Any) -> None:
    """Types whose inner form AWS does not publish, or that are free: well-formed is enough."""
