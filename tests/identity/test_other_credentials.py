"""Credentials of a user that are none of ours."""

import pytest

from tests.identity.caller import allow, refused


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("ListSSHPublicKeys", "SSHPublicKeys"),
        ("ListSigningCertificates", "Certificates"),
        ("ListServiceSpecificCredentials", "ServiceSpecificCredentials"),
    ],
)
def test_of_credentials_that_nobody_can_have_there_are_none(site, operation, member):
    ann = site.user("ann", allow(f"iam:{operation}"))
    for asked in ({"UserName": "ann"}, {}):
        assert ann.iam(operation, **asked) == {member: [], "IsTruncated": False}
    with refused("NoSuchEntity"):
        site.admin.iam(operation, UserName="nobody")
    with refused("AccessDeniedException"):
        site.user("bob").iam(operation, UserName="ann")
