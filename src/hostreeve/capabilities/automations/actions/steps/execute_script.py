"""aws:executeScript: a Python script in a sandbox, with the rights of the role that the runbook assumes."""

import re
from collections.abc import Mapping
from typing import Any

from hostreeve.capabilities.automations.actions.house import At, House, Momentary, map_of, text_of
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model.outcome import Broken, Goes, Outcome, Succeeded, Unfit
from hostreeve.capabilities.automations.model.references import written
from hostreeve.capabilities.automations.model.status import Status
from hostreeve.platform import identity
from hostreeve.sandbox.script import End, Limits, NoSandbox, Script

SECONDS_MAX = 600
PAYLOAD_CHARS_MAX = 100_000
LIST_ITEMS_MAX = 100
LOG_CHARS_MAX = 20_000
_PYTHON = re.compile(r"python3\.\d{1,2}", re.IGNORECASE)
_FILE, _MODULE = "runbook_script.py", "runbook_script"
_CONTEXT = ("global:ACCOUNT_ID", "global:REGION", "global:DATE_TIME", "automation:EXECUTION_ID")


class ExecuteScript(Momentary):
    """Without an assume role it has no credentials at all, and no network."""

    is_repeatable = False

    def start(self, at: At) -> Outcome:
        if at.inputs.get("Attachment"):
            raise Unfit("Attachment is not available in this version: give the script as Script.")
        runtime = text_of(at.inputs, "Runtime")
        if _PYTHON.fullmatch(runtime.strip()) is None:
            raise Unfit(f"Runtime {runtime[:40]!r} is not available in this version, which runs python3.")
        handler = text_of(at.inputs, "Handler")
        if not handler.isidentifier():
            raise Unfit("Handler must be the name of a function of the script.")
        knowledge = at.knowledge()
        errand = {
            "script": text_of(at.inputs, "Script"),
            "handler": handler,
            "payload": map_of(at.inputs, "InputPayload"),
            "context": {name: knowledge(name) for name in _CONTEXT},
            "environment": _environment(at),
        }
        return Goes(errand=errand, timeout_s=SECONDS_MAX + 60)

    async def run(self, errand: Mapping[str, Any], house: House) -> Succeeded | Broken:
        environment = errand["environment"]
        script = Script(
            files={_FILE: errand["script"].encode()},
            handler=f"{_MODULE}.{errand['handler']}",
            payload=errand["payload"],
            context=errand["context"],
            environment=environment,
            endpoint=house.endpoint if "AWS_SESSION_TOKEN" in environment else None,
        )
        try:
            ended = await house.sandbox.run(script, Limits(seconds=SECONDS_MAX))
        except NoSandbox as wrong:
            return Broken(failure=outcomes.failed(f"Scripts cannot run on this server: {wrong}"))
        log = ended.output[-LOG_CHARS_MAX:]
        if ended.end is not End.SUCCESS:
            status = Status.TIMED_OUT if ended.end is End.TIMED_OUT else Status.FAILED
            return Broken(failure=outcomes.failed(ended.error or str(ended.end)), status=status, response=log)
        result = _cut(ended.result)
        if len(written(result)) > PAYLOAD_CHARS_MAX:
            return Broken(
                failure=outcomes.failed(f"The script returned more than {PAYLOAD_CHARS_MAX} characters")
            )
        return Succeeded(outputs={"Payload": result}, answer={"Payload": result}, response=log)


def _environment(at: At) -> dict[str, str]:
    """The Region, and temporary credentials of the role if there is one."""
    region = {"AWS_REGION": at.one.region, "AWS_DEFAULT_REGION": at.one.region}
    if not at.one.asked.assume_role:
        return region
    who = at.who()
    issued = identity.issue_role_credentials(
        at.tx,
        at.house.keys,
        at.house.world,
        account=at.one.account,
        role_name=who.role_arn.split(":role/", 1)[1],
        session_name=who.id.partition(":")[2],
        node_id="",
        duration_s=3_600,
        now_ms=at.now_ms,
    )
    return region | {
        "AWS_ACCESS_KEY_ID": issued.access_key_id,
        "AWS_SECRET_ACCESS_KEY": issued.secret,
        "AWS_SESSION_TOKEN": issued.session_token,
    }


def _cut(result: Any) -> Any:
    """Lists are cut where AWS cuts them."""
    if isinstance(result, list):
        return [_cut(item) for item in result[:LIST_ITEMS_MAX]]
    if isinstance(result, dict):
        return {name: _cut(item) for name, item in result.items()}
    return result
