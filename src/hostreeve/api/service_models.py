"""AWS's service models as data: botocore's files, corrected and completed by ours in `models/`.

botocore itself is never imported by the server: only its data files are read (5 ms for ssm).
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

OURS = Path(__file__).parent / "models"


@dataclass(frozen=True, slots=True, eq=False)
class OperationModel:
    """One operation of a service, as its model describes it."""

    service: "Service"
    name: str
    http_method: str
    request_uri: str
    input_shape: str | None
    output_shape: str | None
    error_shapes: tuple[str, ...]
    traits: Mapping[str, Any] = field(repr=False)

    @property
    def input(self) -> "Shape | None":
        reference = self.traits.get("input")
        return self.service.shape(reference) if reference else None

    @property
    def output(self) -> "Shape | None":
        reference = self.traits.get("output")
        return self.service.shape(reference) if reference else None

    @property
    def is_stream(self) -> bool:
        """Whether its request or its answer is an event stream."""
        return any(shape is not None and shape.event_stream for shape in (self.input, self.output))

    @property
    def status(self) -> int:
        """The HTTP status of its success."""
        return int(self.traits.get("http", {}).get("responseCode", 200))


class Shape:
    """A shape as one place of the model refers to it: the traits of the reference win over the shape's own.

    There is one Shape per reference of the model, so that recursive shapes are loops and not endless trees.
    """

    def __init__(self, service: "Service", reference: Mapping[str, Any]) -> None:
        self.service = service
        self.name = str(reference["shape"])
        own = service.shapes[self.name]
        self.type = str(own["type"])
        self.own = own
        self.traits: Mapping[str, Any] = {**own, **reference}
        self.required = frozenset(own.get("required", ()))
        self.wire_name: str | None = self.traits.get("locationName")
        self.location: str | None = self.traits.get("location")

    @cached_property
    def members(self) -> Mapping[str, "Shape"]:
        """A structure's members by the model's names."""
        return {name: self.service.shape(m) for name, m in self.own.get("members", {}).items()}

    @cached_property
    def member(self) -> "Shape":
        """A list's element."""
        return self.service.shape(self.own["member"])

    @cached_property
    def key(self) -> "Shape":
        return self.service.shape(self.own["key"])

    @cached_property
    def value(self) -> "Shape":
        return self.service.shape(self.own["value"])

    @cached_property
    def payload(self) -> str | None:
        """The member that is the whole body, where the shape names one."""
        return self.traits.get("payload")

    @cached_property
    def located(self) -> tuple[tuple[str, "Shape", str], ...]:
        """Name, shape and wire name of the members that travel outside the body."""
        return tuple((n, m, m.wire_name or n) for n, m in self.members.items() if m.location)

    @property
    def is_union(self) -> bool:
        return bool(self.own.get("union"))

    @property
    def is_document(self) -> bool:
        """A free JSON value."""
        return bool(self.own.get("document"))

    @cached_property
    def event_stream(self) -> str | None:
        """The name of the member that is an event stream."""
        return next((n for n, m in self.members.items() if m.own.get("eventstream")), None)


class Service:
    """A service's protocol, shapes and operations, looked up by name.

    `shapes` holds the raw shape dictionaries of the model (botocore's format: `type`, `members`, `required`,
    `pattern`, …); a member is a reference `{"shape": name, "locationName": …}` into it.
    """

    def __init__(self, name: str, model: Mapping[str, Any]) -> None:
        self.name = name
        self.metadata: Mapping[str, Any] = model["metadata"]
        self.shapes: Mapping[str, Any] = model["shapes"]
        self._raw: Mapping[str, Any] = model["operations"]
        self._operations: dict[str, OperationModel] = {}
        self._shapes: dict[int, Shape] = {}

    def shape(self, reference: Mapping[str, Any]) -> Shape:
        """The shape that a reference of this model means."""
        # The model lives as long as the service, so a reference's identity is a safe key.
        found = self._shapes.get(id(reference))
        if found is None:
            found = self._shapes[id(reference)] = Shape(self, reference)
        return found

    @cached_property
    def errors(self) -> Mapping[str, Shape]:
        """The error shapes by code and by name."""
        found: dict[str, Shape] = {}
        for name, raw in self.shapes.items():
            if raw.get("exception"):
                shape = Shape(self, {"shape": name})
                found[name] = shape
                found.setdefault(str(raw.get("error", {}).get("code", name)), shape)
        return found

    @cached_property
    def protocols(self) -> list[str]:
        """The protocols clients may speak, the model's own preference first."""
        return list(self.metadata.get("protocols") or [self.metadata["protocol"]])

    @cached_property
    def signing_name(self) -> str:
        return str(self.metadata.get("signingName") or self.metadata["endpointPrefix"])

    @property
    def target_prefix(self) -> str | None:
        """The part of X-Amz-Target before the dot, where the service has one."""
        return self.metadata.get("targetPrefix")

    @property
    def operation_names(self) -> list[str]:
        return list(self._raw)

    def operation(self, name: str) -> OperationModel:
        """The named operation. KeyError when AWS has none of that name."""
        found = self._operations.get(name)
        if found is None:
            raw = self._raw[name]
            http = raw.get("http", {})
            found = self._operations[name] = OperationModel(
                service=self,
                name=name,
                http_method=http.get("method", "POST"),
                request_uri=http.get("requestUri", "/"),
                input_shape=raw.get("input", {}).get("shape"),
                output_shape=raw.get("output", {}).get("shape"),
                error_shapes=tuple(e["shape"] for e in raw.get("errors", ())),
                traits=raw,
            )
        return found


@cache
def service(name: str) -> Service:
    """The model of a service by botocore's name for it (`ssm`, `iam`, …) or ours (`ec2messages`).
    LookupError if none."""
    ours = OURS / f"{name}.json"
    additions = msgspec.json.decode(ours.read_bytes()) if ours.exists() else {}
    theirs = _botocore_model(name)
    if theirs is None and not additions:
        raise LookupError(f"there is no service model named {name}")
    return Service(name, _merged(theirs or {}, additions))


def _botocore_model(name: str) -> dict[str, Any] | None:
    spec = find_spec("botocore")
    assert spec is not None and spec.submodule_search_locations, "botocore's data files are not installed"
    versions = sorted((Path(spec.submodule_search_locations[0]) / "data" / name).glob("*/service-2.json.gz"))
    return msgspec.json.decode(gzip.decompress(versions[-1].read_bytes())) if versions else None


def _merged(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Our file adds to or replaces single operations, shapes and metadata entries of theirs."""
    return {
        part: {**theirs.get(part, {}), **ours.get(part, {})} for part in ("metadata", "operations", "shapes")
    }
