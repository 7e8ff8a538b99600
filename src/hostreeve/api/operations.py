"""A service's operations, each one function, gathered from many slices into one table."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import OperationModel, service
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)
Resources = Callable[[Scope, dict[str, Any]], list[str]]
Prepares = Callable[[World, dict[str, Any]], dict[str, Any]]
Signer = Literal["credentials", "machine-key", "nobody"]


@dataclass(frozen=True, slots=True)
class Waits:
    """A long poll: while `empty(answer)`, the operation is run again each time the bus says `channel`/`key`.

    It answers what it has after `timeout_s` seconds at the latest. Nothing is held open in the database
    meanwhile. `idle` is the same question as one that reads only: its answer where nothing waits, None where
    the operation itself must look.
    """

    channel: str
    key: Callable[[dict[str, Any]], str]
    empty: Callable[[dict[str, Any]], bool]
    timeout_s: float
    idle: Callable[..., dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation we have: its model, its function, and what the pipeline must know about it.

    `on` names the resources it touches, from the request alone; None means that the handler asks for each
    item
    itself through `call.require`. `signer` tells whose signature it needs.
    """

    model: OperationModel
    handler: Handler
    writes: bool
    on: Resources | None
    action: str
    signer: Signer
    waits: Waits | None = None
    prepares: Prepares | None = None
    """Slow work on the request alone, such as bringing a large body to disk. It is done once, in a thread,
    when the caller is known to be allowed and before the transaction; the handler gets the request that it
    answers."""
    long: bool = False
    """A read that may look at more than about a thousand rows: it is done beside the event loop."""
    begins: Handler | None = None
    """Where the handler asks for leave by itself: what of it is asked before `prepares` works for anybody.
    What it answers, if anything, is added to the request: what the store must say before the work can be
    done. The handler sees to it that this still holds."""

    @property
    def name(self) -> str:
        return self.model.name


def anything(scope: Scope, request: dict[str, Any]) -> list[str]:
    """For operations that AWS authorises on `*` only."""
    return ["*"]


def nothing(scope: Scope, request: dict[str, Any]) -> list[str]:
    """For what every authenticated caller may do, or where another rule decides (a role's trust policy)."""
    return []


class Operations:
    """`ssm = Operations("ssm")`; `@ssm.writes("PutParameter", on=parameter_arns)` registers the function
    below it.

    `on=` is a function `(scope, request) -> [arn, …]`, `anything`, or None with `asks=True` when the handler
    calls
    `call.require` per item. `action` defaults to `<signing name>:<operation>`.
    """

    def __init__(self, name: str) -> None:
        self.model = service(name)
        self.errors = ServiceErrors(self.model)
        self._table: dict[str, Operation] = {}

    def reads(self, name: str, **how: Any) -> Callable[[H], H]:
        return self._register(name, writes=False, **how)

    def writes(self, name: str, **how: Any) -> Callable[[H], H]:
        return self._register(name, writes=True, **how)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._table.values())

    def _register(
        self,
        name: str,
        *,
        writes: bool,
        on: Resources | None = None,
        asks: bool = False,
        action: str | None = None,
        signer: Signer = "credentials",
        waits: Waits | None = None,
        prepares: Prepares | None = None,
        begins: Handler | None = None,
        long: bool = False,
    ) -> Callable[[H], H]:
        assert name not in self._table, f"{name} is already taken"
        assert on or asks or signer == "nobody", (
            f"{name} declares no resources and does not ask: it would be open"
        )
        assert not (prepares and asks) or begins, f"{name} would work for whoever may not call it"

        def keep(handler: H) -> H:
            self._table[name] = Operation(
                model=self.model.operation(name),
                handler=handler,
                writes=writes,
                on=None if asks else on,
                action=action or f"{self.model.signing_name}:{name}",
                signer=signer,
                waits=waits,
                prepares=prepares,
                begins=begins,
                long=long,
            )
            return handler

        return keep


def join(parts: Iterable[Operations]) -> dict[tuple[str, str], Operation]:
    """One table `(service, operation) -> Operation` from all slices. Two slices claiming one operation is a
    bug."""
    table: dict[tuple[str, str], Operation] = {}
    for part in parts:
        for operation in part:
            key = (part.model.name, operation.name)
            assert key not in table, f"{key} is registered twice"
            table[key] = operation
    return table
