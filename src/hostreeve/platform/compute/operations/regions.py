"""The Regions that are served here."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform.compute.actions import regions
from hostreeve.platform.compute.model import filters as model
from hostreeve.platform.compute.operations.service import dry_run, ec2, error

OPTED = "opt-in-not-required"


@ec2.reads("DescribeRegions", on=anything)
def describe_regions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """All of them answer at the address that the caller used."""
    dry_run(request)
    named = request.get("RegionNames")
    unknown = sorted(set(named or ()) - regions.served())
    if unknown:
        raise error.InvalidParameterValue(f"Invalid region names provided: {', '.join(unknown)[:200]}")
    filters = model.read(request.get("Filters", []))
    shown = [
        {"RegionName": name, "Endpoint": call.host, "OptInStatus": OPTED}
        for name in sorted(named or regions.served())
    ]
    return {"Regions": [region for region in shown if _passes(region, filters)]}


def _passes(region: dict[str, str], filters: list[tuple[str, list[str]]]) -> bool:
    members = {"region-name": "RegionName", "endpoint": "Endpoint", "opt-in-status": "OptInStatus"}
    for name, values in filters:
        if name not in members:
            raise error.InvalidParameterValue(f"The filter '{name[:100]}' is invalid")
        if not model.fits(region[members[name]], values):
            return False
    return True
