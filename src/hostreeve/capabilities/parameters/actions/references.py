"""References to parameters in commands and documents, such as `{{ssm:name}}` and `{{ ssm:name:prod }}`."""

import re
from collections.abc import Iterable

from hostreeve.api.call import Call
from hostreeve.capabilities.parameters.actions import reading
from hostreeve.capabilities.parameters.actions.reaching import ask, error
from hostreeve.capabilities.parameters.model import names
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_REFERENCE = re.compile(r"\{\{\s*ssm:(?P<name>[^\s{}]{1,2048})\s*\}\}")
REFERENCES_MAX = 100
"""In one text."""


def references(texts: Iterable[str]) -> list[str]:
    """The parameters that the texts refer to, by name and selector, in order, each once."""
    found = (match["name"] for text in texts if "{{" in text for match in _REFERENCE.finditer(text))
    return list(dict.fromkeys(found))


def resolve_references(asker: Call | Transaction, scope: Scope, text: str) -> str:
    """The text with every `{{ssm:name[:version or label]}}` replaced by the parameter's value.

    Given a call, its caller must be allowed ssm:GetParameters on each; a transaction alone asks nobody: for
    work whose sender was asked before. Values are not looked at for further references. InvalidParameters
    names a parameter that does not exist, has no such version, or is a SecureString: what is secret is read
    by the script that needs it, with its own permission.
    """
    wanted = references([text])
    if not wanted:
        return text
    if len(wanted) > REFERENCES_MAX:
        raise error.InvalidParameters(f"A text can refer to {REFERENCES_MAX} parameters at most.")
    values = {name: _value(asker, scope, name) for name in wanted}
    return _REFERENCE.sub(lambda match: values[match["name"]], text)


def _value(asker: Call | Transaction, scope: Scope, text: str) -> str:
    named = names.read(scope.account, scope.region, text)
    if named is not None and isinstance(asker, Call):
        ask(asker, "ssm:GetParameters", named)
    elif named is not None and named.account not in ("", scope.account):
        # Without a caller nobody can be asked whether another account's parameter is shared.
        named = None
    tx = asker.tx if isinstance(asker, Call) else asker
    try:
        found: Parameter | None = reading.find(tx, named) if named and named.region == scope.region else None
    except error.ParameterVersionNotFound as wrong:
        raise error.InvalidParameters(wrong.message) from None
    if found is None:
        raise error.InvalidParameters(f"Parameter {text} not found.")
    if found.is_secure:
        raise error.InvalidParameters(
            f"Parameters of type SecureString are not supported here: {text}. Read it in the script, with "
            "the node's own permission."
        )
    return found.opaque
