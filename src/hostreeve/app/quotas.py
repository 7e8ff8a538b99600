"""The quotas that an installation may set otherwise than AWS: `serve --quota NAME=VALUE`."""

import argparse
from collections.abc import Mapping

from hostreeve.capabilities import automations, commands, documents, patches, windows
from hostreeve.platform import audit

DAY_MS = 86_400_000
HISTORY_DAYS = "command-history-days"
AUDIT_DAYS = "audit-days"
OPEN_INVOCATIONS = "open-invocations"


def table() -> dict[str, tuple[str, int]]:
    """Every quota by its name: what it limits, in AWS's words where AWS has some, and its default."""
    limits = commands.Limits()
    found = {
        HISTORY_DAYS: (
            "Days that commands are remembered after they were requested",
            limits.retention_ms // DAY_MS,
        ),
        OPEN_INVOCATIONS: (
            "Invocations that have not ended, per account and Region",
            limits.open_invocations_max,
        ),
        AUDIT_DAYS: ("Days that records of calls are kept", audit.DAYS_DEFAULT),
    }
    for quotas in (documents.QUOTAS, windows.QUOTAS, patches.QUOTAS, automations.QUOTAS):
        found |= {key: (quota.name, quota.default) for key, quota in quotas.items()}
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quota",
        action="append",
        default=[],
        type=_quota,
        metavar="NAME=VALUE",
        help="another limit than AWS's, alike on every replica (docs/reference/quotas.md lists them)",
    )


def apply(given: Mapping[str, int]) -> None:
    """Let this process have these values, and the defaults for all others."""
    limits = commands.Limits()
    commands.set_limits(
        commands.Limits(
            retention_ms=given.get(HISTORY_DAYS, limits.retention_ms // DAY_MS) * DAY_MS,
            open_invocations_max=given.get(OPEN_INVOCATIONS, limits.open_invocations_max),
        )
    )
    audit.keep_days(given.get(AUDIT_DAYS, audit.DAYS_DEFAULT))
    documents.set_quotas({key: value for key, value in given.items() if key in documents.QUOTAS})
    windows.set_quotas({key: value for key, value in given.items() if key in windows.QUOTAS})
    patches.set_quotas({key: value for key, value in given.items() if key in patches.QUOTAS})
    automations.set_quotas({key: value for key, value in given.items() if key in automations.QUOTAS})


def _quota(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if name not in table():
        raise argparse.ArgumentTypeError(f"{name!r} is none of: {', '.join(table())}")
    if not (value.isascii() and value.isdecimal() and 0 < int(value) < 1 << 40):
        raise argparse.ArgumentTypeError(f"{name} must be a number from 1 on, not {value!r}")
    return name, int(value)
