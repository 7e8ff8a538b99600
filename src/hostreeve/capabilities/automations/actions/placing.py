"""TargetLocations as they are asked for: what could never be carried out is refused when it is asked."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import documents
from hostreeve.capabilities.automations.actions import targeting
from hostreeve.capabilities.automations.model import locations
from hostreeve.capabilities.automations.model.execution import AUTO, Asked
from hostreeve.platform import compute, settings

error = ServiceErrors(service("ssm"))

NO_ALARMS = "{} needs the service CloudWatch, which this version does not have yet."
NO_URL = (
    "TargetLocationsURL is not available in this version, which reads no pre-signed addresses of S3; give "
    "up to 100 entries as TargetLocations, each of up to 50 accounts or units and 50 Regions."
)
SHARED = settings.Setting("/ssm/automation/require-shared-runbooks", ("False", "True"), "False")
"""Whether a runbook must be shared with each account in which it is to run, as on AWS."""


class Carried(Struct, frozen=True, kw_only=True):
    """A runbook that an execution brings along to another account or Region, whatever is there."""

    name: str
    arn: str
    version: int
    body: str
    parameters: dict[str, Any]
    target_type: str | None = None


Document = documents.DocumentVersion | Carried


def check_doors(request: Mapping[str, Any]) -> None:
    """InvalidAutomationExecutionParametersException for what is a door yet."""
    wrong = error.InvalidAutomationExecutionParametersException
    if request.get("TargetLocationsURL"):
        raise wrong(NO_URL)
    if request.get("AlarmConfiguration"):
        # A safety gate that does nothing would be worse than none.
        raise wrong(NO_ALARMS.format("AlarmConfiguration"))
    for number, entry in enumerate(request.get("TargetLocations") or []):
        if entry.get("TargetLocationAlarmConfiguration"):
            raise wrong(NO_ALARMS.format(f"TargetLocations[{number}].TargetLocationAlarmConfiguration"))


def check(asked: Asked) -> None:
    """InvalidAutomationExecutionParametersException for entries that mean no location."""
    if asked.mode != AUTO:
        raise error.InvalidAutomationExecutionParametersException(
            "Mode Interactive does not go with TargetLocations."
        )
    for number, entry in enumerate(asked.locations):
        why = wrong_in(entry)
        if why:
            raise error.InvalidAutomationExecutionParametersException(f"TargetLocations[{number}]: {why}")


def targeted(asked: Asked) -> Iterator[Asked]:
    """What is asked for in each entry, where that is one execution per target."""
    for entry in asked.locations:
        each = replace(asked, targets=list(entry.get("Targets") or asked.targets))
        if each.targets or each.target_maps:
            if each.targets:
                targeting.check(each.targets)
            yield each


def wrong_in(entry: Mapping[str, Any]) -> str:
    """Why an entry means no place; "" when it does."""
    if not entry.get("Accounts") or not entry.get("Regions"):
        return "Accounts and Regions are both needed."
    for name in entry["Accounts"]:
        if not locations.ACCOUNT.fullmatch(name) and not locations.UNIT.fullmatch(name):
            return f"{name[:68]!r} is neither an account of 12 digits nor the id of an organizational unit."
    served = compute.served()
    for name in entry["Regions"]:
        if name not in served:
            return f"this server does not serve the Region {name[:40]!r}."
    return ""
