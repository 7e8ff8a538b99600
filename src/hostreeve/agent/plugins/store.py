"""References to Parameter Store that are resolved on the node: `{{ssm:name}}` and `{{ssm-secure:name}}`."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Match

from hostreeve.agent.plugins.control_plane import ControlPlane, Denied
from hostreeve.agent.plugins.worker import StepFailed

_SECURE = re.compile(r"\{\{\s*ssm-secure:([A-Za-z0-9_.\-/:]+)\s*\}\}").fullmatch
_PLAIN = re.compile(r"\{\{\s*ssm:([A-Za-z0-9_.\-/:]+)\s*\}\}")
_NAMES_PER_CALL = 10


def is_secure_reference(text: str) -> bool:
    """Whether `text` is one reference to a secret parameter and nothing else."""
    return _SECURE(text.strip()) is not None


def secret(server: ControlPlane, text: str) -> str:
    """`text` itself, or the decrypted value of the parameter that it refers to. StepFailed: there is none."""
    found = _SECURE(text.strip())
    if found is None:
        return text
    return str(_fetched(server, [found.group(1)], decrypted=True)[found.group(1)]["Value"])


def resolved(server: ControlPlane, value: Any) -> Any:
    """`value` with every `{{ssm:name}}` in it replaced. StepFailed for missing and for secret parameters."""
    names = sorted(set(_names_in(value)))
    if not names:
        return value
    found = _fetched(server, names, decrypted=False)
    texts: Dict[str, str] = {}
    for name, parameter in found.items():
        if parameter.get("Type") == "SecureString":
            raise StepFailed(f"the parameter {name} is a SecureString, which {{{{ssm:{name}}}}} may not name")
        texts[name] = str(parameter["Value"])
    return _replaced(value, texts)


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PLAIN.findall(value)
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _names_in(each)


def _replaced(value: Any, texts: Dict[str, str]) -> Any:
    if isinstance(value, str):

        def text_for(reference: Match[str]) -> str:
            return texts[reference.group(1)]

        return _PLAIN.sub(text_for, value)
    if isinstance(value, list):
        return [_replaced(each, texts) for each in value]
    if isinstance(value, dict):
        return {name: _replaced(each, texts) for name, each in value.items()}
    return value


def _fetched(server: ControlPlane, names: List[str], *, decrypted: bool) -> Dict[str, Dict[str, Any]]:
    """The parameters by the names they were asked for; a name may end with `:version`."""
    found: Dict[str, Dict[str, Any]] = {}
    for start in range(0, len(names), _NAMES_PER_CALL):
        asked = names[start : start + _NAMES_PER_CALL]
        try:
            answer = server.call("GetParameters", {"Names": asked, "WithDecryption": decrypted})
        except Denied as refused:
            raise StepFailed(f"cannot get the parameters {', '.join(asked)}: {refused}") from None
        for parameter in answer.get("Parameters") or []:
            found[str(parameter["Name"]) + str(parameter.get("Selector") or "")] = parameter
            found.setdefault(str(parameter["Name"]), parameter)
    missing = [name for name in names if name not in found]
    if missing:
        raise StepFailed(f"there is no parameter {', '.join(missing)} that this node may read")
    return found
