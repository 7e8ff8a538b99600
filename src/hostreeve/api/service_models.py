"""AWS's service models as data: botocore's files, corrected and completed by ours in `models/`.

botocore itself is never imported by the server: only its data files are read (5 ms for ssm).
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
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

    @property
    def protocols(self) -> list[str]:
        """The protocols clients may speak, the model's own preference first."""
        return list(self.metadata.get("protocols") or [self.metadata["protocol"]])

    @property
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
    """The model of a service by botocore's name for it (`ssm`, `iam`, …) or ours (`ec2messages`). LookupError if none."""
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
