"""Roles that belong to services: which service has which, and what AWS calls them."""

from collections.abc import Mapping
from typing import NamedTuple

from hostreeve.platform.identity.model.entities import Identity

SERVICE_LINKED_PATH = "/aws-service-role/"


class ServiceRole(NamedTuple):
    """The role of one service: its name, and AWS's policy (below the path /aws-service-role/) that it has."""

    name: str
    policy: str
    description: str


SERVICE_ROLES: Mapping[str, ServiceRole] = {
    "ssm.amazonaws.com": ServiceRole(
        "AWSServiceRoleForAmazonSSM",
        "AmazonSSMServiceRolePolicy",
        "Provides access to AWS Resources managed or used by Amazon SSM.",
    ),
    "accountdiscovery.ssm.amazonaws.com": ServiceRole(
        "AWSServiceRoleForAmazonSSM_AccountDiscovery",
        "AWSSystemsManagerAccountDiscoveryServicePolicy",
        "Finds the accounts of the organization for Systems Manager.",
    ),
    "opsdatasync.ssm.amazonaws.com": ServiceRole(
        "AWSServiceRoleForSystemsManagerOpsDataSync",
        "AWSSystemsManagerOpsDataSyncServiceRolePolicy",
        "Brings OpsData of the organization's accounts to Explorer.",
    ),
    "opsinsights.ssm.amazonaws.com": ServiceRole(
        "AWSServiceRoleForAmazonSSM_OpsInsights",
        "AWSSSMOpsInsightsServiceRolePolicy",
        "Makes operational insights of OpsItems.",
    ),
    "ssm-incidents.amazonaws.com": ServiceRole(
        "AWSServiceRoleForIncidentManager",
        "AWSIncidentManagerServiceRolePolicy",
        "Manages incidents and what was begun for them.",
    ),
    "ssm-quicksetup.amazonaws.com": ServiceRole(
        "AWSServiceRoleForSSMQuickSetup",
        "SSMQuickSetupRolePolicy",
        "Watches over the configurations that Quick Setup deployed.",
    ),
    "organizations.amazonaws.com": ServiceRole(
        "AWSServiceRoleForOrganizations",
        "AWSOrganizationsServiceTrustPolicy",
        "Lets services of AWS work across the organization.",
    ),
}


def is_service_linked(identity: Identity) -> bool:
    """Whether only a service may change it."""
    return identity.kind == "role" and identity.path.startswith(SERVICE_LINKED_PATH)
