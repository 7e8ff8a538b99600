"""The roles of the articles on distributing software and on patch policies: what they give, and nothing else.

Neither article prints its policies: the software distributor's are those of the stack that it launches, a
patch policy's are those that Quick Setup documents. The files in `seeds/` say the same in our order.
"""

import pytest

from hostreeve.platform import identity
from tests.identity.caller import SCHEMAS as SLICES
from tests.identity.caller import Site, allow, policy, printed, refused

SCHEMAS = SLICES
ADMINISTRATION = "CSD-SystemsManager-AutomationAdministrationRole"
EXECUTION = "CSD-SystemsManager-AutomationExecutionRole"
STACKS = "CSD-CloudFormation-StackSet"
PATCHES = "AWS-QuickSetup-PatchPolicy-Local"
AUTOMATION = "arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole"
BASELINES = "arn:aws:s3:::aws-quicksetup-patchpolicy-111122223333-q4bkg/baseline_overrides.json"


@pytest.fixture
def site(database, world):
    return Site(database, world)


@pytest.fixture
def target(site):
    """A member account with the distributor's execution role: its administrator and its number."""
    member, account = site.member()
    trust = printed("distributor-execution-role-trust", ManagementAccountId=site.account)
    give(
        member,
        EXECUTION,
        trust,
        printed("distributor-execution-role", TargetAccountId=account),
        managed=AUTOMATION,
    )
    return member, account


def give(caller, name, trust, document, managed=None):
    caller.iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)
    caller.iam("PutRolePolicy", RoleName=name, PolicyName="seed", PolicyDocument=document)
    if managed:
        caller.iam("AttachRolePolicy", RoleName=name, PolicyArn=managed)


def role(account, name):
    return f"arn:aws:iam::{account}:role/{name}"


def service(name):
    return policy({"Effect": "Allow", "Principal": {"Service": name}, "Action": "sts:AssumeRole"})


def administration(site):
    """A session of the distributor's administration role, which trusts its account as well in this test."""
    trusted = {"Service": "ssm.amazonaws.com", "AWS": site.account}
    trust = policy({"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"})
    document = printed("distributor-administration-role", ManagementAccountId=site.account)
    give(site.admin, ADMINISTRATION, trust, document, managed=AUTOMATION)
    return site.assume(site.admin, role(site.account, ADMINISTRATION))


def decided(site, document, *pairs):
    """What IAM's simulator says of a policy alone: `action resource` by `action resource`."""
    found = {}
    for action, resource in pairs:
        answer = site.admin.iam(
            "SimulateCustomPolicy",
            PolicyInputList=[document],
            ActionNames=[action],
            ResourceArns=[resource],
        )
        found[action, resource] = answer["EvaluationResults"][0]["EvalDecision"]
    return found


def test_the_distributors_administration_reaches_members_packages_and_groups(site, target):
    _, account = target
    central = administration(site)
    root = site.admin.organizations("ListRoots")["Roots"][0]["Id"]
    assert len(central.organizations("ListAccountsForParent", ParentId=root)["Accounts"]) == 2
    member = site.assume(central, role(account, EXECUTION))
    assert f":{account}:assumed-role/{EXECUTION}/" in member.arn()
    for action, resource in (
        ("s3:GetObject", "arn:aws:s3:::csd-pkgs/nginx/manifest.json"),
        ("s3:ListBucket", "arn:aws:s3:::csd-pkgs"),
        ("resource-groups:ListGroupResources", "*"),
        ("tag:GetResources", "*"),
        ("iam:PassRole", role(site.account, ADMINISTRATION)),
        ("ssm:ModifyDocumentPermission", f"arn:aws:ssm:us-east-1:{site.account}:document/nginx"),
    ):
        central.may(action, resource)
    for action, resource in (
        ("s3:PutObject", "arn:aws:s3:::csd-pkgs/nginx/manifest.json"),
        ("sts:AssumeRole", role(account, "OrganizationAccountAccessRole")),
        ("iam:PassRole", role(site.account, "SSMServiceRole")),
        ("organizations:ListAccounts", "*"),
        ("iam:CreateUser", "*"),
    ):
        with refused("AccessDeniedException"):
            central.may(action, resource)
    with refused("AccessDeniedException"):
        site.assume(central, role(account, "OrganizationAccountAccessRole"))


def test_a_trust_of_the_bare_account_number_is_a_trust_of_that_account(site, target):
    member, account = target
    shown = member.iam("GetRole", RoleName=EXECUTION)["Role"]["AssumeRolePolicyDocument"]
    assert f"arn%3Aaws%3Aiam%3A%3A{site.account}%3Aroot" in shown or f"{site.account}:root" in shown
    stranger, _ = site.member()
    for caller in (stranger, member):
        with refused("AccessDeniedException"):
            site.assume(caller, role(account, EXECUTION))
    found = site.database.read_sync(lambda tx: identity.find_role(tx, account, EXECUTION))
    assert identity.trusts(found, "ssm.amazonaws.com")
    assert not identity.trusts(found, "cloudformation.amazonaws.com")


def test_the_distributors_execution_role_sends_commands_and_changes_nobody(site, target):
    _, account = target
    execution = site.assume(administration(site), role(account, EXECUTION))
    execution.may("ssm:SendCommand", f"arn:aws:ssm:us-east-1:{account}:document/AWS-ConfigureAWSPackage")
    execution.may("resource-groups:ListGroupResources", "*")
    execution.may("iam:PassRole", role(account, EXECUTION))
    for action in ("iam:CreateUser", "iam:GetUser", "s3:GetObject", "organizations:ListAccountsForParent"):
        with refused("AccessDeniedException"):
            execution.may(action)
    with refused("AccessDeniedException"):
        execution.may("iam:PassRole", role(account, "SSMServiceRole"))


def test_stack_sets_make_roles_in_members_and_nobody_else_does_by_them(site):
    central = printed("distributor-stack-set-administration-role")
    execution = role("111122223333", f"{STACKS}ExecutionRole")
    china = execution.replace("arn:aws:", "arn:aws-cn:")
    assert decided(
        site,
        central,
        ("sts:AssumeRole", execution),
        ("sts:AssumeRole", china),
        ("sts:AssumeRole", role("111122223333", EXECUTION)),
        ("iam:CreateRole", "*"),
    ) == {
        ("sts:AssumeRole", execution): "allowed",
        ("sts:AssumeRole", china): "allowed",
        ("sts:AssumeRole", role("111122223333", EXECUTION)): "implicitDeny",
        ("iam:CreateRole", "*"): "implicitDeny",
    }
    document = printed("distributor-stack-set-execution-role")
    actions = ("cloudformation:CreateStack", "iam:CreateRole", "iam:PassRole", "ssm:CreateDocument")
    denied = ("iam:CreateUser", "iam:UpdateAssumeRolePolicy", "ssm:SendCommand", "s3:GetObject")
    verdicts = decided(site, document, *((action, "*") for action in actions + denied))
    assert [verdicts[action, "*"] for action in actions] == ["allowed"] * 4
    assert [verdicts[action, "*"] for action in denied] == ["implicitDeny"] * 4


def test_only_the_service_of_stacks_becomes_what_deploys(site):
    give(
        site.admin,
        f"{STACKS}AdministrationRole",
        service("cloudformation.amazonaws.com"),
        printed("distributor-stack-set-administration-role"),
    )
    made = site.database.read_sync(
        lambda tx: identity.find_role(tx, site.account, f"{STACKS}AdministrationRole")
    )
    assert identity.trusts(made, "cloudformation.amazonaws.com")
    assert not identity.trusts(made, "ssm.amazonaws.com")
    with refused("AccessDeniedException"):
        site.assume(site.admin, made.arn)


def test_a_patch_policys_roles_deploy_in_their_own_account_only(site):
    document = printed("patch-policy-administration-role", TargetAccountId=site.account)
    mine, other = role(site.account, f"{PATCHES}ExecutionRole"), role("1" * 12, f"{PATCHES}ExecutionRole")
    verdicts = decided(
        site, document, ("sts:AssumeRole", mine), ("sts:AssumeRole", other), ("ssm:CreateAssociation", "*")
    )
    assert list(verdicts.values()) == ["allowed", "implicitDeny", "implicitDeny"]
    give(
        site.admin,
        f"{PATCHES}AdministrationRole",
        service("cloudformation.amazonaws.com"),
        document,
    )
    with refused("AccessDeniedException"):
        site.assume(site.admin, role(site.account, f"{PATCHES}AdministrationRole"))


def test_a_node_of_a_patch_policy_reads_its_baselines_and_reports(site):
    """Its agent needs the core policy; the baselines of its organization lie in a bucket of Quick Setup's."""
    trust = policy({"Effect": "Allow", "Principal": {"AWS": site.account}, "Action": "sts:AssumeRole"})
    node = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    give(site.admin, "Node", trust, policy(allow("sts:GetCallerIdentity")), managed=node)
    caller = site.assume(site.admin, role(site.account, "Node"))
    caller.may("ssm:PutComplianceItems")
    with refused("AccessDeniedException"):
        caller.may("s3:GetObject", BASELINES)
    baselines = "arn:aws:iam::aws:policy/AWSQuickSetupPatchPolicyBaselineAccess"
    site.admin.iam("AttachRolePolicy", RoleName="Node", PolicyArn=baselines)
    caller.may("s3:GetObject", BASELINES)
    for action, resource in (
        ("s3:PutObject", BASELINES),
        ("s3:GetObject", "arn:aws:s3:::another/baseline_overrides.json"),
        ("ssm:SendCommand", "*"),
    ):
        with refused("AccessDeniedException"):
            caller.may(action, resource)
