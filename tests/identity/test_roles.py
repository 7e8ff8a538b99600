"""Roles, becoming one, and what a session may do and for how long."""

import base64

from hostreeve.platform import identity
from hostreeve.platform.identity.model import account_of
from tests.identity.caller import Caller, allow, deny, policy, refused

NODE = "mi-0123456789abcdef0"


def issue(site, role_name="SSMServiceRole", node_id=NODE, duration_s=3600):
    def unit(tx):
        return identity.issue_role_credentials(
            tx,
            site.keys,
            site.world,
            account=site.account,
            role_name=role_name,
            session_name=node_id,
            node_id=node_id,
            duration_s=duration_s,
            now_ms=site.world.now_ms(),
        )

    issued = site.database.read_sync(unit)
    return Caller(site, issued.access_key_id, issued.secret, issued.session_token)


def test_the_default_role_of_nodes_trusts_systems_manager_only(site):
    role = site.database.read_sync(
        lambda tx: identity.find_role(tx, site.account, "service-role/SSMServiceRole")
    )
    assert role.arn == f"arn:aws:iam::{site.account}:role/service-role/SSMServiceRole"
    assert identity.trusts(role, "ssm.amazonaws.com") and not identity.trusts(role, "ec2.amazonaws.com")
    assert (
        site.database.read_sync(lambda tx: identity.find_role(tx, site.account, "other/SSMServiceRole"))
        is None
    )
    with refused("AccessDeniedException"):
        site.assume(site.admin, role.arn)


def test_a_node_acts_as_its_role_and_is_known_by_its_id(site):
    node = issue(site)
    assert node.arn() == f"arn:aws:sts::{site.account}:assumed-role/SSMServiceRole/{NODE}"
    assert site.database.read_sync(node.principal).node_id == NODE
    node.may("ssm:UpdateInstanceInformation")
    node.may("ssmmessages:OpenControlChannel")
    with refused("AccessDeniedException"):
        node.may("ssm:SendCommand")


def test_a_policy_can_bind_a_node_to_itself(site):
    only_own = allow(
        "ssm:PutParameter",
        Condition={
            "ArnEquals": {
                "ssm:SourceInstanceARN": f"arn:aws:ssm:us-east-1:{site.account}:managed-instance/{NODE}"
            }
        },
    )
    site.admin.iam(
        "PutRolePolicy", RoleName="SSMServiceRole", PolicyName="own", PolicyDocument=policy(only_own)
    )
    issue(site).may("ssm:PutParameter")
    with refused("AccessDeniedException"):
        issue(site, node_id="mi-00000000000000000").may("ssm:PutParameter")
    with refused("AccessDeniedException"):
        issue(site).may("ssm:PutParameter", region="eu-west-1")


def test_a_node_that_left_is_refused_at_once(site):
    node, other = issue(site), issue(site, node_id="mi-00000000000000000")
    node.may("ssm:GetParameter")
    site.database.write_sync(lambda tx: identity.revoke_node(tx, site.account, NODE))
    with refused("InvalidClientTokenId"):
        node.arn()
    assert other.arn()


def test_a_session_ends_when_its_time_is_over(site):
    node = issue(site, duration_s=900)
    site.world.advance(899)
    assert node.arn()
    site.world.advance(1)
    with refused("ExpiredTokenException"):
        node.arn()


def test_a_session_survives_a_restart_but_no_tampering(site):
    node = issue(site)
    token = base64.b64decode(node.session_token)
    for bad in (
        "",
        "x",
        "é",
        "A" * 100_000,
        base64.b64encode(token[:-1]).decode(),
        base64.b64encode(token[:40] + bytes([token[40] ^ 1]) + token[41:]).decode(),
    ):
        with refused("InvalidClientTokenId"):
            Caller(site, node.access_key_id, node.secret, bad).arn()
    with refused("InvalidClientTokenId"):
        Caller(site, node.access_key_id, node.secret).arn()
    other = issue(site)
    with refused("InvalidClientTokenId"):
        Caller(site, node.access_key_id, node.secret, other.session_token).arn()
    assert node.arn()


def test_sessions_of_a_role_made_anew_are_over(site):
    arn = site.role("Ops", {"AWS": site.account}, allow("ssm:*"))
    session = site.assume(site.admin, arn)
    session.may("ssm:SendCommand")
    site.admin.iam("DeleteRolePolicy", RoleName="Ops", PolicyName="own")
    site.admin.iam("DeleteRole", RoleName="Ops")
    with refused("InvalidClientTokenId"):
        session.arn()
    site.role("Ops", {"AWS": site.account}, allow("ssm:*"))
    with refused("InvalidClientTokenId"):
        session.arn()


def test_a_role_that_no_longer_trusts_the_service_gives_nodes_nothing(site):
    site.admin.iam(
        "UpdateAssumeRolePolicy",
        RoleName="SSMServiceRole",
        PolicyDocument=policy(
            {"Effect": "Allow", "Principal": {"AWS": site.account}, "Action": "sts:AssumeRole"}
        ),
    )
    with refused("AccessDeniedException"):
        issue(site)
    with refused("ValidationException"):
        issue(site, role_name="None")


def test_a_role_that_trusts_the_account_needs_the_users_own_policy(site):
    arn = site.role("Ops", {"AWS": f"arn:aws:iam::{site.account}:root"}, allow("ssm:*"))
    ann, bob = site.user("ann"), site.user("bob", allow("sts:AssumeRole", arn))
    with refused("AccessDeniedException") as denied:
        site.assume(ann, arn)
    assert str(denied.value) == (
        f"User: {ann.arn()} is not authorized to perform: sts:AssumeRole on resource: {arn} "
        "because no identity-based policy allows the sts:AssumeRole action"
    )
    session = site.assume(bob, arn, name="on-call")
    assert session.arn() == f"arn:aws:sts::{site.account}:assumed-role/Ops/on-call"
    session.may("ssm:SendCommand")
    with refused("AccessDeniedException"):
        session.may("iam:ListUsers")


def test_a_role_that_trusts_the_very_user_needs_nothing_more_unless_denied(site):
    ann = site.user("ann")
    arn = site.role("Ops", {"AWS": ann.arn()})
    assert site.assume(ann, arn)
    site.admin.iam(
        "PutUserPolicy", UserName="ann", PolicyName="no", PolicyDocument=policy(deny("sts:AssumeRole"))
    )
    with refused("AccessDeniedException"):
        site.assume(ann, arn)


def test_the_accounts_administrator_is_refused_by_a_role_that_does_not_trust_it(site):
    ann = site.user("ann")
    arn = site.role("Ops", {"AWS": ann.arn()})
    with refused("AccessDeniedException") as denied:
        site.assume(site.admin, arn)
    assert str(denied.value).endswith("because no role trust policy allows the sts:AssumeRole action")
    with refused("AccessDeniedException") as missing:
        site.assume(site.admin, arn.replace("Ops", "None"))
    assert str(missing.value) == str(denied.value).replace("role/Ops", "role/None")


def test_between_accounts_both_sides_must_allow(site):
    other, other_id = site.member()
    arn = site.role("Ops", {"AWS": other_id}, allow("ssm:*"))
    session = site.assume(other, arn)
    assert session.arn().startswith(f"arn:aws:sts::{site.account}:")
    poor = site.user("poor", by=other)
    with refused("AccessDeniedException"):
        site.assume(poor, arn)
    closed = site.role("Closed", {"AWS": site.account})
    with refused("AccessDeniedException"):
        site.assume(other, closed)


def test_an_external_id_is_asked_for_by_condition(site):
    other, other_id = site.member()
    arn = site.role("Ops", {"AWS": other_id}, Condition={"StringEquals": {"sts:ExternalId": "secret"}})
    assert site.assume(other, arn, ExternalId="secret")
    for wrong in ({}, {"ExternalId": "other"}):
        with refused("AccessDeniedException"):
            site.assume(other, arn, **wrong)


def test_a_session_policy_limits_and_never_adds(site):
    arn = site.role("Ops", {"AWS": site.account}, allow("ssm:*"))
    limited = site.assume(site.admin, arn, Policy=policy(allow("ssm:Get*"), allow("iam:*")))
    limited.may("ssm:GetParameter")
    for action in ("ssm:PutParameter", "iam:ListUsers"):
        with refused("AccessDeniedException"):
            limited.may(action)
    by_arn = site.assume(
        site.admin, arn, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"}]
    )
    by_arn.may("ssm:GetParameter")
    with refused("AccessDeniedException"):
        by_arn.may("ssm:PutParameter")
    site.assume(site.admin, arn).may("ssm:PutParameter")
    with refused("MalformedPolicyDocument"):
        site.assume(site.admin, arn, Policy="{}")
    with refused("PackedPolicyTooLarge"):
        site.assume(site.admin, arn, Policy=policy(allow("ssm:*", ["arn:aws:s3:::" + "b" * 2100])))
    with refused("ValidationError"):
        site.assume(site.admin, arn, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/None"}])


def test_session_tags_need_their_own_permission_and_are_tags_of_the_principal(site):
    arn = site.role(
        "Ops", {"AWS": site.account}, allow("ssm:*", "arn:aws:ssm:*:*:p/${aws:PrincipalTag/team}")
    )
    tags = [{"Key": "team", "Value": "red"}]
    with refused("AccessDeniedException") as denied:
        site.assume(site.admin, arn, Tags=tags)
    assert "sts:TagSession" in str(denied.value)
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": site.account},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    site.admin.iam("UpdateAssumeRolePolicy", RoleName="Ops", PolicyDocument=policy(trust))
    session = site.assume(site.admin, arn, Tags=tags)
    session.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:p/red")
    with refused("AccessDeniedException"):
        session.may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:p/blue")


def test_sessions_last_no_longer_than_the_role_or_a_chain_allows(site):
    arn = site.role("Ops", {"AWS": site.account}, allow("sts:*"))
    with refused("ValidationError"):
        site.assume(site.admin, arn, DurationSeconds=7200)
    site.admin.iam("UpdateRole", RoleName="Ops", MaxSessionDuration=7200, Description="ops")
    first = site.assume(site.admin, arn, DurationSeconds=7200)
    with refused("ValidationError") as chained:
        site.assume(first, arn, DurationSeconds=7200)
    assert "role chaining" in str(chained.value)
    assert site.assume(first, arn)


def test_what_assume_role_does_not_serve_is_refused_by_name(site):
    arn = site.role("Ops", {"AWS": site.account})
    for member in ("ProvidedContexts",):
        with refused("NotImplemented") as told:
            site.assume(site.admin, arn, **{member: "something"})
        assert member in str(told.value)
    with refused("ValidationError"):
        site.assume(site.admin, "arn:aws:s3:::bucket-with-a-name")


def test_roles_are_created_shown_listed_and_deleted(site):
    trust = policy(
        {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    made = site.admin.iam(
        "CreateRole", RoleName="Ops", Path="/team/", AssumeRolePolicyDocument=trust, Description="d"
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{site.account}:role/team/Ops" and made["RoleId"].startswith("AROA")
    assert made["MaxSessionDuration"] == 3600
    assert site.admin.iam("GetRole", RoleName="ops")["Role"] == made | {"RoleLastUsed": {}}
    names = [role["RoleName"] for role in site.admin.iam("ListRoles")["Roles"]]
    assert names == ["Ops", "OrganizationAccountAccessRole", "SSMServiceRole"]
    with refused("EntityAlreadyExists"):
        site.admin.iam("CreateRole", RoleName="OPS", AssumeRolePolicyDocument=trust)
    site.admin.iam("AttachRolePolicy", RoleName="Ops", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    with refused("DeleteConflict"):
        site.admin.iam("DeleteRole", RoleName="Ops")
    site.admin.iam("DetachRolePolicy", RoleName="Ops", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    site.admin.iam("DeleteRole", RoleName="Ops")
    with refused("NoSuchEntity"):
        site.admin.iam("GetRole", RoleName="Ops")


def test_a_trust_policy_that_is_none_or_speaks_of_nobody_is_refused(site):
    def create(trust):
        site.admin.iam("CreateRole", RoleName="Ops", AssumeRolePolicyDocument=trust)

    for trust in (
        "{}",
        policy(allow("sts:AssumeRole")),
        policy(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{site.account}:user/none"},
                "Action": "sts:*",
            }
        ),
        policy(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{site.account}:role/none"},
                "Action": "sts:*",
            }
        ),
    ):
        with refused("MalformedPolicyDocument"):
            create(trust)
    long = [{"Effect": "Allow", "Principal": {"AWS": site.account}, "Action": "sts:AssumeRole"}] * 60
    with refused("LimitExceeded"):
        create(policy(*long))


def test_the_account_of_a_key_can_be_read_from_its_id(site):
    info = site.admin.sts("GetAccessKeyInfo", AccessKeyId=site.admin.access_key_id)
    assert info == {"Account": site.account} == {"Account": account_of(issue(site).access_key_id)}
    with refused("ValidationError"):
        site.admin.sts("GetAccessKeyInfo", AccessKeyId="AKIAIOSFODNN7EXAMPLE")


def test_nobody_can_be_forbidden_to_ask_who_they_are(site):
    ann = site.user("ann", deny("*"))
    answer = ann.sts("GetCallerIdentity")
    assert answer["Account"] == site.account and answer["UserId"].startswith("AIDA")
