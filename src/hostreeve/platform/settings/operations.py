"""Service settings, as AWS callers see them."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import Operations
from hostreeve.kernel.scope import Scope
from hostreeve.platform.settings import actions, store
from hostreeve.platform.settings.model import Chosen, Setting, arn_of, bare, shown

ssm = Operations("ssm")
error = ssm.errors


def setting_arns(scope: Scope, request: dict[str, Any]) -> list[str]:
    return [arn_of(scope, bare(request["SettingId"]))]


@ssm.reads("GetServiceSetting", on=setting_arns)
def get_service_setting(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"ServiceSetting": _shown(call, _known(request))}


@ssm.writes("UpdateServiceSetting", on=setting_arns)
def update_service_setting(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    setting = _known(request)
    value = request["SettingValue"]
    if value not in setting.values:
        raise error.ValidationException(
            f"The setting {setting.setting_id} is one of {', '.join(setting.values)}."
        )
    store.keep(call.tx, call.scope, setting.setting_id, Chosen(value, call.principal.arn, call.now_ms))
    return {}


@ssm.writes("ResetServiceSetting", on=setting_arns)
def reset_service_setting(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    setting = _known(request)
    store.forget(call.tx, call.scope, setting.setting_id)
    return {"ServiceSetting": _shown(call, setting)}


def _known(request: dict[str, Any]) -> Setting:
    setting = actions.declared(bare(request["SettingId"]))
    if setting is None:
        raise error.ServiceSettingNotFound(
            f"There is no service setting {request['SettingId']}; settings of capabilities that are not "
            "there yet come with them."
        )
    return setting


def _shown(call: Call, setting: Setting) -> dict[str, Any]:
    return shown(call.scope, setting, store.find(call.tx, call.scope, setting.setting_id))
