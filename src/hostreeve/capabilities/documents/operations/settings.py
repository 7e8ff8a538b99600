"""The account's setting that concerns documents: whether they can be shared with everybody."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.model.sharing import PUBLIC_SHARING
from hostreeve.capabilities.documents.operations.service import ssm
from hostreeve.capabilities.documents.store import sharing as store
from hostreeve.kernel.scope import Scope

_DEFAULT = "Enable"
_VALUES = ("Enable", "Disable")
_PREFIX = "servicesetting"


def setting_arns(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [scope.arn("ssm", f"{_PREFIX}{_bare(request['SettingId'])}")]


@ssm.reads("GetServiceSetting", on=setting_arns)
def get_service_setting(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    _known(request)
    return {"ServiceSetting": _described(call)}


@ssm.writes("UpdateServiceSetting", on=setting_arns)
def update_service_setting(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    _known(request)
    value = request["SettingValue"]
    if value not in _VALUES:
        raise error.ValidationException(f"The setting {PUBLIC_SHARING} is one of {', '.join(_VALUES)}.")
    by = call.principal.arn
    store.change_setting(call.tx, call.scope, PUBLIC_SHARING, value=value, by=by, now_ms=call.now_ms)
    return {}


@ssm.writes("ResetServiceSetting", on=setting_arns)
def reset_service_setting(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    _known(request)
    store.reset_setting(call.tx, call.scope, PUBLIC_SHARING)
    return {"ServiceSetting": _described(call)}


def _known(request: dict[str, Any]) -> None:
    if _bare(request["SettingId"]) != PUBLIC_SHARING:
        raise error.ServiceSettingNotFound(
            f"There is no service setting {request['SettingId']}; settings of capabilities that are not "
            "there yet come with them."
        )


def _bare(setting_id: str) -> str:
    """The id, of which callers may give the ARN."""
    return setting_id.partition(f":{_PREFIX}")[2] if setting_id.startswith("arn:") else setting_id


def _described(call: Call) -> dict[str, Any]:
    found = store.setting(call.tx, call.scope, PUBLIC_SHARING)
    row: dict[str, Any] = {
        "SettingId": PUBLIC_SHARING,
        "SettingValue": found["value"] if found else _DEFAULT,
        "ARN": call.scope.arn("ssm", f"{_PREFIX}{PUBLIC_SHARING}"),
        "Status": "Customized" if found else "Default",
    }
    if found:
        row["LastModifiedDate"] = found["modified_ms"] / 1000
        row["LastModifiedUser"] = found["modified_by"]
    return row
