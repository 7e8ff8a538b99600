"""Virtual MFA devices, as callers of IAM see them."""

import io
from typing import Any

import msgspec
import segno

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform.identity.actions import authenticators
from hostreeve.platform.identity.model import (
    MFA_PER_USER_MAX,
    Identity,
    MfaDevice,
    base32,
    mfa_serial,
    provisioning_url,
)
from hostreeve.platform.identity.operations.service import (
    Context,
    asked_tags,
    error,
    iam,
    page_of,
    paged,
    paged_here,
    refuse_unruly,
    shown_tags,
    tag_context,
    wanted,
)
from hostreeve.platform.identity.operations.tags import serve_tags
from hostreeve.platform.identity.operations.users import listed as listed_user
from hostreeve.platform.identity.store import identities, mfa_devices


@iam.writes("CreateVirtualMFADevice", asks=True)
def create_virtual_mfa_device(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The seed is answered here, as text and as a QR code, and never again."""
    name, path = request["VirtualMFADeviceName"], request.get("Path", "/")
    tags, context = asked_tags(request)
    call.require("iam:CreateVirtualMFADevice", [mfa_serial(call.scope.account, path, name)], context)
    refuse_unruly(call, "mfa", tags)
    device, seed = authenticators.new_device(call.keys, call.world, call.scope, path, name, tags)
    if not mfa_devices.insert(call.tx, call.scope, device):
        raise error.EntityAlreadyExists("MFADevice entity at the same path and name already exists.")
    shown = {
        "SerialNumber": device.serial,
        "Base32StringSeed": base32(seed).encode(),
        "QRCodePNG": _qr_code(provisioning_url(device, seed)),
    }
    return {"VirtualMFADevice": shown | ({"Tags": shown_tags(tags)} if tags else {})}


@iam.writes("EnableMFADevice", asks=True)
def enable_mfa_device(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Two codes in a row prove that the user has the device, and tell how its clock goes."""
    user = wanted(call, "user", request["UserName"], "iam:EnableMFADevice")
    device = _existing(call, request["SerialNumber"])
    if device.user_id:
        raise error.EntityAlreadyExists(f"MFA Device {device.serial} is already assigned to a user.")
    if len(mfa_devices.of_user(call.tx, call.scope, user.identity_id)) >= MFA_PER_USER_MAX:
        raise error.LimitExceeded(f"Cannot exceed quota for MfaDevicesPerUser: {MFA_PER_USER_MAX}")
    synchronised = _synchronised(call, device, request)
    enabled = msgspec.structs.replace(synchronised, user_id=user.identity_id, enabled_ms=call.now_ms)
    mfa_devices.update(call.tx, call.scope, enabled)
    return {}


@iam.writes("ResyncMFADevice", asks=True)
def resync_mfa_device(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """For a device whose clock has gone too far astray."""
    device = _of(call, wanted(call, "user", request["UserName"], "iam:ResyncMFADevice"), request)
    mfa_devices.update(call.tx, call.scope, _synchronised(call, device, request))
    return {}


@iam.writes("DeactivateMFADevice", asks=True)
def deactivate_mfa_device(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """The user signs in without it from now on. It can be given to somebody again."""
    user = wanted(call, "user", request.get("UserName"), "iam:DeactivateMFADevice")
    device = _of(call, user, request)
    mfa_devices.update(call.tx, call.scope, msgspec.structs.replace(device, user_id="", enabled_ms=0))
    return {}


@iam.writes("DeleteVirtualMFADevice", asks=True)
def delete_virtual_mfa_device(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    device = _wanted(call, request, "iam:DeleteVirtualMFADevice")
    if device.user_id:
        raise error.DeleteConflict(f"{device.serial} must be deactivated before it is deleted.")
    mfa_devices.delete(call.tx, call.scope, device.serial)
    return {}


@iam.reads("GetMFADevice", asks=True)
def get_mfa_device(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    user = wanted(call, "user", request.get("UserName"), "iam:GetMFADevice")
    return _assigned(_of(call, user, request), user)


@iam.reads("ListMFADevices", asks=True)
def list_mfa_devices(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    user = wanted(call, "user", request.get("UserName"), "iam:ListMFADevices")
    devices = mfa_devices.of_user(call.tx, call.scope, user.identity_id)
    return paged_here("MFADevices", request, devices, _serial_key, lambda device: _assigned(device, user))


@iam.reads("ListVirtualMFADevices", on=anything)
def list_virtual_mfa_devices(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Without seeds: those are shown when a device is made, and only then."""
    page = page_of(request)
    rows = mfa_devices.listed(
        call.tx,
        call.scope,
        assigned={"Assigned": True, "Unassigned": False}.get(request.get("AssignmentStatus", "Any")),
        after=page.after,
        limit=page.limit + 1,
    )
    return paged("VirtualMFADevices", page, rows, _serial_key, lambda device: _listed(call, device))


def _wanted(call: Call, request: dict[str, Any], action: str, context: Context | None = None) -> MfaDevice:
    """The device that a request names, if the caller may do that with it."""
    serial = request["SerialNumber"]
    found = mfa_devices.find(call.tx, call.scope, serial)
    call.require(action, [serial], {**(tag_context(found.tags) if found else {}), **(context or {})})
    return found or _existing(call, serial)


def _existing(call: Call, serial: str) -> MfaDevice:
    found = mfa_devices.find(call.tx, call.scope, serial)
    if found is None:
        raise error.NoSuchEntity(f"VirtualMFADevice with serial number {serial} does not exist.")
    return found


def _of(call: Call, user: Identity, request: dict[str, Any]) -> MfaDevice:
    device = _existing(call, request["SerialNumber"])
    if device.user_id != user.identity_id:
        raise error.NoSuchEntity(f"MFA Device {device.serial} of user {user.name} cannot be found.")
    return device


def _synchronised(call: Call, device: MfaDevice, request: dict[str, Any]) -> MfaDevice:
    first, second = request["AuthenticationCode1"], request["AuthenticationCode2"]
    proven = authenticators.two_codes(call.keys, device, first, second, call.now_ms)
    if proven is None:
        raise error.InvalidAuthenticationCode("Authentication code for device is not valid.")
    step, drift = proven
    return msgspec.structs.replace(device, used_step=step, drift_steps=drift)


def _serial_key(device: MfaDevice) -> str:
    return device.serial.lower()


def _assigned(device: MfaDevice, user: Identity) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "SerialNumber": device.serial,
        "EnableDate": device.enabled_ms / 1000,
    }


def _listed(call: Call, device: MfaDevice) -> dict[str, Any]:
    user = identities.find_by_id(call.tx, call.scope, device.user_id) if device.user_id else None
    shown: dict[str, Any] = {"SerialNumber": device.serial}
    if user:
        shown |= {"User": listed_user(user), "EnableDate": device.enabled_ms / 1000}
    return shown


def _qr_code(text: str) -> bytes:
    image = io.BytesIO()
    segno.make(text, error="m").save(image, kind="png", scale=4)
    return image.getvalue()


def _keep(call: Call, device: MfaDevice, tags: dict[str, str]) -> None:
    mfa_devices.update(call.tx, call.scope, msgspec.structs.replace(device, tags=tags))


serve_tags("MFADevice", _wanted, _keep, "mfa")
