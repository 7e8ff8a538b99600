"""A setting that there is, and what an account made of it."""

from typing import Any

from msgspec import Struct

from hostreeve.kernel.scope import Scope

PREFIX = "servicesetting"


class Setting(Struct, frozen=True):
    """One setting: its id (`/ssm/…`), the values that it can have, and the one that it has by itself."""

    setting_id: str
    values: tuple[str, ...]
    default: str


class Chosen(Struct, frozen=True):
    """The value that somebody (an ARN) gave it."""

    value: str
    modified_by: str
    modified_ms: int


def arn_of(scope: Scope, setting_id: str) -> str:
    return scope.arn("ssm", f"{PREFIX}{setting_id}")


def bare(text: str) -> str:
    """The id, of which callers may give the ARN."""
    return text.partition(f":{PREFIX}")[2] if text.startswith("arn:") else text


def shown(scope: Scope, setting: Setting, chosen: Chosen | None) -> dict[str, Any]:
    """The members of `ServiceSetting`."""
    answer: dict[str, Any] = {
        "SettingId": setting.setting_id,
        "SettingValue": chosen.value if chosen else setting.default,
        "ARN": arn_of(scope, setting.setting_id),
        "Status": "Customized" if chosen else "Default",
    }
    if chosen:
        answer["LastModifiedDate"] = chosen.modified_ms / 1000
        answer["LastModifiedUser"] = chosen.modified_by
    return answer
