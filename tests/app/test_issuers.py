"""The flags of `serve` about issuers of OpenID Connect tokens."""

import argparse

import pytest

from hostreeve.app import issuers
from hostreeve.platform import identity


def arguments(*words):
    parser = argparse.ArgumentParser()
    issuers.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture(autouse=True)
def nobody():
    yield
    identity.trust_issuers(None, {})


def test_files_are_found_when_the_server_starts(tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text("{}")
    issuers.trust(arguments())
    issuers.trust(arguments("--oidc-ca", str(keys), "--oidc-keys", f"https://login.example/a={keys}"))


@pytest.mark.parametrize(
    "words",
    [
        ("--oidc-ca", "/none"),
        ("--oidc-keys", "https://login.example=/none"),
        ("--oidc-keys", "login.example=/dev/null"),
        ("--oidc-keys", "https://login.example"),
    ],
)
def test_what_is_no_file_or_no_issuer_is_told_at_once(words):
    with pytest.raises(ValueError, match="is not"):
        issuers.trust(arguments(*words))
