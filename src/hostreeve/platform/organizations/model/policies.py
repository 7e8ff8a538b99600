"""Policies of an organization: which types there are, what each must look like, what AWS ships."""

import json
from typing import Any

from msgspec import Struct

from hostreeve.kernel.scope import PARTITION
from hostreeve.kernel.world import World
from hostreeve.platform import identity
from hostreeve.platform.organizations.model import refusals
from hostreeve.platform.organizations.model.organization import Organization, letters
from hostreeve.platform.organizations.model.tag_policies import check_tag_policy

CONTROL, TAG = "SERVICE_CONTROL_POLICY", "TAG_POLICY"
TYPES = (CONTROL, TAG)
"""The types that are served: control policies are evaluated, tag policies are kept and merged."""

CONTENT_CHARS_MAX = {CONTROL: 5120, TAG: 10_000}
POLICIES_MAX = {CONTROL: 10_000, TAG: 1000}
ATTACHED_MAX = {CONTROL: 5, TAG: 10}

_ID_CHARS = 8


class Policy(Struct, frozen=True, kw_only=True):
    """A policy of one type. Those of AWS are in every organization and in no row."""

    organization_id: str
    policy_id: str
    type: str
    name: str
    description: str
    content: str
    updated_ms: int = 0

    @property
    def is_of_aws(self) -> bool:
        return not self.organization_id

    def arn(self, organization: Organization) -> str:
        if self.is_of_aws:
            return f"arn:{PARTITION}:organizations::aws:policy/{self.type.lower()}/{self.policy_id}"
        return organization.policy_arn(self.type, self.policy_id)

    @property
    def title(self) -> str:
        """What explanations call it."""
        return f"{self.policy_id} ({self.name})"


FULL_ACCESS = Policy(
    organization_id="",
    policy_id="p-FullAWSAccess",
    type=CONTROL,
    name="FullAWSAccess",
    description="Allows access to every operation",
    content='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
)
"""Attached to everything when control policies are enabled, so that nothing is forbidden by that alone."""


def new_policy_id(world: World) -> str:
    return "p-" + letters(world, _ID_CHARS)


def require_served(policy_type: str) -> None:
    """PolicyTypeNotAvailableForOrganizationException for types that nothing here would heed."""
    if policy_type not in TYPES:
        raise refusals.error.PolicyTypeNotAvailableForOrganizationException(
            f"Policies of type {policy_type} are not served here: nothing would heed them. "
            f"There are {' and '.join(TYPES)}."
        )


def require_content(policy_type: str, content: str) -> None:
    """MalformedPolicyDocumentException, or ConstraintViolationException when it is too long."""
    limit = CONTENT_CHARS_MAX[policy_type]
    if len(content) > limit:
        raise refusals.constraint(
            "POLICY_CONTENT_LIMIT_EXCEEDED", f"The policy is longer than {limit} characters."
        )
    try:
        if policy_type == CONTROL:
            _check_control_policy(content)
        else:
            check_tag_policy(content)
    except ValueError as malformed:
        raise refusals.error.MalformedPolicyDocumentException(
            f"The provided policy document does not meet the requirements of the specified policy type. "
            f"{malformed}"
        ) from None


def _check_control_policy(content: str) -> None:
    identity.check_policy(content)
    document: Any = json.loads(content)
    if document.get("Version") != "2012-10-17":
        raise ValueError("Version: a service control policy is of version 2012-10-17.")
