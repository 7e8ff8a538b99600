"""One of everything in the management account, and an administrator of another who would like to see it."""

import json
from typing import Any

from tests.gateway.callers import Callers
from tests.nodes.make import public_key

TREASURE = "treasure-7f3a"
"""Stands in everything that the management account keeps to itself."""
TREASURE_ARN = f"arn:aws:organizations::aws:{TREASURE}"


def plant(house) -> dict[str, list[Any]]:
    """One of everything in the management account; what others may try to name it by."""
    ssm, iam, kms, s3 = (house.client(name) for name in ("ssm", "iam", "kms", "s3"))
    account = house.client("sts").get_caller_identity()["Account"]
    tags = [{"Key": "kept", "Value": TREASURE}]
    activation = ssm.create_activation(
        IamRole="service-role/SSMServiceRole", Description=TREASURE, RegistrationLimit=5
    )
    node = registered(Callers(house), house, activation)
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=tags)
    ssm.put_parameter(Name="/planted/plain", Type="String", Value=TREASURE, Tags=tags)
    ssm.put_parameter(Name="/planted/secret", Type="SecureString", Value=TREASURE)
    content = {
        "schemaVersion": "2.2",
        "mainSteps": [
            {"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": [f"echo {TREASURE}"]}}
        ],
    }
    ssm.create_document(Name="Planted", Content=json.dumps(content), DocumentType="Command", Tags=tags)
    command = ssm.send_command(DocumentName="Planted", InstanceIds=[node], Comment=TREASURE)["Command"]
    key = kms.create_key(Description=TREASURE)["KeyMetadata"]
    kms.create_alias(AliasName="alias/planted", TargetKeyId=key["KeyId"])
    cipher = kms.encrypt(KeyId=key["KeyId"], Plaintext=TREASURE.encode())["CiphertextBlob"]
    grant = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=house_arn(account), Operations=["Decrypt"])
    s3.create_bucket(Bucket="planted-bucket")
    s3.put_object(Bucket="planted-bucket", Key="planted", Body=TREASURE.encode())
    upload = s3.create_multipart_upload(Bucket="planted-bucket", Key="planted")["UploadId"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    iam.create_user(UserName="planted", Tags=tags)
    iam.put_user_policy(UserName="planted", PolicyName="planted", PolicyDocument=json.dumps(policy))
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(
        RoleName="planted", AssumeRolePolicyDocument=json.dumps(trust), Description=TREASURE
    )["Role"]
    managed = iam.create_policy(
        PolicyName="planted", PolicyDocument=json.dumps(policy), Description=TREASURE
    )["Policy"]
    iam.create_group(GroupName="planted", Path=f"/{TREASURE}/")
    iam.add_user_to_group(GroupName="planted", UserName="planted")
    iam.create_instance_profile(InstanceProfileName="planted", Tags=tags)
    phone = iam.create_virtual_mfa_device(VirtualMFADeviceName="planted", Tags=tags)["VirtualMFADevice"]
    iam.create_login_profile(UserName="planted", Password=f"{TREASURE}-A")
    iam.create_account_alias(AccountAlias="planted")
    issuer = iam.create_open_id_connect_provider(
        Url="https://planted.example", ClientIDList=[TREASURE], Tags=tags
    )
    access_key = iam.create_access_key(UserName="planted")["AccessKey"]
    instance = registered(Callers(house), house, activation, 2, ResourceType="EC2Instance")
    ec2 = house.client("ec2")
    ec2.create_tags(Resources=[instance], Tags=tags)
    query = {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "kept"}]}
    group = house.client("resource-groups").create_group(
        Name="planted",
        Description=TREASURE,
        ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)},
        Tags={"kept": TREASURE},
    )["Group"]["GroupArn"]
    region = f"us-east-1:{account}"
    root, unit, control, handshake = planted_tree(house.client("organizations"), account, tags)
    keys = [key["Arn"], key["KeyId"], f"arn:aws:kms:{region}:alias/planted", "alias/planted"]
    parameters = [
        "/planted/plain",
        f"arn:aws:ssm:{region}:parameter/planted/secret",
        "Planted",
        f"arn:aws:ssm:{region}:document/Planted",
    ]
    window, window_target, window_task = planted_window(ssm, node, tags)
    baseline = planted_baseline(ssm, tags)
    job = f"aws.ssm.{command['CommandId']}.{node}"
    return {
        "InstanceId": [node],
        "InstanceIds": [[node]],
        "Destination": [node],
        "Target": [node],
        "MessageId": [job],
        "Name": parameters,
        "Names": [[each] for each in parameters],
        "Path": ["/planted"],
        "DocumentName": ["Planted", parameters[3]],
        "ResourceType": ["ManagedInstance", "Parameter", "Document"],
        "ResourceId": [node, "/planted/plain", "Planted"],
        "ResourceArn": [parameters[1], parameters[3]],
        "CommandId": [command["CommandId"]],
        "WindowId": [window],
        "WindowTargetId": [window_target],
        "WindowTaskId": [window_task],
        "BaselineId": [baseline, f"arn:aws:ssm:{region}:patchbaseline/{baseline}"],
        "PatchGroup": ["Planted"],
        "ActivationId": [activation["ActivationId"]],
        "KeyId": keys,
        "TargetKeyId": keys,
        "SourceKeyId": keys,
        "DestinationKeyId": keys,
        "CiphertextBlob": [cipher],
        "GrantId": [grant["GrantId"]],
        "GrantToken": [grant["GrantToken"]],
        "AliasName": ["alias/planted"],
        "Bucket": ["planted-bucket"],
        "Key": ["planted"],
        "CopySource": ["planted-bucket/planted"],
        "UploadId": [upload],
        "UserName": ["planted", "administrator"],
        "GroupName": ["planted"],
        "InstanceProfileName": ["planted"],
        "SerialNumber": [phone["SerialNumber"], None],
        "AccountAlias": ["planted"],
        "OpenIDConnectProviderArn": [issuer["OpenIDConnectProviderArn"]],
        "Url": ["https://planted.example"],
        "AWSServiceName": ["organizations.amazonaws.com"],
        "VersionId": ["v1", None],
        "RoleName": ["planted", "SSMServiceRole"],
        "PolicyName": ["planted"],
        "PolicyArn": [managed["Arn"]],
        "RoleArn": [role["Arn"]],
        "AccessKeyId": [access_key["AccessKeyId"], house.key[0]],
        "AccountId": [account],
        "ParentId": [root, unit],
        "ChildId": [unit, account],
        "OrganizationalUnitId": [unit],
        "SourceParentId": [root],
        "DestinationParentId": [unit],
        "organizations.ResourceId": [root, unit, account, control],
        "RootId": [root],
        "HandshakeId": [handshake],
        "organizations.Target": [{"Id": "another@example.com", "Type": "EMAIL"}],
        "PolicyId": [control, "p-FullAWSAccess"],
        "organizations.TargetId": [root, unit, account],
        "Group": [group, "planted"],
        "resource-groups.GroupName": [None],
        "Arn": [group],
        "ec2.InstanceIds": [[instance], None],
        "Resources": [[instance]],
        "ResourceARNList": [[parameters[1], parameters[3], group, key["Arn"]]],
    }


def planted_tree(organizations, account, tags) -> tuple[str, str, str, str]:
    """The organization's root, a unit, a control policy and an invitation. What can be is tagged."""
    root = organizations.list_roots()["Roots"][0]["Id"]
    made = organizations.create_organizational_unit(ParentId=root, Name=TREASURE, Tags=tags)
    for resource in (root, account):
        organizations.tag_resource(ResourceId=resource, Tags=tags)
    content = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "a:B", "Resource": "*"}]}
    policy = organizations.create_policy(
        Name="planted",
        Description=TREASURE,
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps(content),
        Tags=tags,
    )
    target = {"Id": "nobody@example.com", "Type": "EMAIL"}
    sent = organizations.invite_account_to_organization(Target=target, Notes=TREASURE)["Handshake"]
    organizations.enable_aws_service_access(ServicePrincipal="ssm.amazonaws.com")
    own = {"Effect": "Deny", "Principal": "*", "Action": "organizations:List*", "Resource": TREASURE_ARN}
    organizations.put_resource_policy(Content=json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    unit_id, policy_id = made["OrganizationalUnit"]["Id"], policy["Policy"]["PolicySummary"]["Id"]
    return root, unit_id, policy_id, sent["Id"]


def planted_window(ssm, node, tags) -> tuple[str, str, str]:
    """A maintenance window with a target and a task."""
    window = ssm.create_maintenance_window(
        Name="Planted",
        Description=TREASURE,
        Schedule="rate(1 day)",
        Duration=2,
        Cutoff=1,
        AllowUnassociatedTargets=False,
        Tags=tags,
    )["WindowId"]
    target = ssm.register_target_with_maintenance_window(
        WindowId=window,
        ResourceType="INSTANCE",
        Targets=[{"Key": "InstanceIds", "Values": [node]}],
        Description=TREASURE,
    )["WindowTargetId"]
    task = ssm.register_task_with_maintenance_window(
        WindowId=window,
        TaskArn="Planted",
        TaskType="RUN_COMMAND",
        Targets=[{"Key": "WindowTargetIds", "Values": [target]}],
        MaxConcurrency="1",
        MaxErrors="1",
        Description=TREASURE,
    )["WindowTaskId"]
    return window, target, task


def planted_baseline(ssm, tags) -> str:
    """A patch baseline that counts for a group, and as the default."""
    made = ssm.create_patch_baseline(Name="Planted", Description=TREASURE, Tags=tags)["BaselineId"]
    ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="Planted")
    ssm.register_default_patch_baseline(BaselineId=made)
    return str(made)


def registered(callers, house, activation, machine: int = 1, **more: str) -> str:
    """The id of a node registered with the activation."""
    request = {"Fingerprint": f"f{machine}", "PublicKey": public_key(machine), "PublicKeyType": "Rsa", **more}
    request |= {name: activation[name] for name in ("ActivationId", "ActivationCode")}
    http = callers.http("ssm", "RegisterManagedInstance", request)
    return str(json.loads(house.request(http).body)["InstanceId"])


def house_arn(account: str) -> str:
    return f"arn:aws:iam::{account}:user/administrator"


def member_of(house, name="member") -> tuple[str, tuple[str, str]]:
    """Another account of the same installation, with an administrator of its own."""
    callers = Callers(house)
    http = callers.http("hostreeve", "CreateAccounts", {"Count": 1})
    account = json.loads(house.request(callers.signed(http, "hostreeve", house.key)).body)["Accounts"][0]
    return account["AccountId"], (account["AccessKeyId"], account["SecretAccessKey"])
