"""Several accounts of one organization, with the two roles that Automation uses between them."""

import json

from tests.automations.shop import Shop
from tests.identity.caller import printed

ADMINISTRATION = "AWS-SystemsManager-AutomationAdministrationRole"
EXECUTION = "AWS-SystemsManager-AutomationExecutionRole"
HERE, THERE = "us-east-1", "ap-northeast-1"
LISTS_UNITS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "organizations:ListOrganizationalUnitsForParent", "Resource": "*"}
    ],
}


class Landscape:
    """The management account with its administration role; `member()` makes others with the other."""

    def __init__(self, house):
        self.house = house
        self.shop = Shop(house)
        self.account = house.client("sts").get_caller_identity()["Account"]
        self.organizations = house.client("organizations")
        self.root = self.organizations.list_roots()["Roots"][0]["Id"]
        self.role = f"arn:aws:iam::{self.account}:role/{ADMINISTRATION}"
        trust = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
        self.give(house.key, ADMINISTRATION, statement(trust), printed("administration-role"))
        self.keys = {self.account: house.key}

    def give(self, key, name, trust, document):
        iam = self.house.client("iam", key)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=name, PolicyName="article", PolicyDocument=document)

    def member(self, name, unit=None, with_role=True):
        """An account of the organization; its number."""
        mail = f"{name}@example.com"
        asked = self.organizations.create_account(Email=mail, AccountName=name)["CreateAccountStatus"]["Id"]
        self.house.tick()
        shown = self.organizations.describe_create_account_status(CreateAccountRequestId=asked)
        account = shown["CreateAccountStatus"]["AccountId"]
        if unit:
            self.organizations.move_account(
                AccountId=account, SourceParentId=self.root, DestinationParentId=unit
            )
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        found = self.house.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")
        key = found["Credentials"]
        self.keys[account] = (key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
        if with_role:
            trust = printed("execution-role-trust", ManagementAccountId=self.account)
            self.give(
                self.keys[account], EXECUTION, trust, printed("execution-role", TargetAccountId=account)
            )
        return account

    def unit(self, name, parent=None):
        made = self.organizations.create_organizational_unit(ParentId=parent or self.root, Name=name)
        return made["OrganizationalUnit"]["Id"]

    def ssm(self, account, region=HERE):
        return self.house.client("ssm", self.keys[account], region)

    def start(self, name, *locations, **how):
        """Begin in these locations as the administration role, and do what is due."""
        given = {"AutomationAssumeRole": [self.role]} | how.pop("Parameters", {})
        execution_id = self.shop.start(name, Parameters=given, TargetLocations=list(locations), **how)
        self.house.tick()
        return self.shop.get(execution_id)

    def children(self, one, account, region=HERE):
        found = self.ssm(account, region).describe_automation_executions(
            Filters=[{"Key": "ParentExecutionId", "Values": [one.id]}]
        )
        return found["AutomationExecutionMetadataList"]


def statement(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
