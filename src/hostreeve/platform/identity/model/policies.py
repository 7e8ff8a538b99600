"""Managed policies and their versions."""

import re

from msgspec import Struct

from hostreeve.kernel.scope import GLOBAL, Scope

_VERSION = re.compile(r"v([1-9][0-9]{0,8})")


class ManagedPolicy(Struct, frozen=True, kw_only=True):
    """A policy with an ARN of its own: the account's, or one of AWS's (account `aws`). `document` is what its
    default version says."""

    account: str
    name: str
    path: str
    policy_id: str
    document: str
    description: str = ""
    tags: dict[str, str] = {}
    created_ms: int = 0
    updated_ms: int = 0
    default_version: int = 1
    newest_version: int = 1

    @property
    def arn(self) -> str:
        return Scope(self.account, GLOBAL).arn("iam", f"policy{self.path}{self.name}")


class PolicyVersion(Struct, frozen=True, kw_only=True):
    """One version of a managed policy. Numbers are not given twice, even if a version is deleted."""

    version: int
    document: str
    created_ms: int

    @property
    def version_id(self) -> str:
        return version_id(self.version)


def version_id(version: int) -> str:
    return f"v{version}"


def version_of(text: str) -> int:
    """The number in `v3`; 0, which no version has, when it is none."""
    match = _VERSION.fullmatch(text)
    return int(match[1]) if match else 0
