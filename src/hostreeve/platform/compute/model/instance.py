"""An EC2 instance: a machine that enrolled as one, what is known of it, and what AWS callers are shown."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World

RUNNING, TERMINATED = "running", "terminated"
CODES = {
    "pending": 0,
    RUNNING: 16,
    "shutting-down": 32,
    TERMINATED: 48,
    "stopping": 64,
    "stopped": 80,
}
"""EC2's numbers of the states."""

LINGERS_MS = 3_600_000
"""How long a terminated instance is still shown."""

ADOPTED_TYPE = "adopted.metal"
"""The instance type of a machine that nobody launched here."""

ARCHITECTURES = ("x86_64", "arm64", "i386")
_ID = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")


class Instance(Struct, frozen=True, kw_only=True):
    """An instance as stored. `role` is the name of the role that it acts as; texts may be empty."""

    account: str
    region: str
    instance_id: str
    reservation_id: str
    state: str = RUNNING
    architecture: str
    instance_type: str = ADOPTED_TYPE
    role: str
    private_ip: str = ""
    private_dns: str = ""
    platform: str = ""
    launched_ms: int
    terminated_ms: int | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def arn(self) -> str:
        return self.scope.machine_arn(self.instance_id)

    @property
    def zone(self) -> str:
        """A Region here is one zone."""
        return f"{self.region}a"

    @property
    def is_windows(self) -> bool:
        return self.platform == "Windows"


def new_id(world: World) -> str:
    return "i-" + world.hex(17)


def new_reservation_id(world: World) -> str:
    return "r-" + world.hex(17)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def state(name: str) -> dict[str, Any]:
    """The shape InstanceState."""
    return {"Code": CODES[name], "Name": name}


def described(instance: Instance, tags: Mapping[str, str]) -> dict[str, Any]:
    """The shape Instance. What nobody knows is left out."""
    texts = {
        "PrivateIpAddress": instance.private_ip,
        "PrivateDnsName": instance.private_dns,
        "Platform": "windows" if instance.is_windows else "",
    }
    shown: dict[str, Any] = {
        "InstanceId": instance.instance_id,
        "State": state(instance.state),
        "InstanceType": instance.instance_type,
        "LaunchTime": instance.launched_ms / 1000,
        "Architecture": instance.architecture,
        "AmiLaunchIndex": 0,
        "Monitoring": {"State": "disabled"},
        "Placement": {"AvailabilityZone": instance.zone, "GroupName": "", "Tenancy": "host"},
        "PlatformDetails": "Windows" if instance.is_windows else "Linux/UNIX",
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if instance.state == TERMINATED:
        shown["StateReason"] = {
            "Code": "Client.UserInitiatedShutdown",
            "Message": "Client.UserInitiatedShutdown: User initiated shutdown",
        }
        shown["StateTransitionReason"] = "User initiated"
    return shown | {name: text for name, text in texts.items() if text}


def reservation(instance: Instance, tags: Mapping[str, str]) -> dict[str, Any]:
    """The shape Reservation: each instance is one of its own."""
    return {
        "ReservationId": instance.reservation_id,
        "OwnerId": instance.account,
        "Groups": [],
        "Instances": [described(instance, tags)],
    }
