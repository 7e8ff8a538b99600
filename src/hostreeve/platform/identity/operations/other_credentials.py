"""Credentials that nobody can have here: SSH keys and passwords of CodeCommit, certificates that sign.

Who deletes a user looks for them first, and is told the truth: there are none. `force_destroy` of Terraform's
`aws_iam_user` does.
"""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.platform.identity.operations.service import iam, page_of, wanted


@iam.reads("ListSSHPublicKeys", asks=True)
def list_ssh_public_keys(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _none(call, request, "SSHPublicKeys", "iam:ListSSHPublicKeys")


@iam.reads("ListSigningCertificates", asks=True)
def list_signing_certificates(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return _none(call, request, "Certificates", "iam:ListSigningCertificates")


@iam.reads("ListServiceSpecificCredentials", asks=True)
def list_service_specific_credentials(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("AllUsers") and not request.get("UserName"):
        call.require("iam:ListServiceSpecificCredentials", ["*"])
        page_of(request)
        return {"ServiceSpecificCredentials": [], "IsTruncated": False}
    return _none(call, request, "ServiceSpecificCredentials", "iam:ListServiceSpecificCredentials")


def _none(call: Call, request: dict[str, Any], member: str, action: str) -> dict[str, Any]:
    """An empty list for a user who exists."""
    wanted(call, "user", request.get("UserName"), action)
    page_of(request)
    return {member: [], "IsTruncated": False}
