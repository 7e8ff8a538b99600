"""Temporary credentials: of users, of federated users, with MFA, with tags and identities that go on."""

import json

import pytest

from hostreeve.platform import identity
from tests.identity.caller import allow, deny, policy, refused
from tests.identity.totp import enable, phone

ASSUME = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def token(site, caller, **request):
    return site.caller(caller.sts("GetSessionToken", **request)["Credentials"])


def with_mfa(site, name, *statements):
    """A user with a telephone."""
    user, device = site.user(name, *statements), phone(site, name)
    enable(site, name, device)
    site.world.advance(90)
    return user, device


def chained(site, *names):
    """Roles of the account that may become each other, tag sessions and say who is behind them."""
    trust = {"Effect": "Allow", "Principal": {"AWS": site.account}, "Action": ASSUME}
    arns = []
    for name in names:
        made = site.admin.iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
        site.admin.iam(
            "PutRolePolicy", RoleName=name, PolicyName="own", PolicyDocument=policy(allow("sts:*"))
        )
        arns.append(made["Arn"])
    return arns


def test_a_session_token_is_the_user_for_a_while(site):
    ann = site.user("ann", allow("ssm:*", "arn:aws:ssm:*:*:p/${aws:username}"))
    session = token(site, ann, DurationSeconds=900)
    assert session.arn() == ann.arn() and session.access_key_id.startswith("ASIA")
    session.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:p/ann")
    site.world.advance(900)
    with refused("ExpiredTokenException"):
        session.arn()


def test_a_session_without_mfa_calls_neither_iam_nor_most_of_sts(site):
    ann = site.user("ann", allow())
    session = token(site, ann)
    with refused("InvalidClientTokenId"):
        session.iam("ListUsers")
    for operation, request in (("GetSessionToken", {}), ("GetFederationToken", {"Name": "bob"})):
        with refused("AccessDeniedException") as denied:
            session.sts(operation, **request)
        assert str(denied.value) == f"Cannot call {operation} with session credentials"
    session.may("iam:PassRole", "arn:aws:iam::1:role/x")
    arn = site.role("R", {"AWS": ann.arn()})
    assert site.assume(session, arn).arn()


def test_mfa_is_seen_by_policies_and_opens_iam(site):
    safe = allow("ssm:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    young = allow("kms:*", Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}})
    ann, device = with_mfa(site, "ann", safe, young, allow("iam:ListUsers"))
    for without in (ann, token(site, ann)):
        with refused("AccessDeniedException"):
            without.may("ssm:GetParameter")
    session = token(site, ann, SerialNumber=device.serial, TokenCode=device.code())
    session.may("ssm:GetParameter")
    session.may("kms:Decrypt")
    assert session.iam("ListUsers")
    site.world.advance(60)
    with refused("AccessDeniedException"):
        session.may("kms:Decrypt")


def test_a_denial_without_mfa_is_for_keys_too(site):
    """The statement that AWS recommends: BoolIfExists also holds where the key is missing."""
    lock = deny("*", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}})
    ann, device = with_mfa(site, "ann", allow("ssm:*"), lock)
    with refused("AccessDeniedException"):
        ann.may("ssm:GetParameter")
    token(site, ann, SerialNumber=device.serial, TokenCode=device.code()).may("ssm:GetParameter")


def test_a_code_counts_once_and_only_its_own_devices(site):
    ann, device = with_mfa(site, "ann")
    other = phone(site, "spare")
    asked = {"SerialNumber": device.serial, "TokenCode": device.code()}
    assert token(site, ann, **asked)
    with refused("AccessDeniedException") as again:
        token(site, ann, **asked)
    assert str(again.value) == "MultiFactorAuthentication failed with invalid MFA one time pass code."
    for wrong in (
        {"SerialNumber": device.serial, "TokenCode": "000000"},
        {"SerialNumber": device.serial, "TokenCode": device.code(120)},
        {"SerialNumber": other.serial, "TokenCode": other.code()},
        {"SerialNumber": device.serial + "x", "TokenCode": device.code(30)},
    ):
        with refused("AccessDeniedException"):
            token(site, ann, **wrong)
    with refused("ValidationError"):
        token(site, ann, SerialNumber=device.serial)
    site.admin.iam("DeactivateMFADevice", UserName="ann", SerialNumber=device.serial)
    with refused("AccessDeniedException"):
        token(site, ann, SerialNumber=device.serial, TokenCode=device.code(30))


def test_a_role_may_ask_for_mfa(site):
    ann, device = with_mfa(site, "ann", allow("sts:AssumeRole"))
    arn = site.role("R", {"AWS": site.account}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    with refused("AccessDeniedException"):
        site.assume(ann, arn)
    session = site.assume(ann, arn, SerialNumber=device.serial, TokenCode=device.code())
    with refused("AccessDeniedException"):
        session.may("ssm:GetParameter")


def test_an_mfa_code_counts_only_when_the_call_succeeds(site):
    """What is refused is rolled back, and the code with it."""
    ann, device = with_mfa(site, "ann")
    arn = site.role("R", {"AWS": site.account})
    asked = {"SerialNumber": device.serial, "TokenCode": device.code()}
    with refused("AccessDeniedException"):
        site.assume(ann, arn, **asked)
    assert token(site, ann, **asked)


def test_a_federated_user_may_what_both_the_user_and_the_session_may(site):
    ann = site.user("ann", allow(["ssm:*", "sts:GetFederationToken"]))
    answer = ann.sts("GetFederationToken", Name="bob", Policy=policy(allow("ssm:Get*"), allow("kms:*")))
    arn = f"arn:aws:sts::{site.account}:federated-user/bob"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{site.account}:bob", "Arn": arn}
    assert answer["PackedPolicySize"] > 0
    bob = site.caller(answer["Credentials"])
    assert bob.arn() == arn
    bob.may("ssm:GetParameter")
    for action in ("ssm:PutParameter", "kms:Decrypt"):
        with refused("AccessDeniedException"):
            bob.may(action)
    with refused("InvalidClientTokenId"):
        bob.iam("ListUsers")


def test_a_federated_user_without_session_policies_may_nothing(site):
    ann = site.user("ann", allow())
    bob = site.caller(ann.sts("GetFederationToken", Name="bob")["Credentials"])
    with refused("AccessDeniedException") as denied:
        bob.may("ssm:GetParameter")
    assert "because no session policy allows" in str(denied.value)
    managed = {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"}]}
    site.caller(ann.sts("GetFederationToken", Name="bob", **managed)["Credentials"]).may("ssm:GetParameter")


def test_federation_needs_permission_for_the_name_and_for_tags(site):
    ann = site.user(
        "ann", allow("sts:GetFederationToken", "arn:aws:sts::*:federated-user/bob"), allow("ssm:*")
    )
    assert ann.sts("GetFederationToken", Name="bob")
    with refused("AccessDeniedException"):
        ann.sts("GetFederationToken", Name="eve")
    tags = {"Tags": [{"Key": "team", "Value": "red"}]}
    with refused("AccessDeniedException") as denied:
        ann.sts("GetFederationToken", Name="bob", **tags)
    assert "sts:TagSession" in str(denied.value)
    site.admin.iam(
        "PutUserPolicy", UserName="ann", PolicyName="tag", PolicyDocument=policy(allow("sts:TagSession"))
    )
    limit = policy(allow("ssm:*", "arn:aws:ssm:*:*:p/${aws:PrincipalTag/team}"))
    bob = site.caller(ann.sts("GetFederationToken", Name="bob", Policy=limit, **tags)["Credentials"])
    bob.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:p/red")


def test_sessions_of_a_deleted_user_are_over_at_once(site):
    ann = site.user("ann", allow("sts:*"))
    sessions = [token(site, ann), site.caller(ann.sts("GetFederationToken", Name="b")["Credentials"])]
    site.admin.iam("DeleteAccessKey", UserName="ann", AccessKeyId=ann.access_key_id)
    assert all(session.arn() for session in sessions)
    site.admin.iam("DeleteUserPolicy", UserName="ann", PolicyName="own")
    site.admin.iam("DeleteUser", UserName="ann")
    site.user("ann", allow())
    for session in sessions:
        with refused("InvalidClientTokenId"):
            session.arn()


def test_sessions_older_than_a_moment_can_be_revoked(site):
    """What the console's "revoke active sessions" writes."""
    arn = site.role("R", {"AWS": site.account}, allow("ssm:*"))
    before = site.assume(site.admin, arn)
    site.world.advance(10)
    document = policy(
        deny("*", Condition={"DateLessThan": {"aws:TokenIssueTime": _moment(site.world.now_ms())}})
    )
    site.admin.iam("PutRolePolicy", RoleName="R", PolicyName="revoked", PolicyDocument=document)
    with refused("AccessDeniedException"):
        before.may("ssm:GetParameter")
    site.assume(site.admin, arn).may("ssm:GetParameter")


def _moment(milliseconds):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_transitive_tags_go_on_to_the_next_role_and_cannot_be_changed(site):
    first, second = chained(site, "A", "B")
    tags = [{"Key": "Team", "Value": "red"}, {"Key": "x", "Value": "y"}]
    session = site.assume(site.admin, first, Tags=tags, TransitiveTagKeys=["Team"])
    with refused("InvalidParameterValue"):
        site.assume(session, second, Tags=[{"Key": "team", "Value": "blue"}])
    document = policy(
        allow("ssm:*", "arn:aws:ssm:*:*:p/${aws:PrincipalTag/team}/${aws:PrincipalTag/x, 'none'}")
    )
    site.admin.iam("PutRolePolicy", RoleName="B", PolicyName="ssm", PolicyDocument=document)
    last = site.assume(session, second)
    last.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:p/red/none")
    third = site.assume(last, second)
    third.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:p/red/none")
    with refused("InvalidParameterValue"):
        site.assume(site.admin, first, TransitiveTagKeys=["Team"])


def test_a_source_identity_goes_on_and_cannot_be_changed(site):
    first, second = chained(site, "A", "B")
    session = site.assume(site.admin, first, SourceIdentity="ann")
    last = site.assume(session, second)
    facts = site.database.read_sync(last.principal).session
    assert facts.source_identity == "ann"
    with refused("AccessDeniedException"):
        site.assume(session, second, SourceIdentity="eve")
    assert site.assume(session, second, SourceIdentity="ann")
    with refused("ValidationError"):
        site.assume(site.admin, first, SourceIdentity="aws:x")


def test_a_source_identity_needs_its_own_permission(site):
    arn = site.role("R", {"AWS": site.account})
    with refused("AccessDeniedException") as denied:
        site.assume(site.admin, arn, SourceIdentity="ann")
    assert "sts:SetSourceIdentity" in str(denied.value)


def test_a_role_may_ask_for_a_source_identity(site):
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": site.account},
        "Action": ASSUME,
        "Condition": {"StringLike": {"sts:SourceIdentity": "ann*"}},
    }
    arn = site.admin.iam("CreateRole", RoleName="R", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    with refused("AccessDeniedException"):
        site.assume(site.admin, arn)
    assert site.assume(site.admin, arn, SourceIdentity="anna")


def test_policies_and_tags_share_a_limited_room(site):
    (arn,) = chained(site, "A")
    tags = [{"Key": f"k{number}", "Value": "v" * 200} for number in range(11)]
    with refused("PackedPolicyTooLarge"):
        site.assume(site.admin, arn, Tags=tags)
    with refused("ValidationError"):
        policies = [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11
        site.assume(site.admin, arn, PolicyArns=policies)


def test_an_encoded_denial_is_decoded_by_its_own_account_only(site):
    ann = site.user("ann", allow("sts:DecodeAuthorizationMessage"))
    text = identity.encode_denial(
        site.keys,
        site.database.read_sync(ann.principal),
        action="ec2:RunInstances",
        resource="arn:aws:ec2:us-east-1:1:instance/*",
        context={"ec2:region": ["us-east-1"]},
        denied_by="own#Never",
    )
    assert "RunInstances" not in text and len(text) < 10_240
    message = json.loads(ann.sts("DecodeAuthorizationMessage", EncodedMessage=text)["DecodedMessage"])
    assert message["explicitDeny"] and not message["allowed"]
    assert message["matchedStatements"]["items"] == [{"statementId": "own#Never", "effect": "DENY"}]
    assert message["context"]["principal"]["arn"] == ann.arn()
    assert message["context"]["action"] == "ec2:RunInstances"
    conditions = message["context"]["conditions"]["items"]
    assert conditions == [{"key": "ec2:region", "values": {"items": [{"value": "us-east-1"}]}}]
    other, _ = site.member()
    for caller, wrong in ((other, text), (ann, text[:-8] + "AAAAAAAA"), (ann, "é"), (ann, "x" * 11_000)):
        with refused("InvalidAuthorizationMessageException"):
            caller.sts("DecodeAuthorizationMessage", EncodedMessage=wrong)
    with refused("AccessDeniedException"):
        site.user("bob").sts("DecodeAuthorizationMessage", EncodedMessage=text)


@pytest.mark.parametrize("member", ["ProvidedContexts"])
def test_what_is_not_served_is_refused_by_name(site, member):
    with refused("NotImplemented") as told:
        site.assume(site.admin, site.role("R", {"AWS": site.account}), **{member: ["x"]})
    assert member in str(told.value)
