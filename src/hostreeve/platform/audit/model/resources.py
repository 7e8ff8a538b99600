"""The resources that a call names: their kinds in CloudFormation's words, and what they are called."""

from functools import lru_cache

import msgspec

RESOURCES_MAX = 50
"""So many of a call's resources are written down; a call may name ten thousand nodes."""

TYPES = {
    ("ec2", "instance"): "AWS::EC2::Instance",
    ("iam", "access-report"): "AWS::IAM::AccessReport",
    ("iam", "group"): "AWS::IAM::Group",
    ("iam", "instance-profile"): "AWS::IAM::InstanceProfile",
    ("iam", "mfa"): "AWS::IAM::VirtualMFADevice",
    ("iam", "oidc-provider"): "AWS::IAM::OIDCProvider",
    ("iam", "policy"): "AWS::IAM::ManagedPolicy",
    ("iam", "role"): "AWS::IAM::Role",
    ("iam", "user"): "AWS::IAM::User",
    ("kms", "alias"): "AWS::KMS::Alias",
    ("kms", "key"): "AWS::KMS::Key",
    ("organizations", "account"): "AWS::Organizations::Account",
    ("organizations", "handshake"): "AWS::Organizations::Handshake",
    ("organizations", "organization"): "AWS::Organizations::Organization",
    ("organizations", "ou"): "AWS::Organizations::OrganizationalUnit",
    ("organizations", "policy"): "AWS::Organizations::Policy",
    ("organizations", "root"): "AWS::Organizations::Root",
    ("resource-groups", "group"): "AWS::ResourceGroups::Group",
    ("ssm", "association"): "AWS::SSM::Association",
    ("ssm", "document"): "AWS::SSM::Document",
    ("ssm", "maintenancewindow"): "AWS::SSM::MaintenanceWindow",
    ("ssm", "managed-instance"): "AWS::SSM::ManagedInstance",
    ("ssm", "parameter"): "AWS::SSM::Parameter",
    ("ssm", "servicesetting"): "AWS::SSM::ServiceSetting",
    ("ssm", "windowtarget"): "AWS::SSM::MaintenanceWindowTarget",
    ("ssm", "windowtask"): "AWS::SSM::MaintenanceWindowTask",
}


class Resource(msgspec.Struct, rename={"arn": "ARN", "account": "accountId"}, omit_defaults=True):
    """One of a record's `resources`."""

    arn: str
    account: str = ""
    type: str = ""


def resources_of(asked: list[str]) -> tuple[str, ...]:
    """What was asked leave for, as far as it is a resource each."""
    few = asked if len(asked) == 1 else list(dict.fromkeys(asked))[:RESOURCES_MAX]
    return tuple([arn for arn in few if arn.startswith("arn:") and "*" not in arn])


@lru_cache(maxsize=16_384)
def told(arn: str) -> msgspec.Raw:
    service, _, account, kind, _ = taken_apart(arn)
    return msgspec.Raw(msgspec.json.encode(Resource(arn, account, type_of(service, kind))))


@lru_cache(maxsize=16_384)
def taken_apart(arn: str) -> tuple[str, str, str, str, str]:
    """Service, Region, account, kind and name of an ARN; empty where it has none."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return "", "", "", "", arn
    service, region, account, rest = parts[2:]
    if service == "s3":
        return service, region, account, "object" if "/" in rest else "bucket", rest
    cut = min((at for at in (rest.find("/"), rest.find(":")) if at >= 0), default=-1)
    if cut < 0:
        return service, region, account, "", rest
    kind, name = rest[:cut], rest[cut + 1 :]
    if service == "iam":
        # A path is no part of the name.
        name = name.rpartition("/")[2]
    elif service == "kms":
        name = arn if kind == "key" else rest
    elif service == "organizations":
        name = name.rpartition("/")[2]
    elif (service, kind) == ("ssm", "parameter") and "/" in name:
        name = f"/{name}"
    return service, region, account, kind, name


def type_of(service: str, kind: str) -> str:
    """The kind in CloudFormation's words; empty where it has none."""
    if service == "s3":
        return "AWS::S3::Object" if kind == "object" else "AWS::S3::Bucket"
    return TYPES.get((service, kind), "")
