"""EC2's dialect of AWS query: capital names, lists without their own level, another frame around answers."""

from typing import Any

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import OperationModel, Service, Shape
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.protocols import query, xml
from hostreeve.gateway.protocols.refusals import UnreadableError, refusal


def read(operation: OperationModel, http: HttpRequest) -> dict[str, Any]:
    if operation.input is None:
        return {}
    return _structure(operation.input, query.grown(query.parameters(http)))


def _read(shape: Shape, tree: query.Tree) -> Any:
    match shape.type:
        case "structure":
            return _structure(shape, tree)
        case "list":
            return [_read(shape.member, branch) for branch in query.ordered(tree)]
        case "map":
            raise UnreadableError("EC2 knows no maps")
    return query.scalar(shape, tree)


def _structure(shape: Shape, tree: query.Tree) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        branch = tree.get(_wire_name(name, member))
        if branch is not None:
            found[name] = _read(member, branch)
    return found


def _wire_name(name: str, member: Shape) -> str:
    given = member.traits.get("queryName")
    if given:
        return str(given)
    wire = member.wire_name
    return wire[:1].upper() + wire[1:] if wire else name


def write(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    name = operation.name
    space = str(operation.service.metadata.get("xmlNamespace", "")).rstrip("/") + "/"
    out = [f"<{name}Response{xml.namespace(space)}><requestId>{xml.escaped(request_id)}</requestId>"]
    if operation.output is not None:
        xml.write_members(out, operation.output, result)
    out.append(f"</{name}Response>")
    return HttpResponse(200, query.headers(request_id), xml.document(out))


def write_error(service: Service | None, error: AwsError, request_id: str) -> HttpResponse:
    if error.code == "AccessDeniedException":
        error = refusal("UnauthorizedOperation", 403)(
            f"You are not authorized to perform this operation. {error.message}"
        )
    out = [
        f"<Response><Errors><Error>{query.error_members(service, error)}</Error></Errors>",
        f"<RequestID>{xml.escaped(request_id)}</RequestID></Response>",
    ]
    return HttpResponse(error.status, query.headers(request_id), xml.document(out))
