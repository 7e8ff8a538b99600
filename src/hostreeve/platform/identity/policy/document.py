"""A policy document, read strictly and compiled once: what its statements say, ready to be asked."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NoReturn, TypeVar

from hostreeve.platform.identity.policy import conditions, principals
from hostreeve.platform.identity.policy.conditions import Condition
from hostreeve.platform.identity.policy.globs import (
    ANYTHING,
    Context,
    Fixed,
    OpenPattern,
    Parts,
    Predicate,
    fixed,
    has_variables,
    needle_of,
    one_of,
    parts_of,
)
from hostreeve.platform.identity.policy.principals import Named, Principals, Who

T = TypeVar("T")
Kind = Literal["identity", "resource", "trust"]
"""Where a document stands: with a user or role (no Principal), with a resource, or with a role as its trust
policy (no Resource: the role is the resource)."""

CURRENT, OLD = "2012-10-17", "2008-10-17"
_ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"}
    | {"Principal", "NotPrincipal", "Condition"}
)


class MalformedPolicy(ValueError):
    """The document is no policy; the text says where and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One compiled statement; `policy` names the document that it stands in."""

    policy: str
    sid: str
    allows: bool
    principals: Principals | None
    other_principals: bool
    action: Predicate
    other_actions: bool
    resources: tuple[Fixed, ...]
    resource: Predicate
    open_resources: tuple[OpenPattern, ...]
    other_resources: bool
    needle: str
    """A text that stands in every resource that the statement touches."""

    conditions: tuple[Condition, ...]
    raw: Mapping[str, Any]
    """The statement as it was written, and which of its document it is: for explanations."""
    index: int

    def __str__(self) -> str:
        return f"{self.policy}#{self.sid}"

    def speaks_of(self, action: str) -> bool:
        """`action` is lower-case: services' and operations' names are compared without case."""
        return bool(self.action(action)) != self.other_actions

    def touches(self, resource: str, context: Context) -> bool:
        """Whether the resource is met, whatever the conditions."""
        met = bool(self.resource(resource)) or self._open_match(resource, context)
        return met != self.other_resources

    def applies(self, resource: str, context: Context) -> bool:
        """Whether the resource and the conditions are met."""
        met = self.resource(resource)
        if not met and self.open_resources:
            met = self._open_match(resource, context)
        if bool(met) is self.other_resources:
            return False
        for holds in self.conditions:  # noqa: SIM110 - this is the innermost loop of every request
            if not holds(context):
                return False
        return True

    def _open_match(self, resource: str, context: Context) -> bool:
        return any(pattern.matches(resource, context) for pattern in self.open_resources)

    def naming(self, who: Who) -> Named:
        """How the statement's Principal element names the caller."""
        if self.principals is None:
            return Named.NOBODY
        named = self.principals.naming(who)
        if self.other_principals:
            return Named.NOBODY if named else Named.EVERYONE
        return named


@lru_cache(maxsize=4096)
def compile_policy(text: str, name: str, kind: Kind = "identity") -> tuple[Statement, ...]:
    """The statements of a document. MalformedPolicy when it is none; `name` is what explanations call it."""
    document = _json(text)
    if not isinstance(document, dict):
        raise MalformedPolicy("Syntax errors in policy. The document is not an object.")
    for element in document:
        if element not in ("Version", "Id", "Statement"):
            _refuse("", f"there is no element {element}")
    version = document.get("Version", OLD)
    if version not in (CURRENT, OLD):
        _refuse("Version", f"must be {CURRENT} or {OLD}")
    statements = document.get("Statement")
    listed = [statements] if isinstance(statements, dict) else statements
    if not isinstance(listed, list) or not listed:
        _refuse("Statement", "must be a statement or a list of statements")
    compiled = tuple(
        _Reader(name, kind, version == CURRENT, index).read(raw) for index, raw in enumerate(listed)
    )
    sids = [raw["Sid"] for raw in listed if raw.get("Sid")]
    if len(set(sids)) < len(sids):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    return compiled


def check_policy(text: str, kind: Kind = "identity") -> None:
    """MalformedPolicy when the document is none of its kind."""
    compile_policy(text, "policy", kind)


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str
    kind: Kind
    variables: bool
    index: int

    @property
    def place(self) -> str:
        return f"Statement[{self.index}]"

    def read(self, raw: Any) -> Statement:
        if not isinstance(raw, dict):
            _refuse(self.place, "is not an object")
        for element in raw:
            if element not in _ELEMENTS:
                _refuse(self.place, f"there is no element {element}")
        sid = raw.get("Sid", "")
        if not isinstance(sid, str):
            _refuse(f"{self.place}.Sid", "must be a text")
        if raw.get("Effect") not in ("Allow", "Deny"):
            _refuse(f"{self.place}.Effect", "must be Allow or Deny")
        actions, other_actions = self._either(raw, "Action", required=True)
        resources, open_ones, other_resources = self._resources(raw)
        named, other_principals = self._principals(raw)
        return Statement(
            policy=self.name,
            sid=sid or self.place,
            allows=raw["Effect"] == "Allow",
            principals=named,
            other_principals=other_principals,
            action=one_of([self._action(text) for text in actions]),
            other_actions=other_actions,
            resources=resources,
            resource=one_of(resources),
            open_resources=tuple(map(OpenPattern, open_ones)),
            other_resources=other_resources,
            needle="" if other_resources else needle_of([*resources, *open_ones]),
            conditions=self._conditions(raw.get("Condition", {})),
            raw=raw,
            index=self.index,
        )

    def _either(self, raw: Mapping[str, Any], element: str, *, required: bool) -> tuple[list[str], bool]:
        """The texts of an element or of its Not-twin, of which exactly one may be there."""
        present = [name for name in (element, f"Not{element}") if name in raw]
        if len(present) > 1:
            _refuse(self.place, f"has both {element} and Not{element}")
        if not present:
            if required:
                _refuse(self.place, f"has neither {element} nor Not{element}")
            return [], False
        given = raw[present[0]]
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t for t in texts):
            _refuse(f"{self.place}.{present[0]}", "must be a text or a list of texts")
        return texts, present[0] != element

    def _action(self, text: str) -> Fixed:
        service, colon, _ = text.partition(":")
        vague = service != "*" and any(letter in service for letter in "*? ")
        if text != "*" and (not colon or not service or vague):
            raise MalformedPolicy(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. "
                f"({self.place}: {text})"
            )
        return fixed(parts_of(text.lower(), variables=False))

    def _resources(self, raw: Mapping[str, Any]) -> tuple[tuple[Fixed, ...], tuple[Parts, ...], bool]:
        if self.kind == "trust":
            if "Resource" in raw or "NotResource" in raw:
                raise MalformedPolicy("Has prohibited field Resource")
            return (ANYTHING,), (), False
        texts, other = self._either(raw, "Resource", required=True)
        parts = [self._resource(text) for text in texts]
        closed = tuple(fixed(one) for one in parts if not has_variables(one))
        return closed, tuple(one for one in parts if has_variables(one)), other

    def _resource(self, text: str) -> Parts:
        if text != "*" and not text.startswith(("arn:", "${")):
            raise MalformedPolicy(f'Resource {text} must be in ARN format or "*". ({self.place})')
        return self._read(f"{self.place}.Resource", lambda: parts_of(text, variables=self.variables))

    def _principals(self, raw: Mapping[str, Any]) -> tuple[Principals | None, bool]:
        present = [name for name in ("Principal", "NotPrincipal") if name in raw]
        if self.kind == "identity":
            if present:
                raise MalformedPolicy("Policy document should not specify a principal.")
            return None, False
        if len(present) != 1:
            _refuse(self.place, "Missing required field Principal" if not present else "has two principals")
        other = present[0] == "NotPrincipal"
        if other and (raw["Effect"] == "Allow" or self.kind == "trust"):
            _refuse(f"{self.place}.NotPrincipal", "stands with Deny only, and in no trust policy")
        place = f"{self.place}.{present[0]}"
        return self._read(place, lambda: principals.read(raw[present[0]])), other

    def _conditions(self, element: Any) -> tuple[Condition, ...]:
        place = f"{self.place}.Condition"
        if not isinstance(element, dict):
            _refuse(place, "must be an object of operators")
        found: list[Condition] = []
        for name, block in element.items():
            if not isinstance(block, dict):
                _refuse(f"{place}.{name}", "must be an object of condition keys")
            for key, given in block.items():
                found.append(
                    self._read(
                        f"{place}.{name}.{key}",
                        lambda n=name, k=key, g=given: conditions.read(n, k, g, self.variables),  # type: ignore[misc]
                    )
                )
        return tuple(found)

    def _read(self, place: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except ValueError as error:
            _refuse(place, str(error))


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except MalformedPolicy:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedPolicy(f"Syntax errors in policy. {error}") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A name given twice is refused: the first would be silently lost, and with it perhaps a condition."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedPolicy(f"Syntax errors in policy. The element {twice} is given twice.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise MalformedPolicy(f"Syntax errors in policy. {name} is no value.")


def _refuse(place: str, why: str) -> NoReturn:
    raise MalformedPolicy(
        f"Syntax errors in policy. {place}: {why}." if place else f"Syntax errors in policy. {why}."
    )
