"""Whose row, and where: the account and Region that are part of every key."""

from __future__ import annotations

from dataclasses import dataclass

PARTITION = "aws"
GLOBAL = "global"
"""The Region under which global services (IAM, STS, Organizations) keep their rows."""

SERVICE_ACCOUNT = "000000000000"
"""Owns what the installation keeps for itself (the bucket of documents' attachments); nobody gets it."""


@dataclass(frozen=True)
class Scope:
    """An account (12 digits) and a Region name."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of one of this scope's resources; IAM and other global services show no Region."""
        region = "" if self.region == GLOBAL else self.region
        return f"arn:{PARTITION}:{service}:{region}:{self.account}:{resource}"

    def machine_arn(self, machine_id: str) -> str:
        """The ARN of a managed machine: an EC2 instance's (`i-…`) or Systems Manager's own (`mi-…`)."""
        if machine_id.startswith("i-"):
            return self.arn("ec2", f"instance/{machine_id}")
        return self.arn("ssm", f"managed-instance/{machine_id}")

    def everywhere(self) -> Scope:
        """The same account, for services that are not regional."""
        return Scope(self.account, GLOBAL)


def asked_region(region: str) -> str:
    """A Region as policies and reports know it: global services are asked in the first one."""
    return "us-east-1" if region == GLOBAL else region
