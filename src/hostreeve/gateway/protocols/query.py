"""AWS query: parameters as a form, answers in XML. EC2's dialect of it is `ec2.py`."""

from typing import Any
from urllib.parse import parse_qsl

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import OperationModel, Service, Shape
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.protocols import errors, text_values, xml
from hostreeve.gateway.protocols.refusals import UnreadableError, refusal

DEEPEST = 40
MOST_PARAMETERS = 20_000
_UNKNOWN = "https://hostreeve.invalid/doc/"

Tree = dict[str, Any]
"""Parameters by the parts of their names; the value of a name itself is under the empty part."""


def read(operation: OperationModel, http: HttpRequest) -> dict[str, Any]:
    """The request of a form or query string."""
    shape = operation.input
    if shape is None:
        return {}
    tree = grown(parameters(http))
    return _structure(shape, tree)


def parameters(http: HttpRequest) -> list[tuple[str, str]]:
    """Name and value of every parameter, of the body and of the query string."""
    try:
        text = http.body.decode()
        pairs = http.query + "&" + text if http.query and text else http.query or text
        return parse_qsl(pairs, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise UnreadableError("The parameters are not valid UTF-8") from None
    except ValueError:
        raise UnreadableError(f"There are more than {MOST_PARAMETERS} parameters") from None


def grown(pairs: list[tuple[str, str]]) -> Tree:
    """The tree of dotted names."""
    root: Tree = {}
    for name, value in pairs:
        parts = name.split(".")
        if len(parts) > DEEPEST:
            raise UnreadableError("A parameter's name is nested too deeply")
        branch = root
        for part in parts:
            branch = branch.setdefault(part, {})
        branch[""] = value
    return root


def ordered(tree: Tree) -> list[Tree]:
    """The branches of a list, by their numbers; numbers may be missing."""
    numbered = []
    for part, branch in tree.items():
        if part == "":
            continue
        if not (part.isascii() and part.isdigit() and len(part) < 10):
            raise UnreadableError(f"{part[:64]} is not a list index")
        numbered.append((int(part), branch))
    return [branch for _, branch in sorted(numbered, key=lambda pair: pair[0])]


def _read(shape: Shape, tree: Tree) -> Any:
    match shape.type:
        case "structure":
            return _structure(shape, tree)
        case "list":
            below = (
                tree if shape.traits.get("flattened") else tree.get(shape.member.wire_name or "member", {})
            )
            return [_read(shape.member, branch) for branch in ordered(below)]
        case "map":
            return _map(shape, tree if shape.traits.get("flattened") else tree.get("entry", {}))
    return scalar(shape, tree)


def _structure(shape: Shape, tree: Tree) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        wire = member.wire_name or name
        if member.type == "list" and member.traits.get("flattened") and member.member.wire_name:
            wire = member.member.wire_name
        branch = tree.get(wire)
        if branch is not None:
            found[name] = _read(member, branch)
    return found


def _map(shape: Shape, tree: Tree) -> dict[str, Any]:
    found = {}
    for branch in ordered(tree):
        key = branch.get(shape.key.wire_name or "key", {}).get("")
        value = branch.get(shape.value.wire_name or "value")
        if key is None or value is None:
            raise UnreadableError("An entry of a map lacks its key or its value")
        found[key] = _read(shape.value, value)
    return found


def scalar(shape: Shape, tree: Tree) -> Any:
    """The value of a name that has nothing below it."""
    text = tree.get("")
    if text is None:
        raise UnreadableError("Unexpected complex element termination")
    return text_values.read(shape, text)


def write(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    name = operation.name
    out = [f"<{name}Response{xml.namespace(operation.service.metadata.get('xmlNamespace'))}>"]
    shape = operation.output
    if shape is not None:
        wrapper = shape.traits.get("resultWrapper", f"{name}Result")
        out.append(f"<{wrapper}>")
        xml.write_members(out, shape, result)
        out.append(f"</{wrapper}>")
    out.append(f"<ResponseMetadata><RequestId>{xml.escaped(request_id)}</RequestId></ResponseMetadata>")
    out.append(f"</{name}Response>")
    return HttpResponse(200, headers(request_id), xml.document(out))


def write_error(service: Service | None, error: AwsError, request_id: str) -> HttpResponse:
    if error.code == "AccessDeniedException":
        # The query services drop the ending and answer 403, where the JSON services answer 400.
        error = refusal("AccessDenied", 403)(error.message)
    space = service.metadata.get("xmlNamespace") if service else None
    out = [f"<ErrorResponse{xml.namespace(space or _UNKNOWN)}><Error>"]
    out.append(f"<Type>{'Sender' if errors.is_senders(error) else 'Receiver'}</Type>")
    out.append(error_members(service, error))
    out.append(f"</Error><RequestId>{xml.escaped(request_id)}</RequestId></ErrorResponse>")
    return HttpResponse(error.status, headers(request_id), xml.document(out))


def error_members(service: Service | None, error: AwsError) -> str:
    """Code, message and the further members of an error."""
    out = [f"<Code>{xml.escaped(error.code)}</Code><Message>{xml.escaped(error.message)}</Message>"]
    shape = errors.error_shape(service, error)
    if shape is not None:
        xml.write_members(out, shape, error.members)
    return "".join(out)


def headers(request_id: str) -> list[tuple[str, str]]:
    return [("content-type", "text/xml"), ("x-amzn-requestid", request_id)]
