"""The policies of the article about patching many accounts, as printed: what they give and what they deny.

The files in `seeds/` are the article's own; the placeholders for account numbers are filled in, as it says.
The roles of the software distributor and of patch policies: `test_seeds_of_many_accounts.py`.
"""

import pytest

from hostreeve.platform import identity
from tests.identity.caller import SCHEMAS as SLICES
from tests.identity.caller import Site, policy, printed, refused

SCHEMAS = SLICES
ADMINISTRATION = "AWS-SystemsManager-AutomationAdministrationRole"
EXECUTION = "AWS-SystemsManager-AutomationExecutionRole"
SSM = {"Service": "ssm.amazonaws.com"}


class Accounts:
    """The management account with its role and operator, and a target account with its role."""

    def __init__(self, site):
        self.site = site
        self.target, self.target_id = site.member()
        trust = policy(
            {"Effect": "Allow", "Principal": {**SSM, "AWS": site.account}, "Action": "sts:AssumeRole"}
        )
        site.admin.iam("CreateRole", RoleName=ADMINISTRATION, AssumeRolePolicyDocument=trust)
        site.admin.iam(
            "PutRolePolicy",
            RoleName=ADMINISTRATION,
            PolicyName="printed",
            PolicyDocument=printed("administration-role"),
        )
        site.admin.iam("CreateUser", UserName="ops")
        site.admin.iam(
            "AttachUserPolicy",
            UserName="ops",
            PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole",
        )
        site.admin.iam(
            "PutUserPolicy", UserName="ops", PolicyName="printed", PolicyDocument=printed("operator-inline")
        )
        self.target.iam(
            "CreateRole",
            RoleName=EXECUTION,
            AssumeRolePolicyDocument=printed("execution-role-trust", ManagementAccountId=site.account),
        )
        self.target.iam(
            "PutRolePolicy",
            RoleName=EXECUTION,
            PolicyName="printed",
            PolicyDocument=printed("execution-role", TargetAccountId=self.target_id),
        )

    def role(self, account, name):
        return f"arn:aws:iam::{account}:role/{name}"

    def administration(self):
        return self.site.assume(self.site.admin, self.role(self.site.account, ADMINISTRATION))

    def operator(self):
        key = self.site.admin.iam("CreateAccessKey", UserName="ops")["AccessKey"]
        return type(self.site.admin)(self.site, key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def accounts(database, world):
    return Accounts(Site(database, world))


def test_the_administration_role_reaches_execution_roles_of_all_accounts_and_nothing_else(accounts):
    central = accounts.administration()
    execution = accounts.site.assume(central, accounts.role(accounts.target_id, EXECUTION))
    assert f":{accounts.target_id}:assumed-role/{EXECUTION}/" in execution.arn()
    with refused("AccessDeniedException"):
        accounts.site.assume(central, accounts.role(accounts.target_id, "OrganizationAccountAccessRole"))
    root = accounts.site.admin.organizations("ListRoots")["Roots"][0]["Id"]
    listed = central.organizations("ListAccountsForParent", ParentId=root)["Accounts"]
    assert {each["Id"] for each in listed} == {accounts.site.account, accounts.target_id}
    for operation in ("ListRoots", "ListAccounts"):
        with refused("AccessDeniedException"):
            central.organizations(operation)
    with refused("AccessDeniedException"):
        central.may("ssm:StartAutomationExecution")


def test_the_execution_role_may_do_everything_but_change_identities(accounts):
    execution = accounts.site.assume(accounts.administration(), accounts.role(accounts.target_id, EXECUTION))
    for action in (
        "ssm:SendCommand",
        "ec2:TerminateInstances",
        "iam:GetUser",
        "iam:PassRole",
        "iam:PutRolePolicy",
    ):
        execution.may(action)
    for action in (
        "iam:ChangePassword",
        "iam:CreateUser",
        "iam:DeleteRole",
        "iam:DetachUserPolicy",
        "iam:RemoveUserFromGroup",
        "iam:UpdateRole",
        "iam:UploadServerCertificate",
    ):
        with refused("AccessDeniedException") as denied:
            execution.may(action)
        assert denied.value.message.endswith("with an explicit deny in an identity-based policy")
    with refused("AccessDeniedException"):
        execution.iam("CreateUser", UserName="made-by-a-runbook")


def test_the_execution_role_trusts_the_management_account_and_systems_manager_only(accounts):
    stranger, _ = accounts.site.member()
    for caller in (stranger, accounts.target):
        with refused("AccessDeniedException"):
            accounts.site.assume(caller, accounts.role(accounts.target_id, EXECUTION))

    def trusted(service):
        return accounts.site.database.read_sync(
            lambda tx: identity.trusts(identity.find_role(tx, accounts.target_id, EXECUTION), service)
        )

    assert trusted("ssm.amazonaws.com") and not trusted("ec2.amazonaws.com")


def test_without_systems_manager_in_the_trust_it_cannot_act_as_the_role(accounts):
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{accounts.site.account}:root"},
            "Action": "sts:AssumeRole",
        }
    )
    accounts.target.iam("UpdateAssumeRolePolicy", RoleName=EXECUTION, PolicyDocument=trust)
    role = accounts.site.database.read_sync(lambda tx: identity.find_role(tx, accounts.target_id, EXECUTION))
    assert not identity.trusts(role, "ssm.amazonaws.com")
    accounts.site.assume(accounts.administration(), role.arn)


def test_the_operator_finds_groups_and_passes_roles(accounts):
    operator = accounts.operator()
    group = f"arn:aws:resource-groups:us-east-1:{accounts.site.account}:group/WebServers"
    operator.may("resource-groups:ListGroupResources", group)
    operator.may("iam:PassRole", accounts.role(accounts.site.account, ADMINISTRATION))
    operator.may(
        "ssm:SendCommand", f"arn:aws:ssm:us-east-1:{accounts.site.account}:document/AWS-RunPatchBaseline"
    )
    for action in ("iam:CreateUser", "resource-groups:CreateGroup", "organizations:ListAccountsForParent"):
        with refused("AccessDeniedException"):
            operator.may(action)


@pytest.mark.parametrize(
    ("way", "may"),
    [
        ("identity allows", True),
        ("explicit deny", False),
        ("boundary missing", False),
        ("control policy denies", False),
        ("trust missing", False),
        ("identity silent across accounts", False),
    ],
)
def test_of_all_ways_only_an_allowance_without_an_objection_opens(accounts, way, may):
    """The matrix of the acceptance script: who becomes the execution role of the target account."""
    site, role = accounts.site, accounts.role(accounts.target_id, EXECUTION)
    mover, _ = site.member()
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    statements = [] if way == "identity silent across accounts" else [allowed]
    if way == "explicit deny":
        statements.append({**allowed, "Effect": "Deny"})
    ann = site.user("ann", *statements, by=mover)
    account = ann.arn().split(":")[4]
    if way == "boundary missing":
        narrow = mover.iam(
            "CreatePolicy", PolicyName="b", PolicyDocument=policy({**allowed, "Action": "ssm:*"})
        )
        mover.iam("PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=narrow["Policy"]["Arn"])
    trusted = site.account if way == "trust missing" else account
    accounts.target.iam(
        "UpdateAssumeRolePolicy",
        RoleName=EXECUTION,
        PolicyDocument=printed("execution-role-trust", ManagementAccountId=trusted),
    )
    if way == "control policy denies":
        root = site.admin.organizations("ListRoots")["Roots"][0]["Id"]
        kind = "SERVICE_CONTROL_POLICY"
        site.admin.organizations("EnablePolicyType", RootId=root, PolicyType=kind)
        content = policy({**allowed, "Effect": "Deny"})
        made = site.admin.organizations("CreatePolicy", Name="n", Description="", Type=kind, Content=content)[
            "Policy"
        ]["PolicySummary"]["Id"]
        site.admin.organizations("AttachPolicy", PolicyId=made, TargetId=account)
    if may:
        assert site.assume(ann, role).arn()
    else:
        with refused("AccessDeniedException"):
            site.assume(ann, role)
