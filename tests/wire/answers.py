"""Whether an answer is one that the model describes: for the tests of operations."""

from hostreeve.api.service_models import OperationModel, Shape

KINDS = {
    "string": str,
    "character": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
    "blob": bytes,
}


def faults(operation: OperationModel, answer) -> list[str]:
    """Members that the model does not know, and values of other types; empty for a good answer."""
    if operation.output is None:
        return [] if not answer else [f"{operation.name} answers nothing"]
    return list(_faults(operation.output, answer, operation.name))


def _faults(shape: Shape, value, path: str):
    if value is None or shape.is_document:
        return
    match shape.type:
        case "structure":
            yield from _structure(shape, value, path)
        case "list":
            if not isinstance(value, list | tuple):
                yield f"{path} is not a list"
                return
            for index, item in enumerate(value):
                yield from _faults(shape.member, item, f"{path}[{index}]")
        case "map":
            if not isinstance(value, dict):
                yield f"{path} is not a map"
                return
            for key, item in value.items():
                yield from _faults(shape.key, key, f"{path}.{key}")
                yield from _faults(shape.value, item, f"{path}.{key}")
        case kind:
            wrong = not isinstance(value, KINDS[kind]) or (kind != "boolean" and isinstance(value, bool))
            if wrong:
                yield f"{path} is a {type(value).__name__} and should be a {kind}"


def _structure(shape: Shape, value, path: str):
    if not isinstance(value, dict):
        yield f"{path} is not a structure"
        return
    for name, item in value.items():
        if name not in shape.members:
            yield f"{path} has no member {name}"
        else:
            yield from _faults(shape.members[name], item, f"{path}.{name}")
