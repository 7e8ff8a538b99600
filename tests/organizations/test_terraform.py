"""What Terraform's AWS provider asks of Organizations, in its order: apply, read again, change, destroy."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.house import house_at

KIND = "SERVICE_CONTROL_POLICY"
SSM = "ssm.amazonaws.com"


@pytest.fixture
def house(tmp_path):
    with house_at(f"sqlite:///{tmp_path}/house.db") as made:
        yield made


def refused(operation, **request):
    with pytest.raises(ClientError) as error:
        operation(**request)
    return error.value.response["Error"]["Code"]


def pages(client, operation, member, **request):
    found = []
    for page in client.get_paginator(operation).paginate(**request):
        found += page[member]
    return found


def test_an_organization_is_deleted_made_and_deleted(house):
    """aws_organizations_organization"""
    client = house.client("organizations")
    assert refused(client.create_organization, FeatureSet="ALL") == "AlreadyInOrganizationException"
    client.delete_organization()
    assert refused(client.describe_organization) == "AWSOrganizationsNotInUseException"
    made = client.create_organization(FeatureSet="ALL")["Organization"]
    client.enable_aws_service_access(ServicePrincipal=SSM)
    root = pages(client, "list_roots", "Roots")[0]
    client.enable_policy_type(RootId=root["Id"], PolicyType=KIND)
    assert client.describe_organization()["Organization"]["Id"] == made["Id"]
    assert pages(client, "list_roots", "Roots")[0]["PolicyTypes"] == [{"Type": KIND, "Status": "ENABLED"}]
    services = pages(client, "list_aws_service_access_for_organization", "EnabledServicePrincipals")
    assert [each["ServicePrincipal"] for each in services] == [SSM]
    assert [each["Id"] for each in pages(client, "list_accounts", "Accounts")] == [made["MasterAccountId"]]
    assert pages(client, "list_delegated_administrators", "DelegatedAdministrators") == []
    client.disable_policy_type(RootId=root["Id"], PolicyType=KIND)
    client.disable_aws_service_access(ServicePrincipal=SSM)
    client.delete_organization()


def test_units_accounts_policies_and_delegations_are_applied_and_destroyed(house):
    """aws_organizations_organizational_unit, _account, _policy(_attachment), _delegated_administrator"""
    client = house.client("organizations")
    tags = [{"Key": "Team", "Value": "a"}]
    root = client.list_roots()["Roots"][0]["Id"]
    unit = client.create_organizational_unit(ParentId=root, Name="Test", Tags=tags)["OrganizationalUnit"]
    assert client.list_parents(ChildId=unit["Id"])["Parents"] == [{"Id": root, "Type": "ROOT"}]
    assert pages(client, "list_accounts_for_parent", "Accounts", ParentId=unit["Id"]) == []
    assert pages(client, "list_tags_for_resource", "Tags", ResourceId=unit["Id"]) == tags
    client.update_organizational_unit(OrganizationalUnitId=unit["Id"], Name="Staging")

    account = applied_account(house, client, unit["Id"], root)
    policy = applied_policy(client, root, account)
    client.enable_aws_service_access(ServicePrincipal=SSM)
    client.register_delegated_administrator(AccountId=account, ServicePrincipal=SSM)
    found = pages(client, "list_delegated_administrators", "DelegatedAdministrators", ServicePrincipal=SSM)
    assert [each["Id"] for each in found] == [account]

    client.deregister_delegated_administrator(AccountId=account, ServicePrincipal=SSM)
    client.detach_policy(PolicyId=policy, TargetId=account)
    client.delete_policy(PolicyId=policy)
    assert refused(client.describe_policy, PolicyId=policy) == "PolicyNotFoundException"
    client.close_account(AccountId=account)
    house.tick()
    assert client.describe_account(AccountId=account)["Account"]["Status"] == "SUSPENDED"
    client.move_account(AccountId=account, SourceParentId=unit["Id"], DestinationParentId=root)
    client.delete_organizational_unit(OrganizationalUnitId=unit["Id"])


def applied_account(house, client, unit, root):
    asked = client.create_account(Email="t@example.com", AccountName="T")["CreateAccountStatus"]
    house.tick()
    status = client.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    account = status["AccountId"]
    client.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    assert client.describe_account(AccountId=account)["Account"]["JoinedMethod"] == "CREATED"
    assert client.list_parents(ChildId=account)["Parents"][0]["Id"] == unit
    return account


def applied_policy(client, root, account):
    client.enable_policy_type(RootId=root, PolicyType=KIND)
    content = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}}
    policy = client.create_policy(Name="limits", Description="", Type=KIND, Content=json.dumps(content))[
        "Policy"
    ]["PolicySummary"]["Id"]
    client.attach_policy(PolicyId=policy, TargetId=account)
    targets = pages(client, "list_targets_for_policy", "Targets", PolicyId=policy)
    assert [each["TargetId"] for each in targets] == [account]
    assert json.loads(client.describe_policy(PolicyId=policy)["Policy"]["Content"]) == content
    return policy
