"""Step 2 of a published article on many accounts: its roles, its user and its policies, by the plain command
line on a served control plane; what they give, and what they deny, by real calls."""

import json

import pytest

from tests.identity.caller import printed

pytestmark = pytest.mark.slow
ADMINISTRATION = "AWS-SystemsManager-AutomationAdministrationRole"
EXECUTION = "AWS-SystemsManager-AutomationExecutionRole"
AUTOMATION = "arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole"
SSM = "ssm.amazonaws.com"


class Accounts:
    """The management account and a target account, each with the article's roles."""

    def __init__(self, site):
        self.site, self.aws = site, site.aws
        self.management = site.aws("sts", "get-caller-identity")["Account"]
        self.target = self._member("target")
        self.in_target = self.administrator_of(self.target)
        self.give(self.aws, ADMINISTRATION, self._trust(Service=SSM), printed("administration-role"))
        self.give(
            self.in_target,
            EXECUTION,
            printed("execution-role-trust", ManagementAccountId=self.management),
            printed("execution-role", TargetAccountId=self.target),
        )

    def give(self, aws, role, trust, policy):
        aws("iam", "create-role", "--role-name", role, "--assume-role-policy-document", self._file(trust))
        named = ("--role-name", role, "--policy-name", "article")
        aws("iam", "put-role-policy", *named, "--policy-document", self._file(policy))

    def operator(self):
        """The user of the article: its managed policy and the printed one. A command line of its own."""
        self.aws("iam", "create-user", "--user-name", "ops")
        self.aws("iam", "attach-user-policy", "--user-name", "ops", "--policy-arn", AUTOMATION)
        inline = ("--policy-name", "article", "--policy-document", self._file(printed("operator-inline")))
        self.aws("iam", "put-user-policy", "--user-name", "ops", *inline)
        key = self.aws("iam", "create-access-key", "--user-name", "ops")["AccessKey"]
        return self.site.as_session({**key, "SessionToken": ""})

    def trusting(self, **principal):
        """Change whom the administration role trusts."""
        document = self._file(self._trust(**principal))
        change = ("--role-name", ADMINISTRATION, "--policy-document", document)
        self.aws("iam", "update-assume-role-policy", *change)

    def become(self, aws, account, role):
        """A command line in that role."""
        return self.site.as_session(aws("sts", "assume-role", *self.asked(account, role))["Credentials"])

    def asked(self, account, role):
        return "--role-arn", f"arn:aws:iam::{account}:role/{role}", "--role-session-name", "article"

    def administrator_of(self, account):
        return self.become(self.aws, account, "OrganizationAccountAccessRole")

    def _member(self, name):
        mail = f"{name}@example.com"
        asked = self.aws("organizations", "create-account", "--email", mail, "--account-name", name)
        status = asked["CreateAccountStatus"]["Id"]

        def made():
            shown = self.aws(
                "organizations", "describe-create-account-status", "--create-account-request-id", status
            )["CreateAccountStatus"]
            return shown.get("AccountId") if shown["State"] == "SUCCEEDED" else None

        return self.site.until(made)

    def _trust(self, **principal):
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def _file(self, text):
        path = self.site.folder / f"{abs(hash(text))}.json"
        path.write_text(text)
        return f"file://{path}"


@pytest.fixture
def accounts(site):
    return Accounts(site)


def denied(aws, *words):
    """What the command line prints about a denial."""
    printed = aws(*words, status=255)
    assert "(AccessDenied" in printed, printed
    return printed


def test_the_administration_role_belongs_to_systems_manager_and_reaches_the_execution_roles(accounts):
    aws, execution = accounts.aws, accounts.asked(accounts.target, EXECUTION)
    denied(aws, "sts", "assume-role", *accounts.asked(accounts.management, ADMINISTRATION))

    accounts.trusting(Service=SSM, AWS=accounts.management)
    central = accounts.become(aws, accounts.management, ADMINISTRATION)
    root = aws("organizations", "list-roots")["Roots"][0]["Id"]
    listed = central("organizations", "list-accounts-for-parent", "--parent-id", root)["Accounts"]
    assert {each["Id"] for each in listed} == {accounts.management, accounts.target}
    assert central("sts", "assume-role", *execution)["AssumedRoleUser"]["Arn"].endswith("/article")
    refusal = denied(central, "organizations", "list-accounts")
    who = f"User: arn:aws:sts::{accounts.management}:assumed-role/{ADMINISTRATION}/article"
    assert (
        f"{who} is not authorized to perform: organizations:ListAccounts on resource: * because no "
        "identity-based policy allows the organizations:ListAccounts action" in refusal
    )
    other = accounts.asked(accounts.target, "OrganizationAccountAccessRole")
    denied(central, "sts", "assume-role", *other)
    denied(central, "ssm", "describe-instance-information")


def test_the_execution_role_does_everything_but_change_identities(accounts):
    accounts.trusting(AWS=accounts.management)
    central = accounts.become(accounts.aws, accounts.management, ADMINISTRATION)
    execution = accounts.become(central, accounts.target, EXECUTION)
    assert execution("ssm", "describe-instance-information")["InstanceInformationList"] == []
    execution("ssm", "put-parameter", "--name", "by-execution", "--value", "v", "--type", "String")
    execution("resource-groups", "list-groups")
    assert EXECUTION in str(execution("iam", "get-role", "--role-name", EXECUTION))
    refusal = denied(execution, "iam", "create-user", "--user-name", "eve")
    assert "with an explicit deny in an identity-based policy" in refusal
    denied(execution, "iam", "delete-role", "--role-name", EXECUTION)
    denied(execution, "iam", "update-role", "--role-name", EXECUTION, "--description", "d")
    denied(execution, "iam", "change-password", "--old-password", "a", "--new-password", "b")

    source = ("--policy-source-arn", f"arn:aws:iam::{accounts.target}:role/{EXECUTION}")
    names = ("iam:PassRole", "ec2:TerminateInstances", "iam:DetachRolePolicy", "iam:UploadSSHPublicKey")
    found = accounts.in_target("iam", "simulate-principal-policy", *source, "--action-names", *names)
    verdicts = [each["EvalDecision"] for each in found["EvaluationResults"]]
    assert verdicts == ["allowed", "allowed", "explicitDeny", "explicitDeny"]


def test_the_execution_role_trusts_the_management_account_only(accounts):
    stranger = accounts.administrator_of(accounts._member("stranger"))
    execution = accounts.asked(accounts.target, EXECUTION)
    refusal = denied(stranger, "sts", "assume-role", *execution)
    assert "because no role trust policy allows the sts:AssumeRole action" in refusal
    denied(accounts.in_target, "sts", "assume-role", *execution)
    assert accounts.aws("sts", "assume-role", *execution)["Credentials"]


def test_the_operator_lists_groups_and_passes_roles(accounts):
    ops, aws = accounts.operator(), accounts.aws
    query = json.dumps(
        {
            "Type": "TAG_FILTERS_1_0",
            "Query": json.dumps(
                {
                    "ResourceTypeFilters": ["AWS::SSM::Parameter"],
                    "TagFilters": [{"Key": "Name", "Values": ["WebServers"]}],
                }
            ),
        }
    )
    group = ("--name", "WebServers", "--resource-query", query)
    denied(ops, "resource-groups", "create-group", *group)
    aws("resource-groups", "create-group", *group)
    assert ops("resource-groups", "list-group-resources", "--group", "WebServers")["Resources"] == []
    denied(ops, "iam", "create-user", "--user-name", "eve")
    role = ("--iam-role", "service-role/SSMServiceRole")
    assert ops("ssm", "create-activation", *role)["ActivationId"]

    aws("iam", "delete-user-policy", "--user-name", "ops", "--policy-name", "article")
    refusal = denied(ops, "ssm", "create-activation", *role)
    assert "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::" in refusal
    refusal = denied(ops, "resource-groups", "list-group-resources", "--group", "WebServers")
    assert "resource-groups:ListGroupResources" in refusal
