"""Server, credentials, Region and certificate authority, found where the AWS CLI finds them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from configparser import Error as BrokenFile
from configparser import RawConfigParser
from dataclasses import dataclass, field
from pathlib import Path

from hostreeve.cli.trouble import Trouble

SOURCE_ADMIN_ENV = "Source the `admin.env` that `hostreeve serve` wrote into its state folder"


@dataclass(frozen=True)
class Keys:
    """An access key with its secret, and the session token of temporary credentials ("" if none)."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    source: str = ""
    """Where they were found, for people."""


@dataclass(frozen=True)
class Given:
    """What the command line itself says; None means that environment and files decide."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    ca_bundle: str | None = None


class Unset(Trouble):
    """A setting that the AWS CLI would need too is missing or cannot be read."""


class Settings:
    """Looks each setting up when asked, so that a command fails only for what it needs.

    Order as in the AWS CLI: command line, environment, ~/.aws. `environ` is injected for tests.
    """

    def __init__(self, given: Given, environ: Mapping[str, str] | None = None) -> None:
        self.given = given
        self.environ = dict(os.environ if environ is None else environ)
        self.config_path = self._path("AWS_CONFIG_FILE", "~/.aws/config")
        self.credentials_path = self._path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
        self._config = _read(self.config_path)
        self._credentials = _read(self.credentials_path)
        named = given.profile or self._variable("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
        self.profile = named or "default"
        self._profile_config = self._section_of_profile()
        self._profile_credentials = self._credentials.get(self.profile, {})
        if named and self.profile not in self._credentials and self._profile_config is None:
            where = f"{self.config_path} or {self.credentials_path}"
            raise Unset(
                f"The profile {self.profile} is not in {where}.", "Check AWS_PROFILE, or add the profile."
            )

    def region(self) -> str:
        """The Region to sign for. Unset if none is named."""
        found = (
            self.given.region
            or self._variable("AWS_REGION", "AWS_DEFAULT_REGION")
            or self._configured("region")
        )
        if not found:
            raise Unset("No Region is set.", "export AWS_DEFAULT_REGION=us-east-1, or give --region.")
        return found

    def endpoint(self, service: str) -> str:
        """The address of a service ("ssm", "sts", "hostreeve"), without a last slash. Unset if none is named.

        Everything Hostreeve serves is on one address, so an address given for ssm alone serves all.
        """
        found = self._endpoint(service) or self._endpoint("ssm")
        if not found:
            raise Unset(
                "No server is named.", f"{SOURCE_ADMIN_ENV}, or export AWS_ENDPOINT_URL=https://HOST:8443."
            )
        if not found.startswith(("https://", "http://")):
            raise Unset(f"{found!r} is not the address of a server.", "It looks like https://HOST:8443.")
        return found.rstrip("/")

    def ca_bundle(self) -> Path | None:
        """The file with the certificate authorities to trust; None means the system's. Unset if missing."""
        found = (
            self.given.ca_bundle
            or self._variable("AWS_CA_BUNDLE")
            or self._configured("ca_bundle")
            or self._variable("REQUESTS_CA_BUNDLE")
        )
        if not found:
            return None
        path = Path(found).expanduser()
        if not (path.is_dir() or os.access(path, os.R_OK)):
            raise Unset(
                f"The certificate authority file {path} is missing or unreadable.",
                "Check AWS_CA_BUNDLE; the server's own is `ca.pem` in its state folder.",
            )
        return path

    def keys(self) -> Keys:
        """The credentials to sign with. Unset if there are none.

        A profile named on the command line outranks keys in the environment; AWS_PROFILE does not.
        """
        found = None if self.given.profile else self._keys_in_environment()
        if found is None:
            found = self._keys_in_profile()
        if found is None:
            raise Unset(
                "There are no credentials.",
                f"{SOURCE_ADMIN_ENV}, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
            )
        return found

    def _keys_in_environment(self) -> Keys | None:
        key = self._variable("AWS_ACCESS_KEY_ID")
        if not key:
            return None
        secret = self._variable("AWS_SECRET_ACCESS_KEY")
        if not secret:
            raise Unset("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not.", "Set both, or neither.")
        token = self._variable("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
        return Keys(key, secret, token, "environment variables")

    def _keys_in_profile(self) -> Keys | None:
        config = self._profile_config or {}
        for section, path in ((self._profile_credentials, self.credentials_path), (config, self.config_path)):
            if "role_arn" in section:
                raise self._export_needed(f"assumes a role ({section['role_arn']})")
            key, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
            if key and secret:
                token = section.get("aws_session_token") or section.get("aws_security_token") or ""
                return Keys(key, secret, token, f"profile {self.profile} in {path}")
        process = self._profile_credentials.get("credential_process") or config.get("credential_process")
        if process:
            return _keys_of_process(process)
        if "sso_session" in config or "sso_start_url" in config:
            raise self._export_needed("signs in through IAM Identity Center")
        return None

    def _export_needed(self, why: str) -> Unset:
        export = (
            f'eval "$(aws configure export-credentials --profile {shlex.quote(self.profile)} --format env)"'
        )
        return Unset(f"The profile {self.profile} {why}; this program reads keys only.", f"Run: {export}")

    def _endpoint(self, service: str) -> str:
        if self.given.endpoint_url:
            return self.given.endpoint_url
        ignored = self._variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or self._configured(
            "ignore_configured_endpoint_urls"
        )
        if ignored.lower() == "true":
            return ""
        return (
            self._variable(f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL")
            or self._configured_for_service(service)
            or self._configured("endpoint_url")
        )

    def _configured_for_service(self, service: str) -> str:
        name = self._configured("services")
        nested = self._config.get(f"services {name}", {}).get(service, "") if name else ""
        for line in nested.splitlines():
            key, separator, value = line.partition("=")
            if separator and key.strip() == "endpoint_url":
                return value.strip()
        return ""

    def _section_of_profile(self) -> dict[str, str] | None:
        if self.profile == "default":
            return self._config.get("default", self._config.get("profile default"))
        for name, section in self._config.items():
            if name.startswith("profile ") and _unquoted(name[len("profile ") :]) == self.profile:
                return section
        return None

    def _configured(self, key: str) -> str:
        return (self._profile_config or {}).get(key, "")

    def _variable(self, *names: str) -> str:
        return next((self.environ[name] for name in names if self.environ.get(name)), "")

    def _path(self, variable: str, otherwise: str) -> Path:
        return Path(self._variable(variable) or otherwise).expanduser()


def _read(path: Path) -> dict[str, dict[str, str]]:
    # No section is special here: AWS's [default] is a profile, not defaults for the others.
    parser = RawConfigParser(default_section="")
    try:
        parser.read(path, encoding="utf-8")
    except (BrokenFile, UnicodeDecodeError, OSError) as trouble:
        reason = str(trouble).splitlines()[0]
        raise Unset(f"{path} cannot be read: {reason}", "Correct the file, or name another one.") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _unquoted(name: str) -> str:
    try:
        return "".join(shlex.split(name)[:1])
    except ValueError:
        return name.strip()


def _keys_of_process(command: str) -> Keys:
    try:
        answer = subprocess.run(shlex.split(command), capture_output=True, check=True, timeout=60).stdout
        found = json.loads(answer)
        return Keys(
            found["AccessKeyId"],
            found["SecretAccessKey"],
            found.get("SessionToken") or "",
            "credential_process",
        )
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as trouble:
        raise Unset(
            f"credential_process gave no credentials: {trouble}", f"Try it by hand: {command}"
        ) from None
