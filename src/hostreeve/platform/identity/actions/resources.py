"""The policies of resources: read strictly when they are put, asked together with the caller's own."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from hostreeve.api.call import Principal, ResourcePolicy
from hostreeve.platform.identity.policy import (
    EMPTY,
    Context,
    Decision,
    Named,
    Policies,
    PolicySet,
    Request,
    Who,
    compile_policy,
    evaluate_granted,
    evaluate_with_resource,
)


class Known(dict[str, Sequence[str]]):
    """A request's condition keys, in lower case. The resource's own are fetched when one is missed."""

    def __init__(
        self, context: Mapping[str, Sequence[str]], further: Callable[[], Mapping[str, Sequence[str]]] | None
    ) -> None:
        super().__init__(context)
        # Nearly always they are in lower case already: one look at all of them costs less than one at each.
        if not "".join(context).islower():
            self.clear()
            self.update((key.lower(), values) for key, values in context.items())
        self._further = further

    def __missing__(self, key: str) -> Sequence[str]:
        if self._further is not None:
            further, self._further = self._further(), None
            self.update((name.lower(), values) for name, values in further.items())
            if key in self:
                return self[key]
        raise KeyError(key)

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default


@lru_cache(maxsize=4096)
def compiled(document: str) -> PolicySet:
    """A resource's policy, ready to be asked. MalformedPolicy when it is none; the empty text allows
    nothing."""
    return PolicySet(compile_policy(document, "resource policy", "resource")) if document else EMPTY


def decided(request: Request, policies: Policies, resource: PolicySet, policy: ResourcePolicy) -> Decision:
    """What the caller's policies and the resource's say together, or a grant of the resource's."""
    if policy.granted_to:
        return evaluate_granted(request, policies, resource, to=policy.granted_to)
    return evaluate_with_resource(
        request, policies, resource, owner=policy.owner, must_speak=policy.must_speak
    )


def speaks_for(document: str, principal: Principal, action: str, resource: str, context: Context) -> bool:
    """Whether a resource's policy by itself allows the caller this, or its account, whose policies then
    decide. MalformedPolicy when it is none."""
    who = Who(principal.account, principal.arn, principal.role_arn, "", principal.id)
    found = compiled(document).find_naming(Request(who, action, resource, context))
    return found.denies is None and found.named > Named.NOBODY
