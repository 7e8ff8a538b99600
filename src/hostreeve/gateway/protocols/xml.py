"""XML: a small strict parser, and the writing and reading of shapes that the XML protocols share."""

import re
from typing import Any
from xml.parsers import expat

from hostreeve.api.service_models import Shape
from hostreeve.gateway.protocols import text_values
from hostreeve.gateway.protocols.refusals import UnreadableError

DEEPEST = 100
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;"}
_ESCAPED = re.compile('[&<>"\r]')


class Element:
    """An element: local name, attributes as written, children, and its text."""

    __slots__ = ("attributes", "children", "name", "parts")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        # Text comes in pieces between the children; adding them up one by one would copy them each time.
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def named(self, name: str) -> "list[Element]":
        return [child for child in self.children if child.name == name]


def parse(body: bytes) -> Element:
    """The root of a document. A document type is refused: entities are how small bodies become large ones."""
    root = Element("", {})
    stack = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > DEEPEST:
            raise UnreadableError("The XML is nested too deeply")
        element = Element(name.rpartition(":")[2], attributes)
        stack[-1].children.append(element)
        stack.append(element)

    def end(name: str) -> None:
        stack.pop()

    def text(content: str) -> None:
        stack[-1].parts.append(content)

    def refuse(*_: Any) -> None:
        raise UnreadableError("The XML declares a document type")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise UnreadableError(
            "The XML you provided was not well-formed or did not validate against our published schema"
        ) from None
    return root.children[0]


def read(shape: Shape, element: Element) -> Any:
    """The value of an element."""
    match shape.type:
        case "structure":
            return _read_structure(shape, element)
        case "list":
            wanted = shape.member.wire_name or "member"
            return [read(shape.member, e) for e in element.children if e.name == wanted]
        case "map":
            return _read_map(shape, element.named("entry"))
    return text_values.read(shape, element.text)


def _read_structure(shape: Shape, element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        wire = member.wire_name or name
        if member.traits.get("xmlAttribute"):
            if wire in element.attributes:
                found[name] = element.attributes[wire]
            continue
        if member.location:
            continue
        if member.traits.get("flattened") and member.type == "list":
            elements = element.named(wire) or element.named(member.member.wire_name or wire)
            if elements:
                found[name] = [read(member.member, e) for e in elements]
            continue
        elements = element.named(wire)
        if elements and member.traits.get("flattened"):
            found[name] = _read_map(member, elements)
        elif elements:
            found[name] = read(member, elements[0])
    return found


def _read_map(shape: Shape, entries: list[Element]) -> dict[str, Any]:
    found = {}
    for entry in entries:
        keys, values = (
            entry.named(shape.key.wire_name or "key"),
            entry.named(shape.value.wire_name or "value"),
        )
        if not keys or not values:
            raise UnreadableError("An entry of a map lacks its key or its value in the XML")
        found[keys[0].text] = read(shape.value, values[0])
    return found


def write(out: list[str], shape: Shape, name: str, value: Any) -> None:
    """Append an element named `name` (several, for a flattened list) that holds the value."""
    if value is None:
        return
    match shape.type:
        case "structure":
            out.append(f"<{name}{_attributes(shape, value)}>")
            write_members(out, shape, value)
            out.append(f"</{name}>")
        case "list":
            _write_list(out, shape, name, value)
        case "map":
            _write_map(out, shape, name, value)
        case _:
            out.append(f"<{name}>{escaped(text_values.write(shape, value, 'iso8601'))}</{name}>")


def write_members(out: list[str], shape: Shape, value: dict[str, Any]) -> None:
    """Append a structure's members, leaving out those that travel elsewhere."""
    for member_name, item in value.items():
        member = shape.members.get(member_name)
        if member is not None and not member.location and not member.traits.get("xmlAttribute"):
            write(out, member, member.wire_name or member_name, item)


def _write_list(out: list[str], shape: Shape, name: str, value: list[Any]) -> None:
    member = shape.member
    if shape.traits.get("flattened"):
        for item in value:
            write(out, member, member.wire_name or name, item)
        return
    out.append(f"<{name}>")
    for item in value:
        write(out, member, member.wire_name or "member", item)
    out.append(f"</{name}>")


def _write_map(out: list[str], shape: Shape, name: str, value: dict[str, Any]) -> None:
    flat = shape.traits.get("flattened")
    entry = name if flat else "entry"
    out.append("" if flat else f"<{name}>")
    for key, item in value.items():
        out.append(f"<{entry}>")
        write(out, shape.key, shape.key.wire_name or "key", key)
        write(out, shape.value, shape.value.wire_name or "value", item)
        out.append(f"</{entry}>")
    out.append("" if flat else f"</{name}>")


def _attributes(shape: Shape, value: dict[str, Any]) -> str:
    out = namespace(shape.traits.get("xmlNamespace"))
    for name, member in shape.members.items():
        if member.traits.get("xmlAttribute") and value.get(name) is not None:
            out += f' {member.wire_name or name}="{escaped(str(value[name]))}"'
    return out


def namespace(trait: Any) -> str:
    """The attribute that declares a namespace, from the model's string or dictionary."""
    if not trait:
        return ""
    if isinstance(trait, str):
        return f' xmlns="{trait}"'
    prefix = f":{trait['prefix']}" if trait.get("prefix") else ""
    return f' xmlns{prefix}="{trait["uri"]}"'


def escaped(text: str) -> str:
    """Text for an element or attribute; what XML cannot carry at all becomes U+FFFD."""
    if _ESCAPED.search(text):
        text = _ESCAPED.sub(lambda m: _ESCAPES[m[0]], text)
    return _FORBIDDEN.sub("\ufffd", text) if _FORBIDDEN.search(text) else text


def document(parts: list[str]) -> bytes:
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(parts)).encode()
