"""`hostreeve login`: a name and a password, and a code where there is a device, for temporary credentials."""

from __future__ import annotations

import contextlib
import getpass
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from hostreeve.cli import profiles
from hostreeve.cli.desk import Desk
from hostreeve.cli.screen import when
from hostreeve.cli.settings import Unset
from hostreeve.cli.trouble import Refused, Trouble

Ask = Callable[[str], str]

SECRET_MEMBERS = {"MfaCodeRequiredException": "MfaCode", "PasswordChangeRequiredException": "NewPassword"}
"""What the server asks for when it is missing."""


def run(desk: Desk, arguments: Namespace) -> int:
    """Ask for what is needed, sign in, and hand the credentials on."""
    answer = _signed_in(desk, arguments, _from_stdin if arguments.stdin else _from_terminal)
    given = answer["Credentials"]
    expires = when(given["Expiration"])
    if arguments.json:
        desk.screen.json({"Version": 1, **given, "Expiration": expires})
    elif arguments.save:
        _save(desk, arguments.save, given)
        desk.screen.note(f"{answer['Arn']}: profile {arguments.save}, until {expires}")
    else:
        for name, value in _variables(given, expires).items():
            desk.screen.line(f"export {name}={shlex.quote(value)}")
        desk.screen.note(f"{answer['Arn']}, until {expires}")
    return 0


def _signed_in(desk: Desk, arguments: Namespace, ask: Ask) -> dict[str, Any]:
    secrets = {"Password": ask("Password")}
    while True:
        try:
            return desk.client().call(
                "hostreeve",
                "SignIn",
                signed=False,
                Account=arguments.account,
                UserName=arguments.user,
                DurationSeconds=arguments.duration_s,
                **secrets,
            )
        except Refused as refused:
            member = SECRET_MEMBERS.get(refused.code)
            if member is None or member in secrets:
                raise
            secrets[member] = _new_password(ask) if member == "NewPassword" else ask("MFA code").strip()


def _new_password(ask: Ask) -> str:
    password = ask("The password must be changed. New password")
    if ask("New password once more") != password:
        raise Trouble("The two new passwords differ.", "Nothing was changed. Begin anew.")
    return password


def _from_terminal(what: str) -> str:
    try:
        return getpass.getpass(f"{what}: ", sys.stderr)
    except EOFError:
        raise Trouble(f"{what} was not given.", "Type it, or give it with --stdin.") from None


def _from_stdin(what: str) -> str:
    line = sys.stdin.readline()
    if not line:
        raise Trouble(f"{what} was asked for, and standard input has no further line.")
    return line.rstrip("\r\n")


def _variables(given: dict[str, Any], expires: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_CREDENTIAL_EXPIRATION": expires,
    }


def _save(desk: Desk, profile: str, given: dict[str, Any]) -> None:
    """The credentials, and in the configuration beside them how the server is reached."""
    settings = desk.settings()
    about = {"endpoint_url": settings.endpoint("hostreeve")}
    ca_bundle = settings.ca_bundle()
    about |= {"ca_bundle": str(ca_bundle.absolute())} if ca_bundle else {}
    with contextlib.suppress(Unset):
        about |= {"region": settings.region()}
    profiles.put(settings.config_path, profiles.config_section(profile), about)
    profiles.put(
        settings.credentials_path,
        profile,
        {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        },
    )
