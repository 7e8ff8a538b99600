"""Passwords of users, what the account asks of them, and the account's alias."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.platform.identity.actions import passwords
from hostreeve.platform.identity.model import DAY_MS, PasswordPolicy, violation
from tests.identity.caller import allow, deny, policy, refused

GOOD = "Correct-horse-1"


@pytest.fixture
def ann(site):
    """A user with a password and no policies."""
    ann = site.user("ann")
    site.admin.iam("CreateLoginProfile", UserName="ann", Password=GOOD)
    return ann


@pytest.mark.parametrize(
    ("password", "policy", "wrong"),
    [
        (GOOD, None, ""),
        ("Sh0rt-1", None, "length of 8"),
        ("alllowercase1", None, "at least three of"),
        ("Account-1234", None, "name"),
        ("abcdef", PasswordPolicy(), ""),
        ("abcde", PasswordPolicy(), "length of 6"),
        ("abcdef", PasswordPolicy(numbers=True), "one number"),
        ("abcdef1", PasswordPolicy(symbols=True), "one symbol"),
        ("abcdef1", PasswordPolicy(uppercase=True), "one uppercase letter"),
        ("ABCDEF1", PasswordPolicy(lowercase=True), "one lowercase letter"),
        ("Aa1!bcd", PasswordPolicy(lowercase=True, uppercase=True, symbols=True, numbers=True), ""),
        ("Aä1!b", PasswordPolicy(minimum_length=5, symbols=True), ""),
    ],
)
def test_a_password_is_judged_by_the_accounts_policy_or_by_aws_own(password, policy, wrong):
    found = violation(password, policy, ("account-1234", "111122223333"))
    assert wrong in found and bool(wrong) == bool(found)


def test_a_login_profile_is_made_shown_changed_and_deleted(site, ann):
    iam = site.admin.iam
    made = iam("GetLoginProfile", UserName="ann")["LoginProfile"]
    assert made == {
        "UserName": "ann",
        "CreateDate": site.world.now_ms() / 1000,
        "PasswordResetRequired": False,
    }
    with refused("EntityAlreadyExists"):
        iam("CreateLoginProfile", UserName="ann", Password=GOOD)
    iam("UpdateLoginProfile", UserName="ann", PasswordResetRequired=True)
    assert iam("GetLoginProfile", UserName="ann")["LoginProfile"]["PasswordResetRequired"]
    with refused("PasswordPolicyViolation"):
        iam("UpdateLoginProfile", UserName="ann", Password="weak")
    with refused("DeleteConflict") as conflict:
        site.admin.iam("DeleteAccessKey", UserName="ann", AccessKeyId=ann.access_key_id)
        iam("DeleteUser", UserName="ann")
    assert "login profile" in str(conflict.value)
    iam("DeleteLoginProfile", UserName="ann")
    for operation in ("GetLoginProfile", "DeleteLoginProfile", "UpdateLoginProfile"):
        with refused("NoSuchEntity"):
            iam(operation, UserName="ann")
    with refused("PasswordPolicyViolation"):
        iam("CreateLoginProfile", UserName="ann")
    iam("DeleteUser", UserName="ann")


def test_a_password_is_stored_as_a_sealed_hash_only(site, ann):
    rows = site.database.read_sync(lambda tx: tx.all("SELECT * FROM iam_logins"))
    assert rows and not any(GOOD.encode() in bytes(row["sealed_hash"]) for row in rows)
    assert all(row["cost"] == "scrypt:15:8:1" for row in rows)


def test_users_change_their_own_password_if_they_may(site, ann):
    change = {"OldPassword": GOOD, "NewPassword": "Another-horse-2"}
    with refused("AccessDeniedException") as denied:
        ann.iam("ChangePassword", **change)
    assert "iam:ChangePassword" in str(denied.value)
    site.admin.iam("UpdateAccountPasswordPolicy", AllowUsersToChangePassword=True)
    with refused("AccessDeniedException") as wrong:
        ann.iam("ChangePassword", **change | {"OldPassword": "Wrong-horse-1"})
    assert str(wrong.value) == "The old password was incorrect."
    ann.iam("ChangePassword", **change)
    with refused("AccessDeniedException"):
        ann.iam("ChangePassword", **change)
    ann.iam("ChangePassword", OldPassword="Another-horse-2", NewPassword=GOOD)
    document = policy(deny("iam:ChangePassword"))
    site.admin.iam("PutUserPolicy", UserName="ann", PolicyName="no", PolicyDocument=document)
    with refused("AccessDeniedException"):
        ann.iam("ChangePassword", **change)


def test_a_role_has_no_password_and_a_user_without_one_cannot_change_it(site):
    session = site.assume(site.admin, site.role("R", {"AWS": site.account}, allow()))
    with refused("InvalidUserType"):
        session.iam("ChangePassword", OldPassword="a", NewPassword="b")
    with refused("NoSuchEntity"):
        site.admin.iam("ChangePassword", OldPassword="a", NewPassword="b")


def test_passwords_before_can_be_forbidden(site, ann):
    iam = site.admin.iam
    iam("UpdateAccountPasswordPolicy", PasswordReusePrevention=2, AllowUsersToChangePassword=True)
    with refused("PasswordPolicyViolation") as again:
        ann.iam("ChangePassword", OldPassword=GOOD, NewPassword=GOOD)
    assert "last 2" in str(again.value)
    site.world.advance(1)
    ann.iam("ChangePassword", OldPassword=GOOD, NewPassword="second")
    site.world.advance(1)
    with refused("PasswordPolicyViolation"):
        iam("UpdateLoginProfile", UserName="ann", Password=GOOD)
    ann.iam("ChangePassword", OldPassword="second", NewPassword="third1")
    site.world.advance(1)
    ann.iam("ChangePassword", OldPassword="third1", NewPassword=GOOD)


def test_an_expired_password_can_be_changed_unless_expiry_is_hard(site, ann):
    iam = site.admin.iam
    iam("UpdateAccountPasswordPolicy", MaxPasswordAge=1, HardExpiry=True, AllowUsersToChangePassword=True)
    site.world.advance(DAY_MS // 1000)
    with refused("AccessDeniedException") as expired:
        ann.iam("ChangePassword", OldPassword=GOOD, NewPassword="second")
    assert "administrator" in str(expired.value)
    iam("UpdateAccountPasswordPolicy", MaxPasswordAge=1, AllowUsersToChangePassword=True)
    ann.iam("ChangePassword", OldPassword=GOOD, NewPassword="second")


def test_the_password_policy_is_put_shown_and_deleted(site):
    iam = site.admin.iam
    for operation in ("GetAccountPasswordPolicy", "DeleteAccountPasswordPolicy"):
        with refused("NoSuchEntity") as missing:
            iam(operation)
        assert site.account in str(missing.value)
    iam("UpdateAccountPasswordPolicy", MinimumPasswordLength=14, RequireSymbols=True, MaxPasswordAge=90)
    plain = {
        "MinimumPasswordLength": 14,
        "RequireSymbols": True,
        "RequireNumbers": False,
        "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False,
        "AllowUsersToChangePassword": False,
        "HardExpiry": False,
        "ExpirePasswords": True,
        "MaxPasswordAge": 90,
    }
    assert iam("GetAccountPasswordPolicy")["PasswordPolicy"] == plain
    iam("UpdateAccountPasswordPolicy", RequireNumbers=True)
    shown = iam("GetAccountPasswordPolicy")["PasswordPolicy"]
    assert shown["MinimumPasswordLength"] == 6 and not shown["RequireSymbols"]
    assert "MaxPasswordAge" not in shown and not shown["ExpirePasswords"]
    iam("DeleteAccountPasswordPolicy")


def test_an_alias_is_the_accounts_alone(site):
    iam = site.admin.iam
    other, _ = site.member()
    alias = f"reeve-{site.account}"
    iam("CreateAccountAlias", AccountAlias=f"old-{alias}")
    iam("CreateAccountAlias", AccountAlias=alias)
    assert iam("ListAccountAliases")["AccountAliases"] == [alias]
    with refused("EntityAlreadyExists"):
        other.iam("CreateAccountAlias", AccountAlias=alias)
    other.iam("CreateAccountAlias", AccountAlias=f"old-{alias}")
    with refused("NoSuchEntity"):
        iam("DeleteAccountAlias", AccountAlias=f"old-{alias}")
    iam("DeleteAccountAlias", AccountAlias=alias)
    assert iam("ListAccountAliases") == {"AccountAliases": [], "IsTruncated": False}


def test_no_more_than_four_passwords_are_hashed_at_once(site):
    for _ in range(passwords.AT_ONCE_MAX):
        assert passwords._room.acquire(blocking=False)
    try:
        with pytest.raises(AwsError) as busy:
            passwords.new_hash(site.world, GOOD)
        assert busy.value.code == "ThrottlingException"
    finally:
        for _ in range(passwords.AT_ONCE_MAX):
            passwords._room.release()


def test_a_login_made_anew_between_look_and_write_is_not_changed(site, ann):
    """The hash was computed for the salt of another login: it must not become the new one's password."""
    from tests.identity.caller import OPERATIONS

    operation = OPERATIONS["iam", "UpdateLoginProfile"]
    request = {"UserName": "ann", "Password": "Another-horse-2"}
    ready = site.admin.prepared(operation, request)
    site.admin.iam("DeleteLoginProfile", UserName="ann")
    site.admin.iam("CreateLoginProfile", UserName="ann", Password=GOOD)
    with refused("EntityTemporarilyUnmodifiable"):
        site.database.write_sync(lambda tx: site.admin.perform(tx, operation, ready))
