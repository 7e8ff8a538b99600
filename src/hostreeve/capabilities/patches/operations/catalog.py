"""The patches that nodes reported: listed, described by their properties, judged by a baseline."""

from collections.abc import Callable, Mapping
from typing import Any

from hostreeve.api import paging
from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.patches.actions import changing, offering
from hostreeve.capabilities.patches.model import offer, systems
from hostreeve.capabilities.patches.model.judging import Deployment
from hostreeve.capabilities.patches.model.offer import Version
from hostreeve.capabilities.patches.operations.service import (
    PAGE,
    PAGE_MAX,
    baseline_arns,
    error,
    filters,
    next_page,
    ssm,
)
from hostreeve.capabilities.patches.store.offers import Entry

_PROPERTIES_AT_ONCE = 50
_WINDOWS_KEYS = ("PATCH_SET", "PRODUCT", "PRODUCT_FAMILY", "MSRC_SEVERITY", "CLASSIFICATION", "PATCH_ID")
_LINUX: Mapping[str, Callable[[Version], list[str]]] = {
    "NAME": lambda version: [version.name],
    "SEVERITY": lambda version: [version.severity],
    "EPOCH": lambda version: [version.epoch or "0"],
    "VERSION": lambda version: [version.version],
    "RELEASE": lambda version: [version.release],
    "ARCH": lambda version: [version.arch],
    "REPOSITORY": lambda version: [version.repository],
    "ADVISORY_ID": lambda version: version.advisories,
    "CVE_ID": lambda version: version.cves,
    "BUGZILLA_ID": lambda version: version.bugs,
    "CLASSIFICATION": lambda version: [version.classification],
    "PRIORITY": lambda version: [version.priority],
    "SECTION": lambda version: [version.section],
}


@ssm.reads("DescribeAvailablePatches", on=anything)
def describe_available_patches(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Of Linux by PRODUCT and more; without PRODUCT those of Windows, of which nobody reports any."""
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    asked = filters(request, tuple(dict.fromkeys((*_WINDOWS_KEYS, *_LINUX))))
    products = asked.get("PRODUCT")
    linux_only = [key for key in asked if key not in _WINDOWS_KEYS]
    if products is None and linux_only:
        raise error.ValidationException(
            f"The filter {linux_only[0]} is for Linux, and needs PRODUCT beside it."
        )
    wanted = {key: set(values) for key, values in asked.items() if key in _LINUX}
    which = {"system": systems.WINDOWS} if products is None else {"products": products}

    def passes(entry: Entry) -> bool:
        return all(values & set(_LINUX[key](entry.version)) for key, values in wanted.items())

    entries, token = offering.listed(call, page, which, passes)
    return {"Patches": [_described(entry) for entry in entries]} | next_page(token)


def _described(entry: Entry) -> dict[str, Any]:
    return offer.described(entry.version, entry.operating_system, entry.product)


@ssm.reads("DescribePatchProperties", on=anything)
def describe_patch_properties(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    system, member = request["OperatingSystem"], request["Property"]
    if member not in systems.PROPERTIES[system]:
        known = ", ".join(systems.PROPERTIES[system])
        raise error.ValidationException(f"Patches of {system} have no {member}: {known}.")
    if "PatchSet" in request and system != systems.WINDOWS:
        raise error.ValidationException(f"PatchSet is for WINDOWS only, not for {system}.")
    page = paging.read(request, maximum=_PROPERTIES_AT_ONCE)
    values = offering.properties(call, system, member) if request.get("PatchSet") != "APPLICATION" else []
    rows = [value for value in values if value > page.after]
    listed = [{"Name": value} for value in rows[: page.limit]]
    return {"Properties": listed} | next_page(page.token(rows, lambda value: value))


@ssm.reads("DescribeEffectivePatchesForPatchBaseline", on=baseline_arns)
def describe_effective_patches_for_patch_baseline(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Of every operating system, where AWS has this for Windows only."""
    page = paging.read(request, maximum=PAGE_MAX, default=PAGE)
    baseline = changing.found(call, request["BaselineId"])
    found, token = offering.effective(call, baseline, page)
    listed = [
        {
            "Patch": _described(one) if isinstance(one, Entry) else _named(one),
            "PatchStatus": _status(deployment),
        }
        for one, deployment in found
    ]
    return {"EffectivePatches": listed} | next_page(token)


def _named(name: str) -> dict[str, Any]:
    member = "MsrcNumber" if name.startswith("MS") else "KbNumber"
    return {"Id": name, "Title": name, member: name}


def _status(deployment: Deployment) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "DeploymentStatus": deployment.status,
        "ComplianceLevel": deployment.level,
    }
    if deployment.approval_ms is not None:
        shown["ApprovalDate"] = deployment.approval_ms / 1000
    return shown
