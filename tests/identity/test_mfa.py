"""Virtual MFA devices."""

import threading

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.persistence.errors import StoreContended
from hostreeve.platform.identity.model import MfaDevice, mfa_serial, step_at, step_of
from tests.identity.caller import allow, refused
from tests.identity.totp import code_at, enable, phone

RFC_SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(seconds, code):
    device = MfaDevice(account="1", name="a", path="/", sealed_seed=b"", created_ms=0)
    assert step_of(device, RFC_SEED, code, seconds * 1000) == step_at(seconds * 1000)
    assert step_of(device, RFC_SEED, code, (seconds + 61) * 1000) is None


def test_a_device_is_made_with_a_seed_that_is_never_shown_again(site):
    iam = site.admin.iam
    made = iam("CreateVirtualMFADevice", VirtualMFADeviceName="phone", Path="/x/")["VirtualMFADevice"]
    assert made["SerialNumber"] == mfa_serial(site.account, "/x/", "phone")
    assert len(made["Base32StringSeed"]) == 64 and made["QRCodePNG"].startswith(b"\x89PNG")
    rows = site.database.read_sync(lambda tx: tx.all("SELECT * FROM iam_mfa_devices"))
    assert rows and not any(made["Base32StringSeed"] in repr(row).encode() for row in rows)
    listed = iam("ListVirtualMFADevices")["VirtualMFADevices"]
    assert listed == [{"SerialNumber": made["SerialNumber"]}]
    with refused("EntityAlreadyExists"):
        iam("CreateVirtualMFADevice", VirtualMFADeviceName="phone", Path="/x/")


def test_two_codes_in_a_row_enable_a_device(site):
    iam = site.admin.iam
    iam("CreateUser", UserName="ann")
    device = phone(site)
    asked = {"UserName": "ann", "SerialNumber": device.serial}
    for first, second in (
        (device.code(), device.code()),
        (device.code(30), device.code()),
        (device.code(), device.code(60)),
        (device.code(-1200), device.code(-1170)),
    ):
        with refused("InvalidAuthenticationCode"):
            iam("EnableMFADevice", **asked, AuthenticationCode1=first, AuthenticationCode2=second)
    enable(site, "ann", device)
    enabled = {**asked, "EnableDate": site.world.now_ms() / 1000}
    assert iam("ListMFADevices", UserName="ann")["MFADevices"] == [enabled]
    assert iam("GetMFADevice", **asked) == enabled
    assigned = iam("ListVirtualMFADevices", AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert [each["User"]["UserName"] for each in assigned] == ["ann"]
    assert iam("ListVirtualMFADevices", AssignmentStatus="Unassigned")["VirtualMFADevices"] == []
    with refused("EntityAlreadyExists"):
        enable(site, "administrator", device)


def test_a_device_in_use_is_not_deleted_and_holds_its_user(site):
    iam = site.admin.iam
    iam("CreateUser", UserName="ann")
    device = phone(site)
    enable(site, "ann", device)
    with refused("DeleteConflict"):
        iam("DeleteVirtualMFADevice", SerialNumber=device.serial)
    with refused("DeleteConflict"):
        iam("DeleteUser", UserName="ann")
    with refused("NoSuchEntity"):
        iam("DeactivateMFADevice", UserName="administrator", SerialNumber=device.serial)
    iam("DeactivateMFADevice", UserName="ann", SerialNumber=device.serial)
    iam("DeleteUser", UserName="ann")
    iam("DeleteVirtualMFADevice", SerialNumber=device.serial)
    for operation in ("DeleteVirtualMFADevice", "TagMFADevice", "ListMFADeviceTags"):
        with refused("NoSuchEntity"):
            iam(operation, SerialNumber=device.serial, Tags=[])


def test_a_device_whose_clock_is_wrong_is_enabled_and_synchronised_again(site):
    iam = site.admin.iam
    iam("CreateUser", UserName="ann")
    device = phone(site, wrong_s=300)
    enable(site, "ann", device)
    site.world.advance(90)
    device.wrong_s = -420
    asked = {"UserName": "ann", "SerialNumber": device.serial}
    codes = {"AuthenticationCode1": device.code(), "AuthenticationCode2": device.code(30)}
    with refused("InvalidAuthenticationCode"):
        iam("ResyncMFADevice", **asked, **codes)
    site.world.advance(900)
    codes = {"AuthenticationCode1": device.code(), "AuthenticationCode2": device.code(30)}
    iam("ResyncMFADevice", **asked, **codes)
    with refused("NoSuchEntity"):
        iam("ResyncMFADevice", **asked | {"UserName": "administrator"}, **codes)


def test_eight_devices_are_the_most_even_when_many_ask_at_once(site):
    site.admin.iam("CreateUser", UserName="ann")
    devices = [phone(site, f"p{number}") for number in range(10)]
    for device in devices[:6]:
        enable(site, "ann", device)
    outcomes = []

    def ask(device):
        try:
            enable(site, "ann", device)
            outcomes.append("enabled")
        except (AwsError, StoreContended) as error:
            outcomes.append(getattr(error, "code", "contended"))

    threads = [threading.Thread(target=ask, args=(device,)) for device in devices[6:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["LimitExceeded"] * 2 + ["enabled"] * 2


def test_devices_have_tags_and_come_by_pages(site):
    iam = site.admin.iam
    device = phone(site, "a")
    phone(site, "b")
    iam("TagMFADevice", SerialNumber=device.serial, Tags=[{"Key": "k", "Value": "v"}])
    assert iam("ListMFADeviceTags", SerialNumber=device.serial)["Tags"] == [{"Key": "k", "Value": "v"}]
    ann = site.user(
        "ann", allow("iam:DeleteVirtualMFADevice", Condition={"StringEquals": {"aws:ResourceTag/k": "v"}})
    )
    with refused("AccessDeniedException"):
        ann.iam("DeleteVirtualMFADevice", SerialNumber=device.serial[:-1] + "b")
    first = iam("ListVirtualMFADevices", MaxItems=1)
    second = iam("ListVirtualMFADevices", MaxItems=1, Marker=first["Marker"])
    serials = [each["SerialNumber"] for page in (first, second) for each in page["VirtualMFADevices"]]
    assert serials == [device.serial, device.serial[:-1] + "b"]
    iam("UntagMFADevice", SerialNumber=device.serial, TagKeys=["k"])
    with refused("AccessDeniedException"):
        ann.iam("DeleteVirtualMFADevice", SerialNumber=device.serial)


def test_our_codes_and_the_second_reading_agree():
    assert code_at("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59) == "287082"
