"""The flags by which the operator says how issuers of OpenID Connect tokens are trusted."""

import argparse
from pathlib import Path

from hostreeve.platform import identity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `serve`, which `up` shares."""
    parser.add_argument(
        "--oidc-ca",
        metavar="FILE",
        help="authorities (PEM) to trust for issuers of OpenID Connect tokens, beside the system's",
    )
    parser.add_argument(
        "--oidc-keys",
        metavar="ISSUER=FILE",
        action="append",
        default=[],
        help="the keys (JWKS) of an issuer, https://…, that this server cannot or should not ask",
    )


def trust(arguments: argparse.Namespace) -> None:
    """Pass on what the flags say. ValueError when a file is missing or an issuer is none."""
    authorities = Path(arguments.oidc_ca).resolve() if arguments.oidc_ca else None
    keys = dict(_named(text) for text in arguments.oidc_keys)
    for path in [*keys.values(), *([authorities] if authorities else [])]:
        if not path.is_file():
            raise ValueError(f"{path} is not a file.")
    identity.trust_issuers(authorities, keys)


def _named(text: str) -> tuple[str, Path]:
    issuer, equals, file = text.rpartition("=")
    if not equals or not issuer.startswith("https://") or not file:
        raise ValueError(f"--oidc-keys {text} is not https://ISSUER=FILE.")
    return issuer.removeprefix("https://").rstrip("/"), Path(file).resolve()
