"""Who callers are and what they may do: identity's answers, joined with what nodes and tags know."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from hostreeve.api.call import Principal, ResourcePolicy, Sealer
from hostreeve.capabilities import nodes
from hostreeve.gateway.caller import Caller, Credential
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups, identity

_ENCODES = "ec2:"
"""EC2 sends its denials encoded as well: what they say in full is for who may decode them."""


class PlatformAuthority:
    """The gateway's `Authority`, made of the platform's identity and the nodes capability."""

    def __init__(self, keys: Sealer) -> None:
        self._keys = keys

    def credential(
        self, tx: Transaction, access_key_id: str, session_token: str | None, now_ms: int
    ) -> Credential:
        return identity.find_credential(tx, self._keys, access_key_id, session_token, now_ms)

    def machine_key(self, tx: Transaction, node_id: str) -> tuple[bytes, Principal]:
        return nodes.machine_key(tx, node_id)

    def authorise(
        self,
        tx: Transaction,
        call: Caller,
        action: str,
        resources: list[str],
        context: Callable[[], Mapping[str, list[str]]],
        *,
        policy: ResourcePolicy | None = None,
    ) -> None:
        caller = call.principal
        identity.note_use(caller, action, region=call.scope.region, now_ms=call.now_ms)
        try:
            identity.authorise(
                tx, caller, action, resources, context, policy=policy, tags_of=partial(_tags_of, tx)
            )
        except identity.Denied as denied:
            if action.startswith(_ENCODES):
                denied.message = f"{denied.message}. {self._encoded(caller, action, denied, context())}"
            raise

    def _encoded(
        self,
        caller: Principal,
        action: str,
        denied: identity.Denied,
        context: Mapping[str, Sequence[str]],
    ) -> str:
        """What `DecodeAuthorizationMessage` decodes, in the words in which AWS sends it."""
        text = identity.encode_denial(
            self._keys,
            caller,
            action=action,
            resource=denied.resource,
            context=context,
            denied_by=denied.decision.statement,
        )
        return f"Encoded authorization failure message: {text}"

    def context(self, call: Caller, request: Mapping[str, Any]) -> dict[str, list[str]]:
        known = identity.request_context(
            call.principal,
            now_ms=call.now_ms,
            source_ip=call.http.client,
            region=call.scope.region,
            user_agent=call.http.header("user-agent") or "",
        )
        return known | identity.asked_tags(request)


def _tags_of(tx: Transaction, arn: str) -> Mapping[str, str]:
    """The tags of any resource that has them in the tag store; none of what is no single resource."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or "*" in parts[5]:
        return {}
    return groups.tags_of(tx, Scope(parts[4], parts[3] or GLOBAL), arn)
