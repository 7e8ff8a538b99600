"""The way of calls that a part of the house makes for somebody: no bytes, but the same operations, the same
leave and the same record as for calls from outside."""

import re
from typing import Any, Protocol

from hostreeve.api.call import Principal
from hostreeve.api.errors import common
from hostreeve.api.operations import Operation
from hostreeve.api.service_models import OperationModel, Service, service
from hostreeve.gateway import loose_values
from hostreeve.persistence.database import Transaction

_SAME = {"elasticloadbalancingv2": "elbv2", "cloudwatchlogs": "logs"}
"""Names that AWS has for a service beside the one that its models have."""


class Ways(Protocol):
    """What is asked of the pipeline."""

    def within(
        self, tx: Transaction, who: Principal, region: str, operation: Operation, request: dict[str, Any]
    ) -> dict[str, Any]: ...

    def operation(self, service_name: str, name: str) -> Operation | None: ...


class Within:
    """`within.call(tx, who, region, "ssm", "GetParameter", {"Name": "x"})` answers as JSON, or raises."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways

    def call(
        self,
        tx: Transaction,
        who: Principal,
        region: str,
        service_name: str,
        api: str,
        *,
        given: dict[str, Any],
    ) -> dict[str, Any]:
        """The answer by the model's names, times as ISO 8601, bytes as Base64.

        AwsError: that of the operation, ValidationException for a service, an operation or members that AWS
        has not, NotImplemented for what is not here.
        """
        model = named(service_name, api)
        operation = self._ways.operation(model.service.name, model.name)
        if operation is None:
            raise common.NotImplemented(
                f"{model.name} of the service {model.service.name}, which this step needs, is not available "
                "in this version; docs/reference/coverage.md lists what there is."
            )
        if operation.prepares or operation.waits or _is_streamed(model):
            raise common.NotImplemented(
                f"{model.name} of the service {model.service.name} cannot be called from here: it moves a "
                "stream, waits, or works outside the database."
            )
        stray = loose_values.unknown(model, given)
        if stray:
            raise common.ValidationException(f"{model.name} has no parameter {stray[0][:100]}.")
        request = loose_values.read(model, given)
        answer = self._ways.within(tx, who, region, operation, request)
        return loose_values.written(model, answer)


def named(service_name: str, api: str) -> OperationModel:
    """An operation as runbooks name it: `DescribeInstances`, `describeInstances` or `describe_instances`."""
    model = _service(service_name)
    wanted = _plain(api)
    found = next((name for name in model.operation_names if _plain(name) == wanted), None)
    if found is None:
        raise common.ValidationException(f"The service {model.name} has no API {api[:100]}.")
    return model.operation(found)


def _service(name: str) -> Service:
    wanted = name.lower()
    wanted = _SAME.get(wanted, wanted)
    try:
        if re.fullmatch(r"[a-z0-9.-]{2,64}", wanted) is None:
            raise LookupError(wanted)
        return service(wanted)
    except LookupError:
        raise common.ValidationException(f"There is no service {name[:64]}.") from None


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _is_streamed(model: OperationModel) -> bool:
    """Whether bytes of any length travel: S3's objects, for one."""
    if model.is_stream:
        return True
    for shape in (model.input, model.output):
        held = shape.members[shape.payload] if shape is not None and shape.payload else None
        if held is not None and (held.type == "blob" or held.traits.get("streaming")):
            return True
    return False
