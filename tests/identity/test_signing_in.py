"""Signing in with a name and a password, with a code where there is a device."""

import pytest

from hostreeve.platform.identity.actions import attempts
from hostreeve.platform.identity.model import DAY_MS
from tests.identity.caller import allow, refused
from tests.identity.totp import enable, phone

GOOD = "Correct-horse-1"


@pytest.fixture(autouse=True)
def _no_attempts():
    """What other tests tried is forgotten: their clocks are not this one's."""
    attempts._full_s._young.clear()
    attempts._full_s._old.clear()


@pytest.fixture
def ann(site):
    """A user with a password."""
    ann = site.user("ann", allow("ssm:*"))
    site.admin.iam("CreateLoginProfile", UserName="ann", Password=GOOD)
    return ann


def sign_in(site, password=GOOD, **request):
    asked = {"Account": site.account, "UserName": "ann"} | request
    return site.stranger().hostreeve("SignIn", Password=password, **asked)


def test_a_name_and_a_password_become_credentials_of_the_user(site, ann):
    assert "PasswordLastUsed" not in site.admin.iam("GetUser", UserName="ann")["User"]
    answer = sign_in(site)
    assert answer["AccountId"] == site.account and answer["Arn"] == ann.arn()
    session = site.caller(answer["Credentials"])
    assert session.arn() == ann.arn()
    session.may("ssm:GetParameter")
    used = site.admin.iam("GetUser", UserName="ann")["User"]["PasswordLastUsed"]
    assert used == site.world.now_ms() / 1000
    listed = site.admin.iam("ListUsers")["Users"]
    assert [user.get("PasswordLastUsed") for user in listed] == [None, used]
    site.world.advance(43_200)
    with refused("ExpiredTokenException"):
        session.arn()


def test_signed_in_users_may_call_iam_unlike_those_with_a_session_token(site, ann):
    session = site.caller(sign_in(site, DurationSeconds=900)["Credentials"])
    with refused("AccessDeniedException"):
        session.iam("ListUsers")
    with refused("AccessDeniedException"):
        session.sts("GetSessionToken")


def test_whatever_is_wrong_the_answer_is_the_same(site, ann):
    site.admin.iam("CreateUser", UserName="bob")
    said = set()
    for request in (
        {"password": "Wrong-horse-1"},
        {"UserName": "bob"},
        {"UserName": "none"},
        {"Account": "000000000000"},
        {"Account": "no-such-alias"},
    ):
        with refused("SignInFailedException") as failed:
            sign_in(site, **request)
        said.add(str(failed.value))
    assert len(said) == 1


def test_an_alias_names_the_account(site, ann):
    alias = f"reeve{site.account}"
    site.admin.iam("CreateAccountAlias", AccountAlias=alias)
    assert sign_in(site, Account=alias.upper())["AccountId"] == site.account


def test_a_user_with_a_device_needs_its_code(site, ann):
    device = phone(site)
    enable(site, "ann", device)
    site.world.advance(90)
    with refused("MfaCodeRequiredException"):
        sign_in(site)
    with refused("SignInFailedException"):
        sign_in(site, "Wrong-horse-1")
    with refused("SignInFailedException"):
        sign_in(site, MfaCode="000000")
    code = device.code()
    session = site.caller(sign_in(site, MfaCode=code)["Credentials"])
    assert site.database.read_sync(session.principal).session.mfa_ms == site.world.now_ms()
    with refused("SignInFailedException"):
        sign_in(site, MfaCode=code)


def test_a_password_that_must_be_changed_is_changed_on_the_way(site, ann):
    with refused("ValidationException"):
        sign_in(site, NewPassword="Another-horse-2")
    site.admin.iam("UpdateLoginProfile", UserName="ann", PasswordResetRequired=True)
    with refused("PasswordChangeRequiredException"):
        sign_in(site)
    with refused("PasswordPolicyViolationException"):
        sign_in(site, NewPassword="weak")
    assert sign_in(site, NewPassword="Another-horse-2")
    with refused("SignInFailedException"):
        sign_in(site)
    assert sign_in(site, "Another-horse-2")


def test_an_expired_password_is_changed_or_past_help(site, ann):
    site.admin.iam("UpdateAccountPasswordPolicy", MaxPasswordAge=1)
    site.world.advance(DAY_MS // 1000)
    with refused("PasswordChangeRequiredException"):
        sign_in(site)
    site.admin.iam("UpdateAccountPasswordPolicy", MaxPasswordAge=1, HardExpiry=True)
    with refused("SignInFailedException") as expired:
        sign_in(site, NewPassword="Another-horse-2")
    assert "administrator" in str(expired.value)


def test_who_tries_too_often_must_wait(site, ann):
    for _ in range(attempts.USER_BURST):
        attempts.allow(f"{site.account} ann", "192.0.2.1", site.world.monotonic())
    with refused("TooManyAttemptsException"):
        sign_in(site)
    site.world.advance(attempts.USER_PAUSE_S)
    assert sign_in(site)
    assert sign_in(site)


def test_an_address_that_tries_many_users_must_wait():
    now = 1_000_000.0
    allowed = [attempts.allow(f"u{number}", "203.0.113.5", now) for number in range(70)]
    assert allowed.count(True) == attempts.ADDRESS_BURST
    assert attempts.allow("someone", "203.0.113.6", now)
    assert attempts.allow("someone else", "203.0.113.5", now + 11)
