"""EC2's filters: values with wildcards, any of which may fit; all filters must."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from hostreeve.platform.compute.model.instance import CODES, Instance

VALUES_MAX = 200
WILD = re.compile(r"[*?\\]")
Tags = Mapping[str, str]

ATTRIBUTES: Mapping[str, Callable[[Instance], str]] = {
    "architecture": lambda each: each.architecture,
    "availability-zone": lambda each: each.zone,
    "instance-id": lambda each: each.instance_id,
    "instance-state-code": lambda each: str(CODES[each.state]),
    "instance-state-name": lambda each: each.state,
    "instance-type": lambda each: each.instance_type,
    "launch-time": lambda each: _iso(each.launched_ms),
    "owner-id": lambda each: each.account,
    "platform": lambda each: "windows" if each.is_windows else "",
    "platform-details": lambda each: "Windows" if each.is_windows else "Linux/UNIX",
    "private-dns-name": lambda each: each.private_dns,
    "private-ip-address": lambda each: each.private_ip,
    "reservation-id": lambda each: each.reservation_id,
    "tenancy": lambda each: "host",
}
"""Of DescribeInstances: what instances here have."""

WITHOUT = frozenset(
    {
        "affinity",
        "block-device-mapping.attach-time",
        "block-device-mapping.delete-on-termination",
        "block-device-mapping.device-name",
        "block-device-mapping.status",
        "block-device-mapping.volume-id",
        "boot-mode",
        "capacity-reservation-id",
        "client-token",
        "current-instance-boot-mode",
        "dns-name",
        "ebs-optimized",
        "ena-support",
        "enclave-options.enabled",
        "hibernation-options.configured",
        "host-id",
        "hypervisor",
        "iam-instance-profile.arn",
        "iam-instance-profile.id",
        "iam-instance-profile.name",
        "image-id",
        "instance-lifecycle",
        "instance.group-id",
        "instance.group-name",
        "ip-address",
        "ipv6-address",
        "kernel-id",
        "key-name",
        "launch-index",
        "metadata-options.http-tokens",
        "monitoring-state",
        "network-interface.subnet-id",
        "network-interface.vpc-id",
        "outpost-arn",
        "placement-group-name",
        "product-code",
        "ramdisk-id",
        "reason",
        "requester-id",
        "root-device-name",
        "root-device-type",
        "source-dest-check",
        "spot-instance-request-id",
        "state-reason-code",
        "state-transition-reason",
        "subnet-id",
        "virtualization-type",
        "vpc-id",
    }
)
"""Filters of EC2 for what no instance here has: they find nothing."""


def knows(name: str) -> bool:
    """Whether EC2 has such a filter of instances."""
    return (
        name in ATTRIBUTES or name in WITHOUT or name in ("tag-key", "tag-value") or name.startswith("tag:")
    )


def passes(instance: Instance, tags: Tags, name: str, values: Sequence[str]) -> bool:
    """Whether an instance passes one filter."""
    if name in ATTRIBUTES:
        return fits(ATTRIBUTES[name](instance), values)
    if name == "tag-key":
        return any(fits(key, values) for key in tags)
    if name == "tag-value":
        return any(fits(value, values) for value in tags.values())
    key = name.removeprefix("tag:")
    return name.startswith("tag:") and key in tags and fits(tags[key], values)


def fits(text: str, values: Sequence[str]) -> bool:
    """Whether one of the values, each a pattern, is this text."""
    return any(_pattern(value).fullmatch(text) for value in values)


def is_exact(values: Sequence[str]) -> bool:
    """Whether none of the values is more than a text."""
    return not any(WILD.search(value) for value in values)


@lru_cache(maxsize=1024)
def _pattern(value: str) -> re.Pattern[str]:
    """`*` is any text, `?` any character, and a backslash takes what follows as it is."""
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    return re.compile("".join(map(_translated, parts)), re.DOTALL)


def _translated(part: str) -> str:
    return {"*": ".*", "?": "."}.get(part) or re.escape(part[-1])


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def read(given: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """A request's filters: names with their values."""
    return [(str(each.get("Name", "")), list(each.get("Values", []))) for each in given]
